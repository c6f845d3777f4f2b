import { SqliteClient } from "@effect/sql-sqlite-node"
import { SqlClient } from "@effect/sql/SqlClient"
import { describe, expect, it } from "@effect/vitest"
import { DeviceStore } from "@plantd/hardware"
import * as SqlDeviceStore from "@plantd/hardware/SqlDeviceStore"
import { Cause, Effect, Exit, Layer } from "effect"
import { databaseFile, settled, sqlError } from "../actors/durable.ts"
import {
  claim,
  contents,
  device,
  holding,
  inMemory,
  intent,
  onFile,
  tapped,
  writesOf
} from "./deviceStores.ts"

const settlement = { state: "succeeded", result: "true", outcomeAt: 2_000 } as const

const all = <A, E>(effects: ReadonlyArray<Effect.Effect<A, E>>) =>
  Effect.all(effects, { concurrency: "unbounded", discard: true })

const transactions = (texts: ReadonlyArray<string>) =>
  texts.filter((text) => text === "COMMIT").length

describe("SqlDeviceStore", () => {
  it.scoped("what was acknowledged is there in the next process", () =>
    Effect.gen(function*() {
      const file = yield* databaseFile
      const lease = { session: "s-1", expiresAt: 9_000 }
      const outOfService = { by: "ann", reason: "a leak", at: 1 }
      yield* Effect.gen(function*() {
        const store = yield* DeviceStore
        const { holder } = yield* claim(store, 7)
        yield* store.intend(holder, intent("done"))
        yield* store.settle(holder, "done", settlement)
        yield* store.intend(holder, intent("open"))
        yield* store.sent(holder, { commandId: "open", sentAt: 1_001 })
        yield* store.saveAlarms(holder, [{ alarm: "flow.high", value: "1" }])
        yield* store.saveLease(holder, lease)
        yield* store.saveOutOfService(holder, outOfService)
      }).pipe(Effect.provide(onFile(file)))
      const stored = yield* Effect.flatMap(DeviceStore, contents).pipe(
        Effect.provide(onFile(file))
      )
      const open = { ...intent("open"), fence: 7, state: "executing", sentAt: 1_001 }
      expect(stored).toEqual({
        fence: 8,
        lease,
        outOfService,
        alarms: [{ alarm: "flow.high", value: "1" }],
        unsettled: [open],
        history: [open, { ...intent("done"), fence: 7, ...settlement }]
      })
    }))

  it.scoped("of two processes on one file the one with the older fence writes nothing", () =>
    Effect.gen(function*() {
      const file = yield* databaseFile
      const older = (yield* tapped(file)).store
      const newer = (yield* tapped(file)).store
      const { holder } = yield* claim(older, 7)
      yield* older.intend(holder, intent("c-1"))
      const taken = yield* claim(newer, 8)
      expect(taken.claimed.unsettled).toHaveLength(1)
      for (const [kind, write] of Object.entries(writesOf(older, holder))) {
        const error = yield* Effect.flip<unknown, unknown, never>(write)
        expect({ kind, ...(error as object) }).toMatchObject({
          kind,
          _tag: "Superseded",
          ours: 7,
          stored: 8
        })
      }
      yield* newer.settle(taken.holder, "c-1", settlement)
      expect(yield* contents(older)).toEqual({
        fence: 9,
        lease: undefined,
        outOfService: undefined,
        alarms: [],
        unsettled: [],
        history: [{ ...intent("c-1"), fence: 7, ...settlement }]
      })
    }))

  it.scoped("devices that write at once share a transaction", () =>
    Effect.gen(function*() {
      const { store, tap } = yield* tapped(":memory:")
      const devices = Array.from({ length: 64 }, (_, index) => ({ type: "Pump", id: `p-${index}` }))
      yield* all(devices.map((one) => store.claim(one, { fence: undefined })))
      expect(transactions(tap.texts)).toBe(1)
      tap.texts.length = 0
      const holders = devices.map((one) => ({ ...holding(1), device: one }))
      yield* all(holders.map((holder) => store.intend(holder, intent("c-1"))))
      expect(transactions(tap.texts)).toBe(1)
      yield* all(holders.map((holder) => store.settle(holder, "c-1", settlement)))
      expect(transactions(tap.texts)).toBe(2)
    }))

  it.scoped("one statement writes an intent, and one its outcome", () =>
    Effect.gen(function*() {
      const { store, tap } = yield* tapped(":memory:")
      const { holder } = yield* claim(store)
      tap.texts.length = 0
      yield* store.intend(holder, intent("c-1"))
      expect(tap.texts).toHaveLength(3)
      yield* store.settle(holder, "c-1", settlement)
      expect(tap.texts).toHaveLength(6)
    }))

  it.scoped("fences, intents to act, outcomes, alarms, leases and marks wait for the disk", () =>
    Effect.gen(function*() {
      const { store, tap } = yield* tapped(":memory:")
      const { holder } = yield* claim(store)
      const waits = (write: Effect.Effect<unknown, unknown>) =>
        Effect.suspend(() => {
          tap.texts.length = 0
          return Effect.map(write, () => !tap.texts.includes("PRAGMA synchronous = normal"))
        })
      const reading = intent("r-1", { effect: "read" })
      expect(yield* waits(store.intend(holder, reading))).toBe(false)
      expect(yield* waits(store.sent(holder, { commandId: "r-1", sentAt: 1 }))).toBe(false)
      expect(yield* waits(store.forget(holder, { before: 0, keep: 0 }))).toBe(false)
      for (
        const write of [
          store.intend(holder, intent("c-1")),
          store.settle(holder, "c-1", settlement),
          store.saveAlarms(holder, [{ alarm: "link", value: "1" }]),
          store.saveLease(holder, undefined),
          store.saveOutOfService(holder, undefined),
          claim(store)
        ]
      ) expect(yield* waits(write)).toBe(true)
    }))

  it.scoped("a thousand commands are listed in pages, and forgotten in steps", () =>
    Effect.gen(function*() {
      const { sql, store, tap } = yield* tapped(":memory:")
      const { holder } = yield* claim(store)
      const ids = Array.from({ length: 1_100 }, (_, index) => `c-${index}`)
      yield* all(ids.map((id, index) => store.intend(holder, intent(id, { intentAt: index }))))
      yield* all(ids.slice(0, 1_090).map((id) => store.settle(holder, id, settlement)))
      const newest = yield* store.history(device, { limit: 5_000 })
      expect(newest).toHaveLength(1_000)
      const rest = yield* store.history(device, { before: "c-100", limit: 5_000 })
      expect([...newest, ...rest].map(({ commandId }) => commandId)).toEqual(ids.toReversed())
      tap.texts.length = 0
      expect(yield* store.forget(holder, { before: 0, keep: 20 })).toBe(1_070)
      // At most 500 in each transaction, so that others are not held up.
      expect(transactions(tap.texts)).toBe(3)
      const counted = yield* sql`SELECT state, count(*) AS n FROM plantd_device_commands
        GROUP BY state ORDER BY state`
      expect(counted).toEqual([{ state: "executing", n: 10 }, { state: "succeeded", n: 20 }])
      expect((yield* claim(store)).claimed.unsettled).toHaveLength(10)
    }))

  it.scoped("the journal can be read by a person", () =>
    Effect.gen(function*() {
      const { sql, store } = yield* tapped(":memory:")
      const { holder } = yield* claim(store)
      yield* store.intend(holder, intent("c-1", { session: "s-1" }))
      yield* store.settle(holder, "c-1", settlement)
      const rows = yield* sql`SELECT device_type, device_id, command_id, name, args, effect,
        session, state, result FROM plantd_device_commands`
      expect(rows).toEqual([{
        device_type: "Pump",
        device_id: "p-1",
        command_id: "c-1",
        name: "prime",
        args: '{"seconds":3}',
        effect: "pulse",
        session: "s-1",
        state: "succeeded",
        result: "true"
      }])
    }))

  it.scoped("what it looks for is found by an index", () =>
    Effect.gen(function*() {
      const { sql, store, tap } = yield* tapped(":memory:")
      const { holder } = yield* claim(store)
      yield* store.intend(holder, intent("c-1"))
      yield* store.intend(holder, intent("c-1"))
      yield* store.history(device, { limit: 1 })
      yield* store.history(device, { before: "c-1", limit: 1 })
      yield* store.forget(holder, { before: 0, keep: 1 })
      const reads = tap.texts.filter((text) => /^(SELECT|WITH)/.test(text))
      expect(reads.length).toBeGreaterThan(5)
      for (const text of reads) {
        const plan = yield* sql.unsafe<{ detail: string }>(
          `EXPLAIN QUERY PLAN ${text.replaceAll("?", "1")}`
        )
        const scans = plan.filter(({ detail }) => /^SCAN (?!CONSTANT)/.test(detail))
        expect([text, scans]).toEqual([text, []])
      }
    }))
})

