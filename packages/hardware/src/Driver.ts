/**
 * The author's side of a device process: it binds the two sockets of the device protocol, answers
 * nodes from handlers, and publishes readings.
 */
import type { Epoch, Fence, Quality } from "@plantd/core"
import { type Duration, Effect, type Schema, type Scope } from "effect"
import type { Attribute, ValueOf } from "./Attribute.ts"
import type { Attributes, Commands, DeviceDefinition } from "./DeviceDefinition.ts"
import type { Hardware } from "./DeviceProtocol.ts"
import type { DriverStore, DriverStoreError } from "./DriverStore.ts"
import * as engine from "./internal/driverEngine.ts"
import { checkHandlers, type PlainHandlers, type Publication } from "./internal/driverHandlers.ts"
import { commandsRememberedMin } from "./internal/driverMemory.ts"
import type { Refusal } from "./internal/handlerFailure.ts"
import type { Transport, TransportError } from "./Transport.ts"

export { Refusal, refuse, Unknown, unknown } from "./internal/handlerFailure.ts"

/** What is known of the command that a handler carries out. */
export interface CommandContext {
  readonly commandId: string
  /**
   * The fence that it is begun with, the highest that the driver has seen: for hardware that keeps
   * one itself, and refuses whoever comes with a lower one.
   */
  readonly fence: Fence.Fence
  /**
   * Looks at the fence and the deadline once more, and fails where the command must not be begun
   * any more: for a handler that waits, for its turn on a bus say, before it acts.
   */
  readonly recheck: Effect.Effect<void, Refusal>
}

type Members = { readonly attributes: Attributes; readonly commands: Commands }

/** The names of the attributes that may be written. */
export type WritableOf<A extends Attributes> = keyof {
  [K in keyof A as A[K]["access"] extends "read" ? never : K]: K
}

type Reads<A extends Attributes> = {
  readonly [K in keyof A]: Effect.Effect<ValueOf<A[K]>, unknown, unknown>
}

type Writes<A extends Attributes> = {
  readonly [K in WritableOf<A>]: (
    value: ValueOf<A[K]>,
    context: CommandContext
  ) => Effect.Effect<unknown, unknown, unknown>
}

type Invocations<C extends Commands> = {
  readonly [K in keyof C]: (
    payload: Schema.Schema.Type<C[K]["payload"]>,
    context: CommandContext
  ) => Effect.Effect<Schema.Schema.Type<C[K]["success"]>, unknown, unknown>
}

type Section<Key extends string, Handlers> = [keyof Handlers] extends [never]
  ? { readonly [K in Key]?: Handlers }
  : { readonly [K in Key]: Handlers }

/**
 * The handlers of a device: `read` gives the value of each attribute, `write` sets those that may
 * be written, `commands` carries out commands. Where one of these does not succeed, `refuse` says
 * that nothing was done and `unknown` that nobody can tell; any other failure says that it tried
 * and failed. A defect of a handler fails its request alone.
 */
export type Handlers<D extends Members> =
  & { readonly read: Reads<D["attributes"]> }
  & Section<"write", Writes<D["attributes"]>>
  & Section<"commands", Invocations<D["commands"]>>

type NeedsOfEach<Section> = {
  [K in keyof Section]: Section[K] extends Effect.Effect<infer _A, infer _E, infer R> ? R
    : Section[K] extends (...args: never) => Effect.Effect<infer _A, infer _E, infer R> ? R
    : never
}[keyof Section]

/** The services that handlers need. */
export type NeedsOf<H> = { [K in keyof H]: NeedsOfEach<H[K]> }[keyof H]

/** The bounds and timings of a driver. */
export interface Settings {
  /** Between two signs of life on the telemetry path, in milliseconds. */
  readonly heartbeatMillis: number
  /** Commands that wait for the one being carried out; beyond it they are refused as busy. */
  readonly commandQueueMax: number
  /** READ requests that are answered at a time; beyond it they are refused as busy. */
  readonly readsMax: number
  /** Nodes in session at a time; beyond it the one longest unheard is forgotten. */
  readonly sessionsMax: number
  /** How long the last BYE has to leave when the driver ends, in milliseconds. */
  readonly goodbyeMillis: number
  /** How long a higher fence may take to be stored; else it is refused, in milliseconds. */
  readonly storeMillis: number
  /**
   * Commands that ended and whose answers are remembered, at least 256: one that is asked for again
   * is not carried out again. Each takes up to 16 KiB.
   */
  readonly commandsRemembered: number
}

/**
 * Signs of life each second, 16 commands waiting, 64 reads at a time, 64 sessions, 50 ms for the
 * goodbye, 2 s for the store, 1,024 commands remembered.
 */
export const settings: Settings = {
  heartbeatMillis: 1_000,
  commandQueueMax: 16,
  readsMax: 64,
  sessionsMax: 64,
  goodbyeMillis: 50,
  storeMillis: 2_000,
  commandsRemembered: 1_024
}

