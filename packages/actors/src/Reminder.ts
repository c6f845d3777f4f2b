/**
 * Durable timers: a stored reminder tells an actor a message of its protocol at a time of the wall
 * clock, once or again and again, across restarts of the process. An actor that is not alive is
 * started by it.
 *
 * A tick is told at least once: it is acknowledged when its handler has answered, if need be with
 * the error that its Rpc declares. One that crashes its actor, or gets no answer in time, is
 * attempted again with growing delays, `maxAttempts` times in all, and then put into quarantine;
 * one that provably reached no handler is attempted again without being counted. Ticks that were
 * missed, since the process was down or the handler slow, become one.
 *
 * Due times are those of the wall clock: where that is set back or forward, reminders tick later or
 * earlier by as much. In a cluster the reminders of an actor are ticked by the node that it lives
 * on. Without one, one process at a time may run reminders on a store: the ticks of two would come
 * twice. As in Orleans and Dapr, whose reminders these are modelled on, a timer of the
 * `ActorContext` is the better choice where it need not outlive its actor.
 */
import type { Rpc } from "@effect/rpc"
import type { Backoff } from "@plantd/core"
import { Context, type DateTime, Duration, Effect, Layer } from "effect"
import type { Actor } from "./Actor.ts"
import type { ActorAddress } from "./ActorAddress.ts"
import { ActorSystem } from "./ActorSystem.ts"
import type { StoreUnavailable, ValueNotEncodable, ValueTooLarge } from "./DurableError.ts"
import { askTimeoutMillisMax } from "./internal/engine/client.ts"
import {
  type AnyOptions,
  checkCount,
  refuse,
  reminderOf
} from "./internal/reminders/reminderRequest.ts"
import { runScheduler, type Ticking } from "./internal/reminders/reminderScheduler.ts"
import type { ReminderExists } from "./ReminderError.ts"
import { ReminderStore, type ReminderStoreService } from "./ReminderStore.ts"

export { everyMillisMin } from "./internal/reminders/reminderRequest.ts"

/** A message of a protocol: its tag, and its payload where it has one. Streams cannot be told. */
export type Message<Rpcs extends Rpc.Any> = {
  readonly [R in Rpcs as R["_tag"]]: [Rpc.SuccessChunk<R>] extends [never]
    ? [Rpc.PayloadConstructor<R>] extends [void] ? readonly [tag: R["_tag"]]
    : readonly [tag: R["_tag"], payload: Rpc.PayloadConstructor<R>]
    : never
}[Rpcs["_tag"]]

/** When the first tick is due; a time that has passed is due at once. */
export type Due =
  | { readonly after: Duration.DurationInput; readonly at?: never }
  /** A time, or ms since 1970-01-01 UTC. */
  | { readonly at: DateTime.DateTime | number; readonly after?: never }

/** Whether there are further ticks. */
export type Recurrence =
  | { readonly every?: never; readonly repeat?: never }
  | {
    /** From one tick to the next, at least a second. The times are those of the first: no drift. */
    readonly every: Duration.DurationInput
    /** How many ticks there are in all; several that became one count as one. Default: no bound. */
    readonly repeat?: number
  }

/** A reminder to be set. */
export type Options<Rpcs extends Rpc.Any> = Due & Recurrence & {
  /** Unique among the reminders of its actor. */
  readonly name: string
  readonly message: Message<Rpcs>
  /**
   * Counted from now: no tick is begun after it, and then the reminder is gone. A tick that was due
   * before and not handled is a dead letter (`expired`). Default: no bound.
   */
  readonly timeToLive?: Duration.DurationInput
  /** Replaces one of the same name; a tick of that which has begun goes on. Default: `false`. */
  readonly overwrite?: boolean
}

/** A reminder that is set. Its payload stays out: it may hold secrets. */
export interface Reminder {
  readonly id: number
  readonly address: ActorAddress
  readonly name: string
  readonly tag: string
  /** When its next tick is due, in ms since 1970-01-01 UTC. */
  readonly dueAt: number
  /** From one tick to the next, in ms; `undefined` where this is the only one. */
  readonly periodMillis: number | undefined
  readonly ticksLeft: number | undefined
  readonly expiresAt: number | undefined
  /** How often the tick at hand was attempted. */
  readonly attempts: number
}

/** Which reminders to list, in the order in which they were set. */
export interface ListOptions {
  /** Those of one actor; of all by default. */
  readonly address?: ActorAddress
  /** The `id` of the last one of the page before. */
  readonly after?: number
  /** At most `pageMax`, which is the default too. */
  readonly limit?: number
}

/** What a reminder cannot be set for. It is not set, unless the store says `outcome: "unknown"`. */
export type SetError = ReminderExists | StoreUnavailable | ValueTooLarge | ValueNotEncodable

