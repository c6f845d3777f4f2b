/**
 * PDP1, the plantd device protocol, version 1: the frames between a node and a device process, as
 * types, encoders and total decoders. The protocol itself is described in docs/device-protocol.md.
 */
import { Codec, Epoch, Fence, Quality } from "@plantd/core"
import { Either, ParseResult, Schema } from "effect"
import { nameOf } from "./internal/nameOf.ts"
import type { Frames } from "./Transport.ts"

/** The first frame on the command path, the second one on the telemetry path. */
export const protocolName = "PDP1"

/** The protocol versions that this implementation speaks. */
export const versions: ReadonlyArray<number> = [1]

/** The longest id of a request, in bytes. */
export const idBytesMax = 32

/** The most readings of one batch. */
export const batchReadingsMax = 4_096

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
  "unknown-attribute",
  "unknown-command",
  "not-writable",
  "failed",
  "no-session",
  "unsupported-version",
  "description-mismatch",
  "malformed"
)
/** Why a device process refused a request, or what became of it. */
export type ErrorCode = typeof ErrorCode.Type

/** True where `code` is one of this version; newer device processes may say others. */
export const isErrorCode: (code: unknown) => code is ErrorCode = Schema.is(ErrorCode)

/** Frames that are not PDP1: what was wrong, and in which frame or field. Nothing was done. */
export class ProtocolViolation extends Schema.TaggedError<ProtocolViolation>()(
  "ProtocolViolation",
  {
    code: Schema.Literal("malformed", "unsupported-version"),
    /** The frame or field, for example `READ.deadlineMs`. */
    where: Schema.String,
    detail: Schema.String,
    /** The id of the request, where one could be read: an ERROR can be answered to it. */
    id: Schema.optionalWith(Schema.Uint8ArrayFromSelf, { exact: true })
  }
) {
  override get message(): string {
    return `${this.where}: ${this.detail} (${this.code})`
  }
}

const Milliseconds = Schema.Finite
const Duration = Schema.Finite.pipe(Schema.nonNegative())
const Sequence = Schema.NonNegativeInt.pipe(Schema.lessThanOrEqualTo(Number.MAX_SAFE_INTEGER))
const Word = Schema.String.pipe(Schema.minLength(1), Schema.maxLength(128))

/** Begins a session: who speaks, and what it takes the device to be. */
export const Hello = Schema.Struct({
  protocol: Schema.Array(Schema.Int),
  device: Word,
  node: Word,
  fence: Fence.Fence,
  epoch: Epoch.Epoch,
  sentAt: Milliseconds,
  description: Schema.Unknown
})
/** Begins a session: who speaks, and what it takes the device to be. */
export type Hello = typeof Hello.Type

/** The answer to HELLO: a session stands. `epoch` and `seq` place the readings that follow. */
export const Ready = Schema.Struct({
  protocol: Schema.Int,
  device: Word,
  epoch: Epoch.Epoch,
  seq: Sequence,
  description: Schema.Unknown,
  heartbeatMillis: Schema.Finite.pipe(Schema.positive())
})
/** The answer to HELLO: a session stands. */
export type Ready = typeof Ready.Type

/** Asks for the values of the named attributes; of all of them where none are named. */
export const Read = Schema.Struct({
  sentAt: Milliseconds,
  deadlineMs: Duration,
  attributes: Schema.optionalWith(Schema.Array(Word), { exact: true })
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
  payload: Schema.optionalWith(Schema.Unknown, { exact: true })
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
  message: Schema.optionalWith(Schema.String, { exact: true })
})
/** How far a command has got, from 0 to 1. */
export type Progress = typeof Progress.Type

/** What an answer means depends on its request: see `decodeReadings` for the one to READ. */
export const Reply = Schema.Record({ key: Schema.String, value: Schema.Unknown })
/** The body of a REPLY. */
export type Reply = typeof Reply.Type

/** A refusal or a failure. `code` may be one that this version does not know: see `isErrorCode`. */
export const Problem = Schema.Struct({ code: Word, message: Schema.String })
/** A refusal or a failure. */
export type Problem = typeof Problem.Type

