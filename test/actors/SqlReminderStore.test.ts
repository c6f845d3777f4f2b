import { SqliteClient } from "@effect/sql-sqlite-node"
import { SqlClient } from "@effect/sql/SqlClient"
import { describe, expect, it } from "@effect/vitest"
import * as Quarantine from "@plantd/actors/Quarantine"
import * as Reminder from "@plantd/actors/Reminder"
import * as SqlReminderStore from "@plantd/actors/SqlReminderStore"
import { Cause, Effect, Layer } from "effect"
import { databaseFile } from "./durable.ts"
import { deadLetters, p1, pass, poison, Pump, run, settled, until } from "./reminding.ts"

const onFile = (filename: string) =>
  SqlReminderStore.layer.pipe(
    Layer.provideMerge(SqliteClient.layer({ filename })),
    Layer.orDie
  )

const every = { name: "calibrate", message: ["Calibrate", { depth: 1 }] } as const

const goneWhen = until(Reminder.list(), (all) => all.length === 0)

const quarantinedWhen = until(Quarantine.list(), (all) => all.length > 0)

/** Changes the row of the only reminder, as no plantd would. */
const meddle = (change: string) =>
  Effect.flatMap(SqlClient, (sql) => sql.unsafe(`UPDATE plantd_actor_reminders SET ${change}`))

/** Sets a reminder in a process, and changes its row after that has ended. */
const prepared = (
  file: string,
  { change, message = every.message, more = {} }: {
    readonly change: string
    readonly message?: readonly ["Calibrate", { readonly depth: number }]
    readonly more?: Reminder.Recurrence
  }
) =>
  run(onFile(file))(() =>
    Reminder.set(Pump, "p-1", { name: "calibrate", message, after: "1 minute", ...more })
  ).pipe(Effect.zipRight(Effect.provide(Effect.orDie(meddle(change)), onFile(file))))

