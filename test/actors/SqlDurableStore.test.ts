import { SqliteClient } from "@effect/sql-sqlite-node"
import { SqlClient } from "@effect/sql/SqlClient"
import { describe, expect, it } from "@effect/vitest"
import { ActorSystem } from "@plantd/actors"
import { DurableStore, type DurableStoreService } from "@plantd/actors/DurableStore"
import * as SqlDurableStore from "@plantd/actors/SqlDurableStore"
import * as SqlReminderStore from "@plantd/actors/SqlReminderStore"
import { Fence } from "@plantd/core"
import { Cause, Context, Effect, Exit, Fiber, Layer, Metric, Scope } from "effect"
import {
  claim,
  claimAll,
  Counter,
  CounterLive,
  databaseFile,
  entity,
  onFile,
  set,
  settled,
  tapped
} from "./durable.ts"

const append = (store: DurableStoreService, id: string, events: ReadonlyArray<string>) =>
  store.write({
    entity: entity(id),
    fence: Fence.Fence.make(1),
    expected: 0,
    value: undefined,
    events
  })

const many = Array.from({ length: 64 }, (_, index) => `v${index}`)

const commits = (texts: ReadonlyArray<string>) => texts.filter((text) => text === "COMMIT").length

describe("SqlDurableStore durability", () => {
  const pragmas = (settings: Partial<SqlDurableStore.Settings>) =>
    Effect.gen(function*() {
      const file = yield* databaseFile
      return yield* Effect.gen(function*() {
        const sql = yield* SqlClient
        const rows = yield* Effect.all([
          sql`PRAGMA journal_mode`,
          sql`PRAGMA synchronous`,
          sql`PRAGMA busy_timeout`
        ])
        return rows.map(([row]) => Object.values(row ?? {})[0])
      }).pipe(Effect.provide(onFile(file, settings)))
    })

  it.scoped("a write is acknowledged when it is synced: WAL, synchronous = FULL", () =>
    Effect.gen(function*() {
      expect(yield* pragmas({})).toEqual(["wal", 2, 5])
    }))

  it.scoped("synchronous = NORMAL is a setting, and so is the wait for locks", () =>
    Effect.gen(function*() {
      const settings = { synchronous: "normal", lockWait: "20 millis" } as const
      expect(yield* pragmas(settings)).toEqual(["wal", 1, 20])
    }))

  it.scoped("a store does not open where the database would not sync what it acknowledges", () =>
    Effect.gen(function*() {
      const services = yield* Layer.build(SqliteClient.layer({ filename: ":memory:" }))
      const sql = Context.get(services, SqlClient)
      const reserve = Effect.map(sql.reserve, (connection) => ({
        ...connection,
        executeUnprepared: (text: string) =>
          Effect.succeed(text === "PRAGMA synchronous" ? [{ synchronous: 1 }] : [])
      }))
      const client = new Proxy(sql, {
        get: (target, property) =>
          property === "reserve" ? reserve : Reflect.get(target, property) as unknown
      })
      const error = yield* SqlDurableStore.make().pipe(
        Effect.provideService(SqlClient, client),
        Effect.flip
      )
      expect(error.message).toContain(
        "PRAGMA synchronous is 1, so that writes would be acknowledged"
      )
    }))

  const contradicting = [["full", "normal"], ["normal", "full"]] as const
  it.scoped.each(contradicting)(
    "stores of one client cannot contradict each other in what they sync: %s",
    ([first, second]) =>
      Effect.gen(function*() {
        const client = SqliteClient.layer({ filename: yield* databaseFile })
        const services = yield* Layer.build(client)
        const scope = yield* Scope.make()
        const reminders = (synchronous: "full" | "normal") =>
          Layer.build(SqlReminderStore.layerWith({ synchronous })).pipe(Effect.provide(services))
        yield* SqlDurableStore.make({ synchronous: first }).pipe(
          Effect.provide(services),
          Scope.extend(scope)
        )
        const error = yield* Effect.flip(reminders(second))
        expect(error).toMatchObject({ _tag: "StoreUnavailable", outcome: "not-written" })
        expect(error.message).toContain(`synchronous is "${second}", but another store on this`)
        expect(error.message).toContain(
          "give both the same setting, or each a SqlClient of its own"
        )
        yield* Effect.scoped(reminders(first))
        const levels = { full: 2, normal: 1 }
        const level = Effect.flatMap(
          Context.get(services, SqlClient).reserve,
          (connection) => connection.executeUnprepared("PRAGMA synchronous", [], undefined)
        ).pipe(Effect.scoped)
        expect(yield* level).toEqual([{ synchronous: levels[first] }])
        yield* Scope.close(scope, Exit.void)
        for (const synchronous of [second, first, second]) {
          yield* Effect.scoped(reminders(synchronous))
          expect(yield* level).toEqual([{ synchronous: levels[synchronous] }])
        }
      })
  )

  it.scoped("on PostgreSQL each transaction sees to it that it is synced", () =>
    Effect.gen(function*() {
      const begun = (synchronous: "full" | "normal") =>
        Effect.gen(function*() {
          const texts: Array<string> = []
          const services = yield* Layer.build(SqliteClient.layer({ filename: ":memory:" }))
          const sql = Context.get(services, SqlClient)
          const execute = (text: string) => Effect.sync(() => (texts.push(text), []))
          const reserve = Effect.map(sql.reserve, (connection) => ({ ...connection, execute }))
          // What opens the store takes it for PostgreSQL; what migrates it does not.
          let asked = false
          const onDialectOrElse = (by: { readonly pg: () => unknown }) => {
            if (asked) return sql.onDialectOrElse(by as never)
            asked = true
            return by.pg()
          }
          const client = new Proxy(sql, {
            get: (target, property) =>
              property === "reserve"
                ? reserve
                : property === "onDialectOrElse"
                ? onDialectOrElse
                : Reflect.get(target, property) as unknown
          })
          const store = yield* SqlDurableStore.make({ synchronous }).pipe(
            Effect.provideService(SqlClient, client)
          )
          yield* Effect.exit(claim(store, "a"))
          return texts.slice(0, 2)
        })
      const [full] = yield* begun("full")
      expect(full).toContain(
        "BEGIN; SET LOCAL lock_timeout = 250;"
          + " SET LOCAL idle_in_transaction_session_timeout = 1000;"
          + " SELECT set_config('synchronous_commit', 'on', true)"
          + " WHERE current_setting('synchronous_commit') IN ('off', 'local')"
      )
      const [normal, next] = yield* begun("normal")
      expect(normal).not.toContain("synchronous_commit")
      expect(next).toContain("INSERT INTO plantd_actor_entities")
    }))

  it.scoped("a bound that is no count is a programmer's error", () =>
    Effect.gen(function*() {
      const cause = yield* Effect.flip(Effect.sandbox(tapped(":memory:", { batchMax: 0 })))
      expect(Cause.pretty(cause)).toContain("batchMax is 0, expected a whole number above 0")
    }))
})

