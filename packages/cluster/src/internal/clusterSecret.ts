/** The secret of a cluster. */
import { Effect, Redacted } from "effect"
import { randomBytes } from "node:crypto"

/** As long as the keys of the cipher that it is for. */
const secretBytes = 32

/** Whether something may be one: fewer digits would be a key that can be guessed. */
export const isSecret = (value: unknown): value is string =>
  typeof value === "string" && value.length === 2 * secretBytes && /^[\da-f]*$/.test(value)

/**
 * A new secret. From the operating system: the randomness of Effect can be repeated by who knows
 * its seed.
 */
export const newSecret: Effect.Effect<Redacted.Redacted> = Effect.sync(() =>
  Redacted.make(randomBytes(secretBytes).toString("hex"))
)
