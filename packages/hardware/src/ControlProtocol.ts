/**
 * PCP1, the plantd control protocol, version 1: how a program asks an actor of a running node over
 * a socket. Frames, with encoders and total decoders; described in docs/control-protocol.md.
 */
import { Codec } from "@plantd/core"
import { Either, ParseResult, Schema } from "effect"
import { equalBytes, show, textOf } from "./internal/frameText.ts"
import { malformed, ProtocolViolation } from "./ProtocolViolation.ts"
import type { Frames } from "./Transport.ts"

export { ProtocolViolation } from "./ProtocolViolation.ts"

/** The first frame of every message. */
export const protocolName = "PCP1"

/** The protocol versions that this implementation speaks. */
export const versions: ReadonlyArray<number> = [1]

/** The longest id of a request, in bytes. */
export const idBytesMax = 32

/** The longest body of a request, in bytes; an answer may have a whole frame of the transport. */
export const requestBytesMax = 65_536

/** The longest time that an asker may wait, in milliseconds: a day. */
export const timeoutMillisMax = 86_400_000

/** The most ITEM messages that a stream may be sent ahead of its reader. */
export const windowMax = 256

/** The most items of one ITEM message. */
export const itemsMax = 256

const Word = Schema.String.pipe(Schema.minLength(1), Schema.maxLength(128))
const Count = (max: number) => Schema.Int.pipe(Schema.between(1, max))
const Anything = Schema.optionalWith(Schema.Unknown, { exact: true })

/** Asks the actor: `tag` names the operation; `payload` is absent where it takes none. */
export const Ask = Schema.Struct({
  tag: Word,
  payload: Anything,
  timeoutMillis: Schema.Finite.pipe(Schema.greaterThan(0)).pipe(
    Schema.lessThanOrEqualTo(timeoutMillisMax)
  ),
  /** Of a stream: how many ITEM messages may be sent before MORE comes; 1 where it is absent. */
  window: Schema.optionalWith(Count(windowMax), { exact: true })
})
/** Asks the actor. */
export type Ask = typeof Ask.Type

/** Has so many more ITEM messages of a stream sent. */
export const More = Schema.Struct({ items: Count(windowMax) })
/** Has more of a stream sent. */
export type More = typeof More.Type

/** Nothing more is wanted of a request. It is not answered. */
export const Cancel = Schema.Struct({})
/** Nothing more is wanted of a request. */
export type Cancel = typeof Cancel.Type

/** Asks for a sign of life, and is one. */
export const Ping = Schema.Struct({})
/** Asks for a sign of life, and is one. */
export type Ping = typeof Ping.Type

/**
 * The end of an ask: it failed where `failure` is there, an object whose `_tag` tells which error
 * it is; else it succeeded, and `success` is absent where the operation gives nothing.
 */
export const Answer = Schema.Struct({ success: Anything, failure: Anything })
/** The end of an ask. */
export type Answer = typeof Answer.Type

/** Some items of a stream, in order. */
export const Item = Schema.Struct({
  items: Schema.Array(Schema.Unknown).pipe(Schema.maxItems(itemsMax))
})
/** Some items of a stream, in order. */
export type Item = typeof Item.Type

/** The end of a stream: with an error where `failure` is there. */
export const End = Schema.Struct({ failure: Anything })
/** The end of a stream. */
export type End = typeof End.Type

/** The sign of life of a node, and which actor it serves here. */
export const Pong = Schema.Struct({ protocol: Schema.Int, actor: Word, id: Word })
/** The sign of life of a node. */
export type Pong = typeof Pong.Type

/**
 * Why a request was not given to the actor. `answer-invalid` alone says something else: the actor
 * handled it, and what it answered cannot be told.
 */
export const ErrorCode = Schema.Literal(
  "malformed",
  "unsupported-version",
  "unknown-operation",
  "invalid-payload",
  "duplicate-id",
  "busy",
  "answer-invalid"
)
/** Why a request was not given to the actor. */
export type ErrorCode = typeof ErrorCode.Type

/** The end of a request that the actor did not answer; `code` is of `ErrorCode`, or newer. */
export const Problem = Schema.Struct({ code: Word, message: Schema.String })
/** The end of a request that the actor did not answer. */
export type Problem = typeof Problem.Type

type Message<Kind extends string, Body> = {
  readonly kind: Kind
  readonly id: Uint8Array
  readonly body: Body
}

/** A decoded message to a node. */
export type ToNode =
  | Message<"ASK", Ask>
  | Message<"MORE", More>
  | Message<"CANCEL", Cancel>
  | Message<"PING", Ping>

