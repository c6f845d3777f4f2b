import { SqliteClient } from "@effect/sql-sqlite-node"
import { SqlClient } from "@effect/sql/SqlClient"
import type { Connection } from "@effect/sql/SqlConnection"
import { describe, expect, it } from "@effect/vitest"
import * as SqlStorage from "@plantd/actors/SqlStorage"
import { Cause, Clock, Effect, Exit, Fiber, Option, Scope, TestClock } from "effect"
import { databaseFile, settled, sqlError, tappedClient } from "./durable.ts"

const migrations: SqlStorage.Migrations = {
  table: "counter_migrations",
  steps: {
    "1_counters": Effect.all([
      SqlStorage.createTable(
        "counters",
        "row IDENTITY, id TEXT NOT NULL UNIQUE, count BIGINT NOT NULL CHECK (count < 100)"
      ),
      SqlStorage.createIndex("counters", "count, id"),
      SqlStorage.createIndex("counters", "id", "count = 0")
    ], { discard: true })
  }
}

const increment = "INSERT INTO counters (id, count) VALUES (?, ?)"
  + " ON CONFLICT (id) DO UPDATE SET count = counters.count + excluded.count RETURNING count"

/** Adds to a counter, and gives what it counts then. */
const add = (
  id: string,
  { by = 1, synced, seen = () => Effect.void }: {
    readonly by?: number
    readonly synced?: boolean
    readonly seen?: (connection: Connection) => Effect.Effect<unknown>
  } = {}
): SqlStorage.Write<unknown, never> => ({
  bytes: 0,
  ...(synced === undefined ? {} : { synced }),
  run: (connection) =>
    SqlStorage.execute(connection, increment, [id, by]).pipe(
      Effect.zipLeft(seen(connection)),
      Effect.map(([row]) => Exit.succeed(row?.["count"]))
    )
})

const opened = (settings: Partial<SqlStorage.Settings> = {}, filename = ":memory:") =>
  Effect.gen(function*() {
    const { client, sql, tap } = yield* tappedClient(filename)
    const storage = yield* SqlStorage.open({ name: "Counters", migrations, settings }).pipe(
      Effect.provideService(SqlClient, client)
    )
    tap.texts.length = 0
    return { client, sql, storage, tap }
  })

const all = <A, E>(effects: ReadonlyArray<Effect.Effect<A, E>>) =>
  Effect.all(effects, { concurrency: "unbounded" })

const transactionOf = (statements: ReadonlyArray<string>) => [
  "BEGIN IMMEDIATE",
  ...statements,
  "COMMIT"
]

