import { describe, expect, it } from "@effect/vitest"
import { ActorSystem } from "@plantd/actors"
import { Effect, Layer } from "effect"
import { Counter, CounterLive, databaseFile, onFile } from "./durable.ts"

describe("DurableState", () => {
  it.scopedLive("what was acknowledged is there in the next process", () =>
    Effect.gen(function*() {
      const file = yield* databaseFile
      const run = Effect.gen(function*() {
        const counter = yield* Counter.client
        const before = yield* counter("one").Total()
        yield* counter("one").Add({ by: 2 })
        yield* counter("one").Add({ by: 3 })
        return [before, yield* counter("one").Total()]
      }).pipe(
        Effect.provide(
          CounterLive.pipe(
            Layer.provideMerge(Layer.merge(ActorSystem.layer, onFile(file)))
          )
        )
      )
      expect(yield* run).toEqual([0, 5])
      expect(yield* run).toEqual([5, 10])
    }))
})
