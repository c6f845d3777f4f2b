/** The way of one request of a node: from frames, past all reasons to refuse it, to its answer. */
import { Effect, Either } from "effect"
import * as Description from "../DeviceDescription.ts"
import * as Protocol from "../DeviceProtocol.ts"
import type { Frames } from "../Transport.ts"
import { command } from "./driverAdmission.ts"
import { behindFence } from "./driverFence.ts"
import { type Trouble, troubleOf } from "./driverHandlers.ts"
import { hear, type Session } from "./driverSessions.ts"
import {
  answer,
  type Asker,
  driverMetrics,
  type DriverState,
  expired,
  logDefect,
  nowOf,
  refuse,
  warn
} from "./driverState.ts"

/** Handles what came from a peer. Never fails; long work goes on beside the caller. */
export const receive = (driver: DriverState, frames: Frames): Effect.Effect<void> => {
  const [peer, ...message] = frames
  if (peer === undefined) return Effect.void
  return Either.match(Protocol.decodeRequest(message), {
    onLeft: (violation) => reject(driver, peer, violation),
    onRight: (request) => handle(driver, { peer, id: request.id }, request)
  })
}

const reject = (
  driver: DriverState,
  peer: Uint8Array,
  violation: Protocol.ProtocolViolation
): Effect.Effect<void> => {
  driver.counters.framesMalformed++
  driverMetrics.malformed.unsafeUpdate(1, [])
  const node = driver.sessions.get(peer)?.node ?? "a peer without a session"
  const told = violation.id === undefined
    ? Effect.void
    : refuse(driver, { peer, id: violation.id }, {
      code: violation.code,
      message: violation.code === "malformed"
        ? `${violation.where}: ${violation.detail}`
        : violation.detail
    })
  return Effect.zipRight(
    warn(driver, "malformed", `a message from ${node} was dropped: ${violation.message}`),
    told
  )
}

const handle = (
  driver: DriverState,
  asker: Asker,
  request: Protocol.Request
): Effect.Effect<void> => {
  if (request.kind === "HELLO") return hello(driver, asker, request.body)
  const session = driver.sessions.get(asker.peer)
  if (session === undefined) {
    return request.kind === "BYE" ? Effect.void : refuse(driver, asker, {
      code: "no-session",
      message: "this device process has no session with you: say HELLO first"
    }, { title: request.kind })
  }
  const now = nowOf(driver)
  driver.heardAt = now
  switch (request.kind) {
    case "BYE":
      session.departed = true
      driver.sessions.end(asker.peer)
      return Effect.void
    case "HEARTBEAT":
      hear(session, { sentAt: request.body.sentAt, now })
      return heartbeat(driver, asker)
    case "READ":
      return read(driver, asker, {
        request: request.body,
        left: leftOf(session, request.body, now)
      })
    case "WRITE":
    case "INVOKE":
      return command(driver, asker, {
        session,
        request,
        expiresAt: now + leftOf(session, request.body, now)
      })
  }
}

/** How long a request may still wait, in milliseconds; negative where it is too old already. */
const leftOf = (
  session: Session,
  body: { readonly sentAt: number; readonly deadlineMs: number },
  now: number
): number => body.deadlineMs - hear(session, { sentAt: body.sentAt, now })

const hello = (
  driver: DriverState,
  asker: Asker,
  body: Protocol.Hello
): Effect.Effect<void> => {
  const trouble = helloTrouble(driver, body)
  if (trouble !== undefined) return refuseHello(driver, asker, { body, trouble })
  const now = nowOf(driver)
  return behindFence(driver, body.fence, (refused) =>
    refused === undefined
      ? ready(driver, asker, { body, now })
      : refuseHello(driver, asker, { body, trouble: refused }))
}

const refuseHello = (
  driver: DriverState,
  asker: Asker,
  { body, trouble }: { readonly body: Protocol.Hello; readonly trouble: Trouble }
): Effect.Effect<void> =>
  Effect.zipRight(
    warn(driver, trouble.code, `HELLO of node ${body.node} was refused: ${trouble.message}`),
    refuse(driver, asker, trouble, { title: "HELLO", node: body.node })
  )

// The HELLO came at `now`: what its fence took to be stored is no time of its transit.
const ready = (
  driver: DriverState,
  asker: Asker,
  { body, now }: { readonly body: Protocol.Hello; readonly now: number }
): Effect.Effect<void> => {
  driver.heardAt = Math.max(driver.heardAt ?? now, now)
  driver.sessions.begin(asker.peer, { node: body.node, sentAt: body.sentAt, now })
  driver.tell({ _tag: "Greeted", node: body.node, fence: body.fence })
  return answer(driver, asker, "READY", {
    protocol: 1,
    device: driver.options.device,
    epoch: driver.epoch,
    seq: driver.seq,
    description: driver.definition.description,
    heartbeatMillis: driver.settings.heartbeatMillis,
    telemetry: driver.publisher.endpoint,
    fence: driver.sessions.highestFence
  })
}

