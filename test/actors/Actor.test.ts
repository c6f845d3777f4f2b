import { Rpc } from "@effect/rpc"
import { expect, it } from "@effect/vitest"
import { Actor, ActorSystem } from "@plantd/actors"
import { Effect, Layer, Schema } from "effect"

const Counter = Actor.make("Counter", [
  Rpc.make("Increment", { payload: { by: Schema.Int }, success: Schema.Int }),
  Rpc.make("Get", { success: Schema.Int })
])

const CounterLive = Counter.toLayer(
  Effect.sync(() => {
    let count = 0
    return {
      Increment: ({ by }) => Effect.sync(() => (count += by)),
      Get: () => Effect.succeed(count)
    }
  })
)

const live = CounterLive.pipe(Layer.provideMerge(ActorSystem.layer))

it.effect("an ask gives the handler's answer, a tell only its effect", () =>
  Effect.gen(function*() {
    const counter = yield* Counter.client
    expect(yield* counter("c-1").Increment({ by: 2 })).toBe(2)
    yield* counter("c-1").Increment({ by: 3 }, { discard: true })
    expect(yield* counter("c-1").Get()).toBe(5)
    expect(yield* counter("c-2").Get()).toBe(0)
  }).pipe(Effect.provide(live)))
