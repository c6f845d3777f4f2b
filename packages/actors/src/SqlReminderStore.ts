/**
 * Reminders and the quarantine on SQLite or PostgreSQL, through whichever `SqlClient` is provided:
 * the one of `SqlDurableStore`, or another. Acknowledged means synced, as it does there. They
 * are written for PostgreSQL too, and not yet proven there: their tests run on SQLite.
 */
import type { SqlClient } from "@effect/sql/SqlClient"
import { Context, Duration, Effect, Layer } from "effect"
import type { SchemaTooNew, StoreUnavailable } from "./DurableError.ts"
import { makeGroupCommit } from "./internal/durable/groupCommit.ts"
import { migrate } from "./internal/durable/migrations.ts"
import { reminderMigrations, reminderStatementsOf } from "./internal/reminders/reminderSql.ts"
import { checkBounds, openDatabase } from "./internal/durable/sqlDatabase.ts"
import { commitOf, type Op, quarantineOf, remindersOf } from "./internal/reminders/sqlReminders.ts"
import { QuarantineStore } from "./QuarantineStore.ts"
import { ReminderStore } from "./ReminderStore.ts"
import { defaults, type Settings } from "./SqlDurableStore.ts"

/** Stores with these settings: those of `SqlDurableStore`. Their tables are made. */
export const layerWith = (
  options: Partial<Settings>
): Layer.Layer<ReminderStore | QuarantineStore, SchemaTooNew | StoreUnavailable, SqlClient> =>
  Layer.scopedContext(
    Effect.gen(function*() {
      const settings = { ...defaults, ...options }
      checkBounds("SqlReminderStore", settings)
      const database = yield* openDatabase(settings)
      yield* migrate(reminderMigrations)
      const submit = yield* makeGroupCommit(
        {
          keyOf: ({ key }: Op) => key,
          bytesOf: ({ bytes }: Op) => bytes,
          commit: commitOf(database)
        },
        { ...settings, writeTimeoutMillis: Duration.toMillis(settings.writeTimeout) }
      )
      const statements = reminderStatementsOf(database.dialect)
      const { valueBytesMax } = settings
      const foundation = { database, statements, submit, valueBytesMax }
      return Context.make(ReminderStore, remindersOf(foundation)).pipe(
        Context.add(QuarantineStore, quarantineOf(foundation))
      )
    })
  )

/** Stores with the default settings: acknowledged means synced. */
export const layer: Layer.Layer<
  ReminderStore | QuarantineStore,
  SchemaTooNew | StoreUnavailable,
  SqlClient
> = Layer.suspend(() => layerWith({}))
