import { spreadOf, summarize } from "@plantd/benchmarks/Statistics"
import { expect, it } from "vitest"

it("a median is the middle value, or the mean of the two in the middle", () => {
  expect(spreadOf([9, 1, 5]).median).toBe(5)
  expect(spreadOf([8, 2, 4, 6]).median).toBe(5)
  expect(spreadOf([7])).toEqual({ median: 7, low: 7, high: 7 })
})

it("quartiles are interpolated between values", () => {
  expect(spreadOf([50, 10, 30, 20, 40])).toEqual({ median: 30, low: 20, high: 40 })
  expect(spreadOf([1, 2, 3, 4])).toEqual({ median: 2.5, low: 1.75, high: 3.25 })
})

it("nothing measured is not a number, rather than zero", () => {
  expect(spreadOf([]).median).toBeNaN()
})

it("a ratio is taken within each round, so that a machine that slows down changes none", () => {
  const summary = summarize({ subject: [100, 10, 1], peers: { slow: [50, 5, 0.5] } })
  expect(summary.value.median).toBe(10)
  expect(summary.comparisons).toEqual([{
    peer: "slow",
    value: { median: 5, low: 2.75, high: 27.5 },
    ratio: { median: 2, low: 2, high: 2 }
  }])
})

it("rounds of different number are refused, since they were not side by side", () => {
  expect(() => summarize({ subject: [1, 2], peers: { other: [1] } })).toThrow(
    "2 rounds stand beside 1"
  )
})
