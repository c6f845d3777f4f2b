/**
 * An actor that is a state machine, by the rules of Erlang/OTP's gen_statem: a definition is one
 * value, every state says what it does with every message, and handlers decide by plain data.
 */
import type { Rpc } from "@effect/rpc"
import { Context, type Duration, Effect, ExecutionStrategy, Scope } from "effect"
import type { Actor } from "./Actor.ts"
import { ActorContext, type EndReason } from "./ActorContext.ts"
import type {
  Also,
  Event,
  Goto,
  Postpone,
  Repeat,
  Stay,
  Stop,
  Transition
} from "./internal/machine/machine.ts"
import { check, tagsOf } from "./internal/machine/machineCheck.ts"
import type { ErasedDefinition } from "./internal/machine/machineDefinition.ts"
import { MachineRun } from "./internal/machine/machineRun.ts"
import type { Complete, Needs } from "./internal/machine/machineTypes.ts"

export {
  type Action,
  type Also,
  begin,
  type Cause,
  type Event,
  type Goto,
  insertedEventsMax,
  type Machine,
  type Postpone,
  pull,
  type Repeat,
  type Stay,
  step,
  type Stop,
  type Transition
} from "./internal/machine/machine.ts"

/** Where a machine is, as its handlers see it. */
export interface At<S, D> {
  readonly state: S
  readonly data: D
}

/** What an entry sees: also the state left, which is the same one at the start and at a repeat. */
export interface Entering<S extends string, K, D> extends At<K, D> {
  readonly from: S
}

/** Decides without answering: by a transition, or by an effect that succeeds with one. */
export type Decision<S extends string, D, E, T extends string> =
  | Exclude<Transition<S, D, void, E, T>, Postpone<S, D, E, T>>
  | Effect.Effect<Exclude<Transition<S, D, void, E, T>, Postpone<S, D, E, T>>, never, unknown>

/** Handles one message in a state; the reply of its transition, or its failure, is the answer. */
export type Handler<
  R extends Rpc.Any,
  All extends Rpc.Any,
  S extends string,
  K,
  D,
  T extends string
> = (payload: Rpc.Payload<R>, at: At<K, D>) =>
  | Transition<S, D, Rpc.Success<R>, EventOf<All>, T>
  | Effect.Effect<Transition<S, D, Rpc.Success<R>, EventOf<All>, T>, Rpc.Error<R>, unknown>

/** A time, and what is decided when it has passed. */
export interface Timeout<K, D, Decided> {
  /** Fixed, or computed from the data at the moment it starts to run. */
  readonly after: Duration.DurationInput | ((data: D) => Duration.DurationInput)
  readonly run: (at: At<K, D>) => Decided
}

/** What a machine does in one state. */
export interface State<Rpcs extends Rpc.Any, S extends string, K, D, T extends string> {
  /**
   * Runs each time the state is entered: at the start, when another state is left for it, and at a
   * `repeat`. It can change the data and the timers by `stay`, but not the state.
   */
  readonly entry?: (at: Entering<S, K, D>) =>
    | Stay<D, void, never, T>
    | Effect.Effect<Stay<D, void, never, T> | void, never, unknown>
  /** Runs when the machine has been here for so long; a change of state cancels it. */
  readonly timeout?: Timeout<K, D, Decision<S, D, EventOf<Rpcs>, T>>
  /** Runs when nothing was handled here for so long. */
  readonly idle?: Timeout<K, D, Decision<S, D, EventOf<Rpcs>, T>>
  /** What is done with messages, by their tag; it goes before `common`. */
  readonly on?: { readonly [R in Rpcs as R["_tag"]]?: Handler<R, Rpcs, S, K, D, T> }
  /** Messages that wait for another state, by their tag; it goes before `common`. */
  readonly postpone?: ReadonlyArray<Rpcs["_tag"]>
  /** What is done here when a timer is due; it goes before the definition's own `timers`. */
  readonly timers?: { readonly [Name in T]?: (at: At<K, D>) => Decision<S, D, EventOf<Rpcs>, T> }
}

