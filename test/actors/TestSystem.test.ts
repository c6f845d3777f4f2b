import { Rpc } from "@effect/rpc"
import { describe, expect, it } from "@effect/vitest"
import { Actor, ActorContext, ActorSystem } from "@plantd/actors"
import { TestSystem } from "@plantd/actors/testing"
import { Clock, Duration, Effect, Fiber, Layer, Runtime, Schema, TestClock } from "effect"

const Poller = Actor.make("Poller", [
  Rpc.make("Polls", { success: Schema.Number }),
  Rpc.make("Pass", { payload: { on: Schema.Number } }),
  Rpc.make("Spin")
])

/** Polls every second; `Pass` goes on from one poller to the next, `Spin` never ends to. */
const PollerLive = Poller.toLayer(Effect.gen(function*() {
  const { address: { id }, timers } = yield* ActorContext
  const poller = yield* Poller.client
  let polls = 0
  yield* timers.every("poll", "1 seconds", Effect.sync(() => void polls++))
  return {
    Polls: () => Effect.sync(() => polls),
    Pass: ({ on }) =>
      on === 0 ? Effect.sync(() => void (polls += 1_000)) : Effect.orDie(
        poller(`${id}+`.slice(-20)).Pass({ on: on - 1 }, { discard: true })
      ),
    Spin: () => Effect.orDie(poller(id === "a" ? "b" : "a").Spin(undefined, { discard: true }))
  }
}))

const plant = Layer.provideMerge(PollerLive, TestSystem.layer)

describe("advance", () => {
  it.effect("moves time, and all that becomes due has been done", () =>
    Effect.gen(function*() {
      const poller = (yield* Poller.client)("a")
      yield* (yield* ActorSystem).start(Poller.at("a"))
      yield* TestSystem.advance("2999 millis")
      expect(yield* poller.Polls()).toBe(2)
      yield* TestSystem.advance("1 millis")
      expect(yield* poller.Polls()).toBe(3)
      expect(yield* Clock.currentTimeMillis).toBe(3_000)
    }).pipe(Effect.provide(plant)))

  it.effect("moves the clock of the surrounding test", () =>
    Effect.gen(function*() {
      yield* TestSystem.advance("1 minutes").pipe(Effect.provide(plant))
      expect(yield* TestClock.currentTimeMillis).toBe(60_000)
    }))

  it.live("gives a system a clock of its own where the test has none", () =>
    Effect.gen(function*() {
      const poller = (yield* Poller.client)("a")
      yield* (yield* ActorSystem).start(Poller.at("a"))
      const slept = yield* Effect.fork(Effect.sleep("1 minutes"))
      yield* TestSystem.advance("1 minutes")
      yield* Fiber.join(slept)
      expect(yield* poller.Polls()).toBe(60)
      expect(yield* Clock.currentTimeMillis).toBe(60_000)
    }).pipe(Effect.provide(plant)))

  it.live("dies on a real clock, and says what to do", () =>
    Effect.gen(function*() {
      const exit = yield* Effect.exit(TestSystem.advance("1 seconds"))
      expect(String(exit)).toContain("use TestSystem.layer")
    }).pipe(Effect.provide(ActorSystem.layer)))
})

describe("settle", () => {
  it.effect("waits for whatever follows from what was sent, however long the way", () =>
    Effect.gen(function*() {
      yield* (yield* Poller.client)("a").Pass({ on: 10_000 }, { discard: true })
      yield* TestSystem.settle
      expect(yield* (yield* ActorSystem).stats).toMatchObject({ messages: 10_001 })
      expect(yield* Clock.currentTimeMillis).toBe(0)
    }).pipe(Effect.provide(plant)))

  it.effect("dies where actors send to each other without end", () =>
    Effect.gen(function*() {
      yield* (yield* Poller.client)("a").Spin(undefined, { discard: true })
      const exit = yield* Effect.exit(TestSystem.settle)
      expect(String(exit)).toContain("did not come to rest while time stood still")
      yield* (yield* ActorSystem).drain
    }).pipe(Effect.provide(plant)))
})

it.effect("settings are those of an actor system", () =>
  Effect.gen(function*() {
    const poller = (yield* Poller.client)("a")
    const wrong = yield* Effect.flip(poller.Pass({ on: "x" as never }))
    expect(wrong).toMatchObject({ _tag: "MessageInvalid" })
  }).pipe(
    Effect.provide(
      Layer.provideMerge(PollerLive, TestSystem.layerWith({ serialization: "round-trip" }))
    )
  ))

it("a program without a test runner can use it, too", () =>
  Effect.gen(function*() {
    const runtime = yield* Layer.toRuntime(plant)
    const exit = yield* Effect.promise(() =>
      Runtime.runPromise(runtime)(
        Effect.zipRight(TestSystem.advance(Duration.seconds(5)), Clock.currentTimeMillis)
      )
    )
    expect(exit).toBe(5_000)
  }).pipe(Effect.scoped, Effect.runPromise))
