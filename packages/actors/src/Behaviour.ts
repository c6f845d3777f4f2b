/**
 * The behaviour of an actor without a system: a test builds its handlers, calls them one by one,
 * fires its timers by hand, and sees what it did. No time passes and nothing runs by itself.
 */
import type { Rpc } from "@effect/rpc"
import { Effect, type Exit, type Scope } from "effect"
import type { Actor, HandlersContext, HandlersFrom } from "./Actor.ts"
import type { ActorAddress } from "./ActorAddress.ts"
import type { ActorContext, EndReason } from "./ActorContext.ts"
import type { StopReason } from "./ActorError.ts"
import type { Terminated } from "./DeathWatch.ts"
import { Rehearsal } from "./internal/testing/rehearsal.ts"
import type { NothingToRun, Stashed } from "./internal/testing/stagehand.ts"

export { NothingToRun, Stashed } from "./internal/testing/stagehand.ts"

/** A timer that is yet to run. */
export interface Timer {
  readonly key: string
  readonly millis: number
  readonly periodic: boolean
}

/**
 * What a behaviour did with its context, and what it handled besides the calls of the test: turns
 * of its own, and messages given back from the stash.
 */
export type Deed =
  | { readonly _tag: "TimerStarted" } & Timer
  | { readonly _tag: "TimerCancelled"; readonly key: string }
  | { readonly _tag: "ReceiveTimeoutSet"; readonly millis: number }
  | { readonly _tag: "Stopping"; readonly reason: StopReason }
  | { readonly _tag: "Stashed"; readonly tag: string }
  | { readonly _tag: "Unstashed"; readonly count: number }
  | { readonly _tag: "Watched"; readonly address: ActorAddress }
  | { readonly _tag: "Unwatched"; readonly address: ActorAddress }
  | { readonly _tag: "Piped" }
  | {
    readonly _tag: "Handled"
    readonly tag: string
    readonly exit: Exit.Exit<unknown, unknown>
  }

type Arguments<R extends Rpc.Any> = [Rpc.PayloadConstructor<R>] extends [void]
  ? [payload?: undefined]
  : [payload: Rpc.PayloadConstructor<R>]

type RpcOf<Rpcs extends Rpc.Any, Tag extends Rpcs["_tag"]> = Extract<Rpcs, { readonly _tag: Tag }>

/** A behaviour at hand. A defect is an exit like any other: the test decides what comes of it. */
export interface Run<Rpcs extends Rpc.Any> {
  readonly address: ActorAddress
  /** 1, and one more after each `restart`. */
  readonly incarnation: number
  /**
   * Handles a message, then whatever the behaviour left for its own turns. Fails with `Stashed`
   * where the handler put the message aside. Where the Rpc streams, the exit holds the stream.
   */
  readonly call: <Tag extends Rpcs["_tag"]>(
    tag: Tag,
    ...args: Arguments<RpcOf<Rpcs, Tag>>
  ) => Effect.Effect<
    Exit.Exit<Rpc.Success<RpcOf<Rpcs, Tag>>, Rpc.Error<RpcOf<Rpcs, Tag>> | Stashed>
  >
  /** Runs a timer, as if its time had come. */
  readonly tick: (key: string) => Effect.Effect<Exit.Exit<void>, NothingToRun>
  /** Runs the receive timeout, as if no message had come. */
  readonly receiveTimeout: Effect.Effect<Exit.Exit<void>, NothingToRun>
  /** Tells the behaviour that an actor it watches has ended: `stopped` by default. */
  readonly terminate: (
    address: ActorAddress,
    reason?: Terminated["reason"]
  ) => Effect.Effect<Exit.Exit<void>, NothingToRun>
  /** Ends the oldest effect piped to itself: by running it, or with this exit in its stead. */
  readonly finishPipe: (
    exit?: Exit.Exit<unknown, unknown>
  ) => Effect.Effect<Exit.Exit<void>, NothingToRun>
  readonly timers: ReadonlyArray<Timer>
  readonly watched: ReadonlyArray<ActorAddress>
  /** The tags of the messages put aside, oldest first. */
  readonly stashed: ReadonlyArray<string>
  /** How many effects piped to itself have not ended. */
  readonly pipes: number
  /** Why the behaviour is ending itself, where it is. */
  readonly stopping: StopReason | undefined
  /** Everything it did since its first build, oldest first. */
  readonly deeds: ReadonlyArray<Deed>
  /** Ends this incarnation as a crash does, builds the next, and gives the stash back to it. */
  readonly restart: Effect.Effect<void>
  /** Runs the finalizers with this reason, `stopped` by default; the scope of the run does, too. */
  readonly end: (reason?: EndReason) => Effect.Effect<void>
}

/** Builds the handlers as the actor by this id, `test` by default; what fails then is a defect. */
export const run = <
  Name extends string,
  Rpcs extends Rpc.Any,
  Handlers extends HandlersFrom<Rpcs>,
  E = never,
  R = never
>(
  actor: Actor<Name, Rpcs>,
  build: Handlers | Effect.Effect<Handlers, E, R>,
  options?: { readonly id?: string }
): Effect.Effect<
  Run<Rpcs>,
  never,
  Exclude<R, ActorContext | Scope.Scope> | HandlersContext<Handlers> | Scope.Scope
> =>
  Effect.contextWithEffect((context) => {
    const address = actor.at(options?.id ?? "test")
    const rehearsal = new Rehearsal({ requests: actor.protocol.requests, address, build, context })
    return Effect.as(rehearsal.begin, rehearsal as unknown as Run<Rpcs>)
  }) as never
