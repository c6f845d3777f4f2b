import { SqlClient } from "@effect/sql/SqlClient"
import { describe, expect, it } from "@effect/vitest"
import { DurableStore } from "@plantd/actors/DurableStore"
import * as EventSourced from "@plantd/actors/EventSourced"
import { Cause, Effect, Logger, Schema } from "effect"
import {
  databaseFile,
  holder,
  inMemory,
  onFile,
  opened,
  settled,
  sqlError,
  tapped
} from "./durable.ts"

const Deposited = Schema.TaggedStruct("Deposited", { amount: Schema.Int })
const Withdrawn = Schema.TaggedStruct("Withdrawn", { amount: Schema.Int })
const Entry = Schema.Union(Deposited, Withdrawn)
type Entry = typeof Entry.Type

const deposited = (amount: number): Entry => ({ _tag: "Deposited", amount })
const withdrawn = (amount: number): Entry => ({ _tag: "Withdrawn", amount })

/** An account, and how many events were applied to it since it was defined. */
const account = (every?: number) => {
  const seen = { applied: 0 }
  const open = EventSourced.open({
    events: Entry,
    initial: 0,
    apply: (balance: number, entry: Entry) => {
      seen.applied++
      if (entry.amount === 13) throw new Error("no such amount")
      return entry._tag === "Deposited" ? balance + entry.amount : balance - entry.amount
    },
    ...(every === undefined ? {} : { snapshot: { schema: Schema.Int, every } })
  })
  return { open, seen }
}

/** Waits until a snapshot at this event is kept: that is not part of persisting. */
const kept = (sequence: number) =>
  Effect.flatMap(
    DurableStore,
    (store) => store.snapshot({ address: holder, name: "journal" })
  ).pipe(
    Effect.zipLeft(settled),
    Effect.repeat({ until: (snapshot) => snapshot?.sequence === sequence, times: 1_000 })
  )