/** What is done when no node is heard any more. */
export interface OnSilence<R> {
  /** How long no frame of any session may come, after the first session began. */
  readonly after: Duration.DurationInput
  /**
   * Puts the device into its safe state; tried again each second while it fails. Run once more when
   * a command ends that had begun before; commands that waited are refused as expired.
   */
  readonly run: Effect.Effect<unknown, unknown, R>
}

/** Where and as what a driver serves. */
export interface Options<R> {
  /** The id of the device. */
  readonly device: string
  /** The endpoint to bind for commands, for example `tcp://127.0.0.1:5701`. */
  readonly commands: string
  /** The endpoint to bind for telemetry. */
  readonly telemetry: string
  /** Allows endpoints that other machines reach; nobody who reaches them is turned away. */
  readonly allowRemote?: boolean
  /**
   * How well the hardware is reached, asked at a heartbeat, once at a time. Its last answer is
   * told, "ok" before the first one, "degraded" once it is late by three `heartbeatMillis`.
   */
  readonly hardware?: Effect.Effect<Hardware, never, R>
  readonly onSilence?: OnSilence<R>
  readonly settings?: Partial<Settings>
}

/** A reading to publish: a value, or a value with what is known of it. */
export type Published<A extends Attribute> = ValueOf<A> | PublishedReading<ValueOf<A>>

/** A value with what is known of it. */
export interface PublishedReading<V> {
  /** `null` where there is none: then it is `bad`. */
  readonly value: V | null
  /** `good` where nothing is said. */
  readonly quality?: Quality.Quality
  readonly reason?: string
  /** When it was measured, in milliseconds since 1970-01-01 UTC; now where nothing is said. */
  readonly time?: number
}

/** Readings of some attributes, one of each. */
export type Readings<A extends Attributes> = { readonly [K in keyof A]?: Published<A[K]> }

type NamedReading<A extends Attributes> = {
  [K in keyof A]: { readonly attribute: K } & PublishedReading<ValueOf<A[K]>>
}[keyof A]

/** What a driver has counted since it began. */
export interface Counters {
  readonly readingsPublished: number
  readonly commandsExecuted: number
  readonly commandsRefused: number
  /** Messages that asked for a command again: answered, and not carried out again. */
  readonly commandsDuplicate: number
  readonly framesMalformed: number
  readonly sendsFailed: number
}

/** A driver that serves. */
export interface Driver<D extends Members> {
  readonly device: string
  /** The durable number of this start. */
  readonly epoch: Epoch.Epoch
  /** The endpoints in use, with the ports that the system chose. */
  readonly endpoints: { readonly commands: string; readonly telemetry: string }
  /** Publishes readings of some attributes as one batch. Never fails: what is lost is counted. */
  readonly publish: (readings: Readings<D["attributes"]>) => Effect.Effect<void>
  /** Publishes readings in order, several of one attribute where need be, as one batch. */
  readonly publishAll: (
    readings: ReadonlyArray<NamedReading<D["attributes"]>>
  ) => Effect.Effect<void>
  readonly counters: Effect.Effect<Counters>
}

/**
 * Serves a device until the scope is closed; then the nodes are told goodbye. Ends at once with an
 * error where an endpoint cannot be bound or no epoch can be taken. Frames that are not of the
 * device protocol are answered or counted, and reach no handler.
 */
export const serve = <D extends Members & DeviceDefinition, H extends Handlers<D>, R = never>(
  definition: D,
  handlers: H,
  options: Options<R>
): Effect.Effect<
  Driver<D>,
  TransportError | DriverStoreError,
  Transport | DriverStore | Scope.Scope | NeedsOf<H> | R
> =>
  Effect.suspend(() => {
    const plain = handlers as unknown as PlainHandlers
    checkHandlers(definition, plain)
    const given = { ...settings, ...options.settings }
    if (given.commandsRemembered < commandsRememberedMin) {
      throw new RangeError(
        `commandsRemembered: expected at least ${commandsRememberedMin},`
          + ` got ${given.commandsRemembered}`
      )
    }
    return Effect.map(
      engine.start({
        definition,
        handlers: plain,
        options: options as Options<never>,
        settings: given
      }),
      (running): Driver<D> => ({
        device: options.device,
        epoch: running.epoch,
        endpoints: running.endpoints,
        counters: running.counters,
        publish: (readings) => running.publish(fromRecord(readings)),
        publishAll: (readings) => running.publish(readings as ReadonlyArray<Publication>)
      })
    )
  }) as Effect.Effect<
    Driver<D>,
    TransportError | DriverStoreError,
    Transport | DriverStore | Scope.Scope | NeedsOf<H> | R
  >

const fromRecord = (readings: { readonly [name: string]: unknown }): Array<Publication> => {
  const list: Array<Publication> = []
  for (const attribute in readings) {
    const value = readings[attribute]
    if (value === undefined) continue
    list.push(
      typeof value === "object" && value !== null
        ? { ...value as PublishedReading<unknown>, attribute }
        : { attribute, value }
    )
  }
  return list
}
