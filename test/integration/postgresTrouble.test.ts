/** What the stores promise when PostgreSQL, or another writer on it, is in trouble. */
import { SqlClient } from "@effect/sql/SqlClient"
import type { Connection } from "@effect/sql/SqlConnection"
import { describe, expect, it } from "@effect/vitest"
import * as SqlDurableStore from "@plantd/actors/SqlDurableStore"
import * as SqlStorage from "@plantd/actors/SqlStorage"
import { Deferred, Effect, Either, Exit, Fiber, Layer } from "effect"
import { claim, claimAll, entity, set } from "../actors/durable.ts"
import { untilAnswered, untilSo } from "./clusterHarness.ts"
import { postgresOfFile } from "./postgres.ts"
import { clientOf } from "./storage.ts"

const { database, postgres } = postgresOfFile()

/** A store on a database, and another client of it. */
const on = (url: string, settings: Partial<SqlDurableStore.Settings> = {}) =>
  Effect.gen(function*() {
    const services = yield* Layer.build(clientOf(url))
    const store = yield* Effect.provide(SqlDurableStore.make(settings), services)
    const other = yield* Layer.build(clientOf(url))
    return { store, sql: yield* Effect.provide(SqlClient, other) }
  })

const opened = (settings: Partial<SqlDurableStore.Settings> = {}) =>
  Effect.flatMap(database, (url) => on(url, settings))

const many = Array.from({ length: 64 }, (_, index) => `v${index}`)

/** Holds the rows of all entities until the scope closes. */
const locking = (sql: SqlClient) =>
  Effect.flatMap(sql.reserve, (connection) =>
    Effect.acquireRelease(
      Effect.zipRight(
        SqlStorage.execute(connection, "BEGIN"),
        SqlStorage.execute(connection, "SELECT 1 FROM plantd_actor_entities FOR UPDATE")
      ),
      () => Effect.ignore(SqlStorage.execute(connection, "ROLLBACK"))
    ))

