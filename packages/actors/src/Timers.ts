/**
 * Keyed timers of one incarnation of an actor. What they run is done in the actor's own turn, and
 * ends with the incarnation: a late tick of a timer that was cancelled or replaced never comes.
 */
import type { Duration, Effect } from "effect"

/** The most timers that one actor can have; one more is a crash with `LimitExceeded`. */
export const timersMax = 1_024

/** Starts and cancels timers; to start a key again replaces its timer. */
export interface Timers {
  /** Runs `run` once, in the actor's turn, when `after` has passed. */
  readonly once: <R>(
    key: string,
    after: Duration.DurationInput,
    run: Effect.Effect<void, never, R>
  ) => Effect.Effect<void, never, R>
  /**
   * Runs `run` at a fixed rate, at least 1 ms apart. A tick that comes due while the one before
   * waits for its turn, or has it, is left out.
   */
  readonly every: <R>(
    key: string,
    interval: Duration.DurationInput,
    run: Effect.Effect<void, never, R>
  ) => Effect.Effect<void, never, R>
  /** Cancels a timer, where there is one; its tick is not run any more, even where it is due. */
  readonly cancel: (key: string) => Effect.Effect<void>
  readonly cancelAll: Effect.Effect<void>
  /** Whether a timer by this key is yet to run. */
  readonly isActive: (key: string) => Effect.Effect<boolean>
}