describe("SqlReminderStore", () => {
  it.scoped("a reminder that is due while no process runs is told to the next one, once", () =>
    Effect.gen(function*() {
      const file = yield* databaseFile
      yield* run(onFile(file))(() =>
        Reminder.set(Pump, "p-1", { ...every, after: "1 minute", every: "10 seconds", repeat: 4 })
      )
      // Due at 60, 70, 80, 90 and 100 s.
      yield* pass("105 seconds")
      yield* run(onFile(file))((told) =>
        Effect.gen(function*() {
          yield* until(Effect.sync(() => told.length), (count) => count > 0)
          const [reminder] = yield* until(Reminder.list(), ([row]) => row?.dueAt === 110_000)
          expect(reminder).toMatchObject({ ticksLeft: 3, attempts: 0 })
          expect(told).toEqual(["105 s: calibrate 1"])
          yield* pass("5 seconds")
          expect(told.slice(1)).toEqual(["110 s: calibrate 1"])
          yield* until(Reminder.list(), ([row]) => row?.dueAt === 120_000)
        })
      )
      yield* run(onFile(file))((told) =>
        Effect.gen(function*() {
          yield* settled
          expect(told).toEqual([])
          for (const at of [120_000, 130_000]) {
            yield* pass("10 seconds")
            yield* until(Reminder.list(), ([row]) => row?.dueAt !== at)
          }
          expect(told).toEqual(["120 s: calibrate 1", "130 s: calibrate 1"])
          yield* goneWhen
        })
      )
    }))

  it.scoped("the time to live goes on while no process runs", () =>
    Effect.gen(function*() {
      const file = yield* databaseFile
      yield* run(onFile(file))(() =>
        Reminder.set(Pump, "p-1", { ...every, after: "1 minute", timeToLive: "2 minutes" })
      )
      yield* pass("121 seconds")
      yield* run(onFile(file))((told) =>
        Effect.gen(function*() {
          expect(yield* goneWhen).toEqual([])
          expect(told).toEqual([])
        })
      )
    }))

  it.scoped("attempts are counted across processes, and before they are made", () =>
    Effect.gen(function*() {
      const file = yield* databaseFile
      const attempt = run(onFile(file), { maxAttempts: 2 })((told) =>
        Effect.gen(function*() {
          yield* until(Effect.sync(() => told.length), (count) => count > 0)
          return told.length
        })
      )
      yield* run(onFile(file))(() =>
        Reminder.set(Pump, "p-1", { name: "hang", message: ["Hang"], after: "1 second" })
      )
      yield* pass("1 second")
      // Each of these processes ends while the tick is handled.
      expect(yield* attempt).toBe(1)
      expect(yield* attempt).toBe(1)
      yield* run(onFile(file), { maxAttempts: 2 })((told) =>
        Effect.gen(function*() {
          const [entry] = yield* quarantinedWhen
          expect(entry).toMatchObject({ address: p1, tag: "Hang", attempts: 2 })
          expect(entry?.cause).toContain("the process ended while it was handled")
          expect([told, yield* Reminder.list()]).toEqual([[], []])
        })
      )
    }))

  it.scoped("what was quarantined is there in the next process, and can be retried then", () =>
    Effect.gen(function*() {
      const file = yield* databaseFile
      yield* run(onFile(file), { maxAttempts: 1 })(() =>
        Effect.gen(function*() {
          const message = ["Calibrate", { depth: poison }] as const
          yield* Reminder.set(Pump, "p-1", { name: "poison", message, after: 0 })
          yield* quarantinedWhen
        })
      )
      const mended = Effect.flatMap(
        SqlClient,
        (sql) => sql`UPDATE plantd_actor_quarantine SET payload = '{"depth":2}'`
      )
      yield* Effect.provide(mended, onFile(file))
      yield* run(onFile(file))((told) =>
        Effect.gen(function*() {
          const [entry] = yield* Quarantine.list()
          expect(entry?.cause).toContain("the probe broke")
          yield* Quarantine.retry(entry?.id ?? 0)
          expect(told).toEqual(["0 s: calibrate 2"])
          expect(yield* Quarantine.list()).toEqual([])
        })
      )
    }))

  it.scoped("a payload that cannot be read is quarantined with the reason; the next comes", () =>
    Effect.gen(function*() {
      const file = yield* databaseFile
      const change = `payload = '{"depth":"deep"}'`
      yield* prepared(file, { change, more: { every: "1 hour" } })
      yield* run(onFile(file))((told) =>
        Effect.gen(function*() {
          const letters = yield* deadLetters
          yield* pass("1 minute")
          const [entry] = yield* quarantinedWhen
          expect(entry).toMatchObject({ payload: '{"depth":"deep"}', attempts: 0, times: 1 })
          expect(entry?.cause).toContain('Expected number, actual "deep"')
          yield* settled
          expect([told, letters()]).toEqual([[], ["quarantined Calibrate"]])
          expect(yield* Reminder.list()).toMatchObject([{ dueAt: 3_660_000 }])
          yield* Effect.provide(Effect.orDie(meddle(`payload = '{"depth":3}'`)), onFile(file))
          yield* pass("1 hour")
          expect(told).toEqual(["3660 s: calibrate 3"])
        })
      )
    }))

  it.scoped("a message that the protocol does not have is quarantined with the reason", () =>
    Effect.gen(function*() {
      const file = yield* databaseFile
      yield* prepared(file, { change: "tag = 'Recalibrate'" })
      yield* run(onFile(file))(() =>
        Effect.gen(function*() {
          yield* pass("1 minute")
          const [entry] = yield* quarantinedWhen
          expect(entry?.cause).toBe("Pump has no message Recalibrate")
          expect(yield* goneWhen).toEqual([])
        })
      )
    }))

  it.scoped("a row that cannot be what was written is quarantined, and the others tick", () =>
    Effect.gen(function*() {
      const file = yield* databaseFile
      yield* prepared(file, { change: "period_millis = 0" })
      yield* run(onFile(file))((told) =>
        Effect.gen(function*() {
          yield* Reminder.set(Pump, "p-2", { ...every, after: "1 minute" })
          yield* pass("1 minute")
          const [entry] = yield* quarantinedWhen
          expect(entry).toMatchObject({ address: p1, tag: "Calibrate", payload: '{"depth":1}' })
          expect(entry?.cause).toBe("the row of the reminder has a period_millis of 0")
          expect(yield* goneWhen).toEqual([])
          expect(told).toEqual(["60 s: calibrate 1"])
        })
      )
    }))

  it.scoped("a database of a newer plantd is refused", () =>
    Effect.gen(function*() {
      const file = yield* databaseFile
      yield* Effect.provide(
        Effect.flatMap(
          SqlClient,
          (sql) =>
            sql`INSERT INTO plantd_reminder_migrations (migration_id, name) VALUES (99, 'later')`
        ),
        onFile(file)
      )
      const error = yield* Layer.build(
        Layer.provide(SqlReminderStore.layer, SqliteClient.layer({ filename: file }))
      ).pipe(Effect.flip)
      expect(error).toMatchObject({ _tag: "SchemaTooNew", known: 1, stored: 99 })
    }))

  it.scoped("a bound that is no count is a programmer's error", () =>
    Effect.gen(function*() {
      const cause = yield* Layer.build(
        Layer.provide(
          SqlReminderStore.layerWith({ batchMax: 0 }),
          SqliteClient.layer({ filename: ":memory:" })
        )
      ).pipe(Effect.sandbox, Effect.flip)
      expect(Cause.pretty(cause)).toContain("SqlReminderStore: batchMax is 0")
    }))
})
