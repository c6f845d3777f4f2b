/** The versions of what nodes say to each other. */
import type { Protocols } from "../ClusterError.ts"

/** Those that this node speaks: one more where a letter, a batch or its transport changes. */
export const spoken: Protocols = { oldest: 4, newest: 4 }

/** Whether there is a version that both speak. */
export const haveCommon = (one: Protocols, other: Protocols): boolean =>
  one.oldest <= other.newest && other.oldest <= one.newest
