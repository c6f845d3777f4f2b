/**
 * A type of device as one value: from its definition follow the typed client, the actor behind it,
 * and the description that its device process must agree with.
 */
import type { ActorContext, ActorError, ActorSystem, Supervision } from "@plantd/actors"
import { type Duration, Effect, type Layer, Schema, type Scope, type Stream } from "effect"
import type { ReadingOf, ValueOf } from "./Attribute.ts"
import type { Alarms, BuiltInAlarms } from "./DeviceAlarm.ts"
import type { DeviceCommand, PlainSchema } from "./DeviceCommand.ts"
import {
  type Attributes,
  type Commands,
  type DeviceDefinition,
  make as define,
  type WithState
} from "./DeviceDefinition.ts"
import type { Failure, Journal, Ownership, Service } from "./DeviceClient.ts"
import type { CommandError, ReadError, SubscribersFull } from "./DeviceError.ts"
import type { DeviceStore } from "./DeviceStore.ts"
import type { WritableOf } from "./Driver.ts"
import { build, type Settings, type Setup } from "./internal/deviceActor.ts"
import { clientOf } from "./internal/deviceClient.ts"
import { deviceActor, type DeviceStatus } from "./internal/deviceProtocol.ts"
import type * as Interlock from "./Interlock.ts"
import type { LinkMaker } from "./LinkPort.ts"
import type { Gap, Mode } from "./Subscription.ts"

export type { DeviceStatus, Settings }
export type { Journal, Ownership, Service } from "./DeviceClient.ts"
export { readTimeoutMillis, writeTimeoutMillis } from "./internal/deviceClient.ts"
export { askMarginMillis } from "./internal/deviceCommands.ts"

/** How a command or a write is sent. */
export interface CallOptions {
  /**
   * How long its asker waits, and until when the device may begin with it. The command's own
   * `timeout` where nothing is said; 5 s for a write.
   */
  readonly timeout?: Duration.DurationInput
  /**
   * Names this command and no other: the same id again, with the same arguments, is answered by
   * what became of it. Made by the client where nothing is said.
   */
  readonly commandId?: string
  /** Who gives it; needed while a session operates the device. */
  readonly session?: string
  /** Refused where the device process is of another epoch: it was started anew since. */
  readonly expectedEpoch?: number
}

/** How a subscription is served. */
export interface SubscribeOptions {
  /** `latest` where nothing is said. */
  readonly mode?: Mode
  /** Readings that wait for a slow subscriber in mode `all`, at most 65,536; 1,024 by default. */
  readonly capacity?: number
}

type Member<A extends Attributes, K extends keyof A> = K extends string ? ReadingOf<K, A[K]> : never

/** A reading of any of some attributes of a device. */
export type AnyReading<A extends Attributes, K extends keyof A = keyof A> = {
  [N in K]: Member<A, N>
}[K]

type Invocation<C extends DeviceCommand> = keyof Schema.Schema.Type<C["payload"]> extends never
  ? (options?: CallOptions) => Outcome<C>
  : (payload: Schema.Schema.Type<C["payload"]>, options?: CallOptions) => Outcome<C>

type Outcome<C extends DeviceCommand> = Effect.Effect<
  Schema.Schema.Type<C["success"]>,
  Failure<CommandError>
>

/** Talks to one device: a member for each attribute, and a method for each command. */
export type Client<A extends Attributes, C extends Commands> =
  & {
    /** Asks the device itself for the value of an attribute. */
    readonly read: { readonly [K in keyof A]: Effect.Effect<Member<A, K>, Failure<ReadError>> }
    /** Sets an attribute. */
    readonly write: {
      readonly [K in WritableOf<A>]: (
        value: ValueOf<A[K]>,
        options?: CallOptions
      ) => Effect.Effect<void, Failure<CommandError>>
    }
    /**
     * The newest readings at once, then each that is worth telling: beyond the deadband, of another
     * quality, or in time before the last one grows stale. Ends when the device's actor does.
     */
    readonly subscribe: <const K extends keyof A>(
      attributes: ReadonlyArray<K>,
      options?: SubscribeOptions
    ) => Stream.Stream<AnyReading<A, K> | Gap, Failure<SubscribersFull>>
    /** The newest readings that the node knows, without asking the device. */
    readonly snapshot: Effect.Effect<
      { readonly [K in keyof A]: Member<A, K> },
      ActorError.AskError
    >
    /** How the device is reached now. */
    readonly link: Effect.Effect<DeviceStatus, ActorError.AskError>
    /** How the device is reached now, and whenever that changes. */
    readonly linkChanges: Stream.Stream<DeviceStatus, ActorError.AskError>
    /** Its alarms, for people to see, acknowledge and shelve. */
    readonly alarms: Alarms
    /** What became of commands, as far as is known and kept. */
    readonly journal: Journal
    /** Who operates the device: while a session does, others' commands are refused. */
    readonly lease: Ownership
    /** Whether it is in service: out of service, only emergency commands are sent. */
    readonly lifecycle: Service
  }
  & { readonly [K in keyof C]: Invocation<C[K]> }

