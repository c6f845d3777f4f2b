/** Brings the tables of a feature to the schema that this version knows, and refuses newer ones. */
import * as Migrator from "@effect/sql/Migrator"
import { SqlClient } from "@effect/sql/SqlClient"
import { Cause, Duration, Effect, Schedule } from "effect"
import { SchemaTooNew, StoreUnavailable } from "../DurableError.ts"
import { tables } from "./durableSql.ts"

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
    // Another process runs them: `run` takes that for done.
    if (stored < known) return yield* failed("its migrations are not finished")
  }).pipe(
    Effect.retry({
      while: ({ _tag }) => _tag === "StoreUnavailable",
      schedule: Schedule.intersect(Schedule.spaced(attemptDelay), Schedule.recurs(attemptsMax))
    })
  )

const run = ({ steps, table }: Migrations) =>
  Migrator.make({})({ loader: Migrator.fromRecord({ ...steps }), table }).pipe(
    // A step that fails is a defect to the migrator.
    Effect.catchAllCause((cause) =>
      Cause.isInterruptedOnly(cause) ? Effect.interrupt : failed(Cause.pretty(cause))
    )
  )

const latest = (table: string): Effect.Effect<number, StoreUnavailable, SqlClient> =>
  Effect.gen(function*() {
    const sql = yield* SqlClient
    const rows = yield* sql`SELECT max(migration_id) AS latest FROM ${sql.literal(table)}`
      .withoutTransform
    return Number((rows[0] as { readonly latest?: unknown } | undefined)?.latest ?? 0)
  }).pipe(Effect.catchAll((error) => failed(String(error.cause ?? error))))

const failed = (detail: string) =>
  new StoreUnavailable({ reason: "failed", outcome: "not-written", detail })

const key = "actor_type TEXT NOT NULL, actor_id TEXT NOT NULL, name TEXT NOT NULL"

/** SQLite holds to the types of columns only where it is told to. */
const createTable = (name: string, columns: string) =>
  Effect.flatMap(SqlClient, (sql) => {
    const [integer, options] = sql.onDialectOrElse({
      sqlite: () => ["INTEGER", " STRICT"],
      orElse: () => ["BIGINT", ""]
    })
    const text = columns.replaceAll("BIGINT", integer ?? "BIGINT")
    return sql.unsafe(`CREATE TABLE ${name} (${key}, ${text})${options}`)
  })

/** The tables of durable state. */
export const durableMigrations: Migrations = {
  table: "plantd_actor_migrations",
  steps: {
    "1_entities": Effect.all([
      createTable(
        tables.entities,
        "kind TEXT NOT NULL, fence BIGINT NOT NULL, revision BIGINT NOT NULL, value TEXT,"
          + " PRIMARY KEY (actor_type, actor_id, name)"
      ),
      createTable(
        tables.events,
        "sequence BIGINT NOT NULL, event TEXT NOT NULL,"
          + " PRIMARY KEY (actor_type, actor_id, name, sequence)"
      ),
      createTable(
        tables.snapshots,
        "sequence BIGINT NOT NULL, state TEXT NOT NULL,"
          + " PRIMARY KEY (actor_type, actor_id, name)"
      )
    ], { discard: true })
  }
}
