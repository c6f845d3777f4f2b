/** Opens a database for durable writes: its dialect, and how its connection syncs them. */
import { SqlClient } from "@effect/sql/SqlClient"
import type { Connection } from "@effect/sql/SqlConnection"
import { SqlError } from "@effect/sql/SqlError"
import { Duration, Effect, Exit, Fiber, Scope } from "effect"
import { StoreUnavailable } from "../../DurableError.ts"
import { postgres, sqlite } from "./dialect.ts"
import type { Bounds } from "./groupCommit.ts"
import { type Database, execute, type Row, unavailable, withDeadline } from "./transaction.ts"

/** How a connection writes. */
export interface Writing {
  /** What must have happened before a write is acknowledged. */
  readonly synchronous: "full" | "normal"
  /** How long SQLite itself waits for another connection's lock. */
  readonly lockWait: Duration.DurationInput
  /** After so long what the database has not answered fails. */
  readonly writeTimeout: Duration.DurationInput
}

/** What a store is opened with. */
export interface Opening extends Writing, Omit<Bounds, "writeTimeoutMillis"> {
  readonly valueBytesMax: number
}

/** Dies, in the name of a module, unless every bound is a count. */
export const checkBounds = (
  module: string,
  { batchBytesMax, batchMax, valueBytesMax, writesQueuedMax }: Opening
): void => {
  const counts = { batchMax, batchBytesMax, valueBytesMax, writesQueuedMax }
  for (const [name, value] of Object.entries(counts)) {
    if (Number.isSafeInteger(value) && value >= 1) continue
    throw new RangeError(`${module}: ${name} is ${value}, expected a whole number above 0`)
  }
}

/** The bounds of the writes. */
export const boundsOf = (opening: Opening): Bounds => ({
  ...opening,
  writeTimeoutMillis: Duration.toMillis(opening.writeTimeout)
})

/**
 * The database of the client. Sees to it that what is acknowledged is synced as promised, and that
 * nobody else changes this for as long as the scope lasts.
 */
export const openDatabase = (
  writing: Writing
): Effect.Effect<Database, StoreUnavailable, SqlClient | Scope.Scope> =>
  Effect.gen(function*() {
    const sql = yield* SqlClient
    return yield* sql.onDialectOrElse({
      sqlite: () => openSqlite(sql, writing),
      pg: () => Effect.succeed(postgresOf(sql, writing)),
      orElse: () => Effect.dieMessage("durable stores: only SQLite and PostgreSQL are supported")
    })
  })

/** The longest that a transaction waits for a lock of PostgreSQL before it is tried anew. */
const lockWaitMaxMillis = 250

/**
 * After so long PostgreSQL ends a transaction whose process does nothing: else the locks of one
 * that was frozen, or lost its power, would keep its successor from what it held.
 */
const stillMaxMillis = 1_000

const postgresOf = (sql: SqlClient, { synchronous, writeTimeout }: Writing): Database => {
  const timeout = Duration.toMillis(writeTimeout)
  // `remote_apply` and the like promise more than `on`, and stay.
  const sync = "SELECT set_config('synchronous_commit', 'on', true)"
    + " WHERE current_setting('synchronous_commit') IN ('off', 'local')"
  const syncing = synchronous === "full" ? [sync] : []
  // One text, and with it one trip to the server and back.
  const beginning = (ending: ReadonlyArray<string>) =>
    [
      "BEGIN",
      `SET LOCAL lock_timeout = ${Math.ceil(Math.min(lockWaitMaxMillis, timeout / 4))}`,
      "SET LOCAL idle_in_transaction_session_timeout ="
      + ` ${Math.ceil(Math.min(stillMaxMillis, timeout))}`,
      ...ending
    ].join("; ")
  const synced = beginning(syncing)
  const unsynced = beginning(["SET LOCAL synchronous_commit = off"])
  return {
    sql,
    dialect: postgres,
    readTimeout: writeTimeout,
    reserve: patiently(sql.reserve),
    begin: (connection, isSynced) =>
      Effect.asVoid(execute(connection, isSynced ? synced : unsynced)),
    commit: commitPostgres,
    end: () => Effect.void
  }
}

/** Once a statement has failed, PostgreSQL answers COMMIT with ROLLBACK, and with no error. */
const commitPostgres = (connection: Connection): Effect.Effect<void, SqlError> =>
  Effect.flatMap(
    connection.executeRaw("COMMIT", []),
    (result) =>
      (result as { readonly command?: unknown }).command === "ROLLBACK"
        ? Effect.fail(new SqlError({ cause: rolledBack() }))
        : Effect.void
  )

const rolledBack = () =>
  Object.assign(new Error("a statement of the transaction has failed"), { code: "40000" })

/**
 * The driver of PostgreSQL keeps a connection for ever that is there only after nobody waits for it
 * any more: so somebody does, and gives it back.
 */
