import { Rpc } from "@effect/rpc"
import { expect, it } from "@effect/vitest"
import { Actor, ActorContext } from "@plantd/actors"
import { Lifecycle, TestProbe, TestSystem } from "@plantd/actors/testing"
import { Effect, Layer, Schema } from "effect"

const Valve = Actor.make("Valve", [Rpc.make("Close")])
const Tank = Actor.make("Tank", [Rpc.make("Level", { payload: { percent: Schema.Number } })])

/** Closes its valve when it has been too full for five seconds. */
const TankLive = Tank.toLayer(Effect.gen(function*() {
  const { address, timers } = yield* ActorContext
  const valve = (yield* Valve.client)(address.id)
  const close = Effect.orDie(valve.Close(undefined, { discard: true }))
  const closeLater = timers.once("full", "5 seconds", close)
  return {
    Level: ({ percent }) => percent > 90 ? closeLater : timers.cancel("full")
  }
}))

it.scoped("a tank that stays too full closes its valve, and no other does", () =>
  Effect.gen(function*() {
    const valve = yield* TestProbe.make(Valve) // plays every valve
    const plant = Layer.provideMerge(Layer.merge(TankLive, valve.layer), TestSystem.layer)
    yield* Effect.gen(function*() {
      const lifecycle = yield* Lifecycle.record
      const tank = yield* Tank.client
      yield* tank("t-1").Level({ percent: 95 })
      yield* tank("t-2").Level({ percent: 95 })
      yield* TestSystem.advance("4 seconds") // moves time; nothing waits
      yield* tank("t-2").Level({ percent: 80 })
      const closed = yield* valve.expect("Close", ({ id }) => id === "t-1")
      expect(closed.at).toBe(5_000)
      yield* valve.expectNothing("1 minutes")
      yield* lifecycle.expectEvents([{ _tag: "Started", address: Valve.at("t-1") }])
    }).pipe(Effect.provide(plant))
  }))
