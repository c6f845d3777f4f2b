/**
 * Exponentially growing, jittered delays with a ceiling. Pure: the caller brings the randomness.
 * Source of the jitter: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
 */
import { Duration } from "effect"

/** How the delay grows with each attempt in a row. */
export interface Backoff {
  /** The delay before the first retry. */
  readonly min: Duration.DurationInput
  /** The delay is never longer than this. */
  readonly max: Duration.DurationInput
  /** By what the delay grows with each attempt; at least 1. */
  readonly factor: number
  /** The part of the delay, 0 to 1, that is drawn at random. */
  readonly jitter: number
}

/** 100 ms, doubling up to 10 s, a fifth of it at random. */
export const standard: Backoff = { min: "100 millis", max: "10 seconds", factor: 2, jitter: 0.2 }

/**
 * The delay in milliseconds before retry number `attempt` (0 is the first). `random` is in [0, 1).
 * The result lies in [delay * (1 - jitter), delay], and never above `max`.
 */
export const delayMillis = (backoff: Backoff, attempt: number, random: number): number => {
  const min = Duration.toMillis(backoff.min)
  const max = Duration.toMillis(backoff.max)
  if (min === 0) return 0
  const grown = Math.min(max, min * Math.pow(Math.max(1, backoff.factor), attempt))
  return grown * (1 - Math.min(1, Math.max(0, backoff.jitter)) * random)
}
