import { describe, expect, it } from "@effect/vitest"
import { ActorSystem } from "@plantd/actors"
import * as Reminder from "@plantd/actors/Reminder"
import { ReminderStore } from "@plantd/actors/ReminderStore"
import { Effect, TestClock } from "effect"
import { processOf, Pump, Told } from "./reminding.ts"
import { ready } from "./stage.ts"

const live = <A, E, R>(body: (told: Array<string>) => Effect.Effect<A, E, R>) => {
  const told: Array<string> = []
  return body(told).pipe(
    Effect.provide(processOf(ReminderStore.layerMemory)),
    Effect.provideService(Told, told)
  )
}

/** Lets time pass, and everything happen that is due by then. */
const pass = (duration: Parameters<typeof TestClock.adjust>[0]) =>
  Effect.zipRight(TestClock.adjust(duration), ready)

describe("Reminder", () => {
  it.scoped("tells an actor that was never started at its time, once, and is gone then", () =>
    live((told) =>
      Effect.gen(function*() {
        yield* Reminder.set(Pump, "p-1", {
          name: "calibrate",
          message: ["Calibrate", { depth: 2 }],
          after: "1 hour"
        })
        yield* pass("59 minutes")
        expect(told).toEqual([])
        expect((yield* (yield* ActorSystem).stats).actors).toBe(0)
        yield* pass("1 minute")
        expect(told).toEqual(["3600 s: calibrate 2"])
        expect(yield* Reminder.list()).toEqual([])
        yield* pass("10 hours")
        expect(told).toHaveLength(1)
      })
    ))

  it.scoped("ticks again and again at the times of the first", () =>
    live((told) =>
      Effect.gen(function*() {
        yield* Reminder.set(Pump, "p-1", {
          name: "calibrate",
          message: ["Calibrate", { depth: 1 }],
          after: "5 seconds",
          every: "10 seconds"
        })
        yield* pass("36 seconds")
        expect(told).toEqual([5, 15, 25, 35].map((at) => `${at} s: calibrate 1`))
      })
    ))
})