/** The end of a session, said by whoever ends it. */
export const Bye = Schema.Struct({ reason: Schema.optionalWith(Schema.String, { exact: true }) })
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

/** One reading on the wire; its attribute is the index among the description's sorted names. */
export interface Sample {
  readonly index: number
  /** Not yet checked against the attribute: see `Attribute.assess`. */
  readonly value: unknown
  /** When it was measured, in milliseconds after the batch's `time`; negative is before. */
  readonly offsetMillis: number
  readonly quality: Quality.Quality
  readonly reason: string | undefined
}

/** Readings in a row: sample `i` has the place `(epoch, seq + i)`. */
export interface Batch {
  readonly epoch: Epoch.Epoch
  /** Of the first sample; in an empty batch, of the last reading that was published. */
  readonly seq: number
  /** Milliseconds since 1970-01-01 UTC by the device's clock. */
  readonly time: number
  readonly samples: ReadonlyArray<Sample>
}

/** A batch and the device that it is from. */
export interface Telemetry {
  readonly device: string
  readonly batch: Batch
}

const utf8 = new TextEncoder()
const text = new TextDecoder("utf-8", { fatal: true })
const protocolFrame = utf8.encode(protocolName)

/** An id made of text; at most 32 bytes of it are allowed. */
export const idOf = (name: string): Uint8Array => utf8.encode(name)

/** The id as text, one character a byte, fit to be the key of a map. */
export const idKey = (id: Uint8Array): string => String.fromCharCode(...id)

/** The frames of a message on the command path. Fails where the body is no plain data. */
export const encode = (
  kind: Request["kind"] | Answer["kind"],
  id: Uint8Array,
  body: object
): Either.Either<Frames, Codec.CodecError> =>
  Either.map(
    Codec.msgpack.encode(body),
    (bytes) => [protocolFrame, utf8.encode(kind), id, bytes]
  )

/** A reading in the array form of the wire, as short as its content allows. */
export const sampleToWire = (sample: Sample): ReadonlyArray<unknown> => {
  if (sample.reason !== undefined) {
    return [sample.index, sample.value, sample.offsetMillis, sample.quality, sample.reason]
  }
  if (sample.quality !== "good") {
    return [sample.index, sample.value, sample.offsetMillis, sample.quality]
  }
  return sample.offsetMillis === 0
    ? [sample.index, sample.value]
    : [sample.index, sample.value, sample.offsetMillis]
}

/** A batch as plain data: the body of a telemetry message and of a REPLY to READ. */
export const batchToWire = (batch: Batch): Record<string, unknown> => ({
  epoch: batch.epoch,
  seq: batch.seq,
  time: batch.time,
  readings: batch.samples.map(sampleToWire)
})

/** The frames of a batch on the telemetry path. */
export const encodeTelemetry = (
  telemetry: Telemetry
): Either.Either<Frames, Codec.CodecError> =>
  Either.map(
    Codec.msgpack.encode(batchToWire(telemetry.batch)),
    (bytes) => [utf8.encode(telemetry.device), protocolFrame, bytes]
  )

const violation = (where: string, detail: string, id?: Uint8Array): ProtocolViolation =>
  new ProtocolViolation({
    code: "malformed",
    where,
    detail,
    ...(id === undefined ? {} : { id })
  })

const bodyDecoder = <A, I>(kind: string, schema: Schema.Schema<A, I>) => {
  const decode = ParseResult.decodeUnknownEither(schema)
  return (value: unknown, id: Uint8Array): Either.Either<A, ProtocolViolation> =>
    Either.mapLeft(decode(value), (issue) => {
      const first = ParseResult.ArrayFormatter.formatIssueSync(issue)[0]
      return violation([kind, ...first?.path ?? []].join("."), first?.message ?? "invalid", id)
    })
}

