/**
 * The durable store on SQLite or PostgreSQL, through whichever `SqlClient` is provided. Writes of
 * all actors share transactions (group commit), and what is acknowledged is synced to disk. It is
 * written for PostgreSQL too, and not yet proven there: its tests run on SQLite.
 */
import type { SqlClient } from "@effect/sql/SqlClient"
import { Duration, Effect, Layer, type Scope } from "effect"
import type { SchemaTooNew, StoreUnavailable } from "./DurableError.ts"
import { DurableStore, type DurableStoreService, valueBytesMaxDefault } from "./DurableStore.ts"
import { durableMigrations } from "./internal/durable/durableSql.ts"
import { makeGroupCommit } from "./internal/durable/groupCommit.ts"
import { migrate } from "./internal/durable/migrations.ts"
import { checkBounds, openDatabase } from "./internal/durable/sqlDatabase.ts"
import { bytesOf, commitOf, keyOf, readsOf } from "./internal/durable/sqlStore.ts"

/** How a store writes. */
export interface Settings {
  /**
   * When a write is acknowledged.
   * - `full`: when it is on the disk: it survives a crash of the process, of the system, and a loss
   *   of power.
   * - `normal`: when the system has it: it survives a crash of the process (kill -9), but a loss of
   *   power, or a crash of the system, may lose the acknowledged writes of the last moments. They
   *   are lost from the end, in order; nothing is torn.
   *
   * Stores that share a `SqlClient` of SQLite share its connection, and with it this setting: one
   * that contradicts those that are open fails to open.
   */
  readonly synchronous: "full" | "normal"
  /** The most writes in one transaction. */
  readonly batchMax: number
  /** The most bytes of JSON in one transaction, unless one write alone has more. */
  readonly batchBytesMax: number
  /** The most writes that wait for a transaction; who writes beyond it waits for room. */
  readonly writesQueuedMax: number
  /** After so long a write that was not acknowledged fails, and a read that was not answered. */
  readonly writeTimeout: Duration.DurationInput
  /**
   * How long SQLite itself waits for another connection's lock. The event loop stands still for so
   * long; after it the write is tried again, with pauses, until `writeTimeout`.
   */
  readonly lockWait: Duration.DurationInput
  /** The most bytes of JSON that one write may have. */
  readonly valueBytesMax: number
}

/** Synced; 512 writes or 16 MiB per transaction, 4,096 waiting, 5 s; 5 ms of lock wait; 1 MiB. */
export const defaults: Settings = {
  synchronous: "full",
  batchMax: 512,
  batchBytesMax: 16_777_216,
  writesQueuedMax: 4_096,
  writeTimeout: "5 seconds",
  lockWait: "5 millis",
  valueBytesMax: valueBytesMaxDefault
}

/** A store with these settings, on the database of the `SqlClient`; its tables are made. */
export const make = (
  options: Partial<Settings> = {}
): Effect.Effect<
  DurableStoreService,
  SchemaTooNew | StoreUnavailable,
  SqlClient | Scope.Scope
> =>
  Effect.gen(function*() {
    const settings = { ...defaults, ...options }
    checkBounds("SqlDurableStore", settings)
    const database = yield* openDatabase(settings)
    yield* migrate(durableMigrations)
    const reads = readsOf(database)
    const submit = yield* makeGroupCommit(
      { keyOf, bytesOf, commit: commitOf(database) },
      { ...settings, writeTimeoutMillis: Duration.toMillis(settings.writeTimeout) }
    )
    return {
      ...reads,
      valueBytesMax: settings.valueBytesMax,
      claim: (request) => submit({ _tag: "Claim", request }) as never,
      write: (request) => submit({ _tag: "Write", request }) as never,
      saveSnapshot: (request) => submit({ _tag: "Snapshot", request }) as never
    }
  })

/** A store with these settings. */
export const layerWith = (
  settings: Partial<Settings>
): Layer.Layer<DurableStore, SchemaTooNew | StoreUnavailable, SqlClient> =>
  Layer.scoped(DurableStore, make(settings))

/** A store with the default settings: acknowledged means synced. */
export const layer: Layer.Layer<DurableStore, SchemaTooNew | StoreUnavailable, SqlClient> = Layer
  .suspend(() => layerWith({}))
