import { toJson, toTable } from "@plantd/benchmarks/Report"
import { expect, it } from "vitest"

const at = (median: number) => ({ median, low: median * 0.9, high: median * 1.1 })

const outcome = {
  suite: "actors",
  name: "ask",
  unit: "asks/s",
  better: "higher" as const,
  value: at(123_456.789),
  comparisons: [
    { peer: "one", value: at(12_345), ratio: at(10.000_49) },
    { peer: "two", value: at(246_913), ratio: at(0.5) }
  ]
}

it("the line for programs has the suite, the figure, its median and the ratios by peer", () => {
  const line = toJson(outcome)
  expect(line).not.toContain("\n")
  expect(JSON.parse(line)).toEqual({
    suite: "actors",
    name: "ask",
    value: 123_460,
    unit: "asks/s",
    better: "higher",
    ratios: { one: 10, two: 0.5 }
  })
})

it("of events both have the P99 beside the median", () => {
  const events = { ...outcome, comparisons: [], p99: 234_567.89 }
  expect(JSON.parse(toJson(events))).toMatchObject({ value: 123_460, p50: 123_460, p99: 234_570 })
  expect(toTable(events).split("\n")[2]).toBe("plantd, P99  234,568")
})

it("a figure without peers has no ratios", () => {
  expect(JSON.parse(toJson({ ...outcome, comparisons: [] })).ratios).toEqual({})
})

it("the table for people shows plantd and each peer with value, spread and ratio", () => {
  expect(toTable(outcome)).toBe([
    "actors/ask   asks/s  spread  plantd / peer (more is better)    quartiles",
    "plantd      123,457    ±10%",
    "one          12,345    ±10%                          10.0 x  9.00 - 11.0",
    "two         246,913    ±10%                          0.50 x  0.45 - 0.55"
  ].join("\n"))
})

it("where less is better, the table says so over its ratios, and the line for programs too", () => {
  const lower = { ...outcome, better: "lower" as const }
  expect(toTable(lower).split("\n")[0]).toContain("plantd / peer (less is better)")
  expect(JSON.parse(toJson(lower)).better).toBe("lower")
})
