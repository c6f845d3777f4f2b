/**
 * Actors that are parents: a supervisor starts its children in order, restarts them as its strategy
 * says, stops them in reverse, and fails itself when a child cannot be helped. See Erlang/OTP's
 * `supervisor` and Pekko's `Behaviors.supervise`.
 */
import * as Rpc from "@effect/rpc/Rpc"
import { Cause, Duration, Effect, Layer, Schema, type Scope } from "effect"
import * as Actor from "./Actor.ts"
import { ActorAddress } from "./ActorAddress.ts"
import { ActorContext } from "./ActorContext.ts"
import { type ActorNotRegistered, type ActorStopped, StopReason } from "./ActorError.ts"
import { ActorSystem } from "./ActorSystem.ts"
import { Beside, Interruptible } from "./Handling.ts"
import { keepAlive } from "./internal/remembered/keepAlive.ts"
import type { Wanted } from "./internal/supervision/offspring.ts"
import { becomeParent } from "./internal/supervision/parenthood.ts"
import * as Supervision from "./Supervision.ts"
import type * as SupervisionTree from "./SupervisionTree.ts"
import {
  ChildFailed,
  faultIn,
  StartError,
  type TreeFault,
  UnknownChild
} from "./SupervisorError.ts"

/** The most children of a supervisor, where it does not say. */
export const childrenMaxDefault = 1_024

/** How long a child's messages at hand may take when it is ended, where it does not say. */
export const shutdownDefault = Duration.seconds(5)

/** How long a supervisor may take to end, beside twice the time of each of its children. */
export const shutdownGrace = Duration.seconds(1)

/**
 * What a supervisor does about its own crashes, where it does not say: at most 3 restarts within a
 * minute. One round of a child that never starts takes seconds by the defaults of children, so that
 * a window of theirs would never fill.
 */
export const supervisionDefault: Supervision.Fixed = Supervision.restart({
  maxRestarts: 3,
  within: "1 minute"
})

/** How a child is supervised; each has a default. */
export interface ChildOptions {
  /** Whether it is started again when it ended. Default: `permanent`. */
  readonly restart?: SupervisionTree.RestartType
  /** How long its messages at hand may take when it is ended; then they are interrupted. */
  readonly shutdown?: Duration.DurationInput
  /** What a crash does. Default: what its type was registered with. */
  readonly supervision?: Supervision.Supervision
}

/** A child as its supervisor knows it. */
export interface Child extends Required<Pick<ChildOptions, "restart">> {
  readonly address: ActorAddress
  readonly shutdown: Duration.Duration
  readonly supervision: Supervision.Supervision | undefined
}

/**
 * A child of a supervisor: the actor of this type by this id. For a supervisor, `shutdown` is by
 * default as long as its own children may take.
 */
export const child = (
  actor: { readonly at: (id: string) => ActorAddress; readonly shutdown?: Duration.Duration },
  id: string,
  options: ChildOptions = {}
): Child => ({
  address: actor.at(id),
  restart: options.restart ?? "permanent",
  shutdown: Duration.decode(options.shutdown ?? actor.shutdown ?? shutdownDefault),
  supervision: options.supervision
})

/** How children are supervised. */
export interface Options {
  /** Who is restarted when one of them is. Default: `one-for-one`. */
  readonly strategy?: SupervisionTree.Strategy
  /** In the order in which they start. */
  readonly children: ReadonlyArray<Child>
  /** The most children, those included that are added later. Default: 1,024. */
  readonly childrenMax?: number
}

const RestartType = Schema.Literal("permanent", "transient", "temporary")

/** What became of a child. */
export const ChildState = Schema.Struct({
  address: ActorAddress,
  restart: RestartType,
  phase: Schema.Literal("waiting", "starting", "running", "holding", "stopping", "stopped"),
  /** Why it is stopped, or is about to be. */
  reason: Schema.optional(StopReason),
  /** Its restarts for its own sake that count at present. */
  restarts: Schema.Number,
  /** It was added later. */
  dynamic: Schema.Boolean
})
/** What became of a child. */
export interface ChildState extends Schema.Schema.Type<typeof ChildState> {}

/** The children of an actor that is a parent. */
export interface Children {
  readonly list: Effect.Effect<ReadonlyArray<ChildState>>
  /** Adds a child, the last in order, or starts one that is stopped; done when it has started. */
  readonly start: (child: Child) => Effect.Effect<void, StartError>
  /** Ends a child for good; done when it has ended. */
  readonly stop: (child: ActorAddress) => Effect.Effect<void, UnknownChild>
}

/**
 * Makes the actor that is being built a parent: succeeds when its children have started. They end
 * in reverse before it does, so give its type a `shutdownTimeout` that is as long as they may take.
 * Where it is restarted they are, too, and keep their mailboxes; those that were added later stop.
 */
export const supervise = (
  options: Options
): Effect.Effect<Children, TreeFault | ChildFailed, ActorContext | ActorSystem | Scope.Scope> =>
  Effect.map(
    becomeParent({
      strategy: options.strategy ?? "one-for-one",
      children: options.children.map(wantedOf),
      childrenMax: options.childrenMax ?? childrenMaxDefault
    }),
    (offspring) => ({
      list: Effect.sync(() => offspring.list().map(stateOf)),
      start: (child) => offspring.start(wantedOf(child)),
      stop: (address) => offspring.stop(address)
    })
  )

