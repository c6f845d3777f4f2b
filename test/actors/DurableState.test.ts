import { SqlClient } from "@effect/sql/SqlClient"
import { describe, expect, it } from "@effect/vitest"
import { ActorSystem } from "@plantd/actors"
import * as DurableState from "@plantd/actors/DurableState"
import { DurableStore } from "@plantd/actors/DurableStore"
import { Fence } from "@plantd/core"
import { Cause, Effect, Fiber, Layer, Option, Schema, Stream } from "effect"
import {
  Counter,
  CounterLive,
  databaseFile,
  inMemory,
  onFile,
  opened,
  sqlError,
  tapped
} from "./durable.ts"

const Recipe = Schema.Struct({ name: Schema.String, degrees: Schema.Number })

const recipe = { schema: Recipe, initial: { name: "none", degrees: 0 } }

const number = { schema: Schema.Number, initial: 0 }

const withMemory = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.provide(effect, DurableStore.layerMemory)

describe("DurableState", () => {
  it.scopedLive("what was acknowledged is there in the next process", () =>
    Effect.gen(function*() {
      const file = yield* databaseFile
      const run = Effect.gen(function*() {
        const counter = yield* Counter.client
        const before = yield* counter("one").Total()
        yield* counter("one").Add({ by: 2 })
        yield* counter("one").Add({ by: 3 })
        return [before, yield* counter("one").Total()]
      }).pipe(
        Effect.provide(
          CounterLive.pipe(
            Layer.provideMerge(Layer.merge(ActorSystem.layer, onFile(file)))
          )
        )
      )
      expect(yield* run).toEqual([0, 5])
      expect(yield* run).toEqual([5, 10])
    }))

  it.scoped("begins with its initial value at revision 0, and counts its writes", () =>
    Effect.gen(function*() {
      const { handle } = yield* opened(DurableState.open(recipe))
      expect([handle.current, handle.revision]).toEqual([{ name: "none", degrees: 0 }, 0])
      yield* handle.set({ name: "mash", degrees: 67 })
      const next = yield* handle.update((value) => ({ ...value, degrees: 72 }))
      expect(next).toEqual({ name: "mash", degrees: 72 })
      expect(yield* handle.modify((value) => [value.degrees, { ...value, degrees: 78 }])).toBe(72)
      expect(yield* handle.get).toEqual({ name: "mash", degrees: 78 })
      expect(handle.revision).toBe(3)
    }).pipe(withMemory))

  it.scoped("several states of one actor are kept apart by their names", () =>
    Effect.gen(function*() {
      const both = Effect.all([
        DurableState.open({ ...number, name: "a" }),
        DurableState.open({ ...number, name: "b" })
      ])
      const { handle: [a, b] } = yield* opened(both)
      yield* a.set(1)
      yield* b.set(2)
      expect((yield* opened(both)).handle.map(({ current }) => current)).toEqual([1, 2])
    }).pipe(withMemory))

  it.scoped("a state that is opened twice in one build is a programmer's error", () =>
    Effect.gen(function*() {
      const open = DurableState.open(number)
      const cause = yield* Effect.flip(Effect.sandbox(opened(Effect.zip(open, open))))
      expect(Cause.pretty(cause)).toContain(
        'Holder/one: "state" is open already in this incarnation: open it once, or give it a name'
      )
      yield* opened(open)
    }).pipe(withMemory))

  it.scoped("a state whose opening failed can be opened again in the same build", () =>
    Effect.gen(function*() {
      const { store, tap } = yield* tapped(":memory:")
      tap.intercept = (text) =>
        text === "BEGIN IMMEDIATE" ? Effect.fail(sqlError("SQLITE_IOERR")) : undefined
      const open = DurableState.open(number)
      const again = Effect.tapError(
        open,
        () => Effect.sync(() => (tap.intercept = () => undefined))
      )
      const { handle } = yield* opened(Effect.retry(again, { times: 1 })).pipe(
        Effect.provideService(DurableStore, store)
      )
      yield* handle.set(1)
      expect(handle.revision).toBe(1)
    }))

  it.scoped("compareAndSet writes at the revision that it names alone", () =>
    Effect.gen(function*() {
      const { handle } = yield* opened(DurableState.open(number))
      yield* handle.compareAndSet(0, 5)
      const error = yield* Effect.flip(handle.compareAndSet(0, 6))
      expect(error).toMatchObject({ _tag: "RevisionConflict", expected: 0, stored: 1 })
      expect([handle.current, handle.revision]).toEqual([5, 1])
      yield* handle.compareAndSet(1, 7)
      expect(handle.current).toBe(7)
    }).pipe(withMemory))

  it.scoped("changes that come at once are made one after the other, in their order", () =>
    Effect.gen(function*() {
      const { handle } = yield* opened(
        DurableState.open({ schema: Schema.Array(Schema.Int), initial: [] })
      )
      const order = Array.from({ length: 100 }, (_, index) => index)
      yield* Effect.forEach(order, (n) => handle.update((list) => [...list, n]), {
        concurrency: "unbounded"
      })
      expect(handle.current).toEqual(order)
      expect(handle.revision).toBe(100)
    }).pipe(Effect.provide(inMemory)))

  it.scoped("who waits for its turn can be interrupted, and the others go on", () =>
    Effect.gen(function*() {
      const { sql, store, tap } = yield* tapped(":memory:")
      const { handle } = yield* opened(DurableState.open(number)).pipe(
        Effect.provideService(DurableStore, store)
      )
      const held = yield* Effect.makeLatch()
      tap.intercept = (text, run) =>
        text === "COMMIT" ? Effect.zipRight(held.await, run) : undefined
      const add = (by: number) => Effect.fork(handle.update((n) => n + by))
      const [first, second, third] = yield* Effect.all([add(1), add(2), add(4)])
      yield* Effect.yieldNow()
      yield* Fiber.interrupt(second)
      yield* held.open
      expect(yield* Fiber.join(first)).toBe(1)
      expect(yield* Fiber.join(third)).toBe(5)
      expect(yield* sql`SELECT value FROM plantd_actor_entities`).toEqual([{ value: "5" }])
    }))

  it.scoped("memory is as before where a write was not acknowledged", () =>
    Effect.gen(function*() {
      const { store, tap } = yield* tapped(":memory:")
      const { handle } = yield* opened(DurableState.open(number)).pipe(
        Effect.provideService(DurableStore, store)
      )
      yield* handle.set(1)
      tap.intercept = (text) =>
        text.includes("UPDATE plantd_actor_entities AS e")
          ? Effect.fail(sqlError("SQLITE_IOERR_WRITE"))
          : undefined
      const error = yield* Effect.flip(handle.set(2))
      expect(error).toMatchObject({
        _tag: "StoreUnavailable",
        reason: "io",
        outcome: "not-written"
      })
      expect([handle.current, handle.revision]).toEqual([1, 1])
      tap.intercept = () => undefined
      expect(yield* handle.update((n) => n + 10)).toBe(11)
    }))

  it.scoped("a write of unknown outcome that was stored is seen by the next one", () =>
    Effect.gen(function*() {
      const { store, tap } = yield* tapped(":memory:")
      const { handle } = yield* opened(DurableState.open(number)).pipe(
        Effect.provideService(DurableStore, store)
      )
      tap.intercept = (text, run) =>
        text === "COMMIT" ? Effect.zipRight(run, Effect.fail(sqlError("SQLITE_IOERR"))) : undefined
      const error = yield* Effect.flip(handle.update((n) => n + 1))
      expect(error).toMatchObject({ _tag: "StoreUnavailable", outcome: "unknown" })
      expect([handle.current, handle.revision]).toEqual([0, 0])
      tap.intercept = () => undefined
      expect(yield* handle.update((n) => n + 10)).toBe(11)
      expect(handle.revision).toBe(2)
    }))

  it.scoped("a write of unknown outcome that was not stored is not seen by the next one", () =>
    Effect.gen(function*() {
      const { store, tap } = yield* tapped(":memory:")
      const { handle } = yield* opened(DurableState.open(number)).pipe(
        Effect.provideService(DurableStore, store)
      )
      tap.intercept = (text) =>
        text === "COMMIT" ? Effect.fail(sqlError("SQLITE_IOERR_FSYNC")) : undefined
      const error = yield* Effect.flip(handle.update((n) => n + 1))
      expect(error).toMatchObject({ reason: "io", outcome: "unknown" })
      tap.intercept = () => undefined
      expect(yield* handle.update((n) => n + 10)).toBe(10)
      expect(handle.revision).toBe(1)
    }))

  it.scoped("of two owners the older one loses, stops, and has changed nothing", () =>
    Effect.gen(function*() {
      const older = yield* opened(DurableState.open(number))
      yield* older.handle.set(1)
      const stopped = yield* older.system.events.pipe(
        Stream.filter(({ _tag }) => _tag === "Stopped"),
        Stream.runHead,
        Effect.fork
      )
      const newer = yield* opened(DurableState.open(number))
      yield* newer.handle.set(2)
      const error = yield* Effect.flip(older.handle.set(3))
      expect(error).toMatchObject({ _tag: "Superseded", ours: 1, stored: 2 })
      expect(error.message).toContain('Holder/one lost its "state" to a newer owner')
      expect(yield* Effect.flip(older.handle.update((n) => n))).toEqual(error)
      expect(older.handle.current).toBe(1)
      expect(yield* newer.handle.update((n) => n + 10)).toBe(12)
      expect(Option.getOrThrow(yield* Fiber.join(stopped))).toMatchObject({ reason: "superseded" })
    }).pipe(withMemory))

  it.scoped("an owner with a fence below the stored one does not start", () =>
    Effect.gen(function*() {
      yield* opened(DurableState.open({ ...number, fence: Fence.Fence.make(5) }))
      const late = opened(DurableState.open({ ...number, fence: Fence.Fence.make(4) }))
      expect(yield* Effect.flip(late)).toMatchObject({ _tag: "Superseded", ours: 4, stored: 5 })
    }).pipe(withMemory))

  it.scoped("a stored value that cannot be read fails the start, with its row named", () =>
    Effect.gen(function*() {
      const sql = yield* SqlClient
      const { handle } = yield* opened(DurableState.open(recipe))
      yield* handle.set({ name: "mash", degrees: 67 })
      const tamper = (value: string) => sql`UPDATE plantd_actor_entities SET value = ${value}`
      for (const value of ['{"name":"ma', '{"name":"mash"}', ""]) {
        yield* tamper(value)
        const error = yield* Effect.flip(opened(DurableState.open(recipe)))
        expect(error).toMatchObject({ _tag: "CorruptRow", table: "plantd_actor_entities" })
        expect(error.message).toContain('for type "Holder", id "one", name "state" is corrupt:')
        expect(yield* sql`SELECT value FROM plantd_actor_entities`).toEqual([{ value }])
      }
    }).pipe(Effect.provide(inMemory)))

  it.scoped("a revision that is no count fails the start", () =>
    Effect.gen(function*() {
      const sql = yield* SqlClient
      yield* opened(DurableState.open(number))
      yield* sql`UPDATE plantd_actor_entities SET revision = -1`
      const error = yield* Effect.flip(opened(DurableState.open(number)))
      expect(error).toMatchObject({ _tag: "CorruptRow", reason: "revision is -1" })
    }).pipe(Effect.provide(inMemory)))

  it.scoped.each<[string, number | bigint | Date | ReadonlyArray<unknown>, string]>([
    ["NaN", Number.NaN, "its encoded value.a is NaN, which JSON does not have"],
    ["a bigint", 1n, "its encoded value.a is of type bigint"],
    ["a Date", new Date(0), "its encoded value.a is a Date"],
    ["nothing in a list", [1, undefined], "its encoded value.a[1] is of type undefined"]
  ])(
    "what JSON would lose is refused and not written: %s",
    ([, a, reason]) =>
      Effect.gen(function*() {
        const schema = Schema.Struct({ a: Schema.Unknown, b: Schema.optional(Schema.Null) })
        const { handle } = yield* opened(DurableState.open({ schema, initial: { a: 0 } }))
        const error = yield* Effect.flip(handle.set({ a, b: undefined }))
        expect(error._tag).toBe("ValueNotEncodable")
        expect(error.message).toContain(reason)
        expect(handle.revision).toBe(0)
        yield* handle.set({ a: ["x", { y: null }], b: undefined })
      }).pipe(withMemory)
  )

  it.scoped.each(["", "x".repeat(1_025), "a\u0000b", "a\ud800"])(
    "a name that no database keeps as it is does not open: %j",
    (name) =>
      Effect.gen(function*() {
        const cause = yield* Effect.flip(
          Effect.sandbox(opened(DurableState.open({ ...number, name })))
        )
        expect(Cause.pretty(cause)).toContain("it cannot be the key of a row")
      }).pipe(withMemory)
  )

  it.scoped("a value that its schema forbids is refused and not written", () =>
    Effect.gen(function*() {
      const { handle } = yield* opened(
        DurableState.open({ schema: Schema.Number.pipe(Schema.between(0, 100)), initial: 0 })
      )
      const error = yield* Effect.flip(handle.set(101))
      expect(error.message).toContain("Expected a number between 0 and 100, actual 101")
      expect([handle.current, handle.revision]).toEqual([0, 0])
    }).pipe(withMemory))

  it.scoped("a value of more than valueBytesMax bytes is refused and not written", () =>
    Effect.gen(function*() {
      const text = { schema: Schema.String, initial: "" }
      const { store } = yield* tapped(":memory:", { valueBytesMax: 10 })
      const { handle } = yield* opened(DurableState.open(text)).pipe(
        Effect.provideService(DurableStore, store)
      )
      yield* handle.set("12345678")
      yield* handle.set("éééé")
      const error = yield* Effect.flip(handle.set("ééééx"))
      expect(error).toMatchObject({ _tag: "ValueTooLarge", bytes: 11, bytesMax: 10 })
      expect([handle.current, handle.revision]).toEqual(["éééé", 2])
    }))
})
