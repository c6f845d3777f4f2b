/** A message that no handler will ever see, and why. */
import { Schema } from "effect"
import { ActorAddress } from "./ActorAddress.ts"

/**
 * - `expired`: its deadline passed while it waited in the mailbox.
 * - `overflow`: the mailbox was full and the overflow strategy gave it up.
 * - `stopped`: its actor had stopped, or stopped before its turn came.
 * - `stash-full`: its handler put it aside, and there was no room for it.
 * - `undelivered`: a tell on its way to another node, which was lost or did not take it.
 * - `not-registered`: no behaviour for its actor's type.
 * - `quarantined`: it was delivered durably, and attempted as often as it may be, or unreadable.
 */
export const Reason = Schema.Literal(
  "expired",
  "overflow",
  "stopped",
  "stash-full",
  "undelivered",
  "not-registered",
  "quarantined"
)
/** Why no handler will ever see a message. */
export type Reason = typeof Reason.Type

/** A message that was not handled. The payload stays out: it may hold secrets. */
export const DeadLetter = Schema.TaggedStruct("DeadLetter", {
  address: ActorAddress,
  tag: Schema.String,
  reason: Reason,
  at: Schema.Number
})
/** A message that was not handled; `at` in milliseconds since 1970-01-01 UTC. */
export interface DeadLetter extends Schema.Schema.Type<typeof DeadLetter> {}
