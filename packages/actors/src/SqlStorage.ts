/**
 * What every store on SQLite or PostgreSQL stands on, for those that plantd has and for your own:
 * its tables are made and brought up to date, writes of many share transactions (group commit) and
 * end with typed errors by a deadline, and what is acknowledged is synced as the settings say. On
 * PostgreSQL a transaction whose process stands still for 1 s is ended, and tried again: what was
 * frozen, or has lost its power, keeps no locks.
 *
 * ```ts
 * const storage = yield* SqlStorage.open({ name: "Counters", migrations })
 * yield* storage.write({
 *   bytes: 0,
 *   run: (connection) => Effect.as(SqlStorage.execute(connection, increment, [id]), Exit.void)
 * })
 * const rows = yield* storage.read("SELECT id, count FROM counters LIMIT 100")
 * ```
 */
import type { SqlClient } from "@effect/sql/SqlClient"
import type { Connection } from "@effect/sql/SqlConnection"
import type { SqlError } from "@effect/sql/SqlError"
import { type Duration, Effect, type Exit, type Scope } from "effect"
import type { SchemaTooNew, StoreUnavailable } from "./DurableError.ts"
import { valueBytesMaxDefault } from "./DurableStore.ts"
import { boundsOf, checkBounds, openDatabase } from "./internal/sql/database.ts"
import type { Dialect } from "./internal/sql/dialect.ts"
import { makeGroupCommit } from "./internal/sql/groupCommit.ts"
import {
  addColumn,
  createIndex,
  createTable,
  migrate,
  type Migrations
} from "./internal/sql/migrations.ts"
import { execute, query, type Row, transact } from "./internal/sql/transaction.ts"

export {
  /** Adds a column in either dialect, as a step of a migration. */
  addColumn,
  /** Makes an index on columns of a table, as a step of a migration. */
  createIndex,
  /** Makes a table in either dialect, as a step of a migration. */
  createTable,
  type Dialect,
  /** Runs one statement with its text as it is, and gives its rows. */
  execute,
  type Migrations,
  type Row
}

/** How a store writes. */
export interface Settings {
  /**
   * When a write is acknowledged.
   * - `full`: when it is on the disk: it survives a crash of the process, of the system, and a loss
   *   of power.
   * - `normal`: when the system has it: it survives a crash of the process (kill -9), but a loss of
   *   power, or a crash of the system, may lose the acknowledged writes of the last moments. They
   *   are lost from the end, in order; nothing is torn.
   *
   * Stores that share a `SqlClient` of SQLite share its connection, and with it this setting: one
   * that contradicts those that are open fails to open.
   */
  readonly synchronous: "full" | "normal"
  /** The most writes in one transaction. */
  readonly batchMax: number
  /** The most bytes of JSON in one transaction, unless one write alone has more. */
  readonly batchBytesMax: number
  /** The most writes that wait for a transaction; who writes beyond it waits for room. */
  readonly writesQueuedMax: number
  /** After so long a write that was not acknowledged fails, and a read that was not answered. */
  readonly writeTimeout: Duration.DurationInput
  /**
   * How long SQLite itself waits for another connection's lock. The event loop stands still for so
   * long; after it the write is tried again, with pauses, until `writeTimeout`. PostgreSQL waits
   * for 250 ms, and the event loop goes on meanwhile.
   */
  readonly lockWait: Duration.DurationInput
  /** The most bytes of JSON that one write may have. */
  readonly valueBytesMax: number
}

/** Synced; 512 writes or 16 MiB per transaction, 4,096 waiting, 5 s; 5 ms of lock wait; 1 MiB. */
export const defaults: Settings = {
  synchronous: "full",
  batchMax: 512,
  batchBytesMax: 16_777_216,
  writesQueuedMax: 4_096,
  writeTimeout: "5 seconds",
  lockWait: "5 millis",
  valueBytesMax: valueBytesMaxDefault
}

/** One write on its way into a transaction that it shares with others, in their order. */
export interface Write<A, E> {
  /** How many bytes it has, for `batchBytesMax`. */
  readonly bytes: number
  /**
   * `false` where it need not be on the disk when it is acknowledged, whatever `synchronous` says:
   * it survives a crash of the process, and is on the disk with the next write that is synced. A
   * transaction of such writes alone costs no sync.
   */
  readonly synced?: boolean
  /**
   * Its statements. The exit is what the writer gets once the transaction is committed; a failure
   * among them says why nothing was written, and takes nothing back: look first, then write. An
   * error of the database undoes the transaction; each of its writes is tried alone then, so that
   * only the one that it will not take fails. It may therefore run more than once.
   */
  readonly run: (connection: Connection) => Effect.Effect<Exit.Exit<A, E>, SqlError>
}

/** A database with the tables of one feature. */
export interface Storage {
  readonly dialect: Dialect
  readonly settings: Settings
  /** Reads on a connection outside of every transaction; fails by `writeTimeout`. */
  readonly read: (
    text: string,
    parameters?: ReadonlyArray<unknown>
  ) => Effect.Effect<ReadonlyArray<Row>, StoreUnavailable>
  /** Succeeds when it is committed. An interrupted one is taken back where it waits still. */
  readonly write: <A, E>(write: Write<A, E>) => Effect.Effect<A, E | StoreUnavailable>
}

/**
 * Opens the database of the `SqlClient` at hand, with the tables of one feature. When the scope
 * closes, nothing more is taken, and what waits is written. A bound that is no count dies in the
 * name of the store.
 */
export const open = (options: {
  /** What the store is called where a bound is wrong. */
  readonly name: string
  readonly migrations: Migrations
  readonly settings?: Partial<Settings>
}): Effect.Effect<Storage, SchemaTooNew | StoreUnavailable, SqlClient | Scope.Scope> =>
  Effect.gen(function*() {
    const settings = { ...defaults, ...options.settings }
    checkBounds(options.name, settings)
    const database = yield* openDatabase(settings)
    yield* migrate(options.migrations)
    const submit = yield* makeGroupCommit<Write<unknown, unknown>, unknown, unknown>({
      bytesOf: ({ bytes }) => bytes,
      commit: (writes) =>
        transact(database, {
          synced: writes.some(({ synced }) => synced !== false),
          body: (connection) => Effect.forEach(writes, ({ run }) => run(connection))
        })
    }, boundsOf(settings))
    return {
      dialect: database.dialect,
      settings,
      read: (text, parameters = []) => query(database, text, parameters),
      write: (write) => submit(write) as never
    }
  })
