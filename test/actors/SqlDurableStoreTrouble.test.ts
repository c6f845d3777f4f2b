import { SqliteClient } from "@effect/sql-sqlite-node"
import { SqlClient } from "@effect/sql/SqlClient"
import { describe, expect, it } from "@effect/vitest"
import { DurableStore } from "@plantd/actors/DurableStore"
import * as SqlDurableStore from "@plantd/actors/SqlDurableStore"
import { Context, Effect, Exit, Fiber, Layer, Option, Scope, TestClock } from "effect"
import {
  claim,
  claimAll,
  databaseFile,
  entity,
  onFile,
  set,
  settled,
  sqlError,
  tapped
} from "./durable.ts"

const many = Array.from({ length: 64 }, (_, index) => `v${index}`)

describe("SqlDurableStore in trouble", () => {
  it.scopedLive("a full disk fails its writes, provably not written, and is used again after", () =>
    Effect.gen(function*() {
      const file = yield* databaseFile
      yield* Effect.gen(function*() {
        const sql = yield* SqlClient
        const store = yield* DurableStore
        yield* claimAll(store, ["small", "large"])
        yield* set(store, "small", { value: '"acknowledged"' })
        const [{ page_count: pages } = { page_count: 0 }] = yield* sql<{ page_count: number }>`
          PRAGMA page_count`
        yield* sql.unsafe(`PRAGMA max_page_count = ${pages + 1}`)
        const large = { value: JSON.stringify("x".repeat(100_000)) }
        const error = yield* Effect.flip(set(store, "large", large))
        expect(error).toMatchObject({ reason: "full", outcome: "not-written" })
        expect(error.message).toContain("make room on its disk")
        expect(yield* store.read(entity("large"))).toMatchObject({ revision: 0 })
        yield* sql.unsafe(`PRAGMA max_page_count = ${pages + 1_000}`)
        yield* set(store, "large", large)
      }).pipe(Effect.provide(onFile(file)))
      const stored = yield* Effect.flatMap(
        DurableStore,
        (store) => Effect.forEach(["small", "large"], (id) => store.read(entity(id)))
      ).pipe(Effect.provide(onFile(file)))
      expect(stored.map((row) => row?.value?.length)).toEqual([14, 100_002])
    }))

  it.scopedLive("a lock of another connection is waited for while there is time", () =>
    Effect.gen(function*() {
      const file = yield* databaseFile
      const { store, tap } = yield* tapped(file)
      yield* claim(store, "a")
      const other = yield* Layer.build(SqliteClient.layer({ filename: file }))
      const elsewhere = Context.get(other, SqlClient)
      yield* elsewhere.unsafe("BEGIN IMMEDIATE")
      tap.texts.length = 0
      const writing = yield* Effect.fork(set(store, "a"))
      yield* Effect.yieldNow().pipe(
        Effect.zipRight(Effect.sleep("1 millis")),
        Effect.repeat({ until: () => tap.texts.length >= 3 })
      )
      expect(tap.texts.every((text) => text === "BEGIN IMMEDIATE" || text === "ROLLBACK")).toBe(
        true
      )
      yield* elsewhere.unsafe("COMMIT")
      yield* Fiber.join(writing)
      expect(yield* store.read(entity("a"))).toMatchObject({ revision: 1 })
    }))

  it.scopedLive("a lock held beyond the deadline fails the write, and those behind it", () =>
    Effect.gen(function*() {
      const file = yield* databaseFile
      const { store } = yield* tapped(file, { writeTimeout: "1 seconds", batchMax: 1 })
      yield* claimAll(store, ["a", "b"])
      const other = yield* Layer.build(SqliteClient.layer({ filename: file }))
      const elsewhere = Context.get(other, SqlClient)
      yield* elsewhere.unsafe("BEGIN IMMEDIATE")
      const errors = yield* Effect.forEach(["a", "b"], (id) => Effect.flip(set(store, id)), {
        concurrency: "unbounded"
      })
      for (const error of errors) {
        expect(error).toMatchObject({
          reason: "locked",
          outcome: "not-written",
          detail: "not within 1000 ms: SQLITE_BUSY: database is locked"
        })
      }
      yield* elsewhere.unsafe("COMMIT")
      yield* set(store, "a")
      expect(yield* store.read(entity("a"))).toMatchObject({ revision: 1 })
    }))

  it.scoped("a write that waits beyond its deadline fails, and so do those held back", () =>
    Effect.gen(function*() {
      const { sql, store } = yield* tapped(":memory:", { writesQueuedMax: 2, batchMax: 1 })
      const ids = ["a", "b", "c", "d"]
      yield* claimAll(store, ids)
      const busy = yield* Scope.make()
      yield* Scope.extend(sql.reserve, busy)
      const writing = yield* Effect.fork(
        Effect.forEach(ids, (id) => Effect.flip(set(store, id)), { concurrency: "unbounded" })
      )
      yield* settled
      yield* TestClock.adjust("6 seconds")
      const errors = yield* Fiber.join(writing)
      expect(errors.map((error) => error._tag === "StoreUnavailable" ? error.reason : error))
        .toEqual(
          ["deadline", "deadline", "deadline", "overloaded"]
        )
      expect(errors.map((error) => "outcome" in error ? error.outcome : error)).toEqual(
        ["unknown", "not-written", "not-written", "not-written"]
      )
      yield* Scope.close(busy, Exit.void)
      yield* set(store, "b")
    }))

  it.scoped("who waits for room gets it where one before it is taken back", () =>
    Effect.gen(function*() {
      const { sql, store } = yield* tapped(":memory:", { writesQueuedMax: 1, batchMax: 1 })
      const ids = ["a", "b", "c"]
      yield* claimAll(store, ids)
      const busy = yield* Scope.make()
      yield* Scope.extend(sql.reserve, busy)
      const [first, second, third] = yield* Effect.all([
        Effect.zipLeft(Effect.fork(set(store, "a")), settled),
        Effect.fork(set(store, "b")),
        Effect.fork(set(store, "c"))
      ])
      yield* settled
      yield* Fiber.interrupt(second)
      yield* Scope.close(busy, Exit.void)
      yield* Fiber.join(Fiber.all([first, third]))
      const stored = yield* Effect.forEach(ids, (id) => store.read(entity(id)))
      expect(stored.map((row) => row?.revision)).toEqual([1, 0, 1])
    }))

  it.scoped("more writes than may wait are held back, and written when there is room", () =>
    Effect.gen(function*() {
      const { store, tap } = yield* tapped(":memory:", { writesQueuedMax: 2 })
      yield* claimAll(store, many)
      tap.texts.length = 0
      yield* Effect.forEach(many, (id) => set(store, id), { concurrency: "unbounded" })
      expect(yield* store.read(entity("v63"))).toMatchObject({ revision: 1 })
    }))

  it.scoped.each<[string, string, string, string]>([
    ["COMMIT", "SQLITE_BUSY_SNAPSHOT", "locked", "not-written"],
    ["COMMIT", "SQLITE_FULL", "full", "not-written"],
    ["COMMIT", "SQLITE_IOERR_FSYNC", "io", "unknown"],
    ["COMMIT", "40001", "locked", "not-written"],
    ["COMMIT", "57P01", "connection", "unknown"],
    ["COMMIT", "ECONNRESET", "connection", "unknown"],
    ["COMMIT", "", "failed", "unknown"],
    ["BEGIN IMMEDIATE", "ECONNREFUSED", "connection", "not-written"],
    ["BEGIN IMMEDIATE", "53100", "full", "not-written"],
    ["BEGIN IMMEDIATE", "SQLITE_READONLY", "io", "not-written"]
  ])(
    "what is known of a failed write is said: %s",
    ([statement, code, reason, outcome]) =>
      Effect.gen(function*() {
        const { store, tap } = yield* tapped(":memory:")
        yield* claim(store, "a")
        tap.intercept = (text) => text === statement ? Effect.fail(sqlError(code)) : undefined
        const writing = yield* Effect.fork(Effect.flip(set(store, "a")))
        yield* settled
        yield* TestClock.adjust("6 seconds")
        expect(yield* Fiber.join(writing)).toMatchObject({ reason, outcome })
        tap.intercept = () => undefined
        yield* set(store, "a")
      })
  )

  it.scoped("a driver that breaks fails the write, and the next one is written", () =>
    Effect.gen(function*() {
      const { store, tap } = yield* tapped(":memory:")
      yield* claim(store, "a")
      tap.intercept = (text) => text === "COMMIT" ? Effect.die("broken") : undefined
      const error = yield* Effect.flip(set(store, "a"))
      expect(error).toMatchObject({ reason: "failed", outcome: "unknown" })
      tap.intercept = () => undefined
      yield* set(store, "a")
    }))

  it.scoped("a database that does not answer fails each read at its deadline", () =>
    Effect.gen(function*() {
      const { store, tap } = yield* tapped(":memory:", { writeTimeout: "2 seconds" })
      tap.intercept = () => Effect.uninterruptible(Effect.never)
      const reads: ReadonlyArray<Effect.Effect<unknown, unknown>> = [
        store.read(entity("a")),
        store.events(entity("a"), { after: 0, limit: 1 }),
        store.snapshot(entity("a"))
      ]
      const reading = yield* Effect.fork(
        Effect.forEach(reads, Effect.flip, { concurrency: "unbounded" })
      )
      yield* settled
      yield* TestClock.adjust("1999 millis")
      expect(yield* Fiber.poll(reading)).toEqual(Option.none())
      yield* TestClock.adjust("1 millis")
      for (const error of yield* Fiber.join(reading)) {
        expect(error).toMatchObject({
          _tag: "StoreUnavailable",
          reason: "deadline",
          outcome: "not-written",
          detail: "no answer within 2000 ms"
        })
      }
    }))

  it.scoped("a store does not wait for ever for a database that does not answer to open", () =>
    Effect.gen(function*() {
      const services = yield* Layer.build(SqliteClient.layer({ filename: ":memory:" }))
      yield* Context.get(services, SqlClient).reserve
      const opening = yield* SqlDurableStore.make().pipe(
        Effect.provide(services),
        Effect.flip,
        Effect.fork
      )
      yield* settled
      yield* TestClock.adjust("5 seconds")
      expect(yield* Fiber.join(opening)).toMatchObject({ reason: "deadline" })
    }))

  it.scoped("what was wrong with a batch is not said of the ones after it", () =>
    Effect.gen(function*() {
      const { sql, store, tap } = yield* tapped(":memory:")
      yield* claim(store, "a")
      const failing = () =>
        Effect.gen(function*() {
          const writing = yield* Effect.fork(Effect.flip(set(store, "a")))
          yield* settled
          yield* TestClock.adjust("6 seconds")
          return yield* Fiber.join(writing)
        })
      tap.intercept = (text) =>
        text === "BEGIN IMMEDIATE" ? Effect.fail(sqlError("SQLITE_BUSY")) : undefined
      expect(yield* failing()).toMatchObject({ reason: "locked", outcome: "not-written" })
      tap.intercept = () => undefined
      yield* settled
      yield* sql.reserve
      expect(yield* failing()).toMatchObject({
        reason: "deadline",
        detail: "not within 5000 ms"
      })
    }))

  it.scoped("a read that fails says why", () =>
    Effect.gen(function*() {
      const { store, tap } = yield* tapped(":memory:")
      tap.intercept = () => Effect.fail(sqlError("SQLITE_IOERR_READ"))
      expect(yield* Effect.flip(store.read(entity("a")))).toMatchObject({
        reason: "io",
        detail: "SQLITE_IOERR_READ: made by the test"
      })
    }))
})