const requestDecoders = {
  HELLO: bodyDecoder("HELLO", Hello),
  READ: bodyDecoder("READ", Read),
  WRITE: bodyDecoder("WRITE", Write),
  INVOKE: bodyDecoder("INVOKE", Invoke),
  HEARTBEAT: bodyDecoder("HEARTBEAT", Heartbeat),
  BYE: bodyDecoder("BYE", Bye)
}

const answerDecoders = {
  READY: bodyDecoder("READY", Ready),
  PROGRESS: bodyDecoder("PROGRESS", Progress),
  REPLY: bodyDecoder("REPLY", Reply),
  ERROR: bodyDecoder("ERROR", Problem),
  HEARTBEAT: bodyDecoder("HEARTBEAT", Alive),
  BYE: bodyDecoder("BYE", Bye)
}

/** What a device process received, decoded; total: any frames whatever give a result. */
export const decodeRequest = (frames: Frames): Either.Either<Request, ProtocolViolation> =>
  decodeMessage(frames, requestDecoders) as Either.Either<Request, ProtocolViolation>

/** What a node received on the command path, decoded; total. */
export const decodeAnswer = (frames: Frames): Either.Either<Answer, ProtocolViolation> =>
  decodeMessage(frames, answerDecoders) as Either.Either<Answer, ProtocolViolation>

/** What a node received on the telemetry path, decoded; total. */
export const decodeTelemetry = (
  frames: Frames
): Either.Either<Telemetry, ProtocolViolation> => {
  const [device, name, body] = frames
  if (frames.length !== 3 || device === undefined || name === undefined || body === undefined) {
    return Either.left(violation("telemetry", `expected 3 frames, got ${frames.length}`))
  }
  const wrong = wrongName(name, "telemetry[1]")
  if (wrong !== undefined) return Either.left(wrong)
  const topic = textOf(device)
  if (topic === undefined || topic === "") {
    return Either.left(violation("telemetry[0]", "expected the device's id in UTF-8"))
  }
  return Either.flatMap(
    Either.mapLeft(Codec.msgpack.decode(body), (error) => violation("batch", error.detail)),
    (value) => Either.map(decodeReadings(value, "batch"), (batch) => ({ device: topic, batch }))
  )
}

/**
 * Readings from plain data: the body of a batch, or of a REPLY to READ. Values are left as they are.
 * Plain code, since it runs for every batch; `where` stands before the field in a violation.
 */
export const decodeReadings = (
  value: unknown,
  where: string
): Either.Either<Batch, ProtocolViolation> => {
  if (!isMap(value)) return Either.left(violation(where, `expected a map, got ${nameOf(value)}`))
  const { epoch, seq, time, readings } = value
  if (!isCount(epoch)) return Either.left(expected(`${where}.epoch`, "an integer >= 0", epoch))
  if (!isCount(seq)) return Either.left(expected(`${where}.seq`, "an integer >= 0", seq))
  if (!Number.isFinite(time)) return Either.left(expected(`${where}.time`, "milliseconds", time))
  if (!Array.isArray(readings)) {
    return Either.left(expected(`${where}.readings`, "an array", readings))
  }
  if (readings.length > batchReadingsMax) {
    return Either.left(
      violation(`${where}.readings`, `${readings.length} readings, at most ${batchReadingsMax}`)
    )
  }
  const samples: Array<Sample> = []
  for (let i = 0; i < readings.length; i++) {
    const sample = decodeSample(readings[i])
    if (typeof sample === "string") {
      return Either.left(violation(`${where}.readings[${i}]`, sample))
    }
    samples.push(sample)
  }
  return Either.right({ epoch: epoch as Epoch.Epoch, seq, time: time as number, samples })
}

