/** The tables and statements of reminders and quarantine, for SQLite and PostgreSQL alike. */
import { Effect } from "effect"
import { keyColumns } from "../durable/durableSql.ts"
import type { Dialect } from "../sql/dialect.ts"
import { createIndex, createTable, type Migrations } from "../sql/migrations.ts"

/** The tables, as they are named in errors too. */
export const reminderTables = {
  reminders: "plantd_actor_reminders",
  quarantine: "plantd_actor_quarantine"
} as const

const { quarantine, reminders } = reminderTables

/** Their migrations. */
export const reminderMigrations: Migrations = {
  table: "plantd_reminder_migrations",
  steps: {
    "1_reminders": Effect.all([
      createTable(
        reminders,
        `id IDENTITY, ${keyColumns}, tag TEXT NOT NULL, payload TEXT NOT NULL,`
          + " due_at BIGINT NOT NULL, period_millis BIGINT, ticks_left BIGINT, expires_at BIGINT,"
          + " attempts BIGINT NOT NULL, refusals BIGINT NOT NULL, attempt_at BIGINT NOT NULL,"
          + " UNIQUE (actor_type, actor_id, name)"
      ),
      createIndex(reminders, "attempt_at, id"),
      createTable(
        quarantine,
        `id IDENTITY, origin TEXT NOT NULL, ${keyColumns}, tag TEXT NOT NULL,`
          + " payload TEXT NOT NULL, attempts BIGINT NOT NULL, times BIGINT NOT NULL,"
          + " cause TEXT NOT NULL, first_at BIGINT NOT NULL, at BIGINT NOT NULL"
      ),
      createIndex(quarantine, "actor_type, actor_id, name")
    ], { discard: true })
  }
}

const reminderColumns = "actor_type, actor_id, name, tag, payload, due_at, period_millis,"
  + " ticks_left, expires_at, attempts, refusals, attempt_at"
const entryColumns = "origin, actor_type, actor_id, name, tag, payload, attempts, times, cause,"
  + " first_at, at"

/** Statements in one dialect. */
export type ReminderStatements = ReturnType<typeof reminderStatementsOf>

/** Writes the statements in a dialect. */
export const reminderStatementsOf = ({ parameter: p }: Dialect) => {
  const list = (from: number, count: number) =>
    Array.from({ length: count }, (_, index) => p(from + index)).join(", ")
  const byKey = `actor_type = ${p(1)} AND actor_id = ${p(2)} AND name = ${p(3)}`
  /** The row as it was read: id, due_at, attempts, attempt_at. */
  const asRead = (from: number) =>
    `id = ${p(from)} AND due_at = ${p(from + 1)} AND attempts = ${p(from + 2)}`
    + ` AND attempt_at = ${p(from + 3)} RETURNING id`
  const page = (table: string, columns: string) => ({
    all: `SELECT id, ${columns} FROM ${table} WHERE id > ${p(1)} ORDER BY id LIMIT ${p(2)}`,
    ofActor: `SELECT id, ${columns} FROM ${table} WHERE actor_type = ${p(1)}`
      + ` AND actor_id = ${p(2)} AND id > ${p(3)} ORDER BY id LIMIT ${p(4)}`
  })
  return {
    insert: `INSERT INTO ${reminders} (${reminderColumns}) VALUES (${list(1, 12)})`
      + " ON CONFLICT (actor_type, actor_id, name) DO NOTHING RETURNING id",
    dueAt: `SELECT due_at FROM ${reminders} WHERE ${byKey}`,
    cancel: `DELETE FROM ${reminders} WHERE ${byKey} RETURNING id`,
    reminders: page(reminders, reminderColumns),
    earliest: `SELECT id, ${reminderColumns} FROM ${reminders} ORDER BY attempt_at, id`
      + ` LIMIT ${p(1)}`,
    begin: `UPDATE ${reminders} SET attempts = attempts + 1 WHERE ${asRead(1)}`,
    advance: `UPDATE ${reminders} SET due_at = ${p(1)}, ticks_left = ${p(2)}, attempts = ${p(3)},`
      + ` refusals = ${p(4)}, attempt_at = ${p(5)} WHERE ${asRead(6)}`,
    finish: `DELETE FROM ${reminders} WHERE ${asRead(1)}`,
    expel: `DELETE FROM ${reminders} WHERE id = ${p(1)} RETURNING id`,
    repeatEntry: `UPDATE ${quarantine} SET attempts = attempts + ${p(1)}, times = times + 1,`
      + ` cause = ${p(2)}, at = ${p(3)} WHERE actor_type = ${p(4)} AND actor_id = ${p(5)}`
      + ` AND name = ${p(6)} AND origin = ${p(7)} AND tag = ${p(8)} AND payload = ${p(9)}`
      + " RETURNING id",
    insertEntry: `INSERT INTO ${quarantine} (${entryColumns}) VALUES (${list(1, 11)})`,
    entries: page(quarantine, entryColumns),
    entry: `SELECT id, ${entryColumns} FROM ${quarantine} WHERE id = ${p(1)}`,
    attempted: `UPDATE ${quarantine} SET attempts = attempts + 1, cause = ${p(1)}, at = ${p(2)}`
      + ` WHERE id = ${p(3)}`,
    remove: `DELETE FROM ${quarantine} WHERE id = ${p(1)} RETURNING id`
  } as const
}