describe("SqlStorage", () => {
  it.scoped("writes at once share a transaction, and each gets its own answer", () =>
    Effect.gen(function*() {
      const { storage, tap } = yield* opened()
      const refused: SqlStorage.Write<never, string> = {
        bytes: 0,
        run: () => Effect.succeed(Exit.fail("no such counter"))
      }
      const answers = yield* all([
        storage.write(add("a")),
        Effect.flip(storage.write(refused)),
        storage.write(add("b", { by: 2 }))
      ])
      expect(answers).toEqual([1, "no such counter", 2])
      expect(tap.texts).toEqual(transactionOf([increment, increment]))
      expect(yield* storage.read("SELECT id, count FROM counters ORDER BY id")).toEqual([
        { id: "a", count: 1 },
        { id: "b", count: 2 }
      ])
      expect(yield* storage.read("SELECT id FROM counters WHERE count > ?", [1])).toEqual([
        { id: "b" }
      ])
    }))

  it.scoped("writes are run in their order, each on what those before it have written", () =>
    Effect.gen(function*() {
      const { storage, tap } = yield* opened()
      const counts = yield* all([1, 2, 3].map((by) => storage.write(add("a", { by }))))
      expect(counts).toEqual([1, 3, 6])
      expect(tap.texts.filter((text) => text === "COMMIT")).toHaveLength(1)
    }))

  it.scoped("a write that the database does not take fails alone, and is not counted twice", () =>
    Effect.gen(function*() {
      const { storage } = yield* opened()
      const [a, tooMany, b] = yield* all([
        Effect.exit(storage.write(add("a"))),
        Effect.exit(storage.write(add("too many", { by: 100 }))),
        Effect.exit(storage.write(add("b")))
      ])
      expect([a, b]).toEqual([Exit.succeed(1), Exit.succeed(1)])
      expect(tooMany).toMatchObject({
        cause: { error: { reason: "failed", outcome: "not-written" } }
      })
    }))

  it.scoped("tables hold to the types of their columns", () =>
    Effect.gen(function*() {
      const { storage } = yield* opened()
      const insert = "INSERT INTO counters (id, count) VALUES ('a', 'many')"
      const error = yield* Effect.flip(storage.read(insert))
      expect(error.message).toContain("cannot store TEXT value in INTEGER column")
      const [table] = yield* storage.read("SELECT sql FROM sqlite_master WHERE name = 'counters'")
      expect(table?.["sql"]).toBe(
        "CREATE TABLE counters (row INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,"
          + " count INTEGER NOT NULL CHECK (count < 100)) STRICT"
      )
      const indexes = yield* storage.read(
        "SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
      )
      expect(indexes).toEqual([{ name: "counters_count_id" }, { name: "counters_id_count_0" }])
    }))

  it.scoped("a read that is not answered fails at its deadline", () =>
    Effect.gen(function*() {
      const { storage, tap } = yield* opened({ writeTimeout: "2 seconds" })
      tap.intercept = () => Effect.uninterruptible(Effect.never)
      const reading = yield* Effect.fork(Effect.flip(storage.read("SELECT 1")))
      yield* settled
      yield* TestClock.adjust("1999 millis")
      expect(yield* Fiber.poll(reading)).toEqual(Option.none())
      yield* TestClock.adjust("1 millis")
      expect(yield* Fiber.join(reading)).toMatchObject({ reason: "deadline" })
    }))

  it.scoped("a bound that is no count is a programmer's error, in the name of the store", () =>
    Effect.gen(function*() {
      const cause = yield* Effect.flip(Effect.sandbox(opened({ writesQueuedMax: 0.5 })))
      expect(Cause.pretty(cause)).toContain("Counters: writesQueuedMax is 0.5, expected a whole")
    }))

  it.scoped("when its scope closes, what waits is written, and nothing after", () =>
    Effect.gen(function*() {
      const file = yield* databaseFile
      const scope = yield* Scope.make()
      const { sql, storage } = yield* Scope.extend(opened({}, file), scope)
      const busy = yield* Scope.make()
      yield* Scope.extend(sql.reserve, busy)
      const writing = yield* Effect.fork(storage.write(add("a")))
      yield* settled
      const closing = yield* Effect.fork(Scope.close(scope, Exit.void))
      yield* settled
      expect(yield* Effect.flip(storage.write(add("b")))).toMatchObject({ reason: "closed" })
      yield* Scope.close(busy, Exit.void)
      expect(yield* Fiber.join(writing)).toBe(1)
      yield* Fiber.join(closing)
      const again = yield* opened({}, file)
      expect(yield* again.storage.read("SELECT id FROM counters")).toEqual([{ id: "a" }])
    }))

  it.scoped("a write that SQLite answers at once sets no timer", () =>
    Effect.gen(function*() {
      let sleeps = 0
      const clock = yield* Effect.clock
      const counting: Clock.Clock = {
        [Clock.ClockTypeId]: Clock.ClockTypeId,
        unsafeCurrentTimeMillis: () => clock.unsafeCurrentTimeMillis(),
        unsafeCurrentTimeNanos: () => clock.unsafeCurrentTimeNanos(),
        currentTimeMillis: clock.currentTimeMillis,
        currentTimeNanos: clock.currentTimeNanos,
        sleep: (duration) => Effect.suspend(() => (sleeps++, clock.sleep(duration)))
      }
      yield* Effect.gen(function*() {
        const { sql, storage } = yield* opened()
        sleeps = 0
        yield* storage.write(add("a"))
        yield* all(["a", "b"].map((id) => storage.write(add(id))))
        expect(sleeps).toBe(0)
        // The one that has to wait for its connection has a deadline to be looked at.
        const busy = yield* Scope.make()
        yield* Scope.extend(sql.reserve, busy)
        const waiting = yield* Effect.fork(storage.write(add("a")))
        yield* settled
        expect(sleeps).toBe(1)
        yield* Scope.close(busy, Exit.void)
        yield* Fiber.join(waiting)
      }).pipe(Effect.withClock(counting))
    }))
})