describe("SqlDeviceStore and rows that cannot be what was written", () => {
  const meddled = (change: string) =>
    Effect.gen(function*() {
      const { sql, store } = yield* tapped(":memory:")
      const { holder } = yield* claim(store)
      yield* store.intend(holder, intent("c-1"))
      yield* store.saveLease(holder, { session: "s-1", expiresAt: 9_000 })
      yield* sql.unsafe(`UPDATE ${change}`)
      return { holder, store }
    })

  const commands = [
    ["state = 'done'", '"done"'],
    ["state = 'failed'", "settled is 0, and state is failed"],
    ["settled = 1", "settled is 1, and state is executing"],
    ["effect = 'toggle'", '"toggle"'],
    ["fence = -1", "-1"],
    ["epoch = -3", "-3"],
    ["settled_by = 'nobody'", '"nobody"'],
    ["command_id = 'c 1'", "expected 1 to 128 characters"]
  ] as const
  it.scoped.each(commands)(
    "a command with %s is named",
    ([change, reason]) =>
      Effect.gen(function*() {
        const { holder, store } = yield* meddled(`plantd_device_commands SET ${change}`)
        const id = change.startsWith("command_id") ? "c 1" : "c-1"
        const reads: ReadonlyArray<Effect.Effect<unknown, unknown>> = [
          store.find(device, id),
          store.history(device, { limit: 1 }),
          ...(id === "c-1" ? [store.intend(holder, intent(id))] : []),
          ...(change === "settled = 1" ? [] : [claim(store)])
        ]
        for (const read of reads) {
          const error = yield* Effect.flip(read)
          expect(error).toMatchObject({
            _tag: "CorruptRow",
            table: "plantd_device_commands",
            address: device,
            name: `command ${id}`
          })
          expect(error).toHaveProperty("reason", expect.stringContaining(reason))
        }
      })
  )

  const devices = [
    ["fence = -2", "-1"],
    ["lease_expires_at = NULL", "expiresAt"],
    ["lease_session = NULL", "session"],
    ["out_of_service_at = 1", "outOfService.by"]
  ] as const
  it.scoped.each(devices)(
    "a device with %s is named, and not claimed",
    ([change, reason]) =>
      Effect.gen(function*() {
        const { store } = yield* meddled(`plantd_devices SET ${change}`)
        const error = yield* Effect.flip(claim(store))
        expect(error).toMatchObject({
          _tag: "CorruptRow",
          table: "plantd_devices",
          address: device,
          name: "device"
        })
        expect(error).toHaveProperty("reason", expect.stringContaining(reason))
        expect(error.message).toContain('the row of plantd_devices for type "Pump", id "p-1"')
      })
  )

  it.scoped("a fence beyond all fences admits nobody", () =>
    Effect.gen(function*() {
      const { holder, store } = yield* meddled("plantd_devices SET fence = 9223372036854775807")
      const error = yield* Effect.flip(store.saveLease(holder, undefined))
      expect(error).toMatchObject({ _tag: "Superseded", stored: Number.MAX_SAFE_INTEGER })
    }))

  it.scoped("a database of a newer plantd is refused", () =>
    Effect.gen(function*() {
      const file = yield* databaseFile
      yield* Effect.provide(
        Effect.flatMap(
          SqlClient,
          (sql) =>
            sql`INSERT INTO plantd_device_migrations (migration_id, name) VALUES (99, 'later')`
        ),
        onFile(file)
      )
      const error = yield* Layer.build(
        Layer.provide(SqlDeviceStore.layer, SqliteClient.layer({ filename: file }))
      ).pipe(Effect.flip)
      expect(error).toMatchObject({ _tag: "SchemaTooNew", known: 1, stored: 99 })
    }))

  it.scoped("a bound that is no count is a programmer's error", () =>
    Effect.gen(function*() {
      const cause = yield* Effect.flip(Effect.sandbox(tapped(":memory:", { batchMax: 0 })))
      expect(Cause.pretty(cause)).toContain("SqlDeviceStore: batchMax is 0")
    }))
})

