/**
 * Remembered actors on SQLite or PostgreSQL, through whichever `SqlClient` is provided. What it is
 * told survives kill -9; it is not synced, since who it names is started by its next message too.
 */
import type { SqlClient } from "@effect/sql/SqlClient"
import { Effect, Exit, Layer } from "effect"
import type { SchemaTooNew, StoreUnavailable } from "./DurableError.ts"
import { RememberedStore, type RememberedStoreService } from "./RememberedStore.ts"
import * as SqlStorage from "./SqlStorage.ts"

const table = "plantd_actor_remembered"

const migrations: SqlStorage.Migrations = {
  table: "plantd_remembered_migrations",
  steps: {
    "1_remembered": SqlStorage.createTable(
      table,
      "actor_type TEXT NOT NULL, actor_id TEXT NOT NULL, owner TEXT NOT NULL,"
        + " PRIMARY KEY (actor_type, actor_id)"
    )
  }
}

const statementsOf = ({ parameter: p }: SqlStorage.Dialect) => ({
  remember: `INSERT INTO ${table} (actor_type, actor_id, owner) VALUES (${p(1)}, ${p(2)}, ${p(3)})`
    + " ON CONFLICT (actor_type, actor_id) DO UPDATE SET owner = excluded.owner",
  forget: `DELETE FROM ${table} WHERE actor_type = ${p(1)} AND actor_id = ${p(2)}`
    + ` AND owner = ${p(3)}`,
  first: `SELECT actor_type, actor_id FROM ${table} ORDER BY actor_type, actor_id LIMIT ${p(1)}`,
  after: `SELECT actor_type, actor_id FROM ${table} WHERE (actor_type, actor_id) >`
    + ` (${p(1)}, ${p(2)}) ORDER BY actor_type, actor_id LIMIT ${p(3)}`
})

const storeOn = (storage: SqlStorage.Storage): RememberedStoreService => {
  const statements = statementsOf(storage.dialect)
  return {
    change: ({ forgotten, owner, remembered }) =>
      storage.write<void, never>({
        bytes: 0,
        synced: false,
        run: (connection) =>
          Effect.gen(function*() {
            for (const { id, type } of remembered) {
              yield* SqlStorage.execute(connection, statements.remember, [type, id, owner])
            }
            for (const { id, type } of forgotten) {
              yield* SqlStorage.execute(connection, statements.forget, [type, id, owner])
            }
            return Exit.void
          })
      }),
    list: (after, limit) =>
      Effect.map(
        after === undefined
          ? storage.read(statements.first, [limit])
          : storage.read(statements.after, [after.type, after.id, limit]),
        (rows) =>
          rows.map((row) => ({ type: String(row["actor_type"]), id: String(row["actor_id"]) }))
      )
  }
}

/** A store with these settings: those of `SqlDurableStore`. Its table is made. */
export const layerWith = (
  settings: Partial<SqlStorage.Settings>
): Layer.Layer<RememberedStore, SchemaTooNew | StoreUnavailable, SqlClient> =>
  Layer.scoped(
    RememberedStore,
    Effect.map(SqlStorage.open({ name: "SqlRememberedStore", migrations, settings }), storeOn)
  )

/** A store with the default settings. */
export const layer: Layer.Layer<RememberedStore, SchemaTooNew | StoreUnavailable, SqlClient> = Layer
  .suspend(() => layerWith({}))
