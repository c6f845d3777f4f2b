/** A clock that never jumps: for ages, deadlines and silence. */
import type { Clock } from "effect"

/** Milliseconds of a clock that never jumps; only differences of them mean anything. */
export const monotonicMillis = (clock: Clock.Clock): number =>
  Number(clock.unsafeCurrentTimeNanos()) / 1_000_000
