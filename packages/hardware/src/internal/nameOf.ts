/** Values as messages name them. */

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
