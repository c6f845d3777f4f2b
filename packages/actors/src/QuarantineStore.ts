/** The port to messages that were given up: kept with their cause until a person has seen them. */
import { Context, type Effect } from "effect"
import type { ActorAddress } from "./ActorAddress.ts"
import type { StoreUnavailable } from "./DurableError.ts"

/** A message that is given up. */
export interface NewEntry {
  /** What delivered it: `reminder`, or `message` where it is a durable one. */
  readonly origin: string
  readonly address: ActorAddress
  /** Its name at its origin: that of the reminder, or the id of the message. */
  readonly name: string
  readonly tag: string
  /** The encoded payload as JSON text: it may hold secrets. */
  readonly payload: string
  /** How often it was attempted. */
  readonly attempts: number
  /** Why it was given up, as text. */
  readonly cause: string
  /** When, in ms since 1970-01-01 UTC. */
  readonly at: number
}

/** A message as it is kept. The same message of the same origin has one entry: its last cause. */
export interface Entry extends NewEntry {
  readonly id: number
  /** How often the same message was given up. */
  readonly times: number
  /** When it was given up for the first time, in ms since 1970-01-01 UTC. */
  readonly firstAt: number
}

/** Which entries to list, in the order in which they came. */
export interface Page {
  readonly address: ActorAddress | undefined
  /** The `id` of the last one of the page before; 0 for the first page. */
  readonly after: number
  readonly limit: number
}

/** A store of entries. */
export interface QuarantineStoreService {
  /** Puts a message down that is given up. */
  readonly add: (entry: NewEntry) => Effect.Effect<void, StoreUnavailable>
  readonly list: (page: Page) => Effect.Effect<ReadonlyArray<Entry>, StoreUnavailable>
  readonly read: (id: number) => Effect.Effect<Entry | undefined, StoreUnavailable>
  /** Writes down one more attempt, its cause and its time. */
  readonly attempted: (
    id: number,
    attempt: { readonly cause: string; readonly at: number }
  ) => Effect.Effect<void, StoreUnavailable>
  /** Whether there was one. */
  readonly remove: (id: number) => Effect.Effect<boolean, StoreUnavailable>
}

/** Where messages are kept that were given up. */
export class QuarantineStore extends Context.Tag("@plantd/actors/QuarantineStore")<
  QuarantineStore,
  QuarantineStoreService
>() {}
