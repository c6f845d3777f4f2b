/** Time that never steps: for how long something took, not for what time it is. */
import type { Clock } from "effect"

/** Milliseconds of `clock` that an adjustment of the wall clock neither turns back nor forward. */
export const millis = (clock: Clock.Clock): number => Number(clock.unsafeCurrentTimeNanos()) / 1e6
