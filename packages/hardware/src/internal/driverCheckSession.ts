/** What the rules of a driver check are written with: requests, sessions and expectations. */
import { Effect, type Scope } from "effect"
import type { DeviceDescription } from "../DeviceDescription.ts"
import * as Protocol from "../DeviceProtocol.ts"
import type { Transport } from "../Transport.ts"
import { type Chosen, isValue, type Value } from "./driverCheckAttribute.ts"
import {
  type Asked,
  type Fault,
  Inapplicable,
  Mismatch,
  open,
  type Peer,
  showAnswer,
  type Waiting,
  waitFor
} from "./driverCheckPeer.ts"

/** What is known of the driver, and what the rules before have done to it. */
export interface Check {
  readonly commands: string
  readonly telemetry: string | undefined
  readonly ruleMillis: number
  readonly waiting: Waiting
  readonly ready: Protocol.Ready
  readonly description: DeviceDescription
  /** The names of the attributes in the order of their indices. */
  readonly order: ReadonlyArray<string>
  readonly attribute: Chosen | undefined
  /** Makes commandIds that no check before has used. */
  readonly newId: () => string
  /** The highest fence that the driver was given. */
  fence: number
  /** False where the attribute is found not to read as it was written. */
  readsBack: boolean
}

/** One rule: what a driver must do, and how it is found out whether it does. */
export interface Rule {
  readonly id: string
  readonly promise: string
  readonly run: (check: Check) => Effect.Effect<void, Fault, Transport | Scope.Scope>
  /** How long it may take, where this is longer than the limit of all. */
  readonly leastMillis?: (check: Check) => number
}

/** A peer that may or may not be in session. */
export interface Session extends Peer {
  readonly check: Check
}

/** The time that requests are given until they must have been begun, in milliseconds. */
const deadlineMs = 30_000

/** Connects without a HELLO. */
export const connect = (
  check: Check
): Effect.Effect<Session, Fault, Transport | Scope.Scope> =>
  Effect.map(open(check.commands, check.waiting), (peer) => ({ ...peer, check }))

/** Connects and begins a session under the highest fence. */
export const begin = (
  check: Check,
  more: object = {}
): Effect.Effect<Session, Fault, Transport | Scope.Scope> =>
  Effect.tap(connect(check), (session) =>
    Effect.zipRight(
      isReady(session, hello(session, more)),
      // What is still on its way when the socket closes is discarded; the driver forgets it then.
      Effect.addFinalizer(() => Effect.ignore(session.request(bye)))
    ))

/** The end of a session. */
export const bye: Asked = { kind: "BYE", body: {}, what: "BYE" }

/** HELLO of a peer that knows the device. */
export const hello = ({ check, now }: Session, more: object = {}, what = "HELLO"): Asked => ({
  kind: "HELLO",
  what,
  body: {
    protocol: [1],
    device: check.ready.device,
    node: "plantd driver check",
    fence: check.fence,
    epoch: 1,
    sentAt: now(),
    description: check.ready.description,
    ...more
  }
})

/** A request for a sign of life. */
export const heartbeat = ({ now }: Session, more: object = {}): Asked => ({
  kind: "HEARTBEAT",
  what: "HEARTBEAT",
  body: { sentAt: now(), ...more }
})

/** READ of some attributes, or of all. */
export const read = (
  { now }: Session,
  attributes?: ReadonlyArray<string>,
  more: object = {}
): Asked => ({
  kind: "READ",
  what: `READ of ${attributes?.join(", ") ?? "all attributes"}`,
  body: {
    sentAt: now(),
    deadlineMs,
    ...(attributes === undefined ? {} : { attributes }),
    ...more
  }
})

/** WRITE with a commandId of its own. */
export const write = (
  session: Session,
  { name, value }: { readonly name: string; readonly value: unknown },
  { what = "", ...more }: { readonly what?: string; readonly [field: string]: unknown } = {}
): Asked => ({
  kind: "WRITE",
  what: `WRITE of ${name} = ${JSON.stringify(value)}${what}`,
  body: { ...command(session), attribute: name, value, ...more }
})

/** What is common to all that acts. */
export const command = ({ check, now }: Session) => ({
  sentAt: now(),
  deadlineMs,
  commandId: check.newId(),
  fence: check.fence,
  epoch: 1
})

/** The attribute that may be written; without one the rule is skipped. */
export const chosenOf = ({ attribute }: Check): Effect.Effect<Chosen, Inapplicable> =>
  attribute === undefined
    ? Effect.fail(new Inapplicable({ reason: "the device has no attribute to write" }))
    : Effect.succeed(attribute)

