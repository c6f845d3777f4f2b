/** A durable incarnation number: it grows by one each time its owner starts, and never shrinks. */
import { Schema } from "effect"

/** An incarnation number: a safe integer of at least 0. Epochs order messages across restarts. */
export const Epoch = Schema.NonNegativeInt.pipe(
  Schema.lessThanOrEqualTo(Number.MAX_SAFE_INTEGER),
  Schema.brand("Epoch")
)
/** An incarnation number: a safe integer of at least 0. */
export type Epoch = typeof Epoch.Type

/** The epoch of the first incarnation. */
export const first: Epoch = Epoch.make(1)

/** The epoch that follows. */
export const next = (epoch: Epoch): Epoch => Epoch.make(epoch + 1)
