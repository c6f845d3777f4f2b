/** The table and statements of durable messages, for SQLite and PostgreSQL alike. */
import { Effect } from "effect"
import type { Dialect } from "../sql/dialect.ts"
import { createIndex, createTable, type Migrations } from "../sql/migrations.ts"

const messages = "plantd_actor_messages"

/** Those that have not ended, and those that have. */
const open = "ended_at IS NULL"
const ended = "ended_at IS NOT NULL"

/** Their migrations. */
export const messageMigrations: Migrations = {
  table: "plantd_message_migrations",
  steps: {
    "1_messages": Effect.all([
      createTable(
        messages,
        "sequence IDENTITY, actor_type TEXT NOT NULL, actor_id TEXT NOT NULL,"
          + " message_id TEXT NOT NULL, tag TEXT NOT NULL, payload TEXT NOT NULL,"
          + " at BIGINT NOT NULL, attempts BIGINT NOT NULL, answer TEXT, ended_at BIGINT,"
          + " UNIQUE (actor_type, actor_id, message_id)"
      ),
      createIndex(messages, "actor_type, actor_id, sequence", open),
      createIndex(messages, "ended_at", ended)
    ], { discard: true })
  }
}

/** Statements in one dialect. */
export type MessageStatements = ReturnType<typeof messageStatementsOf>

/** Writes the statements in a dialect. */
export const messageStatementsOf = ({ parameter: p }: Dialect) => {
  const distinct = (where: string, limit: string) =>
    `SELECT DISTINCT actor_type, actor_id FROM ${messages} WHERE ${open}${where}`
    + ` ORDER BY actor_type, actor_id LIMIT ${limit}`
  return {
    insert: `INSERT INTO ${messages}`
      + " (actor_type, actor_id, message_id, tag, payload, at, attempts)"
      + ` VALUES (${p(1)}, ${p(2)}, ${p(3)}, ${p(4)}, ${p(5)}, ${p(6)}, 0)`
      + " ON CONFLICT (actor_type, actor_id, message_id) DO NOTHING RETURNING sequence",
    same: `SELECT sequence, tag, payload, answer FROM ${messages} WHERE actor_type = ${p(1)}`
      + ` AND actor_id = ${p(2)} AND message_id = ${p(3)}`,
    pending: `SELECT sequence, message_id, tag, payload, at, attempts FROM ${messages}`
      + ` WHERE ${open} AND actor_type = ${p(1)} AND actor_id = ${p(2)}`
      + ` ORDER BY sequence LIMIT ${p(3)}`,
    answer: `SELECT answer FROM ${messages} WHERE sequence = ${p(1)}`,
    attempted: `UPDATE ${messages} SET attempts = attempts + ${p(1)} WHERE sequence = ${p(2)}`,
    end: `UPDATE ${messages} SET answer = ${p(1)}, ended_at = ${p(2)} WHERE sequence = ${p(3)}`
      + ` AND ${open} RETURNING sequence`,
    waiting: {
      all: distinct("", p(1)),
      after: distinct(` AND (actor_type, actor_id) > (${p(1)}, ${p(2)})`, p(3))
    },
    prune: `DELETE FROM ${messages} WHERE sequence IN (SELECT sequence FROM ${messages}`
      + ` WHERE ended_at < ${p(1)} ORDER BY ended_at LIMIT ${p(2)}) RETURNING sequence`
  } as const
}
