import { describe, expect, it } from "@effect/vitest"
import { Attribute, Emission } from "@plantd/hardware"

const rule = Emission.ruleOf(
  Attribute.number({ unit: "L/s", deadband: { absolute: 0.5 }, maxAge: "2 seconds" })
)
const told = (value: number | string | boolean | null, more: Partial<Emission.Told> = {}) => ({
  value,
  quality: "good" as const,
  serverTime: 0,
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
    ["the same value shortly after", told(1), told(1, { serverTime: 999 }), false],
    ["the same value at half of maxAge", told(1), told(1, { serverTime: 1_000 }), true],
    ["a number after none", told(null), told(1), true]
  ])("%s: %o then %o is told: %s", (_, last, next, due) => {
    expect(Emission.isDue(rule, last, next)).toBe(due)
  })

  it("texts and truth values are told when they change", () => {
    const plain = Emission.ruleOf(Attribute.string())
    expect(Emission.isDue(plain, told("a"), told("b"))).toBe(true)
    expect(Emission.isDue(plain, told("a"), told("a", { serverTime: 1e9 }))).toBe(false)
    expect(Emission.isDue(plain, told(true), told(false))).toBe(true)
  })
})
