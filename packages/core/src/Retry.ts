/**
 * Retry policies as data: how often, how long apart, until when. What may be retried at all is said
 * where the call is declared; a policy is used for outcomes that provably changed nothing.
 */
import { Duration, Effect, Random } from "effect"
import * as Backoff from "./Backoff.ts"
import * as Monotonic from "./Monotonic.ts"

/** How often and how long to try again. */
export interface Retry {
  /** How many times to try in all, the first one included; at least 1. */
  readonly maxAttempts: number
  /** How long after the first attempt a further one may still start. */
  readonly within: Duration.DurationInput
  /** How long to wait between two attempts. */
  readonly backoff: Backoff.Backoff
}

/** A policy for passing faults: five attempts within ten seconds. */
export const transient: Retry = {
  maxAttempts: 5,
  within: "10 seconds",
  backoff: Backoff.standard
}

/** A policy that never tries again. */
export const never: Retry = { ...transient, maxAttempts: 1 }

/**
 * The delay in milliseconds before the next attempt, or `undefined` where there is to be none.
 * `made` counts the attempts made so far, `elapsed` the milliseconds since the first one began.
 */
export const next = (
  retry: Retry,
  at: { readonly made: number; readonly elapsed: number; readonly random: number }
): number | undefined => {
  if (at.made >= retry.maxAttempts) return undefined
  const delay = Backoff.delayMillis(retry.backoff, at.made - 1, at.random)
  return at.elapsed + delay > Duration.toMillis(retry.within) ? undefined : delay
}

/**
 * Runs `effect` by `retry`, again only where `isTransient` holds for its error: an error that
 * proves that nothing was changed. The last error is the result where the attempts are used up.
 * Defects and interruptions are never tried again.
 */
export const run = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  options: { readonly retry: Retry; readonly isTransient: (error: E) => boolean }
): Effect.Effect<A, E, R> =>
  Effect.flatMap(Effect.clock, (clock) => {
    const started = Monotonic.millis(clock)
    const attempt = (made: number): Effect.Effect<A, E, R> =>
      Effect.catchAll(effect, (error) =>
        options.isTransient(error)
          ? Effect.flatMap(Random.next, (random) => {
            const elapsed = Monotonic.millis(clock) - started
            const delay = next(options.retry, { made, elapsed, random })
            return delay === undefined
              ? Effect.fail(error)
              : Effect.zipRight(Effect.sleep(delay), attempt(made + 1))
          })
          : Effect.fail(error))
    return attempt(1)
  })