describe("SqlDurableStore migrations", () => {
  it.scoped("a database of a newer plantd is refused, and left as it is", () =>
    Effect.gen(function*() {
      const file = yield* databaseFile
      const client = SqliteClient.layer({ filename: file })
      yield* Effect.gen(function*() {
        const sql = yield* SqlClient
        yield* sql`INSERT INTO plantd_actor_migrations (migration_id, name) VALUES (99, 'later')`
      }).pipe(Effect.provide(onFile(file)))
      const error = yield* Layer.build(Layer.provide(SqlDurableStore.layer, client)).pipe(
        Effect.flip
      )
      expect(error).toMatchObject({ _tag: "SchemaTooNew", known: 1, stored: 99 })
      expect(error).toHaveProperty("message", expect.stringContaining("run the newer plantd"))
    }))

  it.scopedLive("several owners can open one new database at the same time", () =>
    Effect.gen(function*() {
      const file = yield* databaseFile
      const open = Effect.flatMap(tapped(file), ({ store }) => claim(store, "a"))
      const claims = yield* Effect.all([open, open, open], { concurrency: "unbounded" })
      expect(new Set(claims.map(({ fence }) => fence))).toEqual(new Set([1, 2, 3]))
    }))

  it.scoped("a migration that cannot be run fails the opening with what the database said", () =>
    Effect.gen(function*() {
      const file = yield* databaseFile
      const error = yield* Effect.gen(function*() {
        yield* Effect.flatMap(SqlClient, (sql) => sql`CREATE TABLE plantd_actor_events (x TEXT)`)
        yield* SqlDurableStore.make()
      }).pipe(
        Effect.provide(SqliteClient.layer({ filename: file })),
        Effect.flip
      )
      expect(error).toMatchObject({ _tag: "StoreUnavailable", outcome: "not-written" })
      expect(error).toHaveProperty("message", expect.stringContaining("already exists"))
    }))
})

