/** The way of one request of a node: from frames, past all reasons to refuse it, to its answer. */
import { Cause, Effect, Either, Exit } from "effect"
import { refusal } from "../Attribute.ts"
import { stateAttribute } from "../DeviceDefinition.ts"
import * as Description from "../DeviceDescription.ts"
import * as Protocol from "../DeviceProtocol.ts"
import type { Frames } from "../Transport.ts"
import { Found, messageOf, type Trouble, troubleOf } from "./driverHandlers.ts"
import { hear, type Session } from "./driverSessions.ts"
import { answer, type Asker, driverMetrics, type DriverState } from "./driverState.ts"
import { nowOf, refuse, warn } from "./driverState.ts"

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
    })
  }
  const now = nowOf(driver)
  driver.heardAt = now
  switch (request.kind) {
    case "BYE":
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
      return command(driver, asker, request, now + leftOf(session, request.body, now))
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
  if (trouble !== undefined) {
    return Effect.zipRight(
      warn(driver, trouble.code, `HELLO of node ${body.node} was refused: ${trouble.message}`),
      refuse(driver, asker, trouble)
    )
  }
  const now = nowOf(driver)
  driver.heardAt = now
  driver.sessions.begin(asker.peer, { node: body.node, sentAt: body.sentAt, now })
  return answer(driver, asker, "READY", {
    protocol: 1,
    device: driver.options.device,
    epoch: driver.epoch,
    seq: driver.seq,
    description: driver.definition.description,
    heartbeatMillis: driver.settings.heartbeatMillis
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
  if (body.device !== driver.options.device) {
    return {
      code: "description-mismatch",
      message: `device: the node says ${body.device}, this is ${driver.options.device}`
    }
  }
  const device = driver.definition.description
  const mismatch = Either.match(Description.decode(body.description), {
    onLeft: (fault) => [fault],
    onRight: (node) => Description.differences({ node, device })
  })
  if (mismatch.length > 0) return { code: "description-mismatch", message: mismatch.join("; ") }
  return driver.sessions.admits(body.fence) ? undefined : staleFence(driver, body.fence)
}

const staleFence = (driver: DriverState, fence: number): Trouble => ({
  code: "stale-fence",
  message: `fence ${fence} is below ${driver.sessions.highestFence}: another node took over`
})

const heartbeat = (driver: DriverState, asker: Asker): Effect.Effect<void> =>
  Effect.flatMap(
    driver.options.hardware ?? Effect.succeed("ok" as const),
    (hardware) =>
      answer(driver, asker, "HEARTBEAT", {
        epoch: driver.epoch,
        seq: driver.seq,
        loopLagMillis: driver.lagMillis,
        hardware
      })
  ).pipe(
    Effect.catchAllDefect((defect) =>
      warn(driver, "hardware", `the hardware handler crashed: ${messageOf(defect)}`)
    )
  )

const read = (
  driver: DriverState,
  asker: Asker,
  asked: { readonly request: Protocol.Read; readonly left: number }
): Effect.Effect<void> => {
  const names = asked.request.attributes ?? driver.definition.order
  const unknown = names.find((name) => !driver.indices.has(name))
  if (unknown !== undefined) {
    return refuse(driver, asker, {
      code: "unknown-attribute",
      message: `the device has no attribute ${JSON.stringify(unknown)}`
    })
  }
  if (asked.left < 0) return refuse(driver, asker, expired)
  if (driver.readsRunning >= driver.settings.readsMax) {
    return refuse(driver, asker, {
      code: "busy",
      message: `${driver.readsRunning} reads are being answered already (readsMax)`
    })
  }
  driver.readsRunning++
  return driver.fork(
    Effect.ensuring(
      Effect.flatMap(
        names.length === 1
          ? Effect.map(readOne(driver, names[0] as string), Array.of)
          : Effect.forEach(names, (name) => readOne(driver, name), { concurrency: "unbounded" }),
        (samples) =>
          answer(
            driver,
            asker,
            "REPLY",
            Protocol.batchToWire({
              epoch: driver.epoch,
              seq: driver.seq,
              time: driver.clock.unsafeCurrentTimeMillis(),
              samples
            })
          )
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

const logDefect = (
  driver: DriverState,
  handler: string,
  cause: Cause.Cause<unknown>
): Effect.Effect<void> =>
  Cause.isFailure(cause) || Cause.isInterruptedOnly(cause)
    ? Effect.void
    : warn(driver, handler, `the handler ${handler} crashed: ${Cause.pretty(cause)}`)

type CommandRequest = Extract<Protocol.Request, { kind: "WRITE" | "INVOKE" }>

const command = (
  driver: DriverState,
  asker: Asker,
  request: CommandRequest,
  expiresAt: number
): Effect.Effect<void> => {
  if (!driver.sessions.admits(request.body.fence)) {
    return refuse(driver, asker, staleFence(driver, request.body.fence))
  }
  if (expiresAt < nowOf(driver)) return refuse(driver, asker, expired)
  const trouble = request.kind === "WRITE"
    ? writeTrouble(driver, request.body)
    : invokeTrouble(driver, request.body)
  if (trouble !== undefined) return refuse(driver, asker, trouble)
  const work = request.kind === "WRITE"
    ? carryOutWrite(driver, request.body)
    : carryOutInvoke(driver, request.body)
  const emergency = request.kind === "INVOKE"
    && driver.definition.commands[request.body.command]?.lane === "emergency"
  const lane = emergency ? "emergency" : "ordinary"
  // The one being carried out does not wait.
  if (driver.commands[lane] > driver.settings.commandQueueMax) {
    return refuse(driver, asker, {
      code: "busy",
      message: `${driver.settings.commandQueueMax} commands are waiting already (commandQueueMax)`
    })
  }
  driver.commands[lane]++
  const job = execute(driver, asker, { work, expiresAt })
  return driver.fork(
    Effect.ensuring(
      emergency ? job : driver.turn.withPermits(1)(job),
      Effect.sync(() => {
        driver.commands[lane]--
      })
    )
  )
}

const expired: Trouble = {
  code: "expired",
  message: "its deadline had passed before it could be begun; it was not carried out"
}

const writeTrouble = (driver: DriverState, body: Protocol.Write): Trouble | undefined => {
  const attribute = Object.hasOwn(driver.definition.attributes, body.attribute)
    ? driver.definition.attributes[body.attribute]
    : undefined
  const name = JSON.stringify(body.attribute)
  if (attribute === undefined) {
    return { code: "unknown-attribute", message: `the device has no attribute ${name}` }
  }
  if (attribute.access === "read") {
    return { code: "not-writable", message: `attribute ${name} can only be read` }
  }
  const fault = refusal(attribute, body.value)
  return fault === undefined ? undefined : {
    code: "validation",
    message: `${body.attribute}: ${fault}`
  }
}

const invokeTrouble = (driver: DriverState, body: Protocol.Invoke): Trouble | undefined =>
  driver.codecs.has(body.command) ? undefined : {
    code: "unknown-command",
    message: `the device has no command ${JSON.stringify(body.command)}`
  }

const carryOutWrite = (
  driver: DriverState,
  body: Protocol.Write
): Effect.Effect<object, unknown> =>
  Effect.as(driver.handlers.write?.[body.attribute]?.(body.value) ?? Effect.void, {})

// The states of the device are looked at right before the command, and not when it came.
const carryOutInvoke = (
  driver: DriverState,
  body: Protocol.Invoke
): Effect.Effect<object, unknown> => {
  const codec = driver.codecs.get(body.command)
  const handler = driver.handlers.commands?.[body.command]
  if (codec === undefined || handler === undefined) return Effect.succeed({})
  const run = Effect.flatMap(
    codec.decode(body.payload ?? undefined),
    (payload) => handler(payload, { commandId: body.commandId })
  )
  return Effect.zipRight(
    checkState(driver, body.command),
    Effect.map(Effect.flatMap(run, codec.encode), (result) => ({ result: result ?? null }))
  )
}

const checkState = (driver: DriverState, name: string): Effect.Effect<void, unknown> => {
  const allowed = driver.definition.commands[name]?.allowedIn
  if (allowed === undefined) return Effect.void
  return Effect.flatMap(
    driver.handlers.read[stateAttribute] ?? Effect.succeed(null),
    (state) =>
      allowed.includes(state as string) ? Effect.void : Effect.fail(
        new Found(
          "state",
          `${name} is allowed in ${allowed.join(", ")}, and the device is ${String(state)}`
        )
      )
  )
}

const execute = (
  driver: DriverState,
  asker: Asker,
  job: { readonly work: Effect.Effect<object, unknown>; readonly expiresAt: number }
): Effect.Effect<void> =>
  Effect.suspend(() => {
    if (job.expiresAt < nowOf(driver)) return refuse(driver, asker, expired)
    return Effect.flatMap(Effect.exit(job.work), (exit) => settle(driver, asker, exit))
  })

const settle = (
  driver: DriverState,
  asker: Asker,
  exit: Exit.Exit<object, unknown>
): Effect.Effect<void> => {
  if (Exit.isSuccess(exit)) {
    count(driver)
    return answer(driver, asker, "REPLY", exit.value)
  }
  if (Cause.isInterruptedOnly(exit.cause)) return Effect.void
  const trouble = troubleOf(exit.cause)
  if (trouble.code === "failed") count(driver)
  return Effect.zipRight(
    logDefect(driver, "of a command", exit.cause),
    refuse(driver, asker, trouble)
  )
}

const count = (driver: DriverState): void => {
  driver.counters.commandsExecuted++
  driverMetrics.commands.unsafeUpdate(1, [])
}
