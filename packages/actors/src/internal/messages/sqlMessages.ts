/** What the store of durable messages does on a database; several writes share a commit. */
import type { SqlError } from "@effect/sql/SqlError"
import type { Connection } from "@effect/sql/SqlConnection"
import { Effect, Exit } from "effect"
import type { ActorAddress } from "../../ActorAddress.ts"
import type {
  Kept,
  MessageEnd,
  MessageStoreService,
  NewMessage,
  StoredMessage
} from "../../MessageStore.ts"
import type { Row, Storage } from "../../SqlStorage.ts"
import { bytesIn } from "../durable/jsonText.ts"
import { keep } from "../reminders/sqlReminders.ts"
import type { ReminderStatements } from "../reminders/reminderSql.ts"
import { execute } from "../sql/transaction.ts"
import type { MessageStatements } from "./messageSql.ts"

/** What the store stands on. */
export interface Ground {
  readonly storage: Storage
  readonly statements: MessageStatements
  /** Those of the quarantine. */
  readonly quarantine: ReminderStatements
}

/** The store of messages. */
export const messagesOf = (ground: Ground): MessageStoreService => {
  const { statements, storage } = ground
  const change = (text: string, parameters: ReadonlyArray<unknown>) =>
    storage.write<ReadonlyArray<Row>, never>({
      bytes: 0,
      run: (connection) => Effect.map(execute(connection, text, parameters), Exit.succeed)
    })
  return {
    valueBytesMax: storage.settings.valueBytesMax,
    put: (message) =>
      storage.write<Kept, never>({
        bytes: bytesIn(message.payload),
        run: (connection) => Effect.map(put(connection, statements, message), Exit.succeed)
      }),
    pending: (address, limit) =>
      Effect.map(
        storage.read(statements.pending, [address.type, address.id, limit]),
        (rows) => rows.map((row) => messageOf(address, row))
      ),
    answer: (sequence) => Effect.map(storage.read(statements.answer, [sequence]), answerOf),
    attempted: (sequence, by) => Effect.asVoid(change(statements.attempted, [by, sequence])),
    end: (sequence, given) =>
      storage.write<string, never>({
        bytes: bytesIn(given.answer),
        run: (connection) => Effect.map(end(connection, ground, [sequence, given]), Exit.succeed)
      }),
    waiting: (after, limit) =>
      Effect.map(
        after === undefined
          ? storage.read(statements.waiting.all, [limit])
          : storage.read(statements.waiting.after, [after.type, after.id, limit]),
        (rows) => rows.map(addressOf)
      ),
    prune: (before, limit) =>
      Effect.map(change(statements.prune, [before, limit]), ({ length }) => length)
  }
}

const put = (
  connection: Connection,
  statements: MessageStatements,
  { address: { id, type }, at, messageId, payload, tag }: NewMessage
): Effect.Effect<Kept, SqlError> =>
  Effect.gen(function*() {
    const key = [type, id, messageId]
    const [made] = yield* execute(connection, statements.insert, [...key, tag, payload, at])
    if (made !== undefined) {
      return { sequence: Number(made["sequence"]), tag, payload, answer: undefined }
    }
    const rows = yield* execute(connection, statements.same, key)
    const [same] = rows
    return {
      sequence: Number(same?.["sequence"]),
      tag: String(same?.["tag"]),
      payload: String(same?.["payload"]),
      answer: answerOf(rows)
    }
  })

const end = (
  connection: Connection,
  { quarantine, statements }: Ground,
  [sequence, { answer, at, quarantined }]: readonly [sequence: number, end: MessageEnd]
): Effect.Effect<string, SqlError> =>
  Effect.gen(function*() {
    const rows = yield* execute(connection, statements.end, [answer, at, sequence])
    if (rows.length === 0) {
      return answerOf(yield* execute(connection, statements.answer, [sequence])) ?? answer
    }
    if (quarantined !== undefined) {
      yield* keep({ connection, statements: quarantine }, quarantined)
    }
    return answer
  })

const answerOf = ([row]: ReadonlyArray<Row>): string | undefined => {
  const answer = row?.["answer"]
  return typeof answer === "string" ? answer : undefined
}

const addressOf = (row: Row): ActorAddress => ({
  type: String(row["actor_type"]),
  id: String(row["actor_id"])
})

const messageOf = (address: ActorAddress, row: Row): StoredMessage => ({
  address,
  // Drivers give large integers as text.
  sequence: Number(row["sequence"]),
  messageId: String(row["message_id"]),
  tag: String(row["tag"]),
  payload: String(row["payload"]),
  at: Number(row["at"]),
  attempts: Number(row["attempts"])
})
