/** Opens a database for durable writes: its dialect, and how its connection syncs them. */
import { SqlClient } from "@effect/sql/SqlClient"
import type { SqlError } from "@effect/sql/SqlError"
import { Duration, Effect } from "effect"
import { StoreUnavailable } from "../DurableError.ts"
import { postgres, sqlite } from "./durableSql.ts"
import { type Database, execute, unavailable } from "./sqlTransaction.ts"
import type { QueueBounds } from "./writeQueue.ts"

/** How a connection writes. */
export interface Writing {
  /** What must have happened before a write is acknowledged. */
  readonly synchronous: "full" | "normal"
  /** How long SQLite itself waits for another connection's lock. */
  readonly lockWait: Duration.DurationInput
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

/** The database of the client. Sets how it writes, and sees to it that the setting was taken. */
export const openDatabase = (
  writing: Writing
): Effect.Effect<Database, StoreUnavailable, SqlClient> =>
  Effect.gen(function*() {
    const sql = yield* SqlClient
    const database = yield* sql.onDialectOrElse({
      sqlite: () => Effect.succeed({ sql, dialect: sqlite }),
      pg: () => Effect.succeed({ sql, dialect: postgres }),
      orElse: () => Effect.dieMessage("durable stores: only SQLite and PostgreSQL are supported")
    })
    yield* prepare(database, writing)
    return database
  })

const prepare = (
  { dialect, sql }: Database,
  writing: Writing
): Effect.Effect<void, StoreUnavailable> =>
  Effect.scoped(
    Effect.gen(function*() {
      const connection = yield* sql.reserve
      if (dialect.name === "pg") {
        const [row] = yield* execute(connection, "SHOW synchronous_commit")
        if (writing.synchronous === "normal" || row?.["synchronous_commit"] !== "off") return
        return yield* notDurable("synchronous_commit is off")
      }
      const lockWait = Math.ceil(Duration.toMillis(writing.lockWait))
      yield* execute(connection, `PRAGMA busy_timeout = ${lockWait}`)
      yield* execute(connection, `PRAGMA synchronous = ${writing.synchronous}`)
      const [row] = yield* execute(connection, "PRAGMA synchronous")
      const expected = writing.synchronous === "full" ? 2 : 1
      if (row?.["synchronous"] === expected) return
      return yield* notDurable(`PRAGMA synchronous is ${String(row?.["synchronous"])}`)
    })
  ).pipe(Effect.catchTag("SqlError", (error: SqlError) => unavailable(error, "not-written")))

const notDurable = (fact: string) =>
  new StoreUnavailable({
    reason: "failed",
    outcome: "not-written",
    detail: `${fact}, so that writes would be acknowledged before they are synced`
  })
