import { describe, expect, it } from "@effect/vitest"
import { Epoch } from "@plantd/core"
import { Schema } from "effect"

describe("Epoch", () => {
  it("the first incarnation is 1, and each that follows is one more", () => {
    expect(Epoch.first).toBe(1)
    expect(Epoch.next(Epoch.next(Epoch.first))).toBe(3)
  })

  it.each([-1, 0.5, Number.NaN, Number.MAX_SAFE_INTEGER + 1, "1", null])(
    "%s is no epoch",
    (value) => {
      expect(Schema.is(Epoch.Epoch)(value)).toBe(false)
    }
  )

  it("there is no next one beyond the last number that is exact", () => {
    const last = Epoch.Epoch.make(Number.MAX_SAFE_INTEGER)
    expect(() => Epoch.next(last)).toThrow("9007199254740991")
  })
})