/** What the actors of a type of device need. */
export interface LayerOptions<Config extends PlainSchema, E, R> {
  /** Opens the link of a device, for example `({ config }) => Link.zmq(config)`. */
  readonly link: (
    device: { readonly id: string; readonly config: Schema.Schema.Type<Config> }
  ) => LinkMaker<E, R>
  /** The name by which it introduces itself to devices: the node's, where nothing is said. */
  readonly node?: string
  /** Restarts by default: a device actor that crashed opens its link anew. */
  readonly supervision?: Supervision.Supervision
  readonly settings?: Partial<Settings>
}

type ConfigOption<Config extends PlainSchema> = [Schema.Schema.Type<Config>] extends [void]
  ? { readonly config?: undefined }
  : {
    /** The configuration of a device, checked when its actor starts. */
    readonly config: (id: string) => Schema.Schema.Encoded<Config>
  }

/** A type of device. */
export interface Device<
  Name extends string,
  A extends Attributes,
  C extends Commands,
  State extends string,
  Config extends PlainSchema
> extends DeviceDefinition<Name, A, C, State, Config> {
  /** Gives clients by the device's id. The first message starts its actor, and so the link. */
  readonly client: Effect.Effect<(id: string) => Client<A, C>, never, ActorSystem>
  /**
   * Registers the actors of this type. Whenever one starts, it claims its device in the store, and
   * opens its link with the fence that it was given.
   */
  readonly toLayer: <E, R = never>(
    options: LayerOptions<Config, E, R> & ConfigOption<Config>
  ) => Layer.Layer<
    never,
    never,
    ActorSystem | DeviceStore | Exclude<R, ActorContext | Scope.Scope>
  >
}

/** What a device is defined by. */
export interface Options<
  A extends Attributes,
  C extends Commands,
  State extends string,
  Config extends PlainSchema
> {
  readonly attributes: A
  readonly commands?: C
  /** The states it can be in. With them it has an attribute `state`. */
  readonly states?: ReadonlyArray<State>
  /** Conditions under which commands are not sent. */
  readonly interlocks?: ReadonlyArray<
    Interlock.Interlock<keyof WithState<A, State> & string, Target<A, C>, keyof C & string>
  >
  /** What must be known of each device, for example its endpoints. */
  readonly config?: Config
  /** What is to be said of the alarms that belong to no attribute, where anything is. */
  readonly alarms?: BuiltInAlarms<NoInfer<State>>
}

type Target<A extends Attributes, C extends Commands> =
  | (keyof C & string)
  | `write.${WritableOf<A> & string}`

/** 32 commands wait, 1,024 subscriptions; 10,000 settled commands are kept for 30 days. */
export const settings: Settings = {
  commandQueueMax: 32,
  subscribersMax: 1_024,
  journalDays: 30,
  journalKeep: 10_000
}

/** Defines a type of device. A fault in the definition throws, naming the field. */
export const make = <
  const Name extends string,
  A extends Attributes,
  C extends {
    readonly [name: string]: DeviceCommand<
      PlainSchema,
      PlainSchema,
      State,
      keyof WithState<A, State> & string
    >
  } = {},
  const State extends string = never,
  Config extends PlainSchema = typeof Schema.Void
>(
  name: Name,
  options: Options<A, C, State, Config>
): Device<Name, WithState<A, State>, C, State, Config> => {
  const definition = define(name, {
    attributes: options.attributes,
    commands: options.commands ?? {} as C,
    states: options.states ?? [],
    interlocks: options.interlocks ?? [],
    config: options.config ?? Schema.Void as unknown as Config,
    ...(options.alarms === undefined ? {} : { alarms: options.alarms })
  })
  const actor = deviceActor(name)
  // What runs a device knows no types of its own: they were checked where the device was defined.
  const plain = definition as unknown as DeviceDefinition
  return {
    ...definition,
    client: Effect.map(
      actor.client,
      (actorOf) => (id: string) =>
        clientOf(plain, id, actorOf(id)) as unknown as Client<WithState<A, State>, C>
    ),
    toLayer: (given) =>
      actor.toLayer(
        build({
          definition: plain,
          link: given.link as Setup<unknown, never>["link"],
          config: given.config ?? (() => undefined),
          node: given.node,
          settings: { ...settings, ...given.settings }
        }),
        {
          concurrency: "unbounded",
          ...(given.supervision === undefined ? {} : { supervision: given.supervision })
        }
      )
  }
}
