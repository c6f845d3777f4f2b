/**
 * Durable messages on SQLite or PostgreSQL, through whichever `SqlClient` is provided. Acknowledged
 * means synced. What is given up goes into the quarantine of `SqlReminderStore`, in the same
 * transaction; its tables are made here too.
 */
import type { SqlClient } from "@effect/sql/SqlClient"
import { Effect, Layer } from "effect"
import type { SchemaTooNew, StoreUnavailable } from "./DurableError.ts"
import { messageMigrations, messageStatementsOf } from "./internal/messages/messageSql.ts"
import { messagesOf } from "./internal/messages/sqlMessages.ts"
import { reminderMigrations, reminderStatementsOf } from "./internal/reminders/reminderSql.ts"
import { migrate } from "./internal/sql/migrations.ts"
import { MessageStore } from "./MessageStore.ts"
import * as SqlStorage from "./SqlStorage.ts"

/** A store with these settings: those of `SqlDurableStore`. Its tables are made. */
export const layerWith = (
  settings: Partial<SqlStorage.Settings>
): Layer.Layer<MessageStore, SchemaTooNew | StoreUnavailable, SqlClient> =>
  Layer.scoped(
    MessageStore,
    Effect.zipRight(
      migrate(reminderMigrations),
      Effect.map(
        SqlStorage.open({ name: "SqlMessageStore", migrations: messageMigrations, settings }),
        (storage) =>
          messagesOf({
            storage,
            statements: messageStatementsOf(storage.dialect),
            quarantine: reminderStatementsOf(storage.dialect)
          })
      )
    )
  )

/** A store with the default settings: acknowledged means synced. */
export const layer: Layer.Layer<MessageStore, SchemaTooNew | StoreUnavailable, SqlClient> = Layer
  .suspend(() => layerWith({}))
