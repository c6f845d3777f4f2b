/** How an actor hears that another one has come to its end. */
import { type Effect, Schema } from "effect"
import { ActorAddress } from "./ActorAddress.ts"
import { StopReason } from "./ActorError.ts"

/**
 * The most watches that one actor has at a time, and that one node has of actors elsewhere; one
 * more dies with `LimitExceeded`.
 */
export const watchesMax = 65_536

/**
 * The watched actor has ended, or was not alive when the watch began (`not-running`), or the node
 * that it lived on was lost, or out of reach: whether it is alive is unknown (`node-lost`). A
 * restart is no end.
 */
export const Terminated = Schema.TaggedStruct("Terminated", {
  address: ActorAddress,
  reason: Schema.Union(StopReason, Schema.Literal("not-running", "node-lost"))
})
/** The watched actor has ended; comes exactly once for each watch. */
export interface Terminated extends Schema.Schema.Type<typeof Terminated> {}

/** A watch that was begun. */
export interface Watch {
  /** Ends the watch: from then on no `Terminated` of it comes, even one that is on its way. */
  readonly unwatch: Effect.Effect<void>
}
