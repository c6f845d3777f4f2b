import { describe, expect, it } from "@effect/vitest"
import { StoreUnavailable } from "@plantd/actors/DurableError"
import * as Quarantine from "@plantd/actors/Quarantine"
import { QuarantineStore } from "@plantd/actors/QuarantineStore"
import * as Reminder from "@plantd/actors/Reminder"
import { ReminderStore, type ReminderStoreService } from "@plantd/actors/ReminderStore"
import { Context, Effect, Layer, Logger } from "effect"
import { p1, pass, poison, Pump, run, settled } from "./reminding.ts"

type Operation = Exclude<keyof ReminderStoreService, "valueBytesMax">

const unavailable = new StoreUnavailable({
  reason: "io",
  outcome: "not-written",
  detail: "made by the test"
})

/** A store that fails what is in `failing`, and counts what it was asked for. */
const troubled = () => {
  const failing = new Map<Operation, "before" | "after" | "defect">()
  const asked: Array<Operation> = []
  const layer = Layer.map(ReminderStore.layerMemory, (context) => {
    const store = Context.get(context, ReminderStore)
    const guarded = new Proxy(store, {
      get: (target, name: Operation | "valueBytesMax") => {
        const operation = target[name]
        if (typeof operation !== "function" || name === "valueBytesMax") return operation
        return (...args: ReadonlyArray<never>) =>
          Effect.suspend(() => {
            asked.push(name)
            const run =
              (operation as unknown as (...args: ReadonlyArray<never>) => Effect.Effect<unknown>)(
                ...args
              )
            switch (failing.get(name)) {
              case "before":
                return Effect.fail(unavailable)
              case "after":
                return Effect.zipRight(run, Effect.fail(unavailable))
              case "defect":
                return Effect.die("a driver's defect")
              default:
                return run
            }
          })
      }
    })
    return Context.make(ReminderStore, guarded).pipe(
      Context.add(QuarantineStore, Context.get(context, QuarantineStore))
    )
  })
  return { failing, asked, layer }
}

const once = { name: "c", message: ["Calibrate", { depth: 1 }], after: "5 seconds" } as const

describe("Reminders of a store in trouble", () => {
  it.effect("set, cancel and list fail with what the store says", () => {
    const { failing, layer } = troubled()
    return run(layer)(() =>
      Effect.gen(function*() {
        for (const name of ["set", "cancel", "list"] as const) failing.set(name, "before")
        expect(yield* Effect.flip(Reminder.set(Pump, "p-1", once))).toBe(unavailable)
        expect(yield* Effect.flip(Reminder.cancel(p1, "c"))).toBe(unavailable)
        expect(yield* Effect.flip(Reminder.list())).toBe(unavailable)
      })
    )
  })

  it.effect("a reminder that was stored, though the store failed, ticks when it is due", () => {
    const { failing, layer } = troubled()
    return run(layer)((told) =>
      Effect.gen(function*() {
        yield* settled
        failing.set("set", "after")
        yield* Effect.flip(Reminder.set(Pump, "p-1", once))
        yield* pass("5 seconds")
        expect(told).toEqual(["5 s: calibrate 1"])
      })
    )
  })

  it.effect.each(["before", "defect"] as const)(
    "due ticks come when the store can be read again (%s)",
    (how) => {
      const { asked, failing, layer } = troubled()
      return run(layer)((told) =>
        Effect.gen(function*() {
          yield* Reminder.set(Pump, "p-1", once)
          yield* settled
          failing.set("earliest", how)
          asked.length = 0
          yield* pass("10 minutes")
          expect(told).toEqual([])
          // The pauses grow to 10 s.
          expect(asked.length).toBeGreaterThan(60)
          expect(asked.length).toBeLessThan(100)
          failing.clear()
          yield* pass("10 seconds")
          expect(told).toHaveLength(1)
        })
      )
    }
  )

  it.effect("a tick whose attempt cannot be counted is not begun until it can", () => {
    const { failing, layer } = troubled()
    return run(layer)((told) =>
      Effect.gen(function*() {
        failing.set("begin", "before")
        yield* Reminder.set(Pump, "p-1", once)
        yield* pass("1 minute")
        expect(told).toEqual([])
        failing.clear()
        yield* pass("10 seconds")
        expect(told).toHaveLength(1)
        expect(yield* Reminder.list()).toEqual([])
      })
    )
  })

  it.effect("a tick that was handled is not told again for want of an acknowledgement", () => {
    const { failing, layer } = troubled()
    return run(layer)((told) =>
      Effect.gen(function*() {
        failing.set("settle", "before")
        yield* Reminder.set(Pump, "p-1", once)
        yield* pass("5 minutes")
        expect(told).toEqual(["5 s: calibrate 1"])
        expect(yield* Reminder.list()).toHaveLength(1)
        failing.clear()
        yield* pass("10 seconds")
        expect(yield* Reminder.list()).toEqual([])
        expect(told).toHaveLength(1)
      })
    )
  })

  it.effect("a settlement that was stored, though the store failed, is not made twice", () => {
    const { failing, layer } = troubled()
    return run(layer, { maxAttempts: 1 })(() =>
      Effect.gen(function*() {
        failing.set("settle", "after")
        const message = ["Calibrate", { depth: poison }] as const
        yield* Reminder.set(Pump, "p-1", { ...once, message })
        yield* pass("1 minute")
        failing.clear()
        yield* pass("1 minute")
        expect(yield* Quarantine.list()).toMatchObject([{ times: 1, attempts: 1 }])
        expect(yield* Reminder.list()).toEqual([])
      })
    )
  })

  it.effect("one reminder's trouble does not keep the others waiting", () => {
    const { failing, layer } = troubled()
    return run(layer)((told) =>
      Effect.gen(function*() {
        failing.set("settle", "before")
        yield* Reminder.set(Pump, "p-1", once)
        yield* Reminder.set(Pump, "p-2", { ...once, after: "20 seconds" })
        yield* pass("30 seconds")
        expect(told).toEqual(["5 s: calibrate 1", "20 s: calibrate 1"])
      })
    )
  })

  it.effect("is logged with measure", () => {
    const { failing, layer } = troubled()
    const logged: Array<string> = []
    const logger = Logger.make(({ message }) => void logged.push(String(message)))
    return run(layer)(() =>
      Effect.gen(function*() {
        failing.set("begin", "before")
        for (let n = 0; n < 10; n++) yield* Reminder.set(Pump, `p-${n}`, once)
        yield* pass("35 seconds")
        expect(logged).toHaveLength(3)
        expect(logged[0]).toContain('a tick of Pump/p-0\'s "c" was not begun; 0 more')
        expect(logged[2]).toMatch(/not begun; [4-9]\d more such warnings were left out/)
      })
    ).pipe(Effect.provide(Logger.replace(Logger.defaultLogger, logger)))
  })
})
