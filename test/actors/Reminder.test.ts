import * as Rpc from "@effect/rpc/Rpc"
import { describe, expect, it } from "@effect/vitest"
import { Actor, ActorSystem } from "@plantd/actors"
import * as Quarantine from "@plantd/actors/Quarantine"
import * as Reminder from "@plantd/actors/Reminder"
import { ReminderStore } from "@plantd/actors/ReminderStore"
import { Cause, DateTime, Duration, Effect, Exit, Layer } from "effect"
import { deadLetters, p1, pass, poison, processOf, Pump, run, settled, Told } from "./reminding.ts"

const inMemory = ReminderStore.layerMemory
const live = run(inMemory)

type Pumped = typeof Pump extends Actor.Actor<"Pump", infer Rpcs> ? Rpcs : never

const calibrate = (
  options: Reminder.Due & Reminder.Recurrence & Partial<Reminder.Options<Pumped>>,
  depth = 1
) =>
  Reminder.set(Pump, "p-1", {
    name: "calibrate",
    ...options,
    message: ["Calibrate", { depth }]
  })

const at = (...seconds: ReadonlyArray<number>) => seconds.map((s) => `${s} s: calibrate 1`)

describe("Reminder", () => {
  it.effect("tells an actor that was never started, at its time, once, and is gone then", () =>
    live((told) =>
      Effect.gen(function*() {
        const { stats } = yield* ActorSystem
        yield* calibrate({ after: "1 hour" })
        yield* pass("59 minutes")
        expect([told, (yield* stats).actors]).toEqual([[], 0])
        yield* pass("1 minute")
        expect([told, (yield* stats).actors]).toEqual([at(3_600), 1])
        expect(yield* Reminder.list()).toEqual([])
        yield* pass("10 hours")
        expect(told).toHaveLength(1)
      })
    ))

  it.effect("ticks again and again at the times of the first, as often as it is to repeat", () =>
    live((told) =>
      Effect.gen(function*() {
        yield* calibrate({ after: "5 seconds", every: "10 seconds", repeat: 3 })
        yield* pass("16 seconds")
        expect(yield* Reminder.list()).toMatchObject([{ dueAt: 25_000, ticksLeft: 1 }])
        yield* pass("1 hour")
        expect(told).toEqual(at(5, 15, 25))
        expect(yield* Reminder.list()).toEqual([])
      })
    ))

  it.effect("takes a time of the wall clock; one that has passed is due at once", () =>
    live((told) =>
      Effect.gen(function*() {
        yield* pass("1 minute")
        yield* calibrate({ at: DateTime.unsafeMake(90_000) })
        yield* Reminder.set(Pump, "p-2", { name: "now", message: ["Check"], at: 1_000 })
        yield* settled
        expect(told).toEqual(["60 s: check"])
        yield* pass("1 minute")
        expect(told).toEqual(["60 s: check", ...at(90)])
      })
    ))

  it.effect("payloads go through their schema, with their defaults filled in", () =>
    live((told) =>
      Effect.gen(function*() {
        const on = new Date("2031-01-01T00:00:00.000Z")
        yield* Reminder.set(Pump, "p-1", { name: "plan", message: ["Plan", { on }], after: 0 })
        yield* settled
        expect(told).toEqual(["0 s: plan 2031-01-01T00:00:00.000Z none"])
      })
    ))

  it.effect("one of the same name stays, unless it is to be overwritten", () =>
    live((told) =>
      Effect.gen(function*() {
        yield* calibrate({ after: "10 seconds" })
        const error = yield* Effect.flip(calibrate({ after: "1 second" }))
        expect(error).toMatchObject({ _tag: "ReminderExists", name: "calibrate", dueAt: 10_000 })
        yield* Reminder.set(Pump, "p-2", { name: "calibrate", message: ["Check"], after: 5_000 })
        yield* pass("6 seconds")
        expect(told).toEqual(["5 s: check"])
        yield* calibrate({ after: "10 seconds", overwrite: true }, 2)
        yield* pass("1 minute")
        expect(told).toEqual(["5 s: check", "16 s: calibrate 2"])
      })
    ))

  it.effect("a cancelled one does not tick; to cancel tells whether there was one", () =>
    live((told) =>
      Effect.gen(function*() {
        yield* calibrate({ after: "5 seconds", every: "5 seconds" })
        yield* pass("6 seconds")
        expect(yield* Reminder.cancel(p1, "other")).toBe(false)
        expect(yield* Reminder.cancel(p1, "calibrate")).toBe(true)
        expect(yield* Reminder.cancel(p1, "calibrate")).toBe(false)
        yield* pass("1 minute")
        expect(told).toEqual(at(5))
      })
    ))

  it.effect("one that is cancelled while its tick is handled does not come back", () =>
    live((told) =>
      Effect.gen(function*() {
        const message = ["Slow", { millis: 2_000 }] as const
        yield* Reminder.set(Pump, "p-1", { name: "slow", message, after: 0, every: "5 seconds" })
        yield* pass("1 second")
        expect(yield* Reminder.cancel(p1, "slow")).toBe(true)
        yield* pass("1 minute")
        expect(told).toEqual(["0 s: slow"])
        expect(yield* Reminder.list()).toEqual([])
      })
    ))

  it.effect("are listed page by page, of all actors or of one, without their payloads", () =>
    live(() =>
      Effect.gen(function*() {
        for (const [id, name] of [["p-1", "a"], ["p-2", "b"], ["p-1", "c"]] as const) {
          const message = ["Calibrate", { depth: 7 }] as const
          yield* Reminder.set(Pump, id, { name, message, after: "1 hour", timeToLive: "2 hours" })
        }
        const all = yield* Reminder.list()
        expect(all[0]).toEqual({
          id: 1,
          address: p1,
          name: "a",
          tag: "Calibrate",
          dueAt: 3_600_000,
          periodMillis: undefined,
          ticksLeft: undefined,
          expiresAt: 7_200_000,
          attempts: 0
        })
        const names = (page: ReadonlyArray<Reminder.Reminder>) => page.map(({ name }) => name)
        expect(names(all)).toEqual(["a", "b", "c"])
        expect(names(yield* Reminder.list({ limit: 2 }))).toEqual(["a", "b"])
        expect(names(yield* Reminder.list({ after: 2, limit: 2 }))).toEqual(["c"])
        expect(names(yield* Reminder.list({ address: p1 }))).toEqual(["a", "c"])
      })
    ))
})

