/**
 * PDP1, the plantd device protocol, version 1: the frames between a node and a device process, with
 * encoders and total decoders. The protocol itself is described in docs/device-protocol.md.
 */
import { Codec } from "@plantd/core"
import { Either, ParseResult, type Schema } from "effect"
import * as Message from "./DeviceMessage.ts"
import { equalBytes, show, textOf } from "./internal/frameText.ts"
import { isMap, nameOf } from "./internal/nameOf.ts"
import { malformed, ProtocolViolation } from "./ProtocolViolation.ts"
import { type Batch, batchToWire, decodeReadings } from "./ReadingBatch.ts"
import type { Frames } from "./Transport.ts"

export * from "./DeviceMessage.ts"
export { ProtocolViolation } from "./ProtocolViolation.ts"
export * from "./ReadingBatch.ts"

/** The first frame on the command path, the second one on the telemetry path. */
export const protocolName = "PDP1"

/** The protocol versions that this implementation speaks. */
export const versions: ReadonlyArray<number> = [1]

/** The longest id of a request, in bytes. */
export const idBytesMax = 32

/** A batch and the device that it is from. */
export interface Telemetry {
  readonly device: string
  readonly batch: Batch
}

const utf8 = new TextEncoder()
const protocolFrame = utf8.encode(protocolName)

const kindFrames = new Map(
  [...Message.requestKinds, ...Message.answerKinds].map((kind) => [kind, utf8.encode(kind)])
)

/** An id made of text; at most 32 bytes of it are allowed. */
export const idOf = (name: string): Uint8Array => utf8.encode(name)

/** The id as text, one character a byte, fit to be the key of a map. */
export const idKey = (id: Uint8Array): string => String.fromCharCode(...id)

/** The frames of a message on the command path. Fails where the body is no plain data. */
export const encode = (
  kind: Message.Request["kind"] | Message.Answer["kind"],
  id: Uint8Array,
  body: object
): Either.Either<Frames, Codec.CodecError> =>
  Either.map(
    Codec.msgpack.encode(body),
    (bytes) => [protocolFrame, kindFrames.get(kind) ?? utf8.encode(kind), id, bytes]
  )

/** The frames of a batch on the telemetry path. */
export const encodeTelemetry = (
  telemetry: Telemetry
): Either.Either<Frames, Codec.CodecError> =>
  Either.map(
    Codec.msgpack.encode(batchToWire(telemetry.batch)),
    (bytes) => [utf8.encode(telemetry.device), protocolFrame, bytes]
  )

const bodyDecoder = <A, I>(kind: string, schema: Schema.Schema<A, I>) => {
  const decode = ParseResult.decodeUnknownEither(schema)
  return (value: unknown, id: Uint8Array): Either.Either<A, ProtocolViolation> =>
    Either.mapLeft(decode(value), (issue) => {
      const first = ParseResult.ArrayFormatter.formatIssueSync(issue)[0]
      return malformed([kind, ...first?.path ?? []].join("."), first?.message ?? "invalid", id)
    })
}

const requestDecoders = {
  HELLO: bodyDecoder("HELLO", Message.Hello),
  READ: bodyDecoder("READ", Message.Read),
  WRITE: bodyDecoder("WRITE", Message.Write),
  INVOKE: bodyDecoder("INVOKE", Message.Invoke),
  HEARTBEAT: bodyDecoder("HEARTBEAT", Message.Heartbeat),
  BYE: bodyDecoder("BYE", Message.Bye)
}

const answerDecoders = {
  READY: bodyDecoder("READY", Message.Ready),
  PROGRESS: bodyDecoder("PROGRESS", Message.Progress),
  // Plain code, as it is the answer to nearly every request; a schema would copy it besides.
  REPLY: (value: unknown, id: Uint8Array): Either.Either<Message.Reply, ProtocolViolation> =>
    isMap(value)
      ? Either.right(value)
      : Either.left(malformed("REPLY", `expected a map, got ${nameOf(value)}`, id)),
  ERROR: bodyDecoder("ERROR", Message.Problem),
  HEARTBEAT: bodyDecoder("HEARTBEAT", Message.Alive),
  BYE: bodyDecoder("BYE", Message.Bye)
}

/** What a device process received, decoded; total: any frames whatever give a result. */
export const decodeRequest = (frames: Frames): Either.Either<Message.Request, ProtocolViolation> =>
  decodeMessage(frames, requestDecoders) as Either.Either<Message.Request, ProtocolViolation>

/** What a node received on the command path, decoded; total. */
export const decodeAnswer = (frames: Frames): Either.Either<Message.Answer, ProtocolViolation> =>
  decodeMessage(frames, answerDecoders) as Either.Either<Message.Answer, ProtocolViolation>

/** What a node received on the telemetry path, decoded; total. */
export const decodeTelemetry = (
  frames: Frames
): Either.Either<Telemetry, ProtocolViolation> => {
  const [device, name, body] = frames
  if (frames.length !== 3 || device === undefined || name === undefined || body === undefined) {
    return Either.left(malformed("telemetry", `expected 3 frames, got ${frames.length}`))
  }
  const wrong = wrongName(name, "telemetry[1]")
  if (wrong !== undefined) return Either.left(wrong)
  const topic = textOf(device)
  if (topic === undefined || topic === "") {
    return Either.left(malformed("telemetry[0]", "expected the device's id in UTF-8"))
  }
  return Either.flatMap(
    Either.mapLeft(Codec.msgpack.decode(body), (error) => malformed("batch", error.detail)),
    (value) => Either.map(decodeReadings(value, "batch"), (batch) => ({ device: topic, batch }))
  )
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
  if (name === undefined) return Either.left(malformed("message", "expected 4 frames, got none"))
  const wrong = wrongName(name, "frame[0]", id)
  if (wrong !== undefined) return Either.left(wrong)
  if (frames.length !== 4 || kindFrame === undefined || body === undefined) {
    return Either.left(malformed("message", `expected 4 frames, got ${frames.length}`, id))
  }
  const kind = textOf(kindFrame) ?? ""
  const decoder = Object.hasOwn(decoders, kind) ? decoders[kind] : undefined
  if (decoder === undefined) {
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
  const decoded = Codec.msgpack.decode(body)
  if (Either.isLeft(decoded)) return Either.left(malformed(kind, decoded.left.detail, id))
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
    return malformed(where, `expected ${protocolName}, got ${show(frame)}`, id)
  }
  return new ProtocolViolation({
    code: "unsupported-version",
    where,
    detail: `protocol ${name} is not supported, only ${protocolName} is`,
    ...(id === undefined ? {} : { id })
  })
}
