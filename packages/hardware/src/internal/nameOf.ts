/** What a value is: for decoders, and for the messages of those who got another one. */

/** A short name of a value for messages: what it is, and its content where that is short. */
export const nameOf = (value: unknown): string => {
  if (value === null) return "null"
  if (value === undefined) return "nothing"
  if (typeof value === "string") {
    return value.length <= 32 ? `the string ${JSON.stringify(value)}` : "a long string"
  }
  if (typeof value === "number" || typeof value === "boolean") return String(value)
  if (Array.isArray(value)) return "an array"
  return value instanceof Uint8Array ? "binary" : typeof value === "object" ? "a map" : typeof value
}

/** True for a map with text keys, as a decoder gives it. */
export const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value)
  && !(value instanceof Uint8Array)
