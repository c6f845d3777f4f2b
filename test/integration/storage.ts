/** The database of a test: a file of SQLite, or a PostgreSQL server by its address. */
import { PgClient } from "@effect/sql-pg"
import { SqliteClient } from "@effect/sql-sqlite-node"
import type { SqlClient } from "@effect/sql/SqlClient"
import { Layer, Redacted } from "effect"

/** Whether a storage is the address of a PostgreSQL server. */
export const isPostgres = (storage: string): boolean => storage.startsWith("postgres://")

/** A client of a database: `postgres://…`, or the name of a file. */
export const clientOf = (storage: string): Layer.Layer<SqlClient> =>
  isPostgres(storage)
    ? Layer.orDie(PgClient.layer({ url: Redacted.make(storage) }))
    : Layer.orDie(SqliteClient.layer({ filename: storage }))