/** A decoded message from a node. */
export type FromNode =
  | Message<"ANSWER", Answer>
  | Message<"ITEM", Item>
  | Message<"END", End>
  | Message<"PONG", Pong>
  | Message<"ERROR", Problem>

const utf8 = new TextEncoder()
const protocolFrame = utf8.encode(protocolName)

/** The frames of a message. Fails where the body is no plain data, or too much. */
export const encode = (
  kind: ToNode["kind"] | FromNode["kind"],
  id: Uint8Array,
  body: object
): Either.Either<Frames, Codec.CodecError> =>
  Either.map(
    Codec.msgpack.encode(body),
    (bytes) => [protocolFrame, utf8.encode(kind), id, bytes]
  )

type Decoder = (value: unknown, id: Uint8Array) => Either.Either<unknown, ProtocolViolation>

const decoderOf = <A, I>(kind: string, schema: Schema.Schema<A, I>): Decoder => {
  const decode = ParseResult.decodeUnknownEither(schema)
  return (value, id) =>
    Either.mapLeft(decode(value), (issue) => {
      const first = ParseResult.ArrayFormatter.formatIssueSync(issue)[0]
      return malformed([kind, ...first?.path ?? []].join("."), first?.message ?? "invalid", id)
    })
}

const toNode: Readonly<Record<string, Decoder>> = {
  ASK: decoderOf("ASK", Ask),
  MORE: decoderOf("MORE", More),
  CANCEL: decoderOf("CANCEL", Cancel),
  PING: decoderOf("PING", Ping)
}

const fromNode: Readonly<Record<string, Decoder>> = {
  ANSWER: decoderOf("ANSWER", Answer),
  ITEM: decoderOf("ITEM", Item),
  END: decoderOf("END", End),
  PONG: decoderOf("PONG", Pong),
  ERROR: decoderOf("ERROR", Problem)
}

/** What a node received, without the routing id; total: any frames whatever give a result. */
export const decodeToNode = (frames: Frames): Either.Either<ToNode, ProtocolViolation> =>
  decodeMessage(frames, toNode, requestBytesMax) as Either.Either<ToNode, ProtocolViolation>

/** What came from a node, decoded; total. */
export const decodeFromNode = (frames: Frames): Either.Either<FromNode, ProtocolViolation> =>
  decodeMessage(frames, fromNode, Infinity) as Either.Either<FromNode, ProtocolViolation>

const decodeMessage = (
  frames: Frames,
  decoders: Readonly<Record<string, Decoder>>,
  bodyBytesMax: number
): Either.Either<unknown, ProtocolViolation> => {
  const [name, kindFrame, idFrame, body] = frames
  const id = idFrame !== undefined && idFrame.length > 0 && idFrame.length <= idBytesMax
    ? idFrame
    : undefined
  if (name === undefined || !equalBytes(name, protocolFrame)) {
    return Either.left(wrongName(name ?? new Uint8Array(), id))
  }
  if (frames.length !== 4 || kindFrame === undefined || body === undefined) {
    return Either.left(malformed("message", `expected 4 frames, got ${frames.length}`, id))
  }
  const kind = textOf(kindFrame) ?? ""
  const decode = Object.hasOwn(decoders, kind) ? decoders[kind] : undefined
  if (decode === undefined) {
    const known = Object.keys(decoders).join(", ")
    return Either.left(
      malformed("frame[1]", `expected one of ${known}, got ${show(kindFrame)}`, id)
    )
  }
  if (id === undefined) {
    return Either.left(
      malformed(`${kind} frame[2]`, `expected an id of 1 to ${idBytesMax} bytes`)
    )
  }
  if (body.length > bodyBytesMax) {
    const detail = `a body of ${body.length} bytes; at most ${bodyBytesMax} (requestBytesMax)`
    return Either.left(malformed(kind, detail, id))
  }
  const decoded = Codec.msgpack.decode(body)
  if (Either.isLeft(decoded)) return Either.left(malformed(kind, decoded.left.detail, id))
  return Either.map(decode(decoded.right, id), (content) => ({ kind, id, body: content }))
}

const wrongName = (frame: Uint8Array, id: Uint8Array | undefined): ProtocolViolation => {
  const name = textOf(frame) ?? ""
  if (!/^PCP\d{1,4}$/.test(name)) {
    return malformed("frame[0]", `expected ${protocolName}, got ${show(frame)}`, id)
  }
  return new ProtocolViolation({
    code: "unsupported-version",
    where: "frame[0]",
    detail: `protocol ${name} is not supported, only ${protocolName} is`,
    ...(id === undefined ? {} : { id })
  })
}
