import { describe, expect, it } from "@effect/vitest"
import { Attribute, Emission } from "@plantd/hardware"

const rule = Emission.ruleOf(
  Attribute.number({ unit: "L/s", deadband: { absolute: 0.5 }, maxAge: "2 seconds" })
)
const told = (value: number | string | boolean | null, more: Partial<Emission.Content> = {}) => ({
  value,
  quality: "good" as const,
  ...more
})

describe("isDue", () => {
  it.each([
    ["the first reading", undefined, told(1), true],
    ["a change within the deadband", told(1), told(1.5), false],
    ["a change beyond the deadband", told(1), told(1.6), true],
    ["a change of quality", told(1), told(1, { quality: "stale" }), true],
    [
      "a change of the reason",
      told(1, { quality: "bad", reason: "a" }),
      told(1, { quality: "bad", reason: "b" }),
      true
    ],
    ["a number after none", told(null), told(1), true]
  ])("%s: %o then %o is told: %s", (_, reading, next, due) => {
    const last = reading && { reading, at: 5 }
    expect(Emission.isDue(rule, last, next, 5)).toBe(due)
  })

  it("the same value is told again at half of its maxAge", () => {
    const last = { reading: told(1), at: 5 }
    expect(Emission.isDue(rule, last, told(1), 1_004)).toBe(false)
    expect(Emission.isDue(rule, last, told(1), 1_005)).toBe(true)
  })

  it("texts and truth values are told when they change", () => {
    const plain = Emission.ruleOf(Attribute.string())
    const last = { reading: told("a"), at: 0 }
    expect(Emission.isDue(plain, last, told("b"), 0)).toBe(true)
    expect(Emission.isDue(plain, last, told("a"), 1e9)).toBe(false)
    expect(Emission.isDue(plain, { reading: told(true), at: 0 }, told(false), 0)).toBe(true)
  })
})
