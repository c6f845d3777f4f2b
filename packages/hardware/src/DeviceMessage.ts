/** The messages of the device protocol: their kinds, and every field of every body. */
import { Epoch, Fence } from "@plantd/core"
import { Schema } from "effect"

/** What a node may send to a device process. */
export const requestKinds = ["HELLO", "READ", "WRITE", "INVOKE", "HEARTBEAT", "BYE"] as const

/** What a device process may send to a node. */
export const answerKinds = ["READY", "PROGRESS", "REPLY", "ERROR", "HEARTBEAT", "BYE"] as const

/** Why a device process refused a request, or what became of it; the words of ERROR frames. */
export const ErrorCode = Schema.Literal(
  "validation",
  "state",
  "busy",
  "expired",
  "stale-fence",
  "not-stored",
  "duplicate-mismatch",
  "unknown-attribute",
  "unknown-command",
  "not-writable",
  "failed",
  "unknown",
  "no-session",
  "unsupported-version",
  "description-mismatch",
  "malformed"
)
/** Why a device process refused a request, or what became of it. */
export type ErrorCode = typeof ErrorCode.Type

/** True where `code` is one of this version; newer device processes may say others. */
export const isErrorCode: (code: unknown) => code is ErrorCode = Schema.is(ErrorCode)

const Milliseconds = Schema.Finite
const Duration = Schema.Finite.pipe(Schema.nonNegative())
const Sequence = Schema.NonNegativeInt.pipe(Schema.lessThanOrEqualTo(Number.MAX_SAFE_INTEGER))
const Word = Schema.String.pipe(Schema.minLength(1), Schema.maxLength(128))
const optional = <A, I>(schema: Schema.Schema<A, I>) => Schema.optionalWith(schema, { exact: true })

/**
 * Begins a session: who speaks, and what it takes the device to be. A tool for any device leaves
 * out `device` and `description`, or says null.
 */
export const Hello = Schema.Struct({
  protocol: Schema.Array(Schema.Int),
  device: optional(Schema.NullOr(Word)),
  node: Word,
  fence: Fence.Fence,
  epoch: Epoch.Epoch,
  sentAt: Milliseconds,
  description: optional(Schema.Unknown)
})
/** Begins a session: who speaks, and what it takes the device to be. */
export type Hello = typeof Hello.Type

/**
 * The answer to HELLO: a session stands. `epoch` and `seq` place the readings that follow;
 * `telemetry` is the endpoint that they are published on, `fence` the highest one seen.
 */
export const Ready = Schema.Struct({
  protocol: Schema.Int,
  device: Word,
  epoch: Epoch.Epoch,
  seq: Sequence,
  description: Schema.Unknown,
  heartbeatMillis: Schema.Finite.pipe(Schema.positive()),
  telemetry: optional(Schema.String),
  fence: optional(Fence.Fence)
})
/** The answer to HELLO: a session stands. */
export type Ready = typeof Ready.Type

/** Asks for the values of the named attributes; of all of them where none are named. */
export const Read = Schema.Struct({
  sentAt: Milliseconds,
  deadlineMs: Duration,
  attributes: optional(Schema.Array(Word))
})
/** Asks for the values of attributes. */
export type Read = typeof Read.Type

const command = {
  sentAt: Milliseconds,
  deadlineMs: Duration,
  commandId: Word,
  fence: Fence.Fence,
  epoch: Epoch.Epoch
}

/** Asks for an attribute to be set. */
export const Write = Schema.Struct({ ...command, attribute: Word, value: Schema.Unknown })
/** Asks for an attribute to be set. */
export type Write = typeof Write.Type

/** Asks for a command to be carried out; `payload` is null or absent where it takes none. */
export const Invoke = Schema.Struct({
  ...command,
  command: Word,
  payload: optional(Schema.Unknown)
})
/** Asks for a command to be carried out. */
export type Invoke = typeof Invoke.Type

/** Asks for a sign of life. */
export const Heartbeat = Schema.Struct({ sentAt: Milliseconds })
/** Asks for a sign of life. */
export type Heartbeat = typeof Heartbeat.Type

/** How well a device process reaches its own hardware. */
export const Hardware = Schema.Literal("ok", "degraded", "down")
/** How well a device process reaches its own hardware. */
export type Hardware = typeof Hardware.Type

/** The sign of life of a device process. */
export const Alive = Schema.Struct({
  epoch: Epoch.Epoch,
  seq: Sequence,
  loopLagMillis: Duration,
  hardware: Hardware
})
/** The sign of life of a device process. */
export type Alive = typeof Alive.Type

/** How far a command has got, from 0 to 1. */
export const Progress = Schema.Struct({
  progress: Schema.Finite.pipe(Schema.between(0, 1)),
  message: optional(Schema.String)
})
/** How far a command has got, from 0 to 1. */
export type Progress = typeof Progress.Type

/** What an answer means depends on its request: see `decodeReadings` for the one to READ. */
export const Reply = Schema.Record({ key: Schema.String, value: Schema.Unknown })
/** The body of a REPLY. */
export type Reply = typeof Reply.Type

/**
 * A refusal or a failure. `code` may be one that this version does not know: see `isErrorCode`.
 * With `stale-fence`, `fence` is the highest one seen.
 */
export const Problem = Schema.Struct({
  code: Word,
  message: Schema.String,
  fence: optional(Fence.Fence)
})
/** A refusal or a failure. */
export type Problem = typeof Problem.Type

/** The end of a session, said by whoever ends it. */
export const Bye = Schema.Struct({ reason: optional(Schema.String) })
/** The end of a session. */
export type Bye = typeof Bye.Type

type Message<Kind extends string, Body> = {
  readonly kind: Kind
  readonly id: Uint8Array
  readonly body: Body
}

/** A decoded message from a node to a device process. */
export type Request =
  | Message<"HELLO", Hello>
  | Message<"READ", Read>
  | Message<"WRITE", Write>
  | Message<"INVOKE", Invoke>
  | Message<"HEARTBEAT", Heartbeat>
  | Message<"BYE", Bye>

/** A decoded message from a device process to a node. */
export type Answer =
  | Message<"READY", Ready>
  | Message<"PROGRESS", Progress>
  | Message<"REPLY", Reply>
  | Message<"ERROR", Problem>
  | Message<"HEARTBEAT", Alive>
  | Message<"BYE", Bye>
