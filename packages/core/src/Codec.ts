/**
 * Bytes to typed values and back, as JSON or MessagePack, with limits on everything that a decoder
 * could be made to allocate. Decoding is done once, where bytes enter; inside, types are trusted.
 */
import { Decoder, Encoder } from "@msgpack/msgpack"
import { Either, ParseResult, Schema } from "effect"

/** The most that a decoder accepts; what is larger is refused with a `CodecError`. */
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

/** MessagePack, without extension types. Not safe to call from within its own encoder. */
export const msgpackWith = (limits: Limits): Format => {
  const encoder = new Encoder({ ignoreUndefined: true, maxDepth: limits.depthMax })
  const decoder = new Decoder({
    maxStrLength: limits.itemBytesMax,
    maxBinLength: limits.itemBytesMax,
    maxArrayLength: limits.elementsMax,
    maxMapLength: limits.elementsMax,
    maxExtLength: 0
  })
  return {
    name: "msgpack",
    encode: (value) =>
      guarded("encode", "msgpack", () => within(limits, "encode", encoder.encode(value))),
    decode: (bytes) =>
      guarded("decode", "msgpack", () => {
        const value = decoder.decode(within(limits, "decode", bytes))
        checkDepth(value, limits.depthMax)
        return value
      })
  }
}

/** JSON in UTF-8. */
export const jsonWith = (limits: Limits): Format => {
  const encoder = new TextEncoder()
  const decoder = new TextDecoder("utf-8", { fatal: true })
  return {
    name: "json",
    encode: (value) =>
      guarded("encode", "json", () => {
        const text = JSON.stringify(value) as string | undefined
        if (text === undefined) throw new TypeError("the value has no JSON form")
        return within(limits, "encode", encoder.encode(text))
      }),
    decode: (bytes) =>
      guarded("decode", "json", () => {
        const value: unknown = JSON.parse(decoder.decode(within(limits, "decode", bytes)))
        checkDepth(value, limits.depthMax)
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
      detail: ParseResult.TreeFormatter.formatIssueSync(error)
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
        detail: cause instanceof Error ? cause.message : String(cause)
      })
  })

const within = (limits: Limits, direction: string, bytes: Uint8Array): Uint8Array => {
  if (bytes.byteLength <= limits.bytesMax) return bytes
  throw new RangeError(
    `${bytes.byteLength} bytes to ${direction}, the limit is ${limits.bytesMax} (bytesMax)`
  )
}

const checkDepth = (value: unknown, left: number): void => {
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return
  if (left <= 0) throw new RangeError("nested too deep (depthMax)")
  for (const item of Object.values(value)) checkDepth(item, left - 1)
}