describe("SqlDeviceStore in trouble", () => {
  it.scopedLive("a database that others lock fails each write by its deadline, and recovers", () =>
    Effect.gen(function*() {
      const file = yield* databaseFile
      const { sql, store } = yield* tapped(file, { writeTimeout: "300 millis" })
      const elsewhere = (yield* tapped(file)).sql
      const { holder } = yield* claim(store)
      yield* store.intend(holder, intent("c-1"))
      yield* elsewhere.unsafe("BEGIN IMMEDIATE")
      for (const [kind, write] of Object.entries(writesOf(store, holder))) {
        const error = yield* Effect.flip<unknown, unknown, never>(write)
        expect({ kind, ...(error as object) }).toMatchObject({
          kind,
          _tag: "StoreUnavailable",
          reason: "locked",
          outcome: "not-written"
        })
      }
      // Reading goes on meanwhile.
      expect(yield* store.find(device, "c-1")).toMatchObject({ state: "executing" })
      yield* elsewhere.unsafe("COMMIT")
      expect(yield* sql`SELECT count(*) AS n FROM plantd_device_commands`).toEqual([{ n: 1 }])
      yield* store.settle(holder, "c-1", settlement)
      expect(yield* store.find(device, "c-1")).toMatchObject(settlement)
    }))

  it.scoped("an intent of which nobody knows whether it was written is found by its id", () =>
    Effect.gen(function*() {
      const { store, tap } = yield* tapped(":memory:")
      const { holder } = yield* claim(store)
      tap.intercept = (text, run) =>
        text === "COMMIT" ? Effect.zipRight(run, Effect.fail(sqlError("SQLITE_IOERR"))) : undefined
      const error = yield* Effect.flip(store.intend(holder, intent("c-1")))
      expect(error).toMatchObject({ reason: "io", outcome: "unknown" })
      tap.intercept = () => undefined
      expect(yield* store.intend(holder, intent("c-1"))).toMatchObject({ state: "executing" })
      expect(yield* store.history(device, { limit: 10 })).toHaveLength(1)
    }))

  it.scopedLive("a full disk fails its writes, provably not written, and is used again after", () =>
    Effect.gen(function*() {
      const { sql, store } = yield* tapped(yield* databaseFile)
      const { holder } = yield* claim(store)
      yield* store.intend(holder, intent("small"))
      const [pages] = yield* sql<{ page_count: number }>`PRAGMA page_count`
      yield* sql.unsafe(`PRAGMA max_page_count = ${(pages?.page_count ?? 0) + 1}`)
      const large = intent("large", { args: JSON.stringify("x".repeat(100_000)) })
      const error = yield* Effect.flip(store.intend(holder, large))
      expect(error).toMatchObject({ reason: "full", outcome: "not-written" })
      expect(yield* store.find(device, "large")).toBeUndefined()
      // What is small may have room still: the outcome of a command that runs is not lost.
      yield* store.settle(holder, "small", settlement)
      yield* sql.unsafe("PRAGMA max_page_count = 100000")
      expect(yield* store.intend(holder, large)).toBeUndefined()
    }))

  it.scoped("a command that the database does not take fails alone", () =>
    Effect.gen(function*() {
      const { sql, store } = yield* tapped(":memory:")
      const { holder } = yield* claim(store)
      yield* sql`CREATE TRIGGER refuse BEFORE INSERT ON plantd_device_commands
        WHEN NEW.command_id = 'b' BEGIN SELECT RAISE(ABORT, 'not this one'); END`
      const exits = yield* Effect.forEach(
        ["a", "b", "c"],
        (id) => Effect.exit(store.intend(holder, intent(id))),
        { concurrency: "unbounded" }
      )
      expect(exits.map(Exit.isSuccess)).toEqual([true, false, true])
      expect(exits[1]).toMatchObject({
        cause: { error: { reason: "failed", outcome: "not-written" } }
      })
    }))

  it.effect("is closed with its layer", () =>
    Effect.gen(function*() {
      const store = yield* Effect.provide(DeviceStore, inMemory)
      yield* settled
      expect(yield* Effect.flip(claim(store))).toMatchObject({
        reason: "closed",
        outcome: "not-written"
      })
    }))
})
