/**
 * The port to stored reminders: what is to be told to whom, and when. `SqlReminderStore` is it on
 * SQLite and PostgreSQL. A tick that is given up moves to the quarantine in the same step.
 */
import { Context, type Effect, Layer } from "effect"
import type { ActorAddress } from "./ActorAddress.ts"
import type { StoreUnavailable } from "./DurableError.ts"
import { valueBytesMaxDefault } from "./DurableStore.ts"
import { makeMemoryReminders } from "./internal/reminders/memoryReminders.ts"
import { type NewEntry, QuarantineStore } from "./QuarantineStore.ts"
import type { ReminderExists } from "./ReminderError.ts"

/** What identifies a reminder; all times are in ms since 1970-01-01 UTC. */
export interface Key {
  readonly address: ActorAddress
  readonly name: string
}

/** What is told, and when: as it was set. */
export interface NewReminder extends Key {
  readonly tag: string
  /** The encoded payload as JSON text. */
  readonly payload: string
  readonly dueAt: number
  /** From one tick to the next, in ms; `undefined` where there is only one. */
  readonly periodMillis: number | undefined
  /** How many ticks there will be still, the one at hand included. */
  readonly ticksLeft: number | undefined
  /** No tick is begun from then on. */
  readonly expiresAt: number | undefined
}

/** How far a reminder has come. */
export interface Progress {
  /** When the tick at hand is due: the oldest that it stands for. */
  readonly dueAt: number
  readonly ticksLeft: number | undefined
  /** How often the tick at hand was begun, apart from attempts that provably reached nobody. */
  readonly attempts: number
  /** How often in a row it reached nobody. */
  readonly refusals: number
  /** When it is to be attempted next. */
  readonly attemptAt: number
}

/** A reminder as it is stored. To set one anew gives it another `id`. */
export interface StoredReminder extends NewReminder, Progress {
  readonly id: number
}

/** A row that cannot be what was written. */
export interface UnreadableReminder extends Key {
  readonly id: number
  readonly tag: string
  readonly payload: string
  readonly reason: string
}

/** What becomes of a reminder. */
export interface Settlement {
  /** `undefined` where it is over. */
  readonly next: Progress | undefined
  /** The tick that is given up, if it is. */
  readonly quarantined: NewEntry | undefined
}

/** Which reminders to list, in the order in which they were set. */
export interface Page {
  readonly address: ActorAddress | undefined
  /** The `id` of the last one of the page before; 0 for the first page. */
  readonly after: number
  readonly limit: number
}

/** A store of reminders. What it acknowledges is durable by its standard. */
export interface ReminderStoreService {
  /** The most bytes of JSON that a payload may have. */
  readonly valueBytesMax: number
  /** Puts a reminder down; one of the same name is replaced, or the reason to fail. */
  readonly set: (
    reminder: NewReminder,
    options: { readonly overwrite: boolean }
  ) => Effect.Effect<void, ReminderExists | StoreUnavailable>
  /** Whether there was one. */
  readonly cancel: (key: Key) => Effect.Effect<boolean, StoreUnavailable>
  readonly list: (
    page: Page
  ) => Effect.Effect<ReadonlyArray<StoredReminder | UnreadableReminder>, StoreUnavailable>
  /** Those to be attempted first, by `attemptAt`, then as they were set. */
  readonly earliest: (
    limit: number
  ) => Effect.Effect<ReadonlyArray<StoredReminder | UnreadableReminder>, StoreUnavailable>
  /** Counts an attempt before it is made. `false`: it is not as it was read, and is left alone. */
  readonly begin: (reminder: StoredReminder) => Effect.Effect<boolean, StoreUnavailable>
  /** All of a settlement or nothing. `false`: it is not as it was read, and is left alone. */
  readonly settle: (
    reminder: StoredReminder,
    settlement: Settlement
  ) => Effect.Effect<boolean, StoreUnavailable>
  /** Moves a row that cannot be read to the quarantine. */
  readonly expel: (
    reminder: UnreadableReminder,
    entry: NewEntry
  ) => Effect.Effect<boolean, StoreUnavailable>
}

/** Where reminders are kept. */
export class ReminderStore extends Context.Tag("@plantd/actors/ReminderStore")<
  ReminderStore,
  ReminderStoreService
>() {
  /** In the memory of this process, for tests and simulations: it outlives actors, no more. */
  static readonly layerMemory: Layer.Layer<ReminderStore | QuarantineStore> = Layer.suspend(() => {
    const { quarantine, reminders } = makeMemoryReminders(valueBytesMaxDefault)
    return Layer.merge(
      Layer.succeed(ReminderStore, reminders),
      Layer.succeed(QuarantineStore, quarantine)
    )
  })
}