/** What a supervisor is asked. A slow child holds up no question, and nobody waits in vain. */
const rpcs = [
  Rpc.make("Children", { success: Schema.Array(ChildState) }).annotate(Beside, true),
  Rpc.make("StartChild", {
    payload: {
      address: ActorAddress,
      restart: Schema.optional(RestartType),
      shutdownMillis: Schema.optional(Schema.NonNegative)
    },
    error: StartError
  }).annotate(Beside, true).annotate(Interruptible, true),
  Rpc.make("StopChild", { payload: { address: ActorAddress }, error: UnknownChild })
    .annotate(Beside, true)
    .annotate(Interruptible, true)
] as const

/** The protocol of a supervisor: `Children`, `StartChild`, `StopChild`. */
export type Rpcs = (typeof rpcs)[number]

/** How a supervisor is run. */
export interface SupervisorOptions extends Omit<Options, "children"> {
  /** In the order in which they start; of each supervisor of this type by its id. */
  readonly children: ReadonlyArray<Child> | ((id: string) => ReadonlyArray<Child>)
  /** The id of the supervisor that `layer` starts. Default: `main`. */
  readonly id?: string
  /** What becomes of the supervisor when a child fails it. Default: `supervisionDefault`. */
  readonly supervision?: Supervision.Supervision
  /** How long its children may take to end. Default: twice the time of each, and a second. */
  readonly shutdownTimeout?: Duration.DurationInput
}

/** An actor that does nothing but supervise. */
export interface Supervisor<Name extends string> extends Actor.Actor<Name, Rpcs> {
  /**
   * Registers it, and starts one with all its children; in a cluster on the node that it lives on,
   * and again where it moves. The layers of its children are to be provided to this one, so that
   * they are there before it and go after it.
   */
  readonly layer: Layer.Layer<
    never,
    TreeFault | ChildFailed | ActorStopped | ActorNotRegistered,
    ActorSystem
  >
  /** Registers it only, for supervisors that are children of others. */
  readonly nestedLayer: Layer.Layer<never, never, ActorSystem>
  /** How long its children may take to end. */
  readonly shutdown: Duration.Duration
}

/**
 * Defines a type of supervisor. A tree that is written wrong is not tried again: `layer` fails with
 * the fault.
 */
export const make = <const Name extends string>(
  name: Name,
  options: SupervisorOptions
): Supervisor<Name> => {
  const actor = Actor.make(name, rpcs)
  const address = actor.at(options.id ?? "main")
  const childrenOf = typeof options.children === "function"
    ? options.children
    : () => options.children as ReadonlyArray<Child>
  const shutdown = options.shutdownTimeout === undefined
    ? childrenOf(address.id).reduce(
      (sum, { shutdown }) => Duration.sum(sum, Duration.times(shutdown, 2)),
      shutdownGrace
    )
    : Duration.decode(options.shutdownTimeout)
  const build = Effect.gen(function*() {
    const { address: { id } } = yield* ActorContext
    return handlersOf(yield* supervise({ ...options, children: childrenOf(id) }))
  })
  const registered = (note: (cause: Cause.Cause<unknown>) => void) =>
    actor.toLayer(build, {
      shutdownTimeout: shutdown,
      supervision: Supervision.by((cause) => {
        note(cause)
        return faultIn(cause) === undefined
          ? Supervision.resolve(options.supervision ?? supervisionDefault, cause)
          : Supervision.escalate
      })
    })
  return {
    ...actor,
    shutdown,
    nestedLayer: registered(() => undefined),
    layer: Layer.suspend(() => {
      let last: Cause.Cause<unknown> = Cause.empty
      const started = Effect.gen(function*() {
        const system = yield* ActorSystem
        const { id, type } = address
        if (system.engine.isHere(type, id)) {
          yield* Effect.catchIf(system.start(address), isMoved, () => Effect.void)
        }
        const page = () => Effect.succeed({ addresses: [address], next: undefined })
        yield* keepAlive({
          system,
          page,
          startsPerSecond: 1_000,
          lookMillis: Number.POSITIVE_INFINITY
        })
      }).pipe(Effect.mapError((error) => failureIn(last) ?? error))
      return Layer.provide(Layer.scopedDiscard(started), registered((cause) => (last = cause)))
    })
  }
}

/** It moved to another node while it started: it is started there. */
const isMoved = (error: ActorStopped | ActorNotRegistered): boolean =>
  error._tag === "ActorStopped" && error.reason === "moved"

const failureIn = (cause: Cause.Cause<unknown>): TreeFault | ChildFailed | undefined =>
  faultIn(cause)
    ?? [...Cause.failures(cause), ...Cause.defects(cause)].find((error) =>
      error instanceof ChildFailed
    )

const handlersOf = (children: Children) => ({
  Children: () => children.list,
  StartChild: ({ address, restart, shutdownMillis }: Rpc.Payload<Rpcs & { _tag: "StartChild" }>) =>
    children.start({
      address,
      restart: restart ?? "permanent",
      shutdown: shutdownMillis === undefined ? shutdownDefault : Duration.millis(shutdownMillis),
      supervision: undefined
    }),
  StopChild: ({ address }: Rpc.Payload<Rpcs & { _tag: "StopChild" }>) => children.stop(address)
})

const wantedOf = ({ shutdown, ...child }: Child): Wanted => ({
  ...child,
  shutdownMillis: Duration.toMillis(shutdown)
})

const stateOf = ([address, child]: readonly [ActorAddress, SupervisionTree.Child]): ChildState => ({
  address,
  restart: child.spec.restart,
  phase: child.phase,
  ...(child.reason === undefined ? {} : { reason: child.reason }),
  restarts: child.history.restarts.length,
  dynamic: child.spec.dynamic
})