const helloTrouble = (driver: DriverState, body: Protocol.Hello): Trouble | undefined => {
  if (!body.protocol.some((version) => Protocol.versions.includes(version))) {
    return {
      code: "unsupported-version",
      message: `protocol versions ${body.protocol.join(", ")} are not supported, only `
        + `${Protocol.versions.join(", ")} of ${Protocol.protocolName} is`
    }
  }
  if (isGiven(body.device) && body.device !== driver.options.device) {
    return {
      code: "description-mismatch",
      message: `device: the node says ${body.device}, this is ${driver.options.device}`
    }
  }
  const device = driver.definition.description
  const mismatch = isGiven(body.description)
    ? Either.match(Description.decode(body.description), {
      onLeft: (fault) => [fault],
      onRight: (node) => Description.differences({ node, device })
    })
    : []
  return mismatch.length > 0
    ? { code: "description-mismatch", message: mismatch.join("; ") }
    : undefined
}

// A tool for any device does not know what it talks to: READY tells it.
const isGiven = <A>(value: A): value is NonNullable<A> => value !== null && value !== undefined

/** How many heartbeats a probe of the hardware may take until it counts as degraded. */
const probeHeartbeatsMax = 3

// The probe runs beside the receiver: one that hangs must not hold up an emergency stop.
const heartbeat = (driver: DriverState, asker: Asker): Effect.Effect<void> =>
  Effect.zipRight(
    probe(driver),
    Effect.suspend(() =>
      answer(driver, asker, "HEARTBEAT", {
        epoch: driver.epoch,
        seq: driver.seq,
        loopLagMillis: driver.lagMillis,
        hardware: driver.hardware.known
      })
    )
  )

const probe = (driver: DriverState): Effect.Effect<void> => {
  const { hardware, options: { hardware: ask }, settings } = driver
  if (ask === undefined) return Effect.void
  const now = nowOf(driver)
  if (hardware.askedAt !== undefined) {
    const late = now - hardware.askedAt >= probeHeartbeatsMax * settings.heartbeatMillis
    if (late && hardware.known === "ok") hardware.known = "degraded"
    return Effect.void
  }
  hardware.askedAt = now
  const answered = (known: Protocol.Hardware): void => {
    hardware.known = known
    hardware.askedAt = undefined
  }
  return driver.fork(
    Effect.matchCauseEffect(ask, {
      onSuccess: (known) => Effect.sync(() => answered(known)),
      onFailure: (cause) => {
        answered("degraded")
        return logDefect(driver, "hardware", cause)
      }
    })
  )
}

const read = (
  driver: DriverState,
  asker: Asker,
  asked: { readonly request: Protocol.Read; readonly left: number }
): Effect.Effect<void> => {
  const names = asked.request.attributes ?? driver.definition.order
  const unknown = names.find((name) => !driver.indices.has(name))
  const refused = { title: "READ" }
  if (unknown !== undefined) {
    return refuse(driver, asker, {
      code: "unknown-attribute",
      message: `the device has no attribute ${JSON.stringify(unknown)}`
    }, refused)
  }
  if (asked.left < 0) return refuse(driver, asker, expired, refused)
  if (driver.readsRunning >= driver.settings.readsMax) {
    return refuse(driver, asker, {
      code: "busy",
      message: `${driver.readsRunning} reads are being answered already (readsMax)`
    }, refused)
  }
  driver.readsRunning++
  // As of now: what is published while the handlers run is newer than what they give.
  const { epoch, seq } = driver
  const time = driver.clock.unsafeCurrentTimeMillis()
  return driver.fork(
    Effect.ensuring(
      Effect.flatMap(
        names.length === 1
          ? Effect.map(readOne(driver, names[0] as string), Array.of)
          : Effect.forEach(names, (name) => readOne(driver, name), { concurrency: "unbounded" }),
        (samples) =>
          answer(driver, asker, "REPLY", Protocol.batchToWire({ epoch, seq, time, samples }))
      ),
      Effect.sync(() => {
        driver.readsRunning--
      })
    )
  )
}

const readOne = (driver: DriverState, name: string): Effect.Effect<Protocol.Sample> => {
  const index = driver.indices.get(name) ?? 0
  return Effect.matchCauseEffect(driver.handlers.read[name] ?? Effect.succeed(null), {
    onSuccess: (value) =>
      Effect.succeed({ index, value, offsetMillis: 0, quality: "good", reason: undefined }),
    onFailure: (cause) =>
      Effect.as(
        logDefect(driver, `read.${name}`, cause),
        {
          index,
          value: null,
          offsetMillis: 0,
          quality: "bad" as const,
          reason: troubleOf(cause).message
        }
      )
  })
}