describe("Reminder ticks", () => {
  it.effect("that were missed, since the handler was slow, become one", () =>
    live((told) =>
      Effect.gen(function*() {
        const message = ["Slow", { millis: 23_000 }] as const
        yield* Reminder.set(Pump, "p-1", { name: "slow", message, after: 0, every: "5 seconds" })
        yield* pass("24 seconds")
        // Due at 5, 10, 15 and 20 s: one tick at 23 s. The next one is due at 25 s, then.
        expect(told).toEqual(["0 s: slow", "23 s: slow"])
        yield* pass("23 seconds")
        // That at 46 s stands for those from 25 s on.
        expect(told.slice(2)).toEqual(["46 s: slow"])
        expect(yield* Reminder.list()).toMatchObject([{ dueAt: 25_000 }])
        yield* Reminder.cancel(p1, "slow")
        yield* pass("1 minute")
        expect(told).toHaveLength(3)
      })
    ))

  it.effect("are acknowledged by an answer, an error that the Rpc declares included", () =>
    live((told) =>
      Effect.gen(function*() {
        yield* Reminder.set(Pump, "p-1", { name: "check", message: ["Check"], after: 0 })
        yield* pass("1 hour")
        expect(told).toEqual(["0 s: check"])
        expect(yield* Quarantine.list()).toEqual([])
      })
    ))

  it.effect("that crash their actor are attempted again, then quarantined; the next comes", () =>
    live((told) =>
      Effect.gen(function*() {
        const letters = yield* deadLetters
        yield* calibrate({ after: 0, every: "1 hour" }, poison)
        yield* pass("30 minutes")
        // 1 s, 2 s, 4 s and 8 s apart.
        expect(told).toEqual([0, 1, 3, 7, 15].map((s) => `${s} s: calibrate ${poison}`))
        expect(letters()).toEqual(["quarantined Calibrate"])
        const [entry] = yield* Quarantine.list()
        expect(entry).toMatchObject({
          origin: "reminder",
          address: p1,
          name: "calibrate",
          tag: "Calibrate",
          payload: '{"depth":13}',
          attempts: 5,
          times: 1,
          firstAt: 15_000,
          at: 15_000
        })
        expect(entry?.cause).toContain("Pump/p-1 crashed while handling Calibrate")
        expect(entry?.cause).toContain("the probe broke")
        yield* pass("1 hour")
        expect(told.slice(5)).toEqual(
          [0, 1, 3, 7, 15].map((s) => `${3_600 + s} s: calibrate ${poison}`)
        )
        expect(yield* Quarantine.list()).toMatchObject([
          { id: entry?.id, attempts: 10, times: 2, firstAt: 15_000, at: 3_615_000 }
        ])
        expect(letters()).toHaveLength(2)
      })
    ))

  it.effect("that get no answer in time count as attempts, too", () =>
    run(inMemory, { maxAttempts: 2, attemptTimeout: "10 seconds" })((told) =>
      Effect.gen(function*() {
        yield* Reminder.set(Pump, "p-1", { name: "hang", message: ["Hang"], after: 0 })
        yield* pass("10 seconds")
        yield* (yield* ActorSystem).stop(p1).pipe(Effect.fork)
        yield* pass("1 minute")
        // To stop a handler that hangs takes 5 s.
        expect(told).toEqual(["0 s: hang", "15 s: hang"])
        const [entry] = yield* Quarantine.list()
        expect(entry).toMatchObject({ tag: "Hang", attempts: 2 })
        expect(entry?.cause).toContain("the outcome is unknown")
      })
    ))

  it.effect("that reached no handler are attempted again and not counted", () =>
    run(inMemory, { maxAttempts: 1, attemptTimeout: "2 seconds" })((told) =>
      Effect.gen(function*() {
        const pump = (yield* Pump.client)("p-1")
        yield* Effect.fork(pump.Slow({ millis: 30_000 }, { timeout: "1 minute" }))
        yield* settled
        yield* calibrate({ after: 0 })
        yield* pass("10 seconds")
        expect(yield* Reminder.list()).toMatchObject([{ attempts: 0 }])
        yield* pass("1 minute")
        expect(told).toHaveLength(2)
        expect(told[1]).toContain("calibrate 1")
        expect(yield* Quarantine.list()).toEqual([])
        expect(yield* Reminder.list()).toEqual([])
      })
    ))

  it.effect("wait for a type of actor that is registered later", () =>
    live(() =>
      Effect.gen(function*() {
        const Valve = Actor.make("Valve", [Rpc.make("Close")])
        let closed = 0
        yield* Reminder.set(Valve, "v-1", { name: "close", message: ["Close"], after: 0 })
        yield* pass("10 minutes")
        expect(yield* Reminder.list()).toMatchObject([{ name: "close", attempts: 0 }])
        yield* Layer.build(Valve.toLayer({ Close: () => Effect.sync(() => void closed++) }))
        yield* pass("2 minutes")
        expect(closed).toBe(1)
        expect(yield* Reminder.list()).toEqual([])
      })
    ))

  it.effect("are not begun after the time to live; one that was not handled is a dead letter", () =>
    live((told) =>
      Effect.gen(function*() {
        const letters = yield* deadLetters
        yield* calibrate({ after: 0, every: "10 seconds", timeToLive: "25 seconds" })
        yield* pass("1 minute")
        expect(told).toEqual(at(0, 10, 20))
        expect([yield* Reminder.list(), letters()]).toEqual([[], []])
        yield* calibrate({ after: 0, every: "1 hour", timeToLive: "5 seconds" }, poison)
        yield* pass("1 minute")
        expect(told).toHaveLength(3 + 3)
        expect([yield* Reminder.list(), letters()]).toEqual([[], ["expired Calibrate"]])
        expect(yield* Quarantine.list()).toEqual([])
      })
    ))

  it.effect("come after a look at the store in any case, whoever set them", () =>
    run(inMemory, { pollInterval: "10 seconds" })((told) =>
      Effect.gen(function*() {
        yield* settled
        const { set } = yield* ReminderStore
        const once = { periodMillis: undefined, ticksLeft: undefined, expiresAt: undefined }
        const row = { address: p1, name: "n", tag: "Check", payload: "null", dueAt: 1_000 }
        yield* set({ ...row, ...once }, { overwrite: false })
        yield* pass("9 seconds")
        expect(told).toEqual([])
        yield* pass("1 second")
        expect(told).toEqual(["10 s: check"])
      })
    ))

  it.effect("are under way only so many at a time, the earliest due first", () =>
    run(inMemory, { ticksAtOnceMax: 2 })((told) =>
      Effect.gen(function*() {
        const message = ["Slow", { millis: 1_000 }] as const
        for (let n = 0; n < 6; n++) {
          yield* Reminder.set(Pump, `p-${n}`, { name: "slow", message, at: 5_000 })
        }
        yield* calibrate({ at: 4_999 })
        yield* pass("5999 millis")
        expect(told).toEqual(["4.999 s: calibrate 1", "5 s: slow", "5 s: slow"])
        yield* pass("1 second")
        expect(told).toHaveLength(5)
        yield* pass("10 seconds")
        expect(told.slice(1).map((text) => text.split(" ")[0])).toEqual(
          ["5", "5", "6", "6", "7", "7"]
        )
      })
    ))

  it.effect("are under way only so many at a time where older ones come later, too", () =>
    run(inMemory, { ticksAtOnceMax: 2 })((told) =>
      Effect.gen(function*() {
        const message = ["Slow", { millis: 10_000 }] as const
        yield* Reminder.set(Pump, "p-0", { name: "slow", message, at: 5_000 })
        yield* pass("6 seconds")
        for (const id of ["p-2", "p-3"]) {
          yield* Reminder.set(Pump, id, { name: "slow", message, at: 1_000 })
        }
        yield* pass("1 second")
        expect(told).toEqual(["5 s: slow", "6 s: slow"])
        yield* pass("1 minute")
        expect(told.slice(2)).toEqual(["15 s: slow"])
      })
    ))
})