const decodeSample = (value: unknown): Sample | string => {
  if (!Array.isArray(value) || value.length < 2 || value.length > 5) {
    return "expected [attributeIndex, value, offsetMillis?, quality?, reason?], got "
      + (Array.isArray(value) ? `${value.length} elements` : nameOf(value))
  }
  const [index, content, offset = 0, quality = "good", reason] = value as ReadonlyArray<unknown>
  if (!isCount(index)) return `attributeIndex: expected an integer >= 0, got ${nameOf(index)}`
  if (!Number.isFinite(offset)) return `offsetMillis: expected a number, got ${nameOf(offset)}`
  if (!isQuality(quality)) {
    return `quality: expected good, uncertain, stale or bad, got ${nameOf(quality)}`
  }
  if (reason !== undefined && reason !== null && typeof reason !== "string") {
    return `reason: expected a string, got ${nameOf(reason)}`
  }
  return {
    index,
    value: content,
    offsetMillis: offset as number,
    quality,
    reason: reason ?? undefined
  }
}

type Decoders = Record<
  string,
  (value: unknown, id: Uint8Array) => Either.Either<unknown, ProtocolViolation>
>

const decodeMessage = (
  frames: Frames,
  decoders: Decoders
): Either.Either<unknown, ProtocolViolation> => {
  const [name, kindFrame, idFrame, body] = frames
  const id = idFrame !== undefined && idFrame.length > 0 && idFrame.length <= idBytesMax
    ? idFrame
    : undefined
  if (name === undefined) return Either.left(violation("message", "expected 4 frames, got none"))
  const wrong = wrongName(name, "frame[0]", id)
  if (wrong !== undefined) return Either.left(wrong)
  if (frames.length !== 4 || kindFrame === undefined || body === undefined) {
    return Either.left(violation("message", `expected 4 frames, got ${frames.length}`, id))
  }
  const kind = textOf(kindFrame) ?? ""
  const decoder = Object.hasOwn(decoders, kind) ? decoders[kind] : undefined
  if (decoder === undefined) {
    const known = Object.keys(decoders).join(", ")
    return Either.left(
      violation("frame[1]", `expected one of ${known}, got ${show(kindFrame)}`, id)
    )
  }
  if (id === undefined) {
    return Either.left(
      violation(`${kind} frame[2]`, `expected an id of 1 to ${idBytesMax} bytes`)
    )
  }
  const decoded = Codec.msgpack.decode(body)
  if (Either.isLeft(decoded)) return Either.left(violation(kind, decoded.left.detail, id))
  return Either.map(decoder(decoded.right, id), (content) => ({ kind, id, body: content }))
}

const wrongName = (
  frame: Uint8Array,
  where: string,
  id?: Uint8Array
): ProtocolViolation | undefined => {
  if (equalBytes(frame, protocolFrame)) return undefined
  const name = textOf(frame) ?? ""
  if (!/^PDP\d{1,4}$/.test(name)) {
    return violation(where, `expected ${protocolName}, got ${show(frame)}`, id)
  }
  return new ProtocolViolation({
    code: "unsupported-version",
    where,
    detail: `protocol ${name} is not supported, only ${protocolName} is`,
    ...(id === undefined ? {} : { id })
  })
}

const expected = (where: string, what: string, got: unknown): ProtocolViolation =>
  violation(where, `expected ${what}, got ${nameOf(got)}`)

const isCount = (value: unknown): value is number =>
  Number.isSafeInteger(value) && value as number >= 0

const isQuality = (value: unknown): value is Quality.Quality =>
  value === "good" || value === "uncertain" || value === "stale" || value === "bad"

const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value)
  && !(value instanceof Uint8Array)

const equalBytes = (a: Uint8Array, b: Uint8Array): boolean => {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

const textOf = (bytes: Uint8Array): string | undefined => {
  try {
    return text.decode(bytes)
  } catch {
    return undefined
  }
}

const show = (bytes: Uint8Array): string => {
  const head = bytes.subarray(0, 16)
  const printable = head.every((byte) => byte >= 0x20 && byte < 0x7f)
  const shown = printable
    ? JSON.stringify(String.fromCharCode(...head))
    : `0x${Array.from(head, (byte) => byte.toString(16).padStart(2, "0")).join("")}`
  return bytes.length > head.length ? `${shown}... (${bytes.length} bytes)` : shown
}
