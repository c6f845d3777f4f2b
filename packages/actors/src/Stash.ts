/** Messages that an actor put aside until it can handle them. */
import type { Effect } from "effect"

/** The bound of a stash, in messages. */
export interface Settings {
  readonly capacity: number
}

/** 1,024 messages. */
export const standard: Settings = { capacity: 1_024 }

/**
 * The stash of one actor. A restart gives its messages back to the mailbox, a stop makes dead
 * letters of them; an ask in it keeps its deadline.
 */
export interface Stash {
  /**
   * Ends the handler at hand and puts its message aside, unanswered. Where the stash is full the
   * asker gets `StashFull`, and the message is a dead letter.
   */
  readonly hold: Effect.Effect<never>
  /** Gives all messages back, the oldest first, before those in the mailbox. */
  readonly unstashAll: Effect.Effect<void>
  readonly size: Effect.Effect<number>
}
