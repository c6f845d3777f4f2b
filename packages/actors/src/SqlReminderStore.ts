/**
 * Reminders and the quarantine on SQLite or PostgreSQL, through whichever `SqlClient` is provided:
 * the one of `SqlDurableStore`, or another. Acknowledged means synced, as it does there. The
 * same tests show their promises on both.
 */
import type { SqlClient } from "@effect/sql/SqlClient"
import { Context, Effect, Layer } from "effect"
import type { SchemaTooNew, StoreUnavailable } from "./DurableError.ts"
import { reminderMigrations, reminderStatementsOf } from "./internal/reminders/reminderSql.ts"
import { quarantineOf, remindersOf } from "./internal/reminders/sqlReminders.ts"
import { QuarantineStore } from "./QuarantineStore.ts"
import { ReminderStore } from "./ReminderStore.ts"
import * as SqlStorage from "./SqlStorage.ts"

/** Stores with these settings: those of `SqlDurableStore`. Their tables are made. */
export const layerWith = (
  settings: Partial<SqlStorage.Settings>
): Layer.Layer<ReminderStore | QuarantineStore, SchemaTooNew | StoreUnavailable, SqlClient> =>
  Layer.scopedContext(
    Effect.map(
      SqlStorage.open({ name: "SqlReminderStore", migrations: reminderMigrations, settings }),
      (storage) => {
        const foundation = { storage, statements: reminderStatementsOf(storage.dialect) }
        return Context.make(ReminderStore, remindersOf(foundation)).pipe(
          Context.add(QuarantineStore, quarantineOf(foundation))
        )
      }
    )
  )

/** Stores with the default settings: acknowledged means synced. */
export const layer: Layer.Layer<
  ReminderStore | QuarantineStore,
  SchemaTooNew | StoreUnavailable,
  SqlClient
> = Layer.suspend(() => layerWith({}))
