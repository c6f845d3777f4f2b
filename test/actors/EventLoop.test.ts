import { expect, it } from "@effect/vitest"
import { Rpc } from "@effect/rpc"
import { Actor, ActorSystem, EventLoop } from "@plantd/actors"
import { Effect, Layer, Schema } from "effect"

const Echo = Actor.make("Echo", [
  Rpc.make("Plain", { payload: { n: Schema.Int }, success: Schema.Int }),
  Rpc.make("Fibered", { payload: { n: Schema.Int }, success: Schema.Int })
])

const EchoLive = Echo.toLayer({
  Plain: ({ n }) => Effect.succeed(n),
  Fibered: ({ n }) => Effect.as(Effect.yieldNow(), n)
})

const turnsDuring = (
  ask: (echo: Effect.Effect.Success<typeof Echo.client>) => Effect.Effect<unknown, unknown>
) =>
  Effect.suspend(() => {
    let turns = 0
    const counting = Layer.succeed(EventLoop, {
      afterTurn: (resume) => {
        turns++
        queueMicrotask(resume)
      },
      eager: true
    })
    return Effect.gen(function*() {
      const echo = yield* Echo.client
      yield* ask(echo)
      return turns
    }).pipe(
      Effect.provide(EchoLive.pipe(Layer.provideMerge(ActorSystem.layer), Layer.provide(counting)))
    )
  })

it.effect("actors that are busy with each other let the loop they are given come round", () =>
  Effect.gen(function*() {
    const few = yield* turnsDuring((echo) => echo("e").Plain({ n: 1 }))
    expect(few).toBe(0)
    const plain = yield* turnsDuring((echo) =>
      Effect.forEach(Array.from({ length: 5_000 }), (_, n) => echo("e").Plain({ n }))
    )
    expect(plain).toBeGreaterThan(1)
    const fibered = yield* turnsDuring((echo) =>
      Effect.forEach(Array.from({ length: 5_000 }), (_, n) => echo("e").Fibered({ n }))
    )
    expect(fibered).toBeGreaterThan(1)
  }))