describe("Reminder settings", () => {
  const refused = (options: object) =>
    Effect.map(
      Effect.exit(
        Reminder.set(Pump, "p-1", { name: "n", message: ["Check"], ...options } as never)
      ),
      (exit) => Exit.isFailure(exit) && Cause.isDie(exit.cause) ? Cause.pretty(exit.cause) : "none"
    )

  it.effect("that make no sense are a programmer's error", () =>
    live(() =>
      Effect.gen(function*() {
        const cases: ReadonlyArray<readonly [object, string]> = [
          [{}, "neither after a time nor at one"],
          [{ at: Number.NaN }, "which is no time"],
          [{ at: -1 }, "which is no time"],
          [{ after: Duration.infinity }, "which is no time"],
          [{ after: 0, every: "999 millis" }, "expected at least 1000 ms"],
          [{ after: 0, every: Duration.infinity }, "expected at least 1000 ms"],
          [{ after: 0, repeat: 2 }, "repeat needs every"],
          [{ after: 0, every: "1 second", repeat: 0 }, "repeat is 0"],
          [{ after: "1 minute", timeToLive: "1 minute" }, "ends before its first tick"],
          [{ after: 0, timeToLive: 0 }, "ends before its first tick"],
          [{ after: 0, message: ["Nothing"] }, 'Pump has no message "Nothing"'],
          [{ after: 0, name: "" }, "expected 1 to"],
          [{ after: 0, name: "x".repeat(129) }, "at most 128 characters"],
          [{ after: 0, name: "\u0000" }, "NUL character"]
        ]
        for (const [options, text] of cases) expect(yield* refused(options)).toContain(text)
        expect(yield* Reminder.list()).toEqual([])
      })
    ))

  it.effect("of the scheduler are checked as it is made", () =>
    Effect.gen(function*() {
      const cases: ReadonlyArray<readonly [Partial<Reminder.Settings>, string]> = [
        [{ maxAttempts: 0 }, "maxAttempts is 0"],
        [{ ticksAtOnceMax: 0.5 }, "ticksAtOnceMax is 0.5"],
        [{ attemptTimeout: "2 days" }, "attemptTimeout is 172800000 ms"],
        [{ pollInterval: 0 }, "pollInterval is 0 ms"]
      ]
      for (const [given, text] of cases) {
        const cause = yield* Layer.build(processOf(inMemory, given)).pipe(
          Effect.provideService(Told, []),
          Effect.scoped,
          Effect.sandbox,
          Effect.flip
        )
        expect(Cause.pretty(cause)).toContain(text)
      }
    }))

  it.effect("payloads that cannot be stored are refused, and nothing is set", () =>
    live(() =>
      Effect.gen(function*() {
        const depth = yield* Effect.flip(calibrate({ after: 0 }, 0.5))
        expect(depth).toMatchObject({ _tag: "ValueNotEncodable", address: p1, name: "calibrate" })
        const note = "x".repeat(1_048_576)
        const message = ["Plan", { on: new Date(0), note }] as const
        const long = yield* Effect.flip(
          Reminder.set(Pump, "p-1", { name: "long", message, after: 0 })
        )
        expect(long).toMatchObject({ _tag: "ValueTooLarge", bytesMax: 1_048_576 })
        expect(yield* Reminder.list()).toEqual([])
      })
    ))

  it.effect("messages are those of the protocol, streams apart, by their types", () =>
    live(() =>
      Effect.gen(function*() {
        // @ts-expect-error: a stream cannot be told
        const watch = Reminder.set(Pump, "p-1", { name: "w", message: ["Watch"], after: 0 })
        // @ts-expect-error: the payload is missing
        const none = Reminder.set(Pump, "p-1", { name: "n", message: ["Calibrate"], after: 0 })
        // @ts-expect-error: no time is given
        const never = Reminder.set(Pump, "p-1", { name: "t", message: ["Check"] })
        // @ts-expect-error: repeat needs every
        const once = Reminder.set(Pump, "p-1", { name: "r", message: ["Check"], at: 0, repeat: 2 })
        expect([watch, none, never, once].every(Effect.isEffect)).toBe(true)
        yield* Effect.void
      })
    ))
})