describe("SqlStorage syncing", () => {
  const level = (connection: Connection) =>
    Effect.orDie(connection.executeUnprepared("PRAGMA synchronous", [], undefined))

  /** The levels at which writes were written, as SQLite numbers them: 1 normal, 2 full. */
  const levelsOf = (
    storage: SqlStorage.Storage,
    writes: ReadonlyArray<{ readonly id: string; readonly synced?: boolean }>
  ) =>
    Effect.gen(function*() {
      const levels: Array<unknown> = []
      const seen = (connection: Connection) =>
        Effect.map(level(connection), ([row]) => levels.push(row.synchronous))
      yield* all(writes.map(({ id, ...rest }) => storage.write(add(id, { ...rest, seen }))))
      return levels
    })

  it.scoped("a transaction of writes that need no sync has none, and the next one has", () =>
    Effect.gen(function*() {
      const { sql, storage, tap } = yield* opened({}, yield* databaseFile)
      const unsynced = [{ id: "a", synced: false }, { id: "b", synced: false }]
      expect(yield* levelsOf(storage, unsynced)).toEqual([1, 1])
      expect(tap.texts.filter((text) => text.startsWith("PRAGMA synchronous ="))).toEqual([
        "PRAGMA synchronous = normal",
        "PRAGMA synchronous = full"
      ])
      // Whoever else writes on this connection is synced as before.
      expect(yield* sql`PRAGMA synchronous`).toEqual([{ synchronous: 2 }])
      expect(yield* levelsOf(storage, [{ id: "a" }])).toEqual([2])
      tap.texts.length = 0
      expect(yield* levelsOf(storage, [...unsynced, { id: "c" }])).toEqual([2, 2, 2])
      expect(tap.texts).not.toContain("PRAGMA synchronous = normal")
    }))

  it.scoped("a failed transaction without sync leaves the next one synced", () =>
    Effect.gen(function*() {
      const { storage } = yield* opened()
      yield* Effect.flip(storage.write(add("a", { by: 100, synced: false })))
      expect(yield* levelsOf(storage, [{ id: "a" }])).toEqual([2])
    }))

  it.scoped("nothing is acknowledged as synced while the connection cannot be made to sync", () =>
    Effect.gen(function*() {
      const { storage, tap } = yield* opened()
      tap.intercept = (text) =>
        text === "PRAGMA synchronous = full" ? Effect.fail(sqlError("SQLITE_IOERR")) : undefined
      expect(yield* levelsOf(storage, [{ id: "a", synced: false }])).toEqual([1])
      const error = yield* Effect.flip(storage.write(add("a")))
      expect(error).toMatchObject({ reason: "io", outcome: "not-written" })
      expect(yield* levelsOf(storage, [{ id: "a", synced: false }])).toEqual([1])
      tap.intercept = () => undefined
      expect(yield* levelsOf(storage, [{ id: "a" }])).toEqual([2])
      expect(yield* storage.read("SELECT count FROM counters")).toEqual([{ count: 3 }])
    }))

  it.scoped("where nothing is synced, no write says so by itself", () =>
    Effect.gen(function*() {
      const { storage, tap } = yield* opened({ synchronous: "normal" })
      expect(yield* levelsOf(storage, [{ id: "a", synced: false }])).toEqual([1])
      expect(yield* levelsOf(storage, [{ id: "a" }])).toEqual([1])
      expect(tap.texts.filter((text) => text.startsWith("PRAGMA synchronous ="))).toEqual([])
    }))

  it.scoped("on PostgreSQL a transaction of such writes alone does not wait for its sync", () =>
    Effect.gen(function*() {
      const { client, tap } = yield* tappedClient(":memory:")
      tap.intercept = (text, run) => /^(BEGIN|SET|SELECT set)/.test(text) ? Effect.succeed([]) : run
      // What opens the store takes it for PostgreSQL; what migrates it does not.
      let asked = false
      const postgres = new Proxy(client, {
        get: (target, property) =>
          property === "onDialectOrElse" && !asked
            ? (by: { readonly pg: () => unknown }) => (asked = true, by.pg())
            : Reflect.get(target, property) as unknown
      })
      const storage = yield* SqlStorage.open({ name: "Counters", migrations }).pipe(
        Effect.provideService(SqlClient, postgres)
      )
      const begun = (synced: boolean) =>
        Effect.suspend(() => {
          tap.texts.length = 0
          const write = { bytes: 0, synced, run: () => Effect.succeed(Exit.void) }
          return Effect.exit(storage.write(write))
        })
      yield* begun(false)
      expect(tap.texts[0]).toContain("SET LOCAL synchronous_commit = off")
      yield* begun(true)
      expect(tap.texts[0]).toContain("set_config('synchronous_commit', 'on', true)")
      expect(storage.dialect.name).toBe("pg")
    }))

  it.scoped("a database of a newer version is refused", () =>
    Effect.gen(function*() {
      const file = yield* databaseFile
      yield* Effect.scoped(
        Effect.flatMap(
          opened({}, file),
          ({ sql }) => sql`INSERT INTO counter_migrations (migration_id, name) VALUES (99, 'later')`
        )
      )
      const error = yield* Effect.flip(
        Effect.provide(
          Effect.scoped(SqlStorage.open({ name: "Counters", migrations })),
          SqliteClient.layer({ filename: file })
        )
      )
      expect(error).toMatchObject({ _tag: "SchemaTooNew", table: "counter_migrations" })
    }))
})
