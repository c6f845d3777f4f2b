/** What the stores of reminders and quarantine do on a database; several writes share a commit. */
import type { Connection } from "@effect/sql/SqlConnection"
import type { SqlError } from "@effect/sql/SqlError"
import { Effect, Exit } from "effect"
import type { ActorAddress } from "../../ActorAddress.ts"
import type { StoreUnavailable } from "../../DurableError.ts"
import type { Entry, NewEntry, QuarantineStoreService } from "../../QuarantineStore.ts"
import { ReminderExists } from "../../ReminderError.ts"
import type {
  Key,
  NewReminder,
  ReminderStoreService,
  StoredReminder,
  UnreadableReminder
} from "../../ReminderStore.ts"
import type { Row, Storage, Write } from "../../SqlStorage.ts"
import { bytesIn } from "../durable/jsonText.ts"
import { execute } from "../sql/transaction.ts"
import type { ReminderStatements } from "./reminderSql.ts"

/** What both stores stand on. */
export interface Foundation {
  readonly storage: Storage
  readonly statements: ReminderStatements
}

/** The store of reminders. */
export const remindersOf = ({ statements, storage }: Foundation): ReminderStoreService => {
  const write = <A, E>(bytes: number, run: Write<A, E>["run"]) => storage.write({ bytes, run })
  return {
    valueBytesMax: storage.settings.valueBytesMax,
    set: (reminder, { overwrite }) =>
      write(
        bytesIn(reminder.payload),
        (connection) => insert({ connection, statements }, reminder, overwrite)
      ),
    cancel: (key) => write(0, (connection) => found(connection, statements.cancel, keyOf(key))),
    list: (page) => Effect.map(pageOf(storage, statements.reminders, page), readReminders),
    earliest: (limit) => Effect.map(storage.read(statements.earliest, [limit]), readReminders),
    begin: (reminder) =>
      write(0, (connection) => found(connection, statements.begin, asRead(reminder))),
    settle: (reminder, { next, quarantined }) =>
      write(
        quarantined === undefined ? 0 : bytesIn(quarantined.payload),
        (connection) =>
          Effect.tap(
            next === undefined
              ? found(connection, statements.finish, asRead(reminder))
              : found(connection, statements.advance, [
                next.dueAt,
                next.ticksLeft ?? null,
                next.attempts,
                next.refusals,
                next.attemptAt,
                ...asRead(reminder)
              ]),
            keepIf({ connection, statements }, quarantined)
          )
      ),
    expel: (reminder, entry) =>
      write(bytesIn(entry.payload), (connection) =>
        Effect.tap(
          found(connection, statements.expel, [reminder.id]),
          keepIf({ connection, statements }, entry)
        ))
  }
}

/** The store of messages in quarantine. */
export const quarantineOf = ({ statements, storage }: Foundation): QuarantineStoreService => {
  const write = <A, E>(run: Write<A, E>["run"]) => storage.write({ bytes: 0, run })
  return {
    add: (entry) =>
      storage.write({
        bytes: bytesIn(entry.payload),
        run: (connection) => Effect.as(keep({ connection, statements }, entry), Exit.void)
      }),
    list: (page) =>
      Effect.map(pageOf(storage, statements.entries, page), (rows) => rows.map(entryOf)),
    read: (id) =>
      Effect.map(
        storage.read(statements.entry, [id]),
        ([row]) => row === undefined ? undefined : entryOf(row)
      ),
    attempted: (id, { at, cause }) =>
      write((connection) => found(connection, statements.attempted, [cause, at, id])),
    remove: (id) => write((connection) => found(connection, statements.remove, [id]))
  }
}

interface Transaction {
  readonly connection: Connection
  readonly statements: ReminderStatements
}

const keyOf = ({ address, name }: Key): ReadonlyArray<unknown> => [address.type, address.id, name]

const asRead = ({ attemptAt, attempts, dueAt, id }: StoredReminder): ReadonlyArray<unknown> => [
  id,
  dueAt,
  attempts,
  attemptAt
]

const found = (
  connection: Connection,
  statement: string,
  parameters: ReadonlyArray<unknown>
): Effect.Effect<Exit.Exit<boolean>, SqlError> =>
  Effect.map(execute(connection, statement, parameters), (rows) => Exit.succeed(rows.length > 0))

