/**
 * A fencing token: a number that only grows, given to whoever may actuate. The receiver keeps the
 * highest one seen and refuses lower ones, so a paused former owner does no harm.
 * Source of the rule: M. Kleppmann, "How to do distributed locking", 2016.
 */
import { Schema } from "effect"

/** A fencing token: a safe integer of at least 0; 0 means that no owner was ever fenced. */
export const Fence = Schema.NonNegativeInt.pipe(
  Schema.lessThanOrEqualTo(Number.MAX_SAFE_INTEGER),
  Schema.brand("Fence")
)
/** A fencing token: a safe integer of at least 0; 0 means that no owner was ever fenced. */
export type Fence = typeof Fence.Type

/** The token below every other. */
export const none: Fence = Fence.make(0)

/** True where a receiver that has seen `highest` may obey a message that carries `fence`. */
export const admits = (highest: Fence, fence: Fence): boolean => fence >= highest