describe("SqlDurableStore group commit", () => {
  it.scoped("what many actors write at once is one transaction", () =>
    Effect.gen(function*() {
      const { sql, store, tap } = yield* tapped(":memory:")
      yield* claimAll(store, many)
      expect(commits(tap.texts)).toBe(1)
      const before = yield* Metric.value(Metric.counter("plantd_durable_writes_total", {
        description: "writes that were acknowledged",
        incremental: true
      }))
      tap.texts.length = 0
      yield* Effect.forEach(many, (id) => set(store, id), { concurrency: "unbounded" })
      expect(commits(tap.texts)).toBe(1)
      expect(tap.texts).toHaveLength(3)
      const after = yield* Metric.value(Metric.counter("plantd_durable_writes_total", {
        description: "writes that were acknowledged",
        incremental: true
      }))
      expect(after.count - before.count).toBe(many.length)
      expect(yield* sql`SELECT DISTINCT revision FROM plantd_actor_entities`).toEqual([
        { revision: 1 }
      ])
    }))

  it.scoped("actors that go on after each write share transactions time and again", () =>
    Effect.gen(function*() {
      const { store, tap } = yield* tapped(":memory:")
      yield* Effect.gen(function*() {
        const counter = yield* Counter.client
        yield* Effect.forEach(many, (id) => counter(id).Total(), { concurrency: "unbounded" })
        tap.texts.length = 0
        yield* Effect.forEach(
          many,
          (id) => Effect.replicateEffect(counter(id).Add({ by: 1 }), 10),
          { concurrency: "unbounded" }
        )
      }).pipe(
        Effect.provide(Layer.provideMerge(CounterLive, ActorSystem.layer)),
        Effect.provideService(DurableStore, store)
      )
      expect(commits(tap.texts)).toBeLessThanOrEqual(12)
    }))

  it.scoped("a transaction keeps to its bounds of writes and of bytes", () =>
    Effect.gen(function*() {
      const { store, tap } = yield* tapped(":memory:", { batchMax: 10, batchBytesMax: 100 })
      yield* claimAll(store, many)
      expect(commits(tap.texts)).toBe(7)
      tap.texts.length = 0
      for (const [expected, text] of ["x".repeat(48), "é".repeat(24), "€".repeat(16)].entries()) {
        tap.texts.length = 0
        const value = JSON.stringify(text)
        const write = (id: string) => set(store, id, { expected, value })
        yield* Effect.forEach(many, write, { concurrency: "unbounded" })
        expect(commits(tap.texts)).toBe(32)
      }
    }))

  it.scoped("a write that is refused does not fail its neighbours in the same transaction", () =>
    Effect.gen(function*() {
      const { sql, store, tap } = yield* tapped(":memory:")
      yield* claimAll(store, ["good", "conflict", "late", "late"])
      tap.texts.length = 0
      const exits = yield* Effect.all([
        set(store, "conflict", { expected: 5 }),
        set(store, "good"),
        set(store, "late"),
        set(store, "gone"),
        claim(store, "new")
      ], { concurrency: "unbounded", mode: "either" })
      expect(commits(tap.texts)).toBe(1)
      expect(exits.map((exit) => exit._tag === "Left" ? exit.left._tag : "written")).toEqual([
        "RevisionConflict",
        "written",
        "Superseded",
        "CorruptRow",
        "written"
      ])
      const rows = yield* sql`SELECT actor_id FROM plantd_actor_entities WHERE value IS NOT NULL`
      expect(rows).toEqual([{ actor_id: "good" }])
    }))

  it.scoped("a write that the database does not take fails alone", () =>
    Effect.gen(function*() {
      const { sql, store } = yield* tapped(":memory:")
      const journals = ["a", "b", "c"]
      yield* Effect.forEach(journals, (id) =>
        store.claim({ entity: entity(id), kind: "journal", fence: undefined }))
      yield* sql`INSERT INTO plantd_actor_events VALUES ('Valve', 'b', 'state', 1, 'in the way')`
      const exits = yield* Effect.forEach(
        journals,
        (id) =>
          Effect.exit(append(store, id, ["1", "2"])),
        { concurrency: "unbounded" }
      )
      expect(exits.map(Exit.isSuccess)).toEqual([true, false, true])
      expect(exits[1]).toMatchObject({
        cause: { error: { reason: "failed", outcome: "not-written" } }
      })
      const counted = yield* sql`SELECT actor_id, count(*) AS n FROM plantd_actor_events
        GROUP BY actor_id ORDER BY actor_id`
      expect(counted).toEqual([
        { actor_id: "a", n: 2 },
        { actor_id: "b", n: 1 },
        { actor_id: "c", n: 2 }
      ])
    }))

  it.scoped("writes of one entity are written in their order, each in its transaction", () =>
    Effect.gen(function*() {
      const { store, tap } = yield* tapped(":memory:")
      yield* claim(store, "a")
      tap.texts.length = 0
      yield* Effect.forEach(
        [0, 1, 2, 3],
        (expected) => set(store, "a", { expected, value: `${expected}` }),
        { concurrency: "unbounded" }
      )
      expect(commits(tap.texts)).toBe(4)
      expect(yield* store.read(entity("a"))).toMatchObject({ revision: 4, value: "3" })
    }))

  it.scoped("a write that waits can be interrupted, and is not written then", () =>
    Effect.gen(function*() {
      const { sql, store } = yield* tapped(":memory:", { batchMax: 1 })
      yield* claimAll(store, ["a", "b"])
      const busy = yield* Scope.make()
      yield* Scope.extend(sql.reserve, busy)
      const first = yield* Effect.fork(set(store, "a"))
      const second = yield* Effect.fork(set(store, "b"))
      yield* settled
      yield* Fiber.interrupt(second)
      yield* Scope.close(busy, Exit.void)
      yield* Fiber.join(first)
      expect(yield* store.read(entity("b"))).toMatchObject({ revision: 0 })
    }))

  it.scoped("when its layer closes, what waits is written, and nothing after", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const { sql, store } = yield* tapped(":memory:", { batchMax: 1 }).pipe(Scope.extend(scope))
      yield* claimAll(store, ["a", "b", "c"])
      const busy = yield* Scope.make()
      yield* Scope.extend(sql.reserve, busy)
      const waiting = yield* Effect.fork(
        Effect.all([set(store, "a"), set(store, "c")], { concurrency: "unbounded" })
      )
      yield* settled
      const closed = yield* Effect.fork(Scope.close(scope, Exit.void))
      yield* settled
      const late = yield* Effect.flip(set(store, "b"))
      expect(late).toMatchObject({ reason: "closed", outcome: "not-written" })
      yield* Scope.close(busy, Exit.void)
      yield* Fiber.join(waiting)
      yield* Fiber.join(closed)
    }))
})