/** The same, where it reads as it was written. */
export const readableOf = (check: Check): Effect.Effect<Chosen, Inapplicable> =>
  Effect.filterOrFail(
    chosenOf(check),
    () => check.readsBack,
    ({ name }) =>
      new Inapplicable({
        reason: `${name} does not read as it was written; choose another attribute`
      })
  )

/** Expects READY. */
export const isReady = (session: Session, asked: Asked): Effect.Effect<Protocol.Ready, Fault> =>
  Effect.flatMap(session.ask(asked), (answer) =>
    answer.kind === "READY"
      ? Effect.succeed(answer.body)
      : mismatch(`READY to ${asked.what}`, answer))

/** Expects REPLY. */
export const isDone = (session: Session, asked: Asked): Effect.Effect<Protocol.Reply, Fault> =>
  Effect.flatMap(session.ask(asked), (answer) =>
    answer.kind === "REPLY"
      ? Effect.succeed(answer.body)
      : mismatch(`REPLY to ${asked.what}`, answer))

/** Expects ERROR with a code. */
export const isRefused = (
  session: Session,
  code: Protocol.ErrorCode,
  asked: Asked
): Effect.Effect<Protocol.Problem, Fault> =>
  Effect.flatMap(
    session.ask(asked),
    (answer) =>
      answer.kind === "ERROR" && answer.body.code === code
        ? Effect.succeed(answer.body)
        : mismatch(`ERROR ${code} to ${asked.what}`, answer)
  )

/** Fails with the answer that came. */
export const mismatch = (expected: string, answer: Protocol.Answer) =>
  Effect.fail(new Mismatch({ expected, got: showAnswer(answer) }))

/** Expects what was found to be so. */
export const expect = (
  holds: boolean,
  { expected, got }: { readonly expected: string; readonly got: unknown }
): Effect.Effect<void, Mismatch> =>
  holds ? Effect.void : Effect.fail(
    new Mismatch({ expected, got: typeof got === "string" ? got : JSON.stringify(got) })
  )

/** The readings that a REPLY to READ holds. */
export const batchOf = (
  session: Session,
  asked: Asked
): Effect.Effect<Protocol.Batch, Fault> =>
  Effect.flatMap(isDone(session, asked), (reply) =>
    Effect.mapError(
      Protocol.decodeReadings(reply, "REPLY"),
      (violation) =>
        new Mismatch({ expected: `a batch in REPLY to ${asked.what}`, got: violation.message })
    ))

/** What an attribute is read to be. */
export const valueOf = (session: Session, name: string): Effect.Effect<unknown, Fault> =>
  Effect.map(batchOf(session, read(session, [name])), ({ samples }) => samples[0]?.value)

/** Between two looks at a value that is not there yet, in milliseconds. */
const lookMillis = 50

/** Waits until the attribute reads as the first of two values. */
export const becomes = (
  session: Session,
  { name }: Chosen,
  [value, other]: readonly [Value, Value]
): Effect.Effect<void, Fault> => {
  const again: Effect.Effect<void, Fault> = Effect.flatMap(valueOf(session, name), (found) => {
    if (isValue(found, value, other)) return Effect.void
    waitFor(session.check.waiting, `READ of ${name} to give ${JSON.stringify(value)}`)
    session.check.waiting.instead = JSON.stringify(found)
    return Effect.zipRight(Effect.sleep(lookMillis), again)
  })
  return again
}

/** Writes the first of two values, and waits until it reads so where it does. */
export const set = (
  session: Session,
  chosen: Chosen,
  pair: readonly [Value, Value],
  more: { readonly what?: string; readonly [field: string]: unknown } = {}
): Effect.Effect<void, Fault> =>
  Effect.zipRight(
    isDone(session, write(session, { name: chosen.name, value: pair[0] }, more)),
    Effect.suspend(() => session.check.readsBack ? becomes(session, chosen, pair) : Effect.void)
  )

/** Expects the attribute to be the first of two values still; where it reads as it was written. */
export const stays = (
  session: Session,
  chosen: Chosen,
  [value, other]: readonly [Value, Value],
  after: string
): Effect.Effect<void, Fault> =>
  session.check.readsBack
    ? Effect.flatMap(valueOf(session, chosen.name), (got) =>
      expect(isValue(got, value, other), {
        expected: `${chosen.name} to stay ${JSON.stringify(value)} after ${after}`,
        got
      }))
    : Effect.void
