/** The key of an entity as one string, and which texts can be part of one. */
import type { Entity } from "../../DurableStore.ts"

/** Unique among entities, since no part of it contains the separator. */
export const entityKey = ({ address, name }: Entity): string =>
  `${address.type}\u0000${address.id}\u0000${name}`

/** The most characters that each part of a key may have. */
export const keyPartLengthMax = 1_024

/**
 * Why this cannot be a key, or `undefined` where it can. No database keeps the NUL character or
 * half a surrogate pair as it was given, and one bad key would fail all writes of its batch.
 */
export const keyProblem = ({ address, name }: Entity): string | undefined => {
  for (const part of [address.type, address.id, name]) {
    if (part.length === 0 || part.length > keyPartLengthMax) {
      return `a part of it has ${part.length} characters, expected 1 to ${keyPartLengthMax}`
    }
    if (part.includes("\u0000") || /\p{Surrogate}/u.test(part)) {
      return `${JSON.stringify(part)} contains a NUL character or half a surrogate pair`
    }
  }
  return undefined
}
