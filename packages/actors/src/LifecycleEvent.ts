/** What happens to actors, as a stream of events: complete, in order, bounded per reader. */
import { Schema } from "effect"
import { ActorAddress } from "./ActorAddress.ts"
import { StopReason } from "./ActorError.ts"
import { DeadLetter } from "./DeadLetter.ts"

const incarnation = {
  address: ActorAddress,
  incarnation: Schema.Number,
  at: Schema.Number
}

/** An incarnation has built its handlers and takes messages; the first incarnation is 1. */
export const Started = Schema.TaggedStruct("Started", incarnation)

/** An incarnation met a defect; `cause` is the cause as text. */
export const Crashed = Schema.TaggedStruct("Crashed", { ...incarnation, cause: Schema.String })

/** After a crash, the next incarnation will be built when `delayMillis` have passed. */
export const Restarting = Schema.TaggedStruct("Restarting", {
  ...incarnation,
  delayMillis: Schema.Number
})

/** The actor has stopped: its finalizers ran, and what waited in its mailbox is dead letters. */
export const Stopped = Schema.TaggedStruct("Stopped", { ...incarnation, reason: StopReason })

/** The reader was slower than its buffer allows: `count` events before this one are missing. */
export const EventsLost = Schema.TaggedStruct("EventsLost", { count: Schema.Number })

/** Something that happened to an actor or to a message; `at` in milliseconds since 1970 UTC. */
export const LifecycleEvent = Schema.Union(
  Started,
  Crashed,
  Restarting,
  Stopped,
  DeadLetter,
  EventsLost
)
/** Something that happened to an actor or to a message. */
export type LifecycleEvent = typeof LifecycleEvent.Type
