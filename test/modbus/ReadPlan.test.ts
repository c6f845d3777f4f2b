import { describe, expect, it } from "@effect/vitest"
import { ReadPlan } from "@plantd/example-modbus"
import * as fc from "fast-check"

const span = (table: ReadPlan.Table, address: number, count = 1): ReadPlan.Span => ({
  table,
  address,
  count
})

const planned = (spans: ReadonlyArray<ReadPlan.Span>, gapMax?: number) =>
  ReadPlan.plan(spans, gapMax).map(ReadPlan.describe)

describe("a plan of requests", () => {
  it("joins what touches or overlaps, and nothing else", () => {
    expect(planned([
      span("holding", 4),
      span("input", 1),
      span("holding", 0, 2),
      span("holding", 2, 2),
      span("holding", 3, 1),
      span("holding", 6, 2)
    ])).toEqual(["holding 0-4", "holding 6-7", "input 1"])
    expect(planned([])).toEqual([])
  })

  it("reads over a gap only where that was allowed", () => {
    const spans = [span("holding", 0), span("holding", 3), span("holding", 7)]
    expect(planned(spans)).toEqual(["holding 0", "holding 3", "holding 7"])
    expect(planned(spans, 2)).toEqual(["holding 0-3", "holding 7"])
  })

  it("has at most 125 registers or 2000 bits in a request, and splits no number", () => {
    const words = Array.from({ length: 100 }, (_, n) => span("input", n * 2, 2))
    expect(planned(words)).toEqual(["input 0-123", "input 124-199"])
    const bits = Array.from({ length: 2_001 }, (_, n) => span("coil", n))
    expect(planned(bits)).toEqual(["coil 0-1999", "coil 2000"])
  })

  it("covers each span by one request whole, within the limits, and reads nothing else", () => {
    const spans = fc.array(
      fc.record({
        table: fc.constantFrom<ReadPlan.Table>("holding", "input", "coil", "discrete"),
        address: fc.integer({ min: 0, max: 400 }),
        count: fc.constantFrom(1, 2)
      }),
      { maxLength: 300 }
    )
    fc.assert(fc.property(spans, fc.integer({ min: 0, max: 10 }), (given, gapMax) => {
      const requests = ReadPlan.plan(given, gapMax)
      const covers = (outer: ReadPlan.Span, inner: ReadPlan.Span) =>
        outer.table === inner.table && outer.address <= inner.address
        && inner.address + inner.count <= outer.address + outer.count
      expect(given.every((one) => requests.some((request) => covers(request, one)))).toBe(true)
      for (const request of requests) {
        expect(request.count).toBeLessThanOrEqual(ReadPlan.readMaxOf(request.table))
        if (gapMax > 0) continue
        for (let at = request.address; at < request.address + request.count; at++) {
          const place = span(request.table, at)
          expect(given.some((one) => covers(one, place))).toBe(true)
        }
      }
    }))
  })
})
