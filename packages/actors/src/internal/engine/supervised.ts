/** What a supervisor and the runtime say to each other about a child. */
import type { Cause } from "effect"
import type { ActorAddress } from "../../ActorAddress.ts"
import type { StopReason } from "../../ActorError.ts"
import type { Supervision } from "../../Supervision.ts"

/**
 * What happened to a child; `at` and `startedAt` in ms of a clock that never jumps.
 * - `Started`: its handlers are built.
 * - `Held`: its incarnation has ended, since it crashed (`cause`) or was held; its mailbox waits
 *   until it is started or stopped.
 * - `Stopped`: as `Held`, of its own accord: it was told to stop, was passivated or superseded.
 * - `Ended`: it is over; its address takes no message until it is started again.
 */
export type ChildEvent =
  | { readonly _tag: "Started"; readonly address: ActorAddress; readonly at: number }
  | {
    readonly _tag: "Held"
    readonly address: ActorAddress
    readonly at: number
    readonly startedAt: number
    readonly cause: Cause.Cause<unknown> | undefined
  }
  | { readonly _tag: "Stopped"; readonly address: ActorAddress; readonly reason: StopReason }
  | { readonly _tag: "Ended"; readonly address: ActorAddress; readonly reason: StopReason }

/** The supervisor's side. Both are called in the middle of the child's work: decide, or enqueue. */
export interface Parent {
  readonly address: ActorAddress
  /** Whether a child that crashed goes on with the state it has, or its incarnation ends. */
  readonly onCrash: (child: ActorAddress, cause: Cause.Cause<unknown>) => "resume" | "end"
  readonly onChild: (event: ChildEvent) => void
}

/** The child's side: commands, each of which an event follows. */
export interface Child {
  readonly address: ActorAddress
  /** What the child's type was registered with. */
  readonly supervision: Supervision
  /**
   * Builds the first or the next incarnation; `Started` (at once where it runs) or `Held` follows.
   */
  readonly start: () => void
  /** Publishes that it will be started anew after a delay; no event follows. */
  readonly announce: (delayMillis: number) => void
  /** Ends the incarnation after the messages at hand, and keeps the mailbox; `Held` follows. */
  readonly hold: () => void
  /** Ends the child; `Ended` follows. */
  readonly stop: (reason: StopReason) => void
  /** Interrupts the messages at hand, or the building. */
  readonly force: () => void
  /** Lets the child go on without its supervisor; no event follows. */
  readonly disown: () => void
}
