import { describe, expect, it } from "@effect/vitest"
import { Quality } from "@plantd/core"
import * as fc from "fast-check"

const anyQuality = fc.constantFrom(...Quality.Quality.literals)

describe("Quality", () => {
  it("good is better than uncertain, that than stale, and bad is worst", () => {
    const order: ReadonlyArray<Quality.Quality> = ["good", "uncertain", "stale", "bad"]
    expect(order).toEqual(Quality.Quality.literals)
    for (const [index, better] of order.entries()) {
      for (const lesser of order.slice(index)) expect(Quality.worst(better, lesser)).toBe(lesser)
    }
  })

  it("the worst of several does not depend on the order in which they are taken", () => {
    fc.assert(fc.property(anyQuality, anyQuality, anyQuality, (a, b, c) => {
      expect(Quality.worst(a, b)).toBe(Quality.worst(b, a))
      expect(Quality.worst(Quality.worst(a, b), c)).toBe(Quality.worst(a, Quality.worst(b, c)))
      expect(Quality.worst(a, a)).toBe(a)
    }))
  })

  it("a controller may act on good values alone", () => {
    expect(Quality.Quality.literals.filter(Quality.isActionable)).toEqual(["good"])
  })
})
