/**
 * The port to what outlives a crash: fenced, revisioned entities of actors, their events and
 * snapshots, as JSON text. `DurableState` and `EventSourced` stand on it; `SqlDurableStore` is it
 * on SQLite and PostgreSQL.
 */
import type { Fence } from "@plantd/core"
import { Context, type Effect, Layer } from "effect"
import type { ActorAddress } from "./ActorAddress.ts"
import type { CorruptRow, RevisionConflict, StoreUnavailable, Superseded } from "./DurableError.ts"
import { makeMemoryStore } from "./internal/durable/memoryStore.ts"

/** Which entity: an actor may have several, by name. */
export interface Entity {
  readonly address: ActorAddress
  readonly name: string
}

/** What an entity is: one value, or a journal of events. It stays what it was first opened as. */
export type Kind = "state" | "journal"

/** Takes an entity over from whoever had it. */
export interface ClaimRequest {
  readonly entity: Entity
  readonly kind: Kind
  /** The fence to hold it by, at least the stored one; where absent, the stored one plus 1. */
  readonly fence: Fence.Fence | undefined
}

/** An entity as it is stored. */
export interface Stored {
  readonly fence: Fence.Fence
  /** How often a state was written, or how many events a journal has; 0 in the beginning. */
  readonly revision: number
  /** The value of a state; `undefined` until it is first written, and for a journal. */
  readonly value: string | undefined
}

/** Writes what is next after revision `expected`: a value, or events. All of it or nothing. */
export interface WriteRequest {
  readonly entity: Entity
  readonly fence: Fence.Fence
  readonly expected: number
  /** The new value of a state, which is then at `expected + 1`. */
  readonly value: string | undefined
  /** The new events of a journal, numbered from `expected + 1`. */
  readonly events: ReadonlyArray<string>
}

/** Keeps the state after an event, to spare the replay of what led to it. */
export interface SnapshotRequest {
  readonly entity: Entity
  readonly fence: Fence.Fence
  /** The number of the last event that the state has seen. */
  readonly sequence: number
  readonly state: string
}

/** One event of a journal. */
export interface StoredEvent {
  readonly sequence: number
  readonly event: string
}

/** The newest snapshot of a journal. */
export interface StoredSnapshot {
  readonly sequence: number
  readonly state: string
}

/**
 * A store. What it acknowledges is durable by its standard, and stays so; what it fails with
 * `not-written` never was written.
 */
export interface DurableStoreService {
  /** The most bytes of JSON that one write may have. */
  readonly valueBytesMax: number
  /** From then on writes with an older fence fail with `Superseded`. */
  readonly claim: (
    request: ClaimRequest
  ) => Effect.Effect<Stored, Superseded | CorruptRow | StoreUnavailable>
  readonly write: (
    request: WriteRequest
  ) => Effect.Effect<void, Superseded | RevisionConflict | CorruptRow | StoreUnavailable>
  /** What is stored now; `undefined` where the entity was never claimed. */
  readonly read: (
    entity: Entity
  ) => Effect.Effect<Stored | undefined, CorruptRow | StoreUnavailable>
  /** Events after a sequence number in their order, at most `limit`. */
  readonly events: (
    entity: Entity,
    range: { readonly after: number; readonly limit: number }
  ) => Effect.Effect<ReadonlyArray<StoredEvent>, StoreUnavailable>
  readonly snapshot: (
    entity: Entity
  ) => Effect.Effect<StoredSnapshot | undefined, StoreUnavailable>
  /** Keeps the newest alone. One with an older fence, or an older sequence, is passed over. */
  readonly saveSnapshot: (
    request: SnapshotRequest
  ) => Effect.Effect<void, StoreUnavailable>
}

/** The most bytes of JSON that one write may have, when nothing else is said: 1 MiB. */
export const valueBytesMaxDefault = 1_048_576

/** Where durable state is kept. */
export class DurableStore extends Context.Tag("@plantd/actors/DurableStore")<
  DurableStore,
  DurableStoreService
>() {
  /** In the memory of this process, for tests and simulations: it outlives actors, no more. */
  static readonly layerMemory: Layer.Layer<DurableStore> = Layer.sync(
    DurableStore,
    () => makeMemoryStore(valueBytesMaxDefault)
  )
}
