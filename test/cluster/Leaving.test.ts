import { describe, expect, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { idOn, inItsTime, makeCluster, shared, untilSo } from "./nodes.ts"

describe("a node that leaves", () => {
  it.scoped("brings its last answers to those who wait for them, also where one gets lost", () =>
    Effect.gen(function*() {
      const { book, start, wires } = yield* makeCluster
      const [first, second] = yield* inItsTime(Effect.all([start(7_001), start(7_002)]))
      yield* shared(first, second)
      const id = idOn(second)
      const asking = yield* Effect.fork(first.keeper(id).Slow({ millis: 1_000 }))
      yield* untilSo("it is handled", Effect.sync(() => book.alive.get(id) === 1))
      // Those with its answer are lost.
      yield* wires.next("request-lost", "request-lost", "request-lost", "request-lost")
      const stopping = yield* Effect.fork(second.stop)
      yield* inItsTime(Fiber.join(stopping))
      expect(yield* inItsTime(Effect.exit(Fiber.join(asking)))).toMatchObject({ _tag: "Success" })
    }))
})