/** The names that a definition speaks of, and what the machine begins with. */
export interface Outline<S extends string, D, T extends string> {
  /** The names of all states. */
  readonly states: ReadonlyArray<S>
  /** The state that is entered at each start and restart. */
  readonly initial: NoInfer<S>
  /** The data at each start and restart; it is never changed in place. */
  readonly data: D
  /** The names of timers that run on when the state changes. */
  readonly timers?: ReadonlyArray<T>
}

/** What a machine does. */
export interface Definition<Rpcs extends Rpc.Any, S extends string, D, T extends string> {
  readonly states: { readonly [K in S]: State<Rpcs, S, K, D, T> }
  /** What is done with messages in every state that says nothing else. */
  readonly common?: { readonly [R in Rpcs as R["_tag"]]?: Handler<R, Rpcs, S, S, D, T> }
  /** What is done when a timer is due, in every state that says nothing else. */
  readonly timers?: { readonly [Name in T]: (at: At<S, D>) => Decision<S, D, EventOf<Rpcs>, T> }
  /**
   * Puts the machine in its safe state. Runs exactly once at the end of every incarnation, also at
   * a crash and before a restart, before the resources of the machine are released; it has the
   * actor's `shutdownTimeout`.
   */
  readonly terminate?: (reason: EndReason, at: At<S, D>) => Effect.Effect<void, never, unknown>
  /** Is told of each entry before it runs: for a log, a subscription, a metric. */
  readonly onTransition?: (
    change: { readonly from: S; readonly to: S; readonly data: D }
  ) => Effect.Effect<void, never, unknown>
}

/** The definition of a state machine, checked. `R` is what its handlers need. */
export interface StateMachine<Rpcs extends Rpc.Any, S extends string, D, R> {
  readonly states: ReadonlyArray<S>
  readonly initial: S
  readonly data: D
  readonly definition: ErasedDefinition
  /** Only types. */
  readonly _: { readonly rpcs: Rpcs; readonly needs: R } | undefined
}

/** The Rpcs that a machine handles: all of a protocol but those that answer with a stream. */
export type Handled<Rpcs extends Rpc.Any> = Rpcs extends infer R extends Rpc.Any
  ? [Rpc.SuccessChunk<R>] extends [never] ? R : never
  : never

/** The events that a machine can insert: messages of its protocol. */
export type EventOf<Rpcs extends Rpc.Any> = Rpcs extends infer R extends Rpc.Any
  ? Event<R["_tag"], Rpc.Payload<R>>
  : never

// Transitions ------------------------------------------------------------------------------------

/** The answer; it is sent when all that follows from the message is done. */
type Replying<Reply> = { readonly reply: Reply }

/**
 * Goes to a state: the timeouts of the state at hand are cancelled, the entry of the new one runs,
 * then postponed messages are handled, oldest first, before newer ones. To the state at hand, it
 * is the same as `stay`.
 */
export const goto: {
  <
    const S extends string,
    const D = never,
    E = never,
    const T extends string = never,
    const C extends string = never
  >(
    state: S,
    options?: Also<D, E, T, C>
  ): Goto<S, D, void, E, T | C>
  <
    const S extends string,
    const Reply,
    const D = never,
    E = never,
    const T extends string = never,
    const C extends string = never
  >(
    state: S,
    options: Also<D, E, T, C> & Replying<Reply>
  ): Goto<S, D, Reply, E, T | C>
} = (state: string, options: object = {}) => ({ ...options, _tag: "Goto", state }) as never

/** Stays in the state: its timeout runs on, nothing is entered, and what is postponed waits on. */
export const stay: {
  <const D = never, E = never, const T extends string = never, const C extends string = never>(
    options?: Also<D, E, T, C>
  ): Stay<D, void, E, T | C>
  <
    const Reply,
    const D = never,
    E = never,
    const T extends string = never,
    const C extends string = never
  >(
    options: Also<D, E, T, C> & Replying<Reply>
  ): Stay<D, Reply, E, T | C>
} = (options: object = {}) => ({ ...options, _tag: "Stay" }) as never

