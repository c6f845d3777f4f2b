/** Opens a database for durable writes: its dialect, and how its connection syncs them. */
import { SqlClient } from "@effect/sql/SqlClient"
import type { Connection } from "@effect/sql/SqlConnection"
import { SqlError } from "@effect/sql/SqlError"
import { Duration, Effect, type Scope } from "effect"
import { StoreUnavailable } from "../../DurableError.ts"
import { postgres, postgresSynced, sqlite } from "./durableSql.ts"
import { type Database, type Row, unavailable, withDeadline } from "./sqlTransaction.ts"
import type { QueueBounds } from "./writeQueue.ts"

/** How a connection writes. */
export interface Writing {
  /** What must have happened before a write is acknowledged. */
  readonly synchronous: "full" | "normal"
  /** How long SQLite itself waits for another connection's lock. */
  readonly lockWait: Duration.DurationInput
  /** After so long what the database has not answered fails. */
  readonly writeTimeout: Duration.DurationInput
}

/** The bounds of a store. */
export interface StoreBounds extends QueueBounds {
  readonly valueBytesMax: number
}

/** Dies, in the name of a module, unless every bound is a count. */
export const checkBounds = (
  module: string,
  { batchBytesMax, batchMax, valueBytesMax, writesQueuedMax }: StoreBounds
): void => {
  const counts = { batchMax, batchBytesMax, valueBytesMax, writesQueuedMax }
  for (const [name, value] of Object.entries(counts)) {
    if (Number.isSafeInteger(value) && value >= 1) continue
    throw new RangeError(`${module}: ${name} is ${value}, expected a whole number above 0`)
  }
}

/**
 * The database of the client. Sees to it that what is acknowledged is synced as promised, and that
 * nobody else changes this for as long as the scope lasts.
 */
export const openDatabase = (
  writing: Writing
): Effect.Effect<Database, StoreUnavailable, SqlClient | Scope.Scope> =>
  Effect.gen(function*() {
    const sql = yield* SqlClient
    const { synchronous, writeTimeout: readTimeout } = writing
    return yield* sql.onDialectOrElse({
      sqlite: () =>
        promise(sql, synchronous).pipe(
          Effect.zipRight(prepare(sql, writing)),
          Effect.as({ sql, dialect: sqlite, readTimeout })
        ),
      pg: () =>
        Effect.succeed({
          sql,
          dialect: synchronous === "full" ? postgresSynced : postgres,
          readTimeout
        }),
      orElse: () => Effect.dieMessage("durable stores: only SQLite and PostgreSQL are supported")
    })
  })

interface Promised {
  readonly synchronous: Writing["synchronous"]
  stores: number
}

/** In SQLite the setting is the connection's, and with it that of all stores of a client. */
const promised = new WeakMap<SqlClient, Promised>()

/** Holds the setting for one more store; fails where another one was promised the contrary. */
const promise = (
  sql: SqlClient,
  synchronous: Writing["synchronous"]
): Effect.Effect<void, StoreUnavailable, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.suspend(() => {
      const held = promised.get(sql) ?? { synchronous, stores: 0 }
      if (held.synchronous !== synchronous) return contradiction(held.synchronous, synchronous)
      held.stores++
      promised.set(sql, held)
      return Effect.succeed(held)
    }),
    (held) => Effect.sync(() => void (--held.stores === 0 && promised.delete(sql)))
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
