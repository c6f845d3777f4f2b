/** One transaction on one connection, and what is known of it when it fails. */
import type { SqlClient } from "@effect/sql/SqlClient"
import type { Connection } from "@effect/sql/SqlConnection"
import type { SqlError } from "@effect/sql/SqlError"
import { Cause, Duration, Effect, Exit } from "effect"
import { type Outcome, StoreUnavailable, type UnavailableReason } from "../../DurableError.ts"
import type { Dialect } from "./dialect.ts"

/** A row as a driver gives it. */
export type Row = Readonly<Record<string, unknown>>

/** A database to run transactions on. */
export interface Database {
  readonly sql: SqlClient
  readonly dialect: Dialect
  /** A connection until the scope closes; interrupted while it waits for one, it keeps none. */
  readonly reserve: SqlClient["reserve"]
  /** After so long a read that was not answered fails. */
  readonly readTimeout: Duration.DurationInput
  /**
   * Begins a transaction that is on the disk when its COMMIT has ended, or one that need not be.
   * Takes the write lock at once where there is one for the database.
   */
  readonly begin: (connection: Connection, synced: boolean) => Effect.Effect<void, SqlError>
  /** Succeeds when all of the transaction is committed. */
  readonly commit: (connection: Connection) => Effect.Effect<void, SqlError>
  /** Puts back what `begin` has changed beyond its transaction. */
  readonly end: (connection: Connection) => Effect.Effect<void>
}

/** Runs one statement with its text as it is, and gives its rows. */
export const execute = (
  connection: Connection,
  text: string,
  parameters: ReadonlyArray<unknown> = []
): Effect.Effect<ReadonlyArray<Row>, SqlError> =>
  connection.execute(text, parameters, undefined) as Effect.Effect<ReadonlyArray<Row>, SqlError>

/** Reads on a connection of its own, outside of every transaction. */
export const query = (
  { readTimeout, reserve }: Database,
  text: string,
  parameters: ReadonlyArray<unknown>
): Effect.Effect<ReadonlyArray<Row>, StoreUnavailable> =>
  Effect.scoped(
    Effect.flatMap(reserve, (connection) => execute(connection, text, parameters))
  ).pipe(
    Effect.mapError((error) => unavailable(error, "not-written")),
    (read) => withDeadline(read, readTimeout)
  )

/** Fails what has not ended after so long; a driver that cannot be interrupted is left behind. */
export const withDeadline = <A, E, R>(
  read: Effect.Effect<A, E, R>,
  timeout: Duration.DurationInput
): Effect.Effect<A, E | StoreUnavailable, R> =>
  Effect.timeoutFail(Effect.disconnect(read), {
    duration: timeout,
    onTimeout: () =>
      new StoreUnavailable({
        reason: "deadline",
        outcome: "not-written",
        detail: `no answer within ${Duration.toMillis(timeout)} ms`
      })
  })

/** What a transaction is of. */
export interface Transaction<A> {
  /** Whether it is on the disk when this has succeeded, where the database is to sync at all. */
  readonly synced: boolean
  readonly body: (connection: Connection) => Effect.Effect<A, SqlError>
}

/**
 * Runs `body` and commits it. Whatever fails before the COMMIT is sent provably was not written;
 * a COMMIT that failed may have been carried out, unless the database says that it was not.
 */
export const transact = <A>(
  { begin, commit, end, reserve }: Database,
  { body, synced }: Transaction<A>
): Effect.Effect<A, StoreUnavailable> =>
  Effect.scoped(
    Effect.uninterruptibleMask((restore) =>
      Effect.flatMap(
        Effect.mapError(restore(reserve), (error) => unavailable(error, "not-written")),
        (connection) => {
          const all = Effect.zipRight(begin(connection, synced), body(connection))
          return Effect.ensuring(
            finish(connection, { all, commit: Effect.suspend(() => commit(connection)), restore }),
            end(connection)
          )
        }
      )
    )
  )