/** Enters the state once more: its entry runs and its timeout starts anew; else as `stay`. */
export const repeat: {
  <const D = never, E = never, const T extends string = never, const C extends string = never>(
    options?: Also<D, E, T, C>
  ): Repeat<D, void, E, T | C>
  <
    const Reply,
    const D = never,
    E = never,
    const T extends string = never,
    const C extends string = never
  >(
    options: Also<D, E, T, C> & Replying<Reply>
  ): Repeat<D, Reply, E, T | C>
} = (options: object = {}) => ({ ...options, _tag: "Repeat" }) as never

/**
 * Puts the message at hand aside until the state has changed; its asker goes on waiting, within its
 * deadline. With `goto` the state changes at once, and the message comes again in the new one,
 * behind those that were put aside before.
 */
export const postpone = <
  const S extends string = never,
  const D = never,
  E = never,
  const T extends string = never,
  const C extends string = never
>(
  options: Also<D, E, T, C> & { readonly goto?: S } = {}
): Postpone<S, D, E, T | C> => ({ ...options, _tag: "Postpone" }) as never

/** Ends the actor after this message, with the reason `stopped`. */
export const stop: {
  <const D = never>(options?: { readonly data?: D }): Stop<D, void>
  <const Reply, const D = never>(
    options: { readonly data?: D } & Replying<Reply>
  ): Stop<D, Reply>
} = (options: object = {}) => ({ ...options, _tag: "Stop" }) as never

/** A message for the machine itself, for `next`; what it answers goes nowhere. */
export const event: {
  <const Tag extends string>(tag: Tag): Event<Tag, void>
  <const Tag extends string, const Payload>(tag: Tag, payload: Payload): Event<Tag, Payload>
} = (tag: string, payload?: unknown) => ({ tag, payload }) as never

// Definitions ------------------------------------------------------------------------------------

/**
 * Defines a state machine for an actor. Every message of its protocol must have its place in every
 * state: in `on`, in `postpone` or in `common`. Where the types do not see that it has not, a
 * RangeError names state and tag; streams are no matter of the machine (see `build`).
 */
export const make = <
  Rpcs extends Rpc.Any,
  const S extends string,
  D,
  const Defined extends Definition<Handled<Rpcs>, S, D, T>,
  const T extends string = never
>(
  actor: Actor<string, Rpcs>,
  outline: Outline<S, D, T>,
  definition: Defined & Complete<Defined, Handled<Rpcs>["_tag"], T>
): StateMachine<Rpcs, S, D, Needs<Defined>> => {
  const { data, initial, states, timers } = outline
  const { requests } = actor.protocol
  const own = { name: actor.name, tags: tagsOf(requests), initial, data }
  const erased = { ...definition, ...own } as unknown as ErasedDefinition
  check(erased, { states, timers: timers ?? [] }, requests)
  return { states, initial, data, definition: erased, _: undefined }
}

/** Handlers for an actor, as `toLayer` takes them. */
export type Handlers<Rpcs extends Rpc.Any> = {
  readonly [R in Handled<Rpcs> as R["_tag"]]: (
    payload: Rpc.Payload<R>
  ) => Effect.Effect<Rpc.Success<R>, Rpc.Error<R>>
}

/**
 * Builds the handlers of an actor from its state machine and enters the initial state: what
 * `toLayer` takes. Handlers of the machine may use `ActorContext`, and `Scope` for resources that
 * last until the incarnation ends. Handlers for Rpcs with streams are to be added to these.
 */
export const build = <Rpcs extends Rpc.Any, S extends string, D, R>(
  machine: StateMachine<Rpcs, S, D, R>
): Effect.Effect<Handlers<Rpcs>, never, ActorContext | Scope.Scope | R> =>
  Effect.gen(function*() {
    const actor = yield* ActorContext
    // Closed after `terminate` has run, which may need what the machine acquired.
    const scope = yield* Scope.fork(yield* Effect.scope, ExecutionStrategy.sequential)
    const context = yield* Effect.context<R>()
    const services = Context.add(context, Scope.Scope, scope)
    const run = new MachineRun(machine.definition, actor, services as Context.Context<unknown>)
    yield* actor.onEnd((reason) => run.terminate(reason))
    yield* run.start
    const handlers: Record<string, unknown> = {}
    for (const tag of machine.definition.tags) {
      handlers[tag] = (payload: unknown) => run.handle(tag, payload)
    }
    return handlers as unknown as Handlers<Rpcs>
  })
