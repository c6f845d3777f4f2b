/**
 * Bytes to typed values and back, as JSON or MessagePack, with limits on everything that a decoder
 * could be made to allocate. Decoding is done once, where bytes enter; inside, types are trusted.
 *
 * What is encoded comes back as it was, or is refused with a `CodecError`: only plain data (null,
 * booleans, numbers, text, arrays, plain objects, in MessagePack also bytes) within the same limits
 * that hold for decoding. A property that is `undefined` is left out; -0 becomes 0.
 */
import { Decoder, Encoder } from "@msgpack/msgpack"
import { Either, ParseResult, Schema } from "effect"
import { assertShape } from "./internal/msgpackShape.ts"
import { assertPlain } from "./internal/plainData.ts"

/** The most that is encoded or decoded; what is larger is refused with a `CodecError`. */
export interface Limits {
  /** The longest encoded value, in bytes. */
  readonly bytesMax: number
  /** The longest string or binary within it, in bytes. */
  readonly itemBytesMax: number
  /** The most elements of one array or one map. */
  readonly elementsMax: number
  /** How deep arrays and maps may nest. */
  readonly depthMax: number
}

/** 1 MiB in all, 256 KiB an item, 16,384 elements, 16 levels. */
export const limits: Limits = {
  bytesMax: 1_048_576,
  itemBytesMax: 262_144,
  elementsMax: 16_384,
  depthMax: 16
}

/** Bytes that are not what they should be, or a value that its schema does not allow. */
export class CodecError extends Schema.TaggedError<CodecError>()("CodecError", {
  /** `decode` for bytes that came in, `encode` for a value on its way out. */
  direction: Schema.Literal("decode", "encode"),
  format: Schema.String,
  detail: Schema.String
}) {
  override get message(): string {
    return `cannot ${this.direction} ${this.format}: ${this.detail}`
  }
}

/** An error tells no more than this of what was wrong, in characters. */
export const detailLengthMax = 1_000

/** A format without a schema: any value of it to bytes, and bytes to `unknown`. */
export interface Format {
  readonly name: string
  readonly encode: (value: unknown) => Either.Either<Uint8Array, CodecError>
  readonly decode: (bytes: Uint8Array) => Either.Either<unknown, CodecError>
}

/** A format with a schema: values of type `A` to bytes and back, checked both ways. */
export interface Codec<A> {
  readonly encode: (value: A) => Either.Either<Uint8Array, CodecError>
  readonly decode: (bytes: Uint8Array) => Either.Either<A, CodecError>
}

/**
 * MessagePack, without extension types and with text as keys. NaN and the infinities are numbers
 * of it; an integer beyond 53 bits is refused. Decoded bytes are views of the bytes given.
 */
export const msgpackWith = (limits: Limits): Format => {
  const encoder = new Encoder({ ignoreUndefined: true, maxDepth: limits.depthMax + 1 })
  const decoder = new Decoder()
  const abilities = { binary: true, nonFinite: true }
  return {
    name: "msgpack",
    encode: (value) =>
      guarded("encode", "msgpack", () => {
        assertPlain(value, limits, abilities)
        return within(limits, "encode", encoder.encode(value))
      }),
    decode: (bytes) =>
      guarded("decode", "msgpack", () => {
        assertShape(within(limits, "decode", bytes), limits)
        return decoder.decode(bytes)
      })
  }
}

/** JSON in UTF-8. NaN, the infinities and bytes have no form in it and are refused. */
export const jsonWith = (limits: Limits): Format => {
  const encoder = new TextEncoder()
  const decoder = new TextDecoder("utf-8", { fatal: true })
  const abilities = { binary: false, nonFinite: false }
  return {
    name: "json",
    encode: (value) =>
      guarded("encode", "json", () => {
        assertPlain(value, limits, abilities)
        return within(limits, "encode", encoder.encode(JSON.stringify(value)))
      }),
    decode: (bytes) =>
      guarded("decode", "json", () => {
        const value: unknown = JSON.parse(decoder.decode(within(limits, "decode", bytes)))
        assertPlain(value, limits, abilities)
        return value
      })
  }
}

/** MessagePack within the standard limits. */
export const msgpack: Format = msgpackWith(limits)

/** JSON within the standard limits. */
export const json: Format = jsonWith(limits)

/** A codec for the values of `schema` in `format`. The schema must need no services. */
export const make = <A, I>(schema: Schema.Schema<A, I>, format: Format): Codec<A> => {
  const encodeValue = ParseResult.encodeEither(schema)
  const decodeValue = ParseResult.decodeUnknownEither(schema)
  const explain = (direction: "decode" | "encode") => (error: ParseResult.ParseIssue) =>
    new CodecError({
      direction,
      format: format.name,
      detail: shortened(ParseResult.TreeFormatter.formatIssueSync(error))
    })
  return {
    encode: (value) =>
      Either.flatMap(Either.mapLeft(encodeValue(value), explain("encode")), format.encode),
    decode: (bytes) =>
      Either.flatMap(
        format.decode(bytes),
        (value) => Either.mapLeft(decodeValue(value), explain("decode"))
      )
  }
}

const guarded = <A>(
  direction: "decode" | "encode",
  format: string,
  run: () => A
): Either.Either<A, CodecError> =>
  Either.try({
    try: run,
    catch: (cause) =>
      new CodecError({
        direction,
        format,
        detail: shortened(cause instanceof Error ? cause.message : String(cause))
      })
  })

const shortened = (detail: string): string =>
  detail.length <= detailLengthMax ? detail : `${detail.slice(0, detailLengthMax - 1)}…`

const within = (limits: Limits, direction: string, bytes: Uint8Array): Uint8Array => {
  if (bytes.byteLength <= limits.bytesMax) return bytes
  throw new RangeError(
    `${bytes.byteLength} bytes to ${direction}, the limit is ${limits.bytesMax} (bytesMax)`
  )
}