/** Sets, cancels and lists reminders, and ticks those that are due. */
export interface RemindersService {
  /** Succeeds when the reminder is stored. Dies where the options make no sense. */
  readonly set: <Name extends string, Rpcs extends Rpc.Any>(
    actor: Actor<Name, Rpcs>,
    id: string,
    options: Options<Rpcs>
  ) => Effect.Effect<void, SetError>
  /** Whether there was one. A tick that has begun goes on, and is the last. */
  readonly cancel: (address: ActorAddress, name: string) => Effect.Effect<boolean, StoreUnavailable>
  readonly list: (
    options?: ListOptions
  ) => Effect.Effect<ReadonlyArray<Reminder>, StoreUnavailable>
}

/** The reminders of a system. */
export class Reminders extends Context.Tag("@plantd/actors/Reminders")<
  Reminders,
  RemindersService
>() {}

/** How ticks are delivered. */
export interface Settings {
  /** How often a tick is attempted before it goes into quarantine. */
  readonly maxAttempts: number
  /** How long one attempt waits for its answer; at most a day. */
  readonly attemptTimeout: Duration.DurationInput
  /** The delays between attempts. */
  readonly retryBackoff: Backoff.Backoff
  /** The most ticks under way at a time. */
  readonly ticksAtOnceMax: number
  /** After so long the store is looked at in any case: the wall clock may have been set. */
  readonly pollInterval: Duration.DurationInput
}

/** 5 attempts of 30 s, 1 s to 1 min apart; 64 ticks at a time; a look every 10 s. */
export const defaults: Settings = {
  maxAttempts: 5,
  attemptTimeout: "30 seconds",
  retryBackoff: { min: "1 second", max: "1 minute", factor: 2, jitter: 0.2 },
  ticksAtOnceMax: 64,
  pollInterval: "10 seconds"
}

/** The most reminders that `list` gives at a time. */
export const pageMax = 256

/** Sets a reminder for an actor: see `RemindersService`. */
export const set = <Name extends string, Rpcs extends Rpc.Any>(
  actor: Actor<Name, Rpcs>,
  id: string,
  options: Options<Rpcs>
): Effect.Effect<void, SetError, Reminders> =>
  Effect.flatMap(Reminders, (reminders) => reminders.set(actor, id, options))

/** Cancels a reminder; tells whether there was one. */
export const cancel = (
  address: ActorAddress,
  name: string
): Effect.Effect<boolean, StoreUnavailable, Reminders> =>
  Effect.flatMap(Reminders, (reminders) => reminders.cancel(address, name))

/** Lists reminders, a page at a time. */
export const list = (
  options?: ListOptions
): Effect.Effect<ReadonlyArray<Reminder>, StoreUnavailable, Reminders> =>
  Effect.flatMap(Reminders, (reminders) => reminders.list(options))

/** Reminders with these settings. They tick for as long as the layer lives. */
export const layerWith = (
  settings: Partial<Settings>
): Layer.Layer<Reminders, never, ActorSystem | ReminderStore> =>
  Layer.scoped(
    Reminders,
    Effect.gen(function*() {
      const { engine } = yield* ActorSystem
      const store = yield* ReminderStore
      const ticking = tickingOf({ ...defaults, ...settings })
      const changed = yield* runScheduler({ engine, store, ticking })
      return {
        set: (actor, id, options) =>
          reminderOf(actor, id, { options: options as AnyOptions, store }).pipe(
            Effect.flatMap((reminder) =>
              // Even where it failed: with an unknown outcome it may be stored, and due.
              Effect.ensuring(
                store.set(reminder, { overwrite: options.overwrite ?? false }),
                changed
              )
            )
          ),
        cancel: (address, name) => store.cancel({ address, name }),
        list: (options) => listed(store, options)
      }
    })
  )

/** Reminders with the default settings. They tick for as long as the layer lives. */
export const layer: Layer.Layer<Reminders, never, ActorSystem | ReminderStore> = Layer.suspend(
  () => layerWith({})
)

const tickingOf = (settings: Settings): Ticking => {
  const { attemptTimeout, maxAttempts, pollInterval, retryBackoff, ticksAtOnceMax } = settings
  const ticking = {
    maxAttempts,
    attemptTimeoutMillis: Duration.toMillis(attemptTimeout),
    retryBackoff,
    ticksAtOnceMax,
    pollMillis: Duration.toMillis(pollInterval)
  }
  checkCount("maxAttempts", maxAttempts)
  checkCount("ticksAtOnceMax", ticksAtOnceMax)
  const { attemptTimeoutMillis, pollMillis } = ticking
  const fits = (millis: number) => millis >= 1 && millis <= askTimeoutMillisMax
  if (!fits(attemptTimeoutMillis)) refuse(`attemptTimeout is ${attemptTimeoutMillis} ms`)
  if (!fits(pollMillis)) refuse(`pollInterval is ${pollMillis} ms`)
  return ticking
}

const listed = (
  store: ReminderStoreService,
  { address, after = 0, limit = pageMax }: ListOptions = {}
): Effect.Effect<ReadonlyArray<Reminder>, StoreUnavailable> =>
  Effect.map(
    store.list({ address, after, limit: Math.min(pageMax, Math.max(1, limit)) }),
    (rows) =>
      rows.flatMap((row) => {
        // On its way into quarantine.
        if ("reason" in row) return []
        const { payload: _, attemptAt: _at, refusals: _refusals, ...reminder } = row
        return [reminder]
      })
  )
