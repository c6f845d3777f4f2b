import { describe, expect, it } from "@effect/vitest"
import { Epoch, Identifier, type Reading } from "@plantd/core"
import { Subscription } from "@plantd/hardware"
import { Chunk, Effect, Fiber } from "effect"

const rules = new Map([[0, { deadband: 0, renewAfter: Infinity }], [1, {
  deadband: 1,
  renewAfter: Infinity
}]])

const reading = (value: number, seq = value): Reading.Reading => ({
  device: Identifier.DeviceId.make("p-1"),
  attribute: "flow",
  value,
  quality: "good",
  serverTime: 0,
  unit: "L/s",
  epoch: Epoch.first,
  seq
})

const gap = { _tag: "Gap", missing: 3, cause: "link", epoch: Epoch.first, seq: 9 } as const
const make = (mode: Subscription.Mode, capacity = 3) =>
  new Subscription.Subscription(rules, { mode, capacity })
const take = (subscription: Subscription.Subscription) =>
  Effect.map(
    subscription.take,
    (items) => Chunk.toReadonlyArray(items).map((i) => Subscription.isGap(i) ? i : i.value)
  )

describe("latest", () => {
  it.effect("of each attribute the newest reading alone waits, in the order of change", () =>
    Effect.gen(function*() {
      const subscription = make("latest")
      subscription.offer(0, reading(1), 0)
      subscription.offer(1, reading(20), 0)
      subscription.offer(0, reading(2), 0)
      subscription.gap(gap)
      expect(yield* take(subscription)).toEqual([20, 2])
    }))
})

describe("all", () => {
  it.effect("every reading is told in order, and gaps in their place", () =>
    Effect.gen(function*() {
      const subscription = make("all")
      subscription.offer(0, reading(1), 0)
      subscription.gap(gap)
      subscription.offer(0, reading(2), 0)
      expect(yield* take(subscription)).toEqual([1, gap, 2])
    }))

  it.effect("a slow subscriber loses the oldest, and is told how many", () =>
    Effect.gen(function*() {
      const subscription = make("all")
      subscription.gap(gap)
      for (let i = 1; i <= 10; i++) subscription.offer(0, reading(i), 0)
      const [first, ...rest] = yield* take(subscription)
      expect(first).toMatchObject({ _tag: "Gap", missing: 10, cause: "subscriber", seq: 8 })
      expect(rest).toEqual([8, 9, 10])
    }))

  it.effect("after a gap by slowness there is none until the next one", () =>
    Effect.gen(function*() {
      const subscription = make("all")
      for (let i = 1; i <= 5; i++) subscription.offer(0, reading(i), 0)
      yield* take(subscription)
      subscription.offer(0, reading(6), 0)
      expect(yield* take(subscription)).toEqual([6])
    }))
})

describe("both modes", () => {
  it.effect("what is within the deadband, or of other attributes, is not told", () =>
    Effect.gen(function*() {
      const subscription = make("all")
      subscription.offer(1, reading(1), 0)
      subscription.offer(1, reading(1.5), 0)
      subscription.offer(7, reading(9), 0)
      subscription.offer(1, reading(2.5), 0)
      expect(yield* take(subscription)).toEqual([1, 2.5])
    }))

  it.effect("a subscriber that waits is told as soon as there is something", () =>
    Effect.gen(function*() {
      const subscription = make("latest")
      const waiting = yield* Effect.fork(take(subscription))
      yield* Effect.yieldNow()
      subscription.offer(0, reading(1), 0)
      expect(yield* Fiber.join(waiting)).toEqual([1])
    }))

  it.effect("a subscriber that stopped waiting loses nothing", () =>
    Effect.gen(function*() {
      const subscription = make("all")
      const waiting = yield* Effect.fork(take(subscription))
      yield* Effect.yieldNow()
      yield* Fiber.interrupt(waiting)
      subscription.offer(0, reading(1), 0)
      expect(yield* take(subscription)).toEqual([1])
    }))
})
