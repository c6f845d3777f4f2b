import { describe, expect, it } from "@effect/vitest"
import { Monotonic } from "@plantd/core"
import { Clock, Effect, TestClock } from "effect"

describe("Monotonic", () => {
  it.effect("tells how long something took, in milliseconds and parts of them", () =>
    Effect.gen(function*() {
      const clock = yield* Effect.clock
      const started = yield* Monotonic.currentMillis
      yield* TestClock.adjust("1500 micros")
      expect((yield* Monotonic.currentMillis) - started).toBe(1.5)
      expect(Monotonic.millis(clock) - started).toBe(1.5)
    }))

  it.effect("does not move when the wall clock is set", () =>
    Effect.gen(function*() {
      const clock = yield* Effect.clock
      let wall = Date.UTC(2030, 0, 1)
      const set = Object.assign(Object.create(clock) as Clock.Clock, {
        unsafeCurrentTimeMillis: () => wall,
        unsafeCurrentTimeNanos: () => clock.unsafeCurrentTimeNanos()
      })
      const now = Effect.withClock(Monotonic.currentMillis, set)
      const before = yield* now
      wall -= 3_600_000
      expect(yield* now).toBe(before)
      yield* TestClock.adjust("2 seconds")
      expect((yield* now) - before).toBe(2_000)
    }))

  it.live("of the real clock it goes on by far less than a millisecond", () =>
    Effect.gen(function*() {
      const clock = yield* Effect.clock
      const seen = Array.from({ length: 1_000 }, () => Monotonic.millis(clock))
      const steps = seen.slice(1).map((now, index) => now - (seen[index] ?? Number.NaN))
      expect(steps.every((step) => step >= 0)).toBe(true)
      expect(new Set(seen).size).toBeGreaterThan(10)
    }))
})
