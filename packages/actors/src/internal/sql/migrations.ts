/** Brings the tables of a feature to the schema that this version knows, and refuses newer ones. */
import * as Migrator from "@effect/sql/Migrator"
import { SqlClient } from "@effect/sql/SqlClient"
import { SqlError } from "@effect/sql/SqlError"
import { Cause, type Duration, Effect, Schedule } from "effect"
import { SchemaTooNew, StoreUnavailable } from "../../DurableError.ts"
import { unavailable } from "./transaction.ts"

/** The migrations of one feature, and the table that says which were run. */
export interface Migrations {
  readonly table: string
  /** By `<number>_<name>`; a migration that was released is never changed. */
  readonly steps: Readonly<Record<string, Effect.Effect<void, unknown, SqlClient>>>
}

/** How often it is tried again while other processes migrate the same database. */
const attemptsMax = 50

/** How long it waits in between. */
const attemptDelay: Duration.DurationInput = "100 millis"

const sqliteTypes = { BIGINT: "INTEGER", IDENTITY: "INTEGER PRIMARY KEY AUTOINCREMENT" } as const

const otherTypes = {
  BIGINT: "BIGINT",
  IDENTITY: "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY"
} as const

/** Columns with the types of a database in place of `BIGINT` and `IDENTITY`. */
const typed = (columns: string, types: typeof sqliteTypes | typeof otherTypes): string =>
  columns.replaceAll(/BIGINT|IDENTITY/g, (type) => types[type as keyof typeof types])

/**
 * Makes a table. `BIGINT` and `IDENTITY` are the types of either database; an identity is never
 * given twice, not even after a row was deleted. SQLite holds to the types of columns only where it
 * is told.
 */
export const createTable = (name: string, columns: string) =>
  Effect.flatMap(SqlClient, (sql) =>
    sql.unsafe(sql.onDialectOrElse({
      sqlite: () => `CREATE TABLE ${name} (${typed(columns, sqliteTypes)}) STRICT`,
      orElse: () => `CREATE TABLE ${name} (${typed(columns, otherTypes)})`
    })))

/** Adds a column, with the types of `createTable`. */
export const addColumn = (table: string, column: string) =>
  Effect.flatMap(SqlClient, (sql) => {
    const types = sql.onDialectOrElse({ sqlite: () => sqliteTypes, orElse: () => otherTypes })
    return sql.unsafe(`ALTER TABLE ${table} ADD COLUMN ${typed(column, types)}`)
  })

/** Makes an index on columns of a table; with `where`, of those rows alone. */
export const createIndex = (table: string, columns: string, where?: string) =>
  Effect.flatMap(SqlClient, (sql) => {
    const name = `${table}_${columns}${where === undefined ? "" : `_${where}`}`
    const rows = where === undefined ? "" : ` WHERE ${where}`
    return sql.unsafe(
      `CREATE INDEX ${name.replaceAll(/\W+/g, "_")} ON ${table} (${columns})${rows}`
    )
  })

/** Runs what is missing. Several processes may do so at once on one database. */
export const migrate = (
  migrations: Migrations
): Effect.Effect<void, SchemaTooNew | StoreUnavailable, SqlClient> =>
  Effect.gen(function*() {
    const known = Math.max(...Object.keys(migrations.steps).map((name) => Number.parseInt(name)))
    yield* run(migrations)
    const stored = yield* latest(migrations.table)
    if (stored > known) {
      return yield* new SchemaTooNew({ table: migrations.table, known, stored })
    }
    // The migrator takes it for done when another process is at it.
    if (stored < known) return yield* unfinished
  }).pipe(
    Effect.retry({
      while: (error) => error._tag === "StoreUnavailable" && isRace(error),
      schedule: Schedule.intersect(Schedule.spaced(attemptDelay), Schedule.recurs(attemptsMax))
    })
  )

const unfinished = new StoreUnavailable({
  reason: "locked",
  outcome: "not-written",
  detail: "another process migrates it"
})

/** Locks, and what PostgreSQL says to the later of two that create the same. */
const isRace = ({ detail, reason }: StoreUnavailable): boolean =>
  reason === "locked" || /^(23505|42P07|42710)/.test(detail)

const run = ({ steps, table }: Migrations) =>
  Migrator.make({})({ loader: Migrator.fromRecord({ ...steps }), table }).pipe(
    // A step that fails is a defect to the migrator, with the database's error somewhere within.
    Effect.catchAllCause((cause) =>
      Cause.isInterruptedOnly(cause) ? Effect.interrupt : failed(Cause.squash(cause))
    )
  )

const latest = (table: string): Effect.Effect<number, StoreUnavailable, SqlClient> =>
  Effect.gen(function*() {
    const sql = yield* SqlClient
    const rows = yield* sql`SELECT max(migration_id) AS latest FROM ${sql.literal(table)}`
      .withoutTransform
    return Number((rows[0] as { readonly latest?: unknown } | undefined)?.latest ?? 0)
  }).pipe(Effect.catchAll(failed))

const failed = (error: unknown): StoreUnavailable => {
  let inner = error
  while (inner instanceof Error) {
    if (inner instanceof SqlError) return unavailable(inner, "not-written")
    inner = inner.cause
  }
  return new StoreUnavailable({ reason: "failed", outcome: "not-written", detail: String(error) })
}
