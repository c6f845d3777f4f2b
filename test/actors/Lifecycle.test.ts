import { Rpc } from "@effect/rpc"
import { describe, expect, it } from "@effect/vitest"
import { Actor, ActorSystem, Supervision } from "@plantd/actors"
import { Lifecycle, TestSystem } from "@plantd/actors/testing"
import { Clock, Effect, Layer } from "effect"

const Pump = Actor.make("Pump", [Rpc.make("Run"), Rpc.make("Break")])

const PumpLive = Pump.toLayer(
  { Run: () => Effect.void, Break: () => Effect.die(new Error("bearing broken")) },
  { supervision: Supervision.restart({ maxRestarts: 1, backoff: { min: "1 seconds", jitter: 0 } }) }
)

const plant = Layer.provideMerge(PumpLive, TestSystem.layer)

const pump = Effect.map(Pump.client, (client) => client("p"))
const address = Pump.at("p")

describe("expectEvents", () => {
  it.scoped("finds events in order, moves time as far as is needed, and gives them", () =>
    Effect.gen(function*() {
      const lifecycle = yield* Lifecycle.record
      yield* Effect.exit((yield* pump).Break())
      const [, crashed, , again] = yield* lifecycle.expectEvents([
        { _tag: "Started", address, incarnation: 1 },
        { _tag: "Crashed", address, cause: /bearing broken/ },
        { _tag: "Restarting", delayMillis: 1_000 },
        { _tag: "Started", incarnation: 2 }
      ])
      expect(crashed).toMatchObject({ _tag: "Crashed", at: 0 })
      expect(again).toMatchObject({ _tag: "Started", at: 1_000 })
      expect(yield* Clock.currentTimeMillis).toBe(1_000)
      expect(yield* lifecycle.seen).toHaveLength(4)
    }).pipe(Effect.provide(plant)))

  it.scoped("each event counts once, whichever actor's is asked for first", () =>
    Effect.gen(function*() {
      const lifecycle = yield* Lifecycle.record
      const client = yield* Pump.client
      yield* client("a").Run()
      yield* client("b").Run()
      yield* lifecycle.expectEvents([{ _tag: "Started", address: Pump.at("b") }])
      yield* lifecycle.expectEvents([{ _tag: "Started", address: Pump.at("a") }])
      const error = yield* Effect.flip(
        lifecycle.expectEvents([{ _tag: "Started", address: Pump.at("a") }])
      )
      expect(error).toMatchObject({ _tag: "ExpectationFailed", withinMillis: 3_000 })
    }).pipe(Effect.provide(plant)))

  it.scoped("stops and dead letters are events, too", () =>
    Effect.gen(function*() {
      const lifecycle = yield* Lifecycle.record
      yield* Effect.exit((yield* pump).Break())
      yield* TestSystem.advance("1 seconds")
      yield* Effect.exit((yield* pump).Break())
      yield* Effect.exit((yield* pump).Run())
      yield* lifecycle.expectEvents([
        { _tag: "Stopped", address, reason: "restart-limit" },
        { _tag: "DeadLetter", tag: "Run", reason: "stopped" }
      ], { within: 0 })
    }).pipe(Effect.provide(plant)))

  it.scoped("an error shows what was expected and the timeline, marked where nothing met it", () =>
    Effect.gen(function*() {
      const lifecycle = yield* Lifecycle.record
      yield* Effect.exit((yield* pump).Break())
      yield* lifecycle.expectEvents([{ _tag: "Started" }])
      const error = yield* Effect.flip(
        lifecycle.expectEvents([
          { _tag: "Stopped", address },
          { _tag: "Crashed", cause: /sealing/ }
        ], { within: "1 seconds" })
      )
      const [heading, ...came] = error.message.split("\n")
      expect(heading).toBe(
        'the recording expected Stopped { address: {"type":"Pump","id":"p"} },'
          + " then Crashed { cause: /sealing/ } within 1000 ms; this came:"
      )
      expect(came.map((line) => line.slice(0, 26))).toEqual([
        "  at 0 ms: Started Pump/p ",
        "> at 0 ms: Crashed Pump/p ",
        "> at 0 ms: Restarting Pump",
        "> at 1000 ms: Started Pump"
      ])
    }).pipe(Effect.provide(plant)))
})

describe("expectNone", () => {
  it.scoped("lets its time pass, and fails when such an event comes in it", () =>
    Effect.gen(function*() {
      const lifecycle = yield* Lifecycle.record
      yield* Effect.exit((yield* pump).Break())
      const second = { _tag: "Started", incarnation: 2 } as const
      yield* lifecycle.expectNone(second, { within: "999 millis" })
      const error = yield* Effect.flip(lifecycle.expectNone(second))
      expect(error.message).toContain("expected no Started { incarnation: 2 } within 3000 ms")
    }).pipe(Effect.provide(plant)))
})

it.scoped("events that were lost are marked in the timeline", () =>
  Effect.gen(function*() {
    const lifecycle = yield* Lifecycle.record
    yield* Effect.exit((yield* pump).Break())
    const error = yield* Effect.flip(
      lifecycle.expectEvents([{ _tag: "Restarting" }], { within: 0 })
    )
    expect(error.message).toContain("(1 events were lost here)")
  }).pipe(
    Effect.provide(Layer.provideMerge(PumpLive, TestSystem.layerWith({ eventsBuffered: 1 })))
  ))

it.live("events are awaited by the clock on the wall, too", () =>
  Effect.gen(function*() {
    const lifecycle = yield* Lifecycle.record
    yield* Effect.fork(Effect.zipRight(Effect.yieldNow(), Effect.flatMap(pump, (p) => p.Run())))
    yield* lifecycle.expectEvents([{ _tag: "Started", address }])
    expect(yield* lifecycle.seen).toHaveLength(1)
  }).pipe(
    Effect.scoped,
    Effect.provide(Layer.provideMerge(PumpLive, ActorSystem.layer))
  ))
