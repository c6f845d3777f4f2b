import { describe, expect, it } from "@effect/vitest"
import { Buggify } from "@plantd/core"
import { Effect } from "effect"

describe("a place that is rare on purpose", () => {
  it.effect("never fires outside of a simulation", () =>
    Effect.gen(function*() {
      const fired = yield* Effect.replicateEffect(Buggify.buggify("a place"), 1_000)
      expect(fired.filter((now) => now)).toEqual([])
    }))

  it.effect("fires as whoever runs it says, by its name", () =>
    Effect.gen(function*() {
      expect(yield* Buggify.buggify("this")).toBe(true)
      expect(yield* Buggify.buggify("that")).toBe(false)
    }).pipe(Effect.provideService(Buggify.Buggify, (site) => site === "this")))
})
