/** The secret of a cluster. */
import { Effect, Redacted } from "effect"
import { randomBytes } from "node:crypto"

/** As long as the keys of the cipher that it is for. */
const secretBytes = 32

/**
 * A new secret. From the operating system: the randomness of Effect can be repeated by who knows
 * its seed.
 */
export const newSecret: Effect.Effect<Redacted.Redacted> = Effect.sync(() =>
  Redacted.make(randomBytes(secretBytes).toString("hex"))
)