const patiently = (
  reserve: SqlClient["reserve"]
): SqlClient["reserve"] =>
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const reserving = yield* Effect.forkDaemon(Scope.extend(reserve, scope))
      const close = Scope.close(scope, Exit.void)
      const later = Effect.asVoid(Effect.forkDaemon(Effect.zipRight(Fiber.await(reserving), close)))
      yield* Effect.addFinalizer(() => reserving.unsafePoll() === null ? later : close)
      return yield* restore(Fiber.join(reserving))
    })
  )

const openSqlite = (sql: SqlClient, writing: Writing) =>
  Effect.gen(function*() {
    const held = yield* hold(sql, writing.synchronous)
    yield* prepare(sql, writing)
    return sqliteOf(sql, { held, readTimeout: writing.writeTimeout })
  })

/**
 * The setting belongs to the connection, which others write on too: it is lowered for a transaction
 * that need not be synced, and raised when that is over. Where it could not be raised, nothing that
 * is to be synced is written before it is.
 */
const sqliteOf = (sql: SqlClient, { held, readTimeout }: {
  readonly held: Held
  readonly readTimeout: Duration.DurationInput
}): Database => {
  const begun = (connection: Connection) => Effect.asVoid(execute(connection, "BEGIN IMMEDIATE"))
  const raise = (connection: Connection) =>
    Effect.map(pragma(connection, "synchronous = full"), () => void (held.lowered = false))
  const lower = (connection: Connection) =>
    Effect.suspend(() => {
      held.lowered = true
      return pragma(connection, "synchronous = normal")
    })
  return {
    sql,
    dialect: sqlite,
    readTimeout,
    reserve: sql.reserve,
    begin: (connection, synced) =>
      held.synchronous === "normal" || synced !== held.lowered
        ? begun(connection)
        : Effect.zipRight(synced ? raise(connection) : lower(connection), begun(connection)),
    commit: (connection) => Effect.asVoid(execute(connection, "COMMIT")),
    end: (connection) =>
      Effect.suspend(() => held.lowered ? Effect.ignore(raise(connection)) : Effect.void)
  }
}

interface Held {
  readonly synchronous: Writing["synchronous"]
  stores: number
  /** The connection does not sync at present, for a transaction that need not be. */
  lowered: boolean
}

/** In SQLite the setting is the connection's, and with it that of all stores of a client. */
const holdings = new WeakMap<SqlClient, Held>()

/** Holds the setting for one more store; fails where another one was promised the contrary. */
const hold = (
  sql: SqlClient,
  synchronous: Writing["synchronous"]
): Effect.Effect<Held, StoreUnavailable, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.suspend(() => {
      const held = holdings.get(sql) ?? { synchronous, stores: 0, lowered: false }
      if (held.synchronous !== synchronous) return contradiction(held.synchronous, synchronous)
      held.stores++
      holdings.set(sql, held)
      return Effect.succeed(held)
    }),
    (held) => Effect.sync(() => void (--held.stores === 0 && holdings.delete(sql)))
  )

const contradiction = (held: Writing["synchronous"], wanted: Writing["synchronous"]) =>
  new StoreUnavailable({
    reason: "failed",
    outcome: "not-written",
    detail: `synchronous is "${wanted}", but another store on this SqlClient was opened with`
      + ` "${held}", and the two write on one connection; give both the same setting, or each a`
      + " SqlClient of its own"
  })

const prepare = (sql: SqlClient, writing: Writing): Effect.Effect<void, StoreUnavailable> =>
  Effect.scoped(
    Effect.gen(function*() {
      const connection = yield* sql.reserve
      const lockWait = Math.ceil(Duration.toMillis(writing.lockWait))
      yield* pragma(connection, `busy_timeout = ${lockWait}`)
      yield* pragma(connection, `synchronous = ${writing.synchronous}`)
      const [row] = yield* pragma(connection, "synchronous")
      const expected = writing.synchronous === "full" ? 2 : 1
      if (row?.["synchronous"] === expected) return
      return yield* notDurable(`PRAGMA synchronous is ${String(row?.["synchronous"])}`)
    })
  ).pipe(
    Effect.catchTag("SqlError", (error: SqlError) => unavailable(error, "not-written")),
    (opening) => withDeadline(opening, writing.writeTimeout)
  )

/** SQLite runs some pragmas when they are compiled: a statement kept from before does nothing. */
const pragma = (
  connection: Connection,
  text: string
): Effect.Effect<ReadonlyArray<Row>, SqlError> =>
  Effect.try({
    try: () => connection.executeUnprepared(`PRAGMA ${text}`, [], undefined),
    catch: (cause) => new SqlError({ cause })
  }).pipe(Effect.flatten) as Effect.Effect<ReadonlyArray<Row>, SqlError>

const notDurable = (fact: string) =>
  new StoreUnavailable({
    reason: "failed",
    outcome: "not-written",
    detail: `${fact}, so that writes would be acknowledged before they are synced`
  })
