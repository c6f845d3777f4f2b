/** Time that never steps: for how long something took or may take, not for what time it is. */
import { type Clock, Effect } from "effect"

/**
 * Milliseconds of `clock` that an adjustment of the wall clock neither turns back nor forward, with
 * parts of a microsecond. Only differences of two of one clock mean anything. Plain code, about
 * 60 ns: cheap enough for each message.
 */
export const millis = (clock: Clock.Clock): number => Number(clock.unsafeCurrentTimeNanos()) / 1e6

/** Milliseconds of the clock at hand, as `millis` has them. */
export const currentMillis: Effect.Effect<number> = Effect.clockWith((clock) =>
  Effect.sync(() => millis(clock))
)
