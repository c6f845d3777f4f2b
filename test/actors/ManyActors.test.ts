import { Rpc } from "@effect/rpc"
import { expect, it } from "@effect/vitest"
import { Actor, ActorContext, ActorSystem } from "@plantd/actors"
import { Clock, Deferred, Effect, Layer } from "effect"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"

const Cell = Actor.make("Cell", [Rpc.make("Hello")])
const CellLive = Cell.toLayer(
  Effect.gen(function*() {
    const { onEnd, timers } = yield* ActorContext
    yield* onEnd(() => Effect.void)
    yield* timers.once("never", "1 hours", Effect.void)
    return { Hello: () => Effect.void }
  })
)
const living = Effect.provide(Layer.provideMerge(CellLive, ActorSystem.layer))
const hello = (count: number) =>
  Effect.flatMap(Cell.client, (cell) =>
    Effect.forEach(
      Array.from({ length: count }, (_, n) => `c-${n}`),
      (id) => cell(id).Hello(),
      { discard: true }
    ))

it.live(
  "ten thousand that were started and stopped leave nothing behind",
  () =>
    Effect.gen(function*() {
      setFlagsFromString("--expose-gc")
      const collect = Effect.sync(() => {
        const gc: unknown = runInNewContext("gc")
        if (typeof gc === "function") gc()
        return process.memoryUsage().heapUsed
      })
      const system = yield* ActorSystem
      const cycle = Effect.gen(function*() {
        yield* hello(10_000)
        expect((yield* system.stats).actors).toBe(10_000)
        yield* Effect.forEach(
          Array.from({ length: 10_000 }, (_, n) => Cell.at(`c-${n}`)),
          (at) => system.stop(at),
          { concurrency: 64, discard: true }
        )
        expect((yield* system.stats).actors).toBe(0)
        return yield* collect
      })
      yield* cycle
      const before = yield* cycle
      // Other things of this process come and go: what is left behind is there each time.
      const after = Math.min(yield* cycle, yield* cycle, yield* cycle)
      expect((after - before) / 10_000).toBeLessThan(20)
    }).pipe(living),
  30_000
)

it.live(
  "a system with thirty thousand idle actors is closed within seconds",
  () =>
    Effect.gen(function*() {
      const closing = yield* Deferred.make<number>()
      yield* hello(30_000).pipe(
        Effect.zipRight(
          Effect.flatMap(Clock.currentTimeMillis, (now) => Deferred.succeed(closing, now))
        ),
        living
      )
      const took = (yield* Clock.currentTimeMillis) - (yield* Deferred.await(closing))
      expect(took).toBeLessThan(5_000)
    }),
  60_000
)
