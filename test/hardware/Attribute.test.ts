import { describe, expect, it } from "@effect/vitest"
import { Attribute } from "@plantd/hardware"

const flow = Attribute.number({ unit: "L/s", range: [0, 10] })
const mode = Attribute.string({ values: ["auto", "manual"] })
const plain = Attribute.number({ unit: "" })

describe("assess", () => {
  it.each(
    [
      [flow, 5, "good"],
      [flow, 0, "good"],
      [flow, 10, "good"],
      [flow, 10.1, "uncertain"],
      [flow, -0.1, "uncertain"],
      [flow, Number.NaN, "bad"],
      [flow, Number.POSITIVE_INFINITY, "bad"],
      [flow, "5", "bad"],
      [flow, null, "bad"],
      [flow, undefined, "bad"],
      [flow, true, "bad"],
      [flow, [5], "bad"],
      [flow, new Uint8Array(1), "bad"],
      [plain, 1e300, "good"],
      [Attribute.boolean(), false, "good"],
      [Attribute.boolean(), 0, "bad"],
      [Attribute.string(), "", "good"],
      [Attribute.string(), 1, "bad"],
      [mode, "auto", "good"],
      [mode, "off", "uncertain"]
    ] as const
  )("of %o the value %o is %s", (attribute, value, quality) => {
    expect(Attribute.assess(attribute, value)).toBe(quality)
  })

  it.each(
    [
      [flow, Number.NaN, "expected a finite number, got NaN"],
      [flow, "5", 'expected a number, got the string "5"'],
      [flow, 12, "12 L/s is outside of 0 to 10 L/s"],
      [flow, {}, "expected a number, got a map"],
      [Attribute.boolean(), null, "expected a boolean, got null"],
      [mode, "off", 'expected one of auto, manual, got the string "off"']
    ] as const
  )("of %o with the value %o the reason names what was expected", (a, value, reason) => {
    expect(Attribute.reasonOf(a, value)).toBe(reason)
  })
})

describe("refusal", () => {
  it("a value in its range may be written, another may not, and the reason says why", () => {
    expect(Attribute.refusal(flow, 3)).toBeUndefined()
    expect(Attribute.refusal(flow, 11)).toContain("outside of 0 to 10")
  })
})

describe("fault", () => {
  it.each(
    [
      [Attribute.number({ unit: "m", range: [5, 1] }), "range: 5 is not below 1; is it inverted?"],
      [Attribute.number({ unit: "m", range: [0, Number.NaN] }), "range: expected finite numbers"],
      [
        Attribute.number({ unit: "m", deadband: { absolute: -1 } }),
        "deadband.absolute: expected a number of at least 0, got -1"
      ],
      [Attribute.number({ unit: "m", maxAge: 0 }), "maxAge: expected a positive duration, got 0"],
      [Attribute.boolean({ maxAge: -5 }), "maxAge: expected a positive duration, got -5"],
      [Attribute.string({ values: [] }), "values: expected at least one"],
      [Attribute.string({ values: ["a", "a"] }), "values: the same value twice"],
      [Attribute.number({ unit: 3 as never }), "unit: expected a string"],
      [
        Attribute.boolean({ access: "write" as never }),
        'access: expected read or read-write, got the string "write"'
      ],
      [flow, undefined],
      [mode, undefined]
    ] as const
  )("of %o names the field", (attribute, fault) => {
    expect(Attribute.fault(attribute)).toBe(fault)
  })
})
