/** The rules of values: what READ answers, and the signs of life on both paths. */
import { Monotonic } from "@plantd/core"
import { Effect, type Scope } from "effect"
import type { AttributeDescription } from "../DeviceDescription.ts"
import * as Protocol from "../DeviceProtocol.ts"
import { Transport } from "../Transport.ts"
import { type Fault, Inapplicable, Mismatch, waitFor } from "./driverCheckPeer.ts"
import {
  batchOf,
  begin,
  type Check,
  expect,
  heartbeat,
  isRefused,
  mismatch,
  read,
  type Rule
} from "./driverCheckSession.ts"
import { show, textOf } from "./frameText.ts"

const isOfType = (value: unknown, { type }: AttributeDescription): boolean =>
  typeof value === type && !Number.isNaN(value)

// Of the named attributes, in their order, by their indices.
const isBatchOf = (
  check: Check,
  batch: Protocol.Batch,
  names: ReadonlyArray<string>
): Effect.Effect<void, Mismatch> =>
  Effect.gen(function*() {
    const indices = names.map((name) => check.order.indexOf(name))
    const got = batch.samples.map(({ index }) => index)
    yield* expect(JSON.stringify(indices) === JSON.stringify(got), {
      expected: `readings of the indices ${JSON.stringify(indices)}, ${names.join(", ")}`,
      got
    })
    yield* expect(batch.epoch === check.ready.epoch, {
      expected: `the epoch ${check.ready.epoch} of READY`,
      got: batch.epoch
    })
    for (const [at, { quality, reason, value }] of batch.samples.entries()) {
      const name = names[at] ?? ""
      const attribute = check.description.attributes[name]
      if (attribute === undefined) continue
      if (value === null) {
        yield* expect(quality === "bad" && reason !== undefined, {
          expected: `${name}, which is nil, to be bad, with a reason`,
          got: [value, quality, reason]
        })
      } else {
        yield* expect(isOfType(value, attribute), {
          expected: `${name} to be a ${attribute.type}`,
          got: value
        })
      }
    }
  })

const readAll: Rule = {
  id: "read-all",
  promise: "READ without names gives one reading of each attribute, by index, of its type",
  run: (check) =>
    Effect.gen(function*() {
      const session = yield* begin(check)
      yield* isBatchOf(check, yield* batchOf(session, read(session)), check.order)
    })
}

const readSome: Rule = {
  id: "read-some",
  promise: "READ with names gives their readings alone, in the order of the names",
  run: (check) =>
    Effect.gen(function*() {
      const session = yield* begin(check)
      const names = check.order.slice(0, 2).toReversed()
      for (const some of [names, names.slice(0, 1)]) {
        yield* isBatchOf(check, yield* batchOf(session, read(session, some)), some)
      }
    })
}

const readUnknown: Rule = {
  id: "read-unknown",
  promise: "READ of an attribute that there is not is refused with unknown-attribute",
  run: (check) =>
    Effect.gen(function*() {
      const session = yield* begin(check)
      yield* isRefused(session, "unknown-attribute", read(session, ["no_such_attribute"]))
    })
}

const readLate: Rule = {
  id: "deadline-read",
  promise: "READ that is older than its deadline is refused with expired",
  run: (check) =>
    Effect.gen(function*() {
      const session = yield* begin(check)
      const late = read(session, undefined, { sentAt: session.now() - 60_000, deadlineMs: 1_000 })
      yield* isRefused(session, "expired", late)
    })
}

const unknownFields: Rule = {
  id: "unknown-fields",
  promise: "Fields of a body that are not known are ignored",
  run: (check) =>
    Effect.gen(function*() {
      const more = { plantdCheck: { any: ["thing", 1, null] } }
      const session = yield* begin(check, more)
      yield* batchOf(session, read(session, undefined, more))
      const answer = yield* session.ask(heartbeat(session, more))
      if (answer.kind !== "HEARTBEAT") return yield* mismatch("HEARTBEAT to HEARTBEAT", answer)
    })
}

