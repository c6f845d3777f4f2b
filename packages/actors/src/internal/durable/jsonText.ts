/** Values as JSON text by their schema: what is written can be read back, or is refused. */
import { Either, ParseResult, Schema } from "effect"

/** How a type of value is written and read. The left side is the reason why it cannot be. */
export interface JsonText<A> {
  readonly encode: (value: A) => Either.Either<string, string>
  readonly decode: (text: string) => Either.Either<A, string>
}

/** The most characters of a schema's complaint that an error quotes. */
const complaintLengthMax = 500

const known = new WeakMap<object, JsonText<never>>()

/** The JSON text of a schema; the same for every use of it. */
export const jsonTextOf = <A, I>(schema: Schema.Schema<A, I>): JsonText<A> => {
  const found = known.get(schema) as JsonText<A> | undefined
  if (found !== undefined) return found
  const toEncoded = Schema.encodeEither(schema)
  const fromEncoded = Schema.decodeUnknownEither(schema)
  const made: JsonText<A> = {
    encode: (value) => Either.flatMap(Either.mapLeft(toEncoded(value), complaint), encodedText),
    decode: (text) =>
      Either.flatMap(parse(text), (json) => Either.mapLeft(fromEncoded(json), complaint))
  }
  known.set(schema, made as unknown as JsonText<never>)
  return made
}

/** An encoded value as JSON text, unless JSON would drop or change something of it. */
export const encodedText = (encoded: unknown): Either.Either<string, string> => {
  const problem = notJson(encoded, "its encoded value")
  return problem === undefined ? Either.right(JSON.stringify(encoded)) : Either.left(problem)
}

/** The bytes that a text has in UTF-8, as databases keep it. Halves of a pair count two each. */
export const bytesIn = (text: string): number => {
  let bytes = text.length
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    if (code > 0x7f) bytes += code < 0x800 || (code >= 0xd800 && code <= 0xdfff) ? 1 : 2
  }
  return bytes
}

/** The bytes of a text in UTF-8, or fewer where that is not more than `enough`. */
export const bytesUpTo = (text: string, enough: number): number =>
  text.length * 3 <= enough ? text.length : bytesIn(text)

const complaint = (error: ParseResult.ParseError): string =>
  ParseResult.TreeFormatter.formatErrorSync(error).slice(0, complaintLengthMax)

const parse = (text: string): Either.Either<unknown, string> =>
  Either.try({
    try: () => JSON.parse(text) as unknown,
    catch: (error) => (error instanceof Error ? error.message : String(error))
  })

/** What JSON would drop or change without a word, by its path; `undefined` where there is none. */
const notJson = (value: unknown, path: string): string | undefined => {
  switch (typeof value) {
    case "string":
    case "boolean":
      return undefined
    case "number":
      return Number.isFinite(value) ? undefined : `${path} is ${value}, which JSON does not have`
    case "object":
      return value === null ? undefined : notJsonObject(value, path)
    default:
      return `${path} is of type ${typeof value}, which JSON does not have`
  }
}

const notJsonObject = (value: object, path: string): string | undefined => {
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) {
      const problem = notJson(value[index], `${path}[${index}]`)
      if (problem !== undefined) return problem
    }
    return undefined
  }
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) {
    return `${path} is a ${value.constructor.name}; let its schema encode it as plain JSON`
  }
  for (const [name, part] of Object.entries(value)) {
    // An optional field that is not there.
    if (part === undefined) continue
    const problem = notJson(part, `${path}.${name}`)
    if (problem !== undefined) return problem
  }
  return undefined
}