const finish = <A>(
  connection: Connection,
  { all, commit, restore }: {
    readonly all: Effect.Effect<A, SqlError>
    readonly commit: Effect.Effect<void, SqlError>
    readonly restore: <B, E>(effect: Effect.Effect<B, E>) => Effect.Effect<B, E>
  }
): Effect.Effect<A, StoreUnavailable> =>
  Effect.gen(function*() {
    const done = yield* Effect.exit(restore(all))
    if (Exit.isFailure(done)) return yield* abandon(connection, done.cause, before)
    const committed = yield* Effect.exit(restore(commit))
    if (Exit.isFailure(committed)) return yield* abandon(connection, committed.cause, during)
    return done.value
  })

/** What became of a transaction whose statements failed before its COMMIT. */
const before = (): Outcome => "not-written"

/**
 * What became of a transaction whose COMMIT failed. SQLite rolls back where it was busy or full;
 * PostgreSQL where it names a conflict (class 40) or a constraint (class 23), and what was never
 * sent (08003) was not carried out.
 */
const during = (code: string): Outcome =>
  /^(SQLITE_(BUSY|LOCKED|FULL)|40|23|08003)/.test(code) ? "not-written" : "unknown"

const abandon = (
  connection: Connection,
  cause: Cause.Cause<SqlError>,
  outcomeOf: (code: string) => Outcome
): Effect.Effect<never, StoreUnavailable> => {
  // Fails where the database has rolled back by itself: then there is nothing left to do.
  const rollback = Effect.exit(execute(connection, "ROLLBACK"))
  const failure = Cause.failureOrCause(cause)
  if (failure._tag === "Left") {
    const error = unavailable(failure.left, outcomeOf(codeOf(failure.left)))
    return Effect.zipRight(rollback, Effect.fail(error))
  }
  return Effect.zipRight(rollback, Effect.failCause(failure.right))
}

/** Converts a failure of the driver, once. */
export const unavailable = (error: SqlError, outcome: Outcome): StoreUnavailable =>
  new StoreUnavailable({ reason: reasonOf(codeOf(error)), outcome, detail: detailOf(error) })

/** What the codes of SQLite, of PostgreSQL (SQLSTATE) and of the system stand for. */
const reasons: ReadonlyArray<readonly [RegExp, UnavailableReason]> = [
  // 25P03, 08003: the transaction was ended while this process stood still, and kept its locks.
  [/^SQLITE_(BUSY|LOCKED)|^(40001|40P01|55P03|25P03|08003)$/, "locked"],
  [/^SQLITE_FULL|^53100$|^ENOSPC$/, "full"],
  [/^SQLITE_(IOERR|CORRUPT|NOTADB|CANTOPEN|READONLY|PERM)|^58|^XX00[12]$/, "io"],
  [/^08|^57P0|^53300$|^E(CONN|PIPE|TIMEDOUT|NOTFOUND|HOST|AI)/, "connection"]
]

const reasonOf = (code: string): UnavailableReason =>
  reasons.find(([pattern]) => pattern.test(code))?.[1] ?? "failed"

const codeOf = ({ cause }: SqlError): string => {
  if (typeof cause !== "object" || cause === null) return ""
  if ("code" in cause && typeof cause.code === "string") return cause.code
  if (!(cause instanceof Error)) return ""
  return withoutCode.find(([pattern]) => pattern.test(cause.message))?.[1] ?? ""
}

/** What the driver of PostgreSQL says without a code: of a connection that is, or was, lost. */
const withoutCode: ReadonlyArray<readonly [RegExp, string]> = [
  [/is not queryable/, "08003"],
  [/^Connection terminated|^timeout exceeded when trying to connect/, "08006"]
]

const detailOf = (error: SqlError): string => {
  const { cause } = error
  const code = codeOf(error)
  const text = cause instanceof Error ? cause.message : error.message ?? "no further detail"
  return code === "" ? text : `${code}: ${text}`
}
