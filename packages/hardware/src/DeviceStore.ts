/**
 * The port to what a device actor must not forget: its fence, the journal of its commands, its
 * alarms, who operates it, and whether it was taken out of service. `SqlDeviceStore` is it on
 * SQLite and PostgreSQL. What it acknowledges is durable by its standard.
 */
import type { ActorAddress, DurableError } from "@plantd/actors"
import type { Fence } from "@plantd/core"
import { Context, type Effect, Layer } from "effect"
import type { CommandRecord, Intent, Page, Retention, Settlement } from "./CommandJournal.ts"
import { makeMemoryStore } from "./internal/memoryDeviceStore.ts"

/** Who writes: a device actor by its address, and the fence that it claimed. */
export interface Holder {
  readonly device: ActorAddress.ActorAddress
  readonly fence: Fence.Fence
}

/** An alarm as it is stored: its name, and its state as JSON text. */
export interface StoredAlarm {
  readonly alarm: string
  readonly value: string
}

/** Who operates a device until when, in milliseconds since 1970-01-01 UTC. */
export interface StoredLease {
  readonly session: string
  readonly expiresAt: number
}

/** Why a device was taken out of service, by whom and when (ms since 1970-01-01 UTC). */
export interface OutOfService {
  readonly by: string
  readonly reason: string
  readonly at: number
}

/** What is stored of a device when its actor claims it. */
export interface Claimed {
  /** One more than the last one, or the one asked for. */
  readonly fence: Fence.Fence
  readonly lease: StoredLease | undefined
  readonly outOfService: OutOfService | undefined
  /** In any order. */
  readonly alarms: ReadonlyArray<StoredAlarm>
  /** Commands whose outcome is not settled, the oldest first. */
  readonly unsettled: ReadonlyArray<CommandRecord>
}

/** Why a write was not taken, or may not have been. */
export type WriteError = DurableError.Superseded | DurableError.StoreUnavailable

/** Why something could not be read. */
export type ReadError = DurableError.StoreUnavailable | DurableError.CorruptRow

/** A store of devices. A writer with a lower fence than the stored one writes nothing. */
export interface DeviceStoreService {
  /**
   * Takes a device over from whoever had it; from then on writes by lower fences fail with
   * `Superseded`. With `fence` it is held by that one, which must not be below the stored one.
   */
  readonly claim: (
    device: ActorAddress.ActorAddress,
    options: { readonly fence: Fence.Fence | undefined }
  ) => Effect.Effect<Claimed, WriteError | DurableError.CorruptRow>
  /**
   * Stores an intent: its command may be sent once this has succeeded with `undefined`. Where the
   * id is there already nothing is written, and what is stored is given. Arguments beyond
   * `valueBytesMax` are refused with `ValueTooLarge`: nothing was written, nothing may be sent.
   */
  readonly intend: (
    holder: Holder,
    intent: Intent
  ) => Effect.Effect<
    CommandRecord | undefined,
    WriteError | DurableError.CorruptRow | DurableError.ValueTooLarge
  >
  /** Notes that the transport has taken a command. Need not be synced by itself. */
  readonly sent: (
    holder: Holder,
    command: { readonly commandId: string; readonly sentAt: number }
  ) => Effect.Effect<void, WriteError>
  /**
   * Stores what became of a command; of a settled one nothing is changed. A result beyond
   * `valueBytesMax` is left out and a long detail cut, so that no outcome is lost for its length.
   */
  readonly settle: (
    holder: Holder,
    commandId: string,
    settlement: Settlement
  ) => Effect.Effect<void, WriteError>
  /** What is stored of a command; `undefined` where it was never sent, or is forgotten. */
  readonly find: (
    device: ActorAddress.ActorAddress,
    commandId: string
  ) => Effect.Effect<CommandRecord | undefined, ReadError>
  /** The newest commands, the one intended last first; at most `pageMax` of them. */
  readonly history: (
    device: ActorAddress.ActorAddress,
    page: Page
  ) => Effect.Effect<ReadonlyArray<CommandRecord>, ReadError>
  /**
   * Deletes finished commands that need not be kept, in bounded steps, and says how many. One that
   * fails may have taken some of them.
   */
  readonly forget: (
    holder: Holder,
    retention: Retention
  ) => Effect.Effect<number, WriteError>
  readonly saveAlarms: (
    holder: Holder,
    alarms: ReadonlyArray<StoredAlarm>
  ) => Effect.Effect<void, WriteError>
  readonly saveLease: (
    holder: Holder,
    lease: StoredLease | undefined
  ) => Effect.Effect<void, WriteError>
  readonly saveOutOfService: (
    holder: Holder,
    outOfService: OutOfService | undefined
  ) => Effect.Effect<void, WriteError>
}

/** Where device actors keep what they must not forget. */
export class DeviceStore extends Context.Tag("@plantd/hardware/DeviceStore")<
  DeviceStore,
  DeviceStoreService
>() {
  /**
   * In the memory of this process, for tests and simulations: it outlives actors, no more. Its
   * fences begin anew with each process, so a device process that keeps fences refuses the next.
   */
  static readonly layerMemory: Layer.Layer<DeviceStore> = Layer.sync(
    DeviceStore,
    () => makeMemoryStore()
  )
}