const alive: Rule = {
  id: "heartbeat",
  promise: "HEARTBEAT is answered by HEARTBEAT, with the epoch of READY",
  run: (check) =>
    Effect.gen(function*() {
      const session = yield* begin(check)
      const answer = yield* session.ask(heartbeat(session))
      if (answer.kind !== "HEARTBEAT") return yield* mismatch("HEARTBEAT to HEARTBEAT", answer)
      yield* expect(answer.body.epoch === check.ready.epoch, {
        expected: `the epoch ${check.ready.epoch} of READY`,
        got: answer.body.epoch
      })
    })
}

/** How many heartbeats may lie between two batches: beyond it a node finds them late. */
const heartbeatsMax = 3

/** For so many heartbeats batches are looked at. */
const heartbeatsWatched = 2

const telemetry: Rule = {
  id: "telemetry",
  promise: "Batches are published under the device's id, numbered, one each heartbeat at least",
  leastMillis: ({ ready }) =>
    Math.min(60_000, (heartbeatsMax + heartbeatsWatched) * ready.heartbeatMillis),
  run: (check) =>
    Effect.gen(function*() {
      if (check.telemetry === undefined) {
        return yield* new Inapplicable({
          reason: "READY tells no endpoint of telemetry, and none was given"
        })
      }
      const receive = yield* subscribe(check, check.telemetry)
      const clock = yield* Effect.clock
      const { heartbeatMillis } = check.ready
      let seq = yield* numbered(yield* receive, -1)
      const begunAt = Monotonic.millis(clock)
      for (let at = begunAt; at - begunAt < heartbeatsWatched * heartbeatMillis;) {
        seq = yield* numbered(yield* receive, seq)
        const now = Monotonic.millis(clock)
        yield* expect(now - at <= heartbeatsMax * heartbeatMillis, {
          expected: `a batch each ${heartbeatMillis} ms`,
          got: `${Math.round(now - at)} ms between two`
        })
        at = now
      }
    })
}

// What follows the number `seq`; gives the number of the last reading.
const numbered = (batch: Protocol.Batch, seq: number): Effect.Effect<number, Mismatch> => {
  const { length } = batch.samples
  return Effect.as(
    expect(length > 0 ? batch.seq > seq : batch.seq >= seq, {
      expected: `a number ${length > 0 ? "beyond" : "of at least"} ${seq}`,
      got: `a batch of ${length} readings with seq ${batch.seq}`
    }),
    batch.seq + Math.max(0, length - 1)
  )
}

const utf8 = new TextEncoder()

// All topics, so that a wrong one is seen.
const subscribe = (
  check: Check,
  endpoint: string
): Effect.Effect<Effect.Effect<Protocol.Batch, Fault>, Fault, Transport | Scope.Scope> =>
  Effect.gen(function*() {
    const { open } = yield* Transport
    const socket = yield* open({ kind: "sub", mode: "connect", endpoint, topics: [""] })
    const { ready, waiting } = check
    const expected = `a batch of ${show(utf8.encode(ready.device))} from ${endpoint} each`
      + ` ${ready.heartbeatMillis} ms`
    waitFor(waiting, expected)
    return Effect.gen(function*() {
      const frames = yield* socket.receive
      const topic = frames[0] ?? new Uint8Array()
      yield* expect(textOf(topic) === ready.device, {
        expected,
        got: `a batch of ${show(topic)}`
      })
      const { batch } = yield* Effect.mapError(
        Protocol.decodeTelemetry(frames),
        (violation) => new Mismatch({ expected, got: violation.message })
      )
      const beyond = batch.samples.find(({ index }) => index >= check.order.length)
      yield* expect(batch.epoch === ready.epoch && beyond === undefined, {
        expected: `batches of epoch ${ready.epoch}, of indices below ${check.order.length}`,
        got: `epoch ${batch.epoch}, index ${beyond?.index ?? "none"}`
      })
      waiting.instead = "no further one"
      return batch
    })
  })

/** The rules of values. */
export const rules: ReadonlyArray<Rule> = [
  readAll,
  readSome,
  readUnknown,
  readLate,
  unknownFields,
  alive,
  telemetry
]