const insert = (
  { connection, statements }: Transaction,
  reminder: NewReminder,
  overwrite: boolean
): Effect.Effect<Exit.Exit<void, ReminderExists>, SqlError> =>
  Effect.gen(function*() {
    const { address, dueAt, expiresAt, name, payload, periodMillis, tag, ticksLeft } = reminder
    if (overwrite) yield* execute(connection, statements.cancel, keyOf(reminder))
    const schedule = [dueAt, periodMillis ?? null, ticksLeft ?? null, expiresAt ?? null]
    const start = [0, 0, dueAt]
    const rows = yield* execute(connection, statements.insert, [
      ...keyOf(reminder),
      tag,
      payload,
      ...schedule,
      ...start
    ])
    if (rows.length > 0) return Exit.void
    const [row] = yield* execute(connection, statements.dueAt, keyOf(reminder))
    return Exit.fail(new ReminderExists({ address, name, dueAt: Number(row?.["due_at"]) }))
  })

/** Puts an entry down where the reminder was as it had been read. */
const keepIf =
  ({ connection, statements }: Transaction, entry: NewEntry | undefined) =>
  (was: Exit.Exit<boolean>): Effect.Effect<void, SqlError> =>
    entry === undefined || !Exit.isSuccess(was) || !was.value
      ? Effect.void
      : keep({ connection, statements }, entry)

/** Puts an entry down as a part of a transaction. */
export const keep = (
  { connection, statements }: Transaction,
  entry: NewEntry
): Effect.Effect<void, SqlError> =>
  Effect.gen(function*() {
    const { at, attempts, cause, origin, payload, tag } = entry
    const repeated = yield* execute(connection, statements.repeatEntry, [
      attempts,
      cause,
      at,
      ...keyOf(entry),
      origin,
      tag,
      payload
    ])
    if (repeated.length > 0) return
    const identity = [origin, ...keyOf(entry), tag, payload]
    yield* execute(connection, statements.insertEntry, [
      ...identity,
      attempts,
      1,
      cause,
      at,
      at
    ])
  })

const pageOf = (
  storage: Storage,
  statements: { readonly all: string; readonly ofActor: string },
  { address, after, limit }: {
    readonly address: ActorAddress | undefined
    readonly after: number
    readonly limit: number
  }
): Effect.Effect<ReadonlyArray<Row>, StoreUnavailable> =>
  address === undefined
    ? storage.read(statements.all, [after, limit])
    : storage.read(statements.ofActor, [address.type, address.id, after, limit])

const text = (row: Row, column: string): string => String(row[column])

/** Drivers give large integers as text. */
const number = (row: Row, column: string): number => Number(row[column])

const optional = (row: Row, column: string): number | undefined =>
  row[column] === null ? undefined : number(row, column)

const addressOf = (row: Row): ActorAddress => ({
  type: text(row, "actor_type"),
  id: text(row, "actor_id")
})

const entryOf = (row: Row): Entry => ({
  id: number(row, "id"),
  origin: text(row, "origin"),
  address: addressOf(row),
  name: text(row, "name"),
  tag: text(row, "tag"),
  payload: text(row, "payload"),
  attempts: number(row, "attempts"),
  times: number(row, "times"),
  cause: text(row, "cause"),
  firstAt: number(row, "first_at"),
  at: number(row, "at")
})

/** The least that the numbers of a row can be. */
const least = {
  due_at: 0,
  period_millis: 1,
  ticks_left: 1,
  expires_at: 0,
  attempts: 0,
  refusals: 0,
  attempt_at: 0
} as const

const readReminders = (
  rows: ReadonlyArray<Row>
): ReadonlyArray<StoredReminder | UnreadableReminder> => rows.map(readReminder)

const readReminder = (row: Row): StoredReminder | UnreadableReminder => {
  const identity = {
    id: number(row, "id"),
    address: addressOf(row),
    name: text(row, "name"),
    tag: text(row, "tag"),
    payload: text(row, "payload")
  }
  for (const [column, min] of Object.entries(least)) {
    const value = optional(row, column)
    if (value === undefined || (Number.isSafeInteger(value) && value >= min)) continue
    return { ...identity, reason: `the row of the reminder has a ${column} of ${value}` }
  }
  return {
    ...identity,
    dueAt: number(row, "due_at"),
    periodMillis: optional(row, "period_millis"),
    ticksLeft: optional(row, "ticks_left"),
    expiresAt: optional(row, "expires_at"),
    attempts: number(row, "attempts"),
    refusals: number(row, "refusals"),
    attemptAt: number(row, "attempt_at")
  }
}
