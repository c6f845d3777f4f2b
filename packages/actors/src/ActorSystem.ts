/** The runtime that actors live in: it finds them by address, starts them, and tells of them. */
import type { Rpc } from "@effect/rpc"
import type * as RpcGroup from "@effect/rpc/RpcGroup"
import { Context, Duration, Effect, Layer, type Scope, type Stream } from "effect"
import type { ActorAddress } from "./ActorAddress.ts"
import type {
  ActorElsewhere,
  ActorNotRegistered,
  ActorStopped,
  AlreadySupervised
} from "./ActorError.ts"
import type { Reason as DeadLetterReason } from "./DeadLetter.ts"
import type { Terminated } from "./DeathWatch.ts"
import type { Envelope } from "./internal/engine/envelope.ts"
import { makeLocalSystem } from "./internal/engine/localSystem.ts"
import type { Registration } from "./internal/engine/registration.ts"
import type { DurableSender } from "./internal/messages/durableSender.ts"
import type { Child, Parent } from "./internal/engine/supervised.ts"
import type { LifecycleEvent } from "./LifecycleEvent.ts"

/** Counts since the system was made. */
export interface Stats {
  /** Actors that are alive now. */
  readonly actors: number
  /** Messages handed to a handler. */
  readonly messages: number
  readonly started: number
  readonly crashes: number
  readonly restarts: number
  readonly deadLetters: number
}

/** What an `Actor` needs of a runtime; the same for one process and for a cluster. */
export interface Engine {
  /** Milliseconds that an ask waits when it does not say. */
  readonly askTimeoutMillis: number
  /** Milliseconds of the clock by which deadlines are measured; it never jumps. */
  readonly now: () => number
  /** Whether messages and answers are encoded and decoded on their way. */
  readonly roundTrip: boolean
  /** Makes a type known until the scope closes; its actors are then stopped. */
  readonly register: (registration: Registration) => Effect.Effect<void, never, Scope.Scope>
  /** Hands a message to the actor at an address; it starts where it is not alive. */
  readonly deliver: (type: string, id: string, envelope: Envelope) => void
  /** As `deliver`, for a message whose sender waits: an idle actor may handle it at once. */
  readonly call: (type: string, id: string, envelope: Envelope) => void
  /** Puts an actor under a supervisor. Where it is not alive, messages wait until its start. */
  readonly adopt: (
    address: ActorAddress,
    parent: Parent
  ) => Child | ActorNotRegistered | AlreadySupervised | ActorElsewhere
  /** Says that no handler will ever see a message: counted, published, logged in bounds. */
  readonly deadLetter: (address: ActorAddress, tag: string, reason: DeadLetterReason) => void
  /** Hears of a protocol that messages are sent by. */
  readonly meet: (type: string, protocol: RpcGroup.RpcGroup<Rpc.Any>) => void
  /** The protocol of a type that is registered. */
  readonly protocolOf: (type: string) => RpcGroup.RpcGroup<Rpc.Any> | undefined
  /** Whether an actor lives on this node now. */
  readonly isHere: (type: string, id: string) => boolean
  /** Whether an actor is alive in this process. */
  readonly isAlive: (type: string, id: string) => boolean
  /** Calls back with all that happens to actors, at once; the result ends it. */
  readonly onLifecycle: (listener: (event: LifecycleEvent) => void) => () => void
  /** Calls back whenever actors may live here that did not before; the result ends it. */
  readonly onGained: (listener: () => void) => () => void
  /** Sends durable messages, where the system has `DurableMessages`. */
  readonly durable: DurableSender | undefined
  /** Lets durable messages be sent until the scope closes; dies where they can be already. */
  readonly sendDurably: (sender: DurableSender) => Effect.Effect<void, never, Scope.Scope>
  /** Calls `notify` once, when the actor ends, or at once; the result ends the watch. */
  readonly watch: (
    address: ActorAddress,
    notify: (terminated: Terminated) => void
  ) => () => void
}

/** A runtime for actors. */
export interface ActorSystemService {
  readonly engine: Engine
  /**
   * Ends an actor after the message at hand, runs its finalizers, and waits for both. The messages
   * left in its mailbox become dead letters. The next message to its address starts it anew.
   */
  readonly stop: (address: ActorAddress) => Effect.Effect<void>
  /**
   * Ends all actors gracefully, the last started first, each within its `shutdownTimeout`; from
   * then on no message is taken. When the system's scope closes without it, messages at hand are
   * interrupted; finalizers run either way.
   */
  readonly drain: Effect.Effect<void>
  /**
   * Starts an actor without a message; succeeds when its handlers are built. One that lives on
   * another node is not started: `ActorStopped` with `moved`.
   */
  readonly start: (
    address: ActorAddress
  ) => Effect.Effect<void, ActorNotRegistered | ActorStopped>
  /** Succeeds when the actor has ended, or at once where it is not alive. */
  readonly watch: (address: ActorAddress) => Effect.Effect<Terminated>
  /** How many messages wait for an actor: queued, given back, or waiting for room. */
  readonly backlog: (address: ActorAddress) => Effect.Effect<number>
  /** Lets an actor that stopped by its supervision start again at its next message. */
  readonly revive: (address: ActorAddress) => Effect.Effect<void>
  /**
   * What happens to actors and messages from the moment the stream is run. A reader that falls
   * behind by more than `eventsBuffered` is told so by `EventsLost`.
   */
  readonly events: Stream.Stream<LifecycleEvent>
  readonly stats: Effect.Effect<Stats>
}

/** The settings of a local system. */
export interface Settings {
  /** How long an ask waits when it does not say. */
  readonly askTimeout: Duration.DurationInput
  /**
   * With `round-trip`, every message and answer is encoded and decoded by its schema, as between
   * processes: what does not fit fails with `MessageInvalid`. For tests: it costs much.
   */
  readonly serialization: "none" | "round-trip"
  /** How many lifecycle events wait for a slow reader. */
  readonly eventsBuffered: number
  /**
   * How many crashes are logged within `logWindow`, as errors; and of restarts, of stops after a
   * crash, and of dead letters as many each, as warnings. The rest is counted.
   */
  readonly linesLogged: number
  readonly logWindow: Duration.DurationInput
}

/**
 * Asks wait 5 s; messages are passed as they are; 4,096 events per reader; of
 * crashes, restarts, stops after a crash, and dead letters, 10 each are logged in 10 s.
 */
export const defaults: Settings = {
  askTimeout: "5 seconds",
  serialization: "none",
  eventsBuffered: 4_096,
  linesLogged: 10,
  logWindow: "10 seconds"
}

/** The runtime that actors live in. */
export class ActorSystem extends Context.Tag("@plantd/actors/ActorSystem")<
  ActorSystem,
  ActorSystemService
>() {
  /** One process, with the default settings. */
  static readonly layer: Layer.Layer<ActorSystem> = Layer.suspend(() => ActorSystem.layerWith({}))

  /** One process, with these settings. */
  static readonly layerWith = (settings: Partial<Settings>): Layer.Layer<ActorSystem> =>
    Layer.scoped(ActorSystem, makeLocalSystem({ ...defaults, ...settings }))
}
