/** What a client of a device offers beside its attributes and commands: journal, lease, service. */
import type { ActorError, DurableError } from "@plantd/actors"
import type { Duration, Effect, Stream } from "effect"
import type { CommandStatus } from "./CommandStatus.ts"
import type { CommandNotOpen, JournalError, LeaseHeld, StoreError } from "./DeviceError.ts"
import type * as DeviceLifecycle from "./DeviceLifecycle.ts"
import type * as OperatorLease from "./OperatorLease.ts"

/** How a call can fail: as the device says, or as every ask can. */
export type Failure<E> = E | ActorError.AskError

/** What became of the commands of one device. */
export interface Journal {
  /** Where a command stands; fails with `CommandNotFound` where it provably was never sent. */
  readonly outcome: (commandId: string) => Effect.Effect<CommandStatus, Failure<JournalError>>
  /** The newest commands, the newest first; 100 where nothing is said. */
  readonly history: (
    page?: { readonly limit?: number; readonly before?: string }
  ) => Effect.Effect<
    ReadonlyArray<CommandStatus>,
    Failure<DurableError.StoreUnavailable | DurableError.CorruptRow>
  >
  /** Commands under way and of unknown outcome, then every change; the slow miss the oldest. */
  readonly changes: Stream.Stream<CommandStatus, ActorError.AskError>
  /** A person says what became of a command whose outcome is unknown. */
  readonly resolve: (given: {
    readonly commandId: string
    readonly outcome: "succeeded" | "failed"
    readonly by: string
    readonly note?: string
  }) => Effect.Effect<CommandStatus, Failure<JournalError | CommandNotOpen>>
  /** Takes a command out of the queue where it waits still, and says where it stands. */
  readonly cancel: (commandId: string) => Effect.Effect<CommandStatus, Failure<JournalError>>
}

/** Who operates one device. */
export interface Ownership {
  /** Takes the device for a session, or renews its lease; `ttl` is 100 ms to an hour. */
  readonly acquire: (wanted: {
    readonly session: string
    readonly ttl: Duration.DurationInput
  }) => Effect.Effect<OperatorLease.Lease, Failure<LeaseHeld | StoreError>>
  /** Gives it back; that of another session is left alone. */
  readonly release: (given: {
    readonly session: string
  }) => Effect.Effect<void, Failure<StoreError>>
  readonly holder: Effect.Effect<OperatorLease.Lease | undefined, ActorError.AskError>
}

/** Whether one device is in service. */
export interface Service {
  readonly state: Effect.Effect<DeviceLifecycle.Lifecycle, ActorError.AskError>
  /** Takes it out of service, and keeps it so through restarts. */
  readonly deactivate: (given: {
    readonly by: string
    readonly reason?: string
  }) => Effect.Effect<DeviceLifecycle.Lifecycle, Failure<StoreError>>
  readonly activate: (given: {
    readonly by: string
  }) => Effect.Effect<DeviceLifecycle.Lifecycle, Failure<StoreError>>
}
