/**
 * The durable store on SQLite or PostgreSQL, through whichever `SqlClient` is provided. Writes of
 * all actors share transactions (group commit), and what is acknowledged is synced to disk. The
 * same tests show its promises on both.
 */
import type { SqlClient } from "@effect/sql/SqlClient"
import { Effect, Layer, type Scope } from "effect"
import type { SchemaTooNew, StoreUnavailable } from "./DurableError.ts"
import { DurableStore, type DurableStoreService } from "./DurableStore.ts"
import { durableMigrations } from "./internal/durable/durableSql.ts"
import { bytesOf, commitOf, keyOf, readsOf } from "./internal/durable/sqlStore.ts"
import { boundsOf, checkBounds, openDatabase } from "./internal/sql/database.ts"
import { makeGroupCommit } from "./internal/sql/groupCommit.ts"
import { migrate } from "./internal/sql/migrations.ts"
import * as SqlStorage from "./SqlStorage.ts"

/** How a store writes. */
export type Settings = SqlStorage.Settings

/** Synced; the others as `SqlStorage.defaults` has them. */
export const defaults: Settings = SqlStorage.defaults

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
      boundsOf(settings)
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