describe("on PostgreSQL", () => {
  it.scopedLive("several owners can open one new database at the same time", () =>
    Effect.gen(function*() {
      const url = yield* database
      const open = Effect.flatMap(on(url), ({ store }) => claim(store, "a"))
      const claims = yield* Effect.all([open, open, open, open], { concurrency: "unbounded" })
      expect(new Set(claims.map(({ fence }) => fence))).toEqual(new Set([1, 2, 3, 4]))
    }))

  it.scopedLive(
    "a server that is stopped fails reads and writes, and is used again after",
    () =>
      Effect.gen(function*() {
        const { start, stop } = yield* postgres
        for (const how of ["fast", "immediate"] as const) {
          const { store } = yield* opened()
          yield* claimAll(store, many)
          yield* set(store, "v0", { value: '"acknowledged"' })
          yield* stop(how)
          const errors = yield* Effect.all([
            Effect.flip(store.read(entity("v0"))),
            ...many.map((id) => Effect.flip(set(store, id, { expected: id === "v0" ? 1 : 0 })))
          ], { concurrency: "unbounded" })
          for (const error of errors) {
            expect(error).toMatchObject({ reason: "connection", outcome: "not-written" })
          }
          yield* start
          const { value } = yield* untilAnswered(store.read(entity("v0")))
          expect(value).toMatchObject({ revision: 1, value: '"acknowledged"' })
          yield* set(store, "v0", { expected: 1 })
        }
      }),
    60_000
  )

  it.scopedLive(
    "a server that is stopped in a transaction fails it as a lost connection",
    () =>
      Effect.gen(function*() {
        const { start, stop } = yield* postgres
        const ids = ["a", "b"]
        for (const how of ["fast", "immediate"] as const) {
          const { sql, store } = yield* opened({ writeTimeout: "20 seconds" })
          yield* claimAll(store, ids)
          const outcomes = yield* Effect.scoped(
            Effect.gen(function*() {
              yield* locking(sql)
              const writing = yield* Effect.fork(
                Effect.forEach(ids, (id) => Effect.either(set(store, id)), { concurrency: 2 })
              )
              yield* untilSo(
                "the write waits for the lock",
                Effect.map(
                  sql.unsafe("SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"),
                  (rows) => rows.length > 0
                )
              )
              yield* stop(how)
              return yield* Fiber.join(writing)
            })
          )
          yield* start
          yield* untilAnswered(store.read(entity("a")))
          // The lock ends with the connection that holds it: where that one is closed before
          // theirs, the writes are done.
          for (const [index, outcome] of outcomes.entries()) {
            const id = ids[index] ?? ""
            const revision = (yield* store.read(entity(id)))?.revision ?? 0
            const told = Either.match(outcome, {
              onLeft: (error) => error._tag === "StoreUnavailable" ? error.outcome : error._tag,
              onRight: () => "written"
            })
            expect([revision === 1 ? "written" : "not-written", "unknown"]).toContain(told)
            yield* set(store, id, { expected: revision })
          }
          // By when it is stopped, the lock or the connection is what it waits for in vain.
          for (const { left: { _tag, message } } of outcomes.filter(Either.isLeft)) {
            expect(_tag).toBe("StoreUnavailable")
            expect(message).toMatch(/\((connection|locked): /)
          }
        }
      }),
    60_000
  )

  it.scopedLive("a lock of another connection is waited for while there is time", () =>
    Effect.gen(function*() {
      const { sql, store } = yield* opened({ writeTimeout: "500 millis" })
      yield* claim(store, "a")
      yield* Effect.scoped(
        Effect.gen(function*() {
          yield* locking(sql)
          const error = yield* Effect.flip(set(store, "a"))
          expect(error).toMatchObject({ _tag: "StoreUnavailable", reason: "locked" })
        })
      )
      yield* set(store, "a")
    }))

  it.scopedLive(
    "a server that answers nothing loses no connection of the pool",
    () =>
      Effect.gen(function*() {
        const { signal, start, stop } = yield* postgres
        const { store } = yield* opened({ writeTimeout: "200 millis" })
        yield* claim(store, "a")
        // No connection is left; new ones wait for the first process, and then for nobody.
        yield* Effect.zipRight(stop("fast"), start)
        yield* Effect.acquireRelease(signal("SIGSTOP"), () => signal("SIGCONT"))
        const reads = Array.from({ length: 40 }, () => Effect.exit(store.read(entity("a"))))
        const exits = yield* Effect.all(reads, { concurrency: "unbounded" })
        expect(exits.every(Exit.isFailure)).toBe(true)
        yield* signal("SIGCONT")
        yield* untilAnswered(set(store, "a"))
        yield* untilSo(
          "all reads are answered again",
          Effect.map(
            Effect.all(reads, { concurrency: "unbounded" }),
            (all) => all.every(Exit.isSuccess)
          )
        )
      }),
    60_000
  )

  const stored = (settings: Partial<SqlStorage.Settings> = {}) =>
    Effect.gen(function*() {
      const services = yield* Layer.build(clientOf(yield* database))
      const migrations = {
        table: "still_migrations",
        steps: { "1_items": SqlStorage.createTable("items", "id TEXT NOT NULL PRIMARY KEY") }
      }
      const options = { name: "Items", migrations, settings }
      return yield* Effect.provide(SqlStorage.open(options), services)
    })

  it.scopedLive("a transaction whose writer stands still is ended, and others go on", () =>
    Effect.gen(function*() {
      const storage = yield* stored({ writeTimeout: "5 seconds" })
      const insert = "INSERT INTO items (id) VALUES ('a')"
      const began = yield* Deferred.make<void>()
      const goOn = yield* Deferred.make<void>()
      let runs = 0
      const still = yield* Effect.fork(storage.write({
        bytes: 0,
        run: (connection) =>
          SqlStorage.execute(connection, insert).pipe(
            Effect.zipRight(Deferred.succeed(began, undefined)),
            Effect.zipRight(runs++ === 0 ? Deferred.await(goOn) : Effect.void),
            Effect.as(Exit.succeed(runs))
          )
      }))
      yield* Deferred.await(began)
      const { millis } = yield* untilAnswered(
        Effect.zipRight(
          storage.read("SET lock_timeout = 50; LOCK TABLE items IN ACCESS EXCLUSIVE MODE NOWAIT"),
          Effect.void
        )
      )
      expect(millis).toBeLessThan(2_000)
      yield* Deferred.succeed(goOn, undefined)
      expect(yield* Fiber.join(still)).toBe(2)
      expect(yield* storage.read("SELECT id FROM items")).toEqual([{ id: "a" }])
    }))

  it.scopedLive("a transaction of which a statement has failed is not taken for committed", () =>
    Effect.gen(function*() {
      const storage = yield* stored()
      const run = (connection: Connection) =>
        Effect.as(Effect.ignore(SqlStorage.execute(connection, "SELECT 1 / 0")), Exit.void)
      const error = yield* Effect.flip(storage.write({ bytes: 0, run }))
      expect(error).toMatchObject({ _tag: "StoreUnavailable", outcome: "not-written" })
    }))

  it.scopedLive("a transaction waits for its sync where its writes do", () =>
    Effect.gen(function*() {
      const setting = "SELECT current_setting('synchronous_commit') AS value"
      const storage = yield* stored()
      for (const [synced, value] of [[true, "on"], [false, "off"], [true, "on"]] as const) {
        const run = (connection: Connection) =>
          Effect.map(SqlStorage.execute(connection, setting), Exit.succeed)
        expect(yield* storage.write({ bytes: 0, synced, run })).toEqual([{ value }])
      }
    }))
})