describe("EventSourced", () => {
  it.scoped("events that were acknowledged are replayed in the next process", () =>
    Effect.gen(function*() {
      const file = yield* databaseFile
      const run = (by: ReadonlyArray<Entry>) =>
        Effect.scoped(
          Effect.gen(function*() {
            const { handle } = yield* opened(account().open)
            const before = [handle.current, handle.sequence]
            yield* handle.persistAll(by)
            return [...before, yield* handle.state, handle.sequence]
          })
        ).pipe(Effect.provide(onFile(file)))
      expect(yield* run([deposited(100), withdrawn(30)])).toEqual([0, 0, 70, 2])
      expect(yield* run([deposited(5)])).toEqual([70, 2, 75, 3])
    }))

  it.scoped("what follows a persist runs when its event is stored", () =>
    Effect.gen(function*() {
      const sql = yield* SqlClient
      const { handle } = yield* opened(account().open)
      const stored = yield* handle.persist(deposited(7)).pipe(
        Effect.zipRight(sql`SELECT actor_id, name, sequence, event FROM plantd_actor_events`)
      )
      expect(stored).toEqual([{
        actor_id: "one",
        name: "journal",
        sequence: 1,
        event: '{"_tag":"Deposited","amount":7}'
      }])
    }).pipe(Effect.provide(inMemory)))

  it.scoped("several events are stored together or not at all", () =>
    Effect.gen(function*() {
      const { sql, store, tap } = yield* tapped(":memory:")
      const { handle } = yield* opened(account().open).pipe(
        Effect.provideService(DurableStore, store)
      )
      yield* handle.persist(deposited(1))
      tap.intercept = (text) => text === "COMMIT" ? Effect.fail(sqlError("SQLITE_FULL")) : undefined
      const error = yield* Effect.flip(handle.persistAll([deposited(2), deposited(3)]))
      expect(error).toMatchObject({ reason: "full", outcome: "not-written" })
      expect([handle.current, handle.sequence]).toEqual([1, 1])
      expect(yield* sql`SELECT sequence FROM plantd_actor_events`).toEqual([{ sequence: 1 }])
      tap.intercept = () => undefined
      expect(yield* handle.persistAll([deposited(2), deposited(3)])).toBe(6)
      expect(handle.sequence).toBe(3)
      expect(yield* handle.persistAll([])).toBe(6)
      expect(handle.sequence).toBe(3)
    }))

  it.scoped("events of unknown outcome that were stored are applied before the next ones", () =>
    Effect.gen(function*() {
      const { store, tap } = yield* tapped(":memory:")
      const { handle } = yield* opened(account().open).pipe(
        Effect.provideService(DurableStore, store)
      )
      tap.intercept = (text, run) =>
        text === "COMMIT" ? Effect.zipRight(run, Effect.fail(sqlError("ECONNRESET"))) : undefined
      const error = yield* Effect.flip(handle.persistAll([deposited(1), deposited(2)]))
      expect(error).toMatchObject({ reason: "connection", outcome: "unknown" })
      expect([handle.current, handle.sequence]).toEqual([0, 0])
      tap.intercept = () => undefined
      expect(yield* handle.persist(deposited(10))).toBe(13)
      expect(handle.sequence).toBe(3)
    }))

  it.scoped("an event that cannot be applied is a crash, and never stored", () =>
    Effect.gen(function*() {
      const sql = yield* SqlClient
      const { handle } = yield* opened(account().open)
      const crash = handle.persistAll([deposited(1), deposited(13)])
      expect(Cause.pretty(yield* Effect.flip(Effect.sandbox(crash)))).toContain("no such amount")
      expect(yield* sql`SELECT * FROM plantd_actor_events`).toEqual([])
      expect(yield* handle.persist(deposited(4))).toBe(4)
    }).pipe(Effect.provide(inMemory)))

  it.scoped("of two owners the older one loses, and its events are not stored", () =>
    Effect.gen(function*() {
      const { handle: older } = yield* opened(account().open)
      yield* older.persist(deposited(1))
      const { handle: newer } = yield* opened(account().open)
      expect((yield* Effect.flip(older.persist(deposited(2))))._tag).toBe("Superseded")
      expect(yield* newer.persist(deposited(4))).toBe(5)
      expect((yield* opened(account().open)).handle.current).toBe(5)
    }).pipe(Effect.provide(inMemory)))

  it.scoped("a long journal is replayed in pages", () =>
    Effect.gen(function*() {
      const { store, tap } = yield* tapped(":memory:")
      const { handle } = yield* opened(account().open).pipe(
        Effect.provideService(DurableStore, store)
      )
      const many = Array.from({ length: 2 * EventSourced.replayPageMax }, () => deposited(1))
      yield* handle.persistAll(many)
      tap.texts.length = 0
      const again = yield* opened(account().open).pipe(
        Effect.provideService(DurableStore, store)
      )
      expect(again.handle.current).toBe(many.length)
      expect(tap.texts.filter((text) => text.includes("ORDER BY sequence LIMIT"))).toHaveLength(3)
    }))

  it.scoped("a snapshot spares the replay of what led to it, and the events are kept", () =>
    Effect.gen(function*() {
      const sql = yield* SqlClient
      const { handle } = yield* opened(account(10).open)
      yield* Effect.forEach(Array.from({ length: 12 }), () => handle.persist(deposited(1)))
      expect(yield* kept(10)).toMatchObject({ state: "10" })
      const { open, seen } = account(10)
      expect((yield* opened(open)).handle).toMatchObject({ current: 12, sequence: 12 })
      expect(seen.applied).toBe(2)
      expect(yield* sql`SELECT count(*) AS n FROM plantd_actor_events`).toEqual([{ n: 12 }])
      const whole = account()
      expect((yield* opened(whole.open)).handle.current).toBe(12)
      expect(whole.seen.applied).toBe(12)
    }).pipe(Effect.provide(inMemory)))

  it.scoped("a snapshot that cannot be kept fails no persist, and is logged", () => {
    const logged: Array<string> = []
    const logger = Logger.make(({ message }) => void logged.push(String(message)))
    return Effect.gen(function*() {
      const { store, tap } = yield* tapped(":memory:")
      tap.intercept = (text) =>
        text.includes("INTO plantd_actor_snapshots")
          ? Effect.fail(sqlError("SQLITE_IOERR"))
          : undefined
      const { handle } = yield* opened(account(2).open).pipe(
        Effect.provideService(DurableStore, store)
      )
      yield* handle.persist(deposited(1))
      expect(yield* handle.persist(deposited(1))).toBe(2)
      yield* Effect.repeat(settled, { until: () => logged.length > 0, times: 1_000 })
      expect(logged[0]).toContain("a snapshot at event 2 was not kept")
      tap.intercept = () => undefined
      yield* handle.persistAll([deposited(1), deposited(1)])
      expect(yield* Effect.provideService(kept(4), DurableStore, store)).toBeDefined()
    }).pipe(Effect.provide(Logger.replace(Logger.defaultLogger, logger)))
  })

  const corrupted = (
    sentence: string,
    tamper: (sql: SqlClient) => Effect.Effect<unknown, unknown>,
    expected: object
  ) =>
    it.scoped(sentence, () =>
      Effect.gen(function*() {
        const { handle } = yield* opened(account(3).open)
        yield* handle.persistAll([deposited(1), deposited(2), deposited(3)])
        yield* kept(3)
        yield* handle.persistAll([deposited(4), deposited(5)])
        yield* kept(3)
        yield* Effect.flatMap(SqlClient, tamper)
        const error = yield* Effect.flip(opened(account(3).open))
        expect(error).toMatchObject({ _tag: "CorruptRow", ...expected })
      }).pipe(Effect.provide(inMemory)))

  corrupted(
    "a missing event fails the start, with its number",
    (sql) => sql`DELETE FROM plantd_actor_events WHERE sequence = 4`,
    { table: "plantd_actor_events", sequence: 4, reason: "it is missing: the next one is 5" }
  )

  corrupted(
    "a journal that was cut off fails the start",
    (sql) => sql`DELETE FROM plantd_actor_events WHERE sequence = 5`,
    { sequence: 5, reason: "it is missing: the journal has 5 events" }
  )

  corrupted(
    "an event beyond the end of the journal fails the start",
    (sql) => sql`UPDATE plantd_actor_entities SET revision = 4`,
    { sequence: 5, reason: "it is beyond the end: the journal has 4 events" }
  )

  corrupted(
    "an event that the schema cannot read fails the start",
    (sql) => sql`UPDATE plantd_actor_events SET event = '{"_tag":"Lost"}' WHERE sequence = 5`,
    { sequence: 5, reason: expect.stringContaining('Expected "Deposited"') }
  )

  corrupted(
    "an event on which apply throws fails the start",
    (sql) =>
      sql`UPDATE plantd_actor_events SET event = ${
        JSON.stringify(deposited(13))
      } WHERE sequence = 5`,
    { sequence: 5, reason: "apply threw on it: Error: no such amount" }
  )

  corrupted(
    "a snapshot that the schema cannot read fails the start",
    (sql) => sql`UPDATE plantd_actor_snapshots SET state = '"torn'`,
    { table: "plantd_actor_snapshots", sequence: 3, reason: expect.stringContaining("JSON") }
  )

  corrupted(
    "a snapshot from beyond the journal fails the start",
    (sql) => sql`UPDATE plantd_actor_snapshots SET sequence = 6`,
    { table: "plantd_actor_snapshots", reason: "it is of event 6, the journal has 5" }
  )

  it.scoped("events beyond the bounds are refused and not stored", () =>
    Effect.gen(function*() {
      const { store } = yield* tapped(":memory:", { valueBytesMax: 100 })
      const { handle } = yield* opened(account().open).pipe(
        Effect.provideService(DurableStore, store)
      )
      const four = [1, 2, 3, 4].map(deposited)
      expect(yield* Effect.flip(handle.persistAll(four))).toMatchObject({
        _tag: "ValueTooLarge",
        bytesMax: 100
      })
      const many = Array.from({ length: EventSourced.persistMax + 1 }, () => deposited(1))
      expect(yield* Effect.flip(handle.persistAll(many))).toMatchObject({
        _tag: "TooManyEvents",
        events: 4_097,
        eventsMax: 4_096
      })
      expect(yield* Effect.flip(handle.persist(deposited(1.5)))).toMatchObject({
        _tag: "ValueNotEncodable"
      })
      expect(yield* handle.persist(deposited(1))).toBe(1)
    }))

  it.scoped("the bound of several events is one of bytes, not of characters", () =>
    Effect.gen(function*() {
      const { store } = yield* tapped(":memory:", { valueBytesMax: 100 })
      const { handle } = yield* opened(
        EventSourced.open({ events: Schema.String, initial: 0, apply: (count) => count + 1 })
      ).pipe(Effect.provideService(DurableStore, store))
      const long = ["aé", "€".repeat(10), "🧪".repeat(10), "é".repeat(10)] as const
      const error = yield* Effect.flip(handle.persistAll(long))
      expect(error).toMatchObject({
        _tag: "ValueTooLarge",
        bytes: 5 + 32 + 42 + 22,
        bytesMax: 100
      })
      expect(handle.sequence).toBe(0)
      expect(yield* handle.persistAll(long.slice(0, 3))).toBe(3)
    }))

  it.scoped("a journal that is opened twice in one build is a programmer's error", () =>
    Effect.gen(function*() {
      const { open } = account()
      const cause = yield* Effect.flip(Effect.sandbox(opened(Effect.zip(open, open))))
      expect(Cause.pretty(cause)).toContain(
        'Holder/one: "journal" is open already in this incarnation: open it once, or give it a name'
      )
    }).pipe(Effect.provide(DurableStore.layerMemory)))

  it.scoped("a snapshot after every 0 events is a programmer's error", () =>
    Effect.gen(function*() {
      const cause = yield* Effect.flip(Effect.sandbox(opened(account(0).open)))
      expect(Cause.pretty(cause)).toContain("snapshot.every is 0, expected a whole number above 0")
    }).pipe(Effect.provide(DurableStore.layerMemory)))
})
