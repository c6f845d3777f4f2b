/** What an actor can know of itself, and do with itself: available while its handlers are built. */
import { Context, type Duration, type Effect, type Exit, type Scope } from "effect"
import type { ActorAddress } from "./ActorAddress.ts"
import type { CannotWatchItself, StopReason } from "./ActorError.ts"
import type { Terminated, Watch } from "./DeathWatch.ts"
import type { Stash } from "./Stash.ts"
import type { Timers } from "./Timers.ts"

/** Why an incarnation ends: its actor stops for this reason, or it is about to be built anew. */
export type EndReason = StopReason | "restarting"

/** The most effects that one incarnation pipes to itself at a time. */
export const pipesMax = 1_024

/** The most turns that wait in one actor because of `inTurn`. */
export const turnsQueuedMax = 4_096

/** One incarnation of one actor, as its own handlers see it; of no use once it has ended. */
export interface ActorContextService {
  readonly address: ActorAddress
  /** How the node is called that runs it: its address in a cluster, else `node`. */
  readonly node: string
  /** 1 for the first incarnation of this activation, one more after each restart. */
  readonly incarnation: number
  /** Ends this actor after the message that is being handled. Succeeds at once. */
  readonly stopSelf: Effect.Effect<void>
  /** As `stopSelf`, for another reason. */
  readonly stopAs: (reason: "stopped" | "passivated" | "superseded") => Effect.Effect<void>
  /**
   * Whether this node may run the actor still, by the node's own clock, also right after a pause of
   * the process: to be asked right before what cannot be undone. Plain code; true on one node.
   */
  readonly hasLease: () => boolean
  /** Runs `finalizer` with the reason when this incarnation ends; the last added runs first. */
  readonly onEnd: (
    finalizer: (reason: EndReason) => Effect.Effect<void>
  ) => Effect.Effect<void, never, Scope.Scope>
  readonly timers: Timers
  readonly stash: Stash
  /**
   * Runs `effect` beside the actor, and `onExit` with its end in the actor's own turn. Interrupted
   * when the incarnation ends. More than `pipesMax` at a time are a crash with `LimitExceeded`.
   */
  readonly pipeToSelf: <A, E, R, R2>(
    effect: Effect.Effect<A, E, R>,
    onExit: (exit: Exit.Exit<A, E>) => Effect.Effect<void, never, R2>
  ) => Effect.Effect<void, never, R | R2>
  /**
   * Queues `run` for the actor's own turn, in order; such turns and ordinary messages alternate.
   * More than `turnsQueuedMax` that wait die with `LimitExceeded`.
   */
  readonly inTurn: <R>(run: Effect.Effect<void, never, R>) => Effect.Effect<void, never, R>
  /**
   * Runs `run` in the actor's turn when no message came for `after`, and after each further such
   * time. To call it again replaces it; an infinite duration turns it off.
   */
  readonly receiveTimeout: <R>(
    after: Duration.DurationInput,
    run: Effect.Effect<void, never, R>
  ) => Effect.Effect<void, never, R>
  /**
   * Runs `onTerminated` in the actor's turn, exactly once, when `target` has ended, or at once
   * where it is not alive. The watch ends with this incarnation.
   */
  readonly watch: <R>(
    target: ActorAddress,
    onTerminated: (terminated: Terminated) => Effect.Effect<void, never, R>
  ) => Effect.Effect<Watch, CannotWatchItself, R>
}

/** The incarnation whose handlers are being built; available to the build effect alone. */
export class ActorContext extends Context.Tag("@plantd/actors/ActorContext")<
  ActorContext,
  ActorContextService
>() {}
