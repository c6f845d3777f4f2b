import { describe, expect, it } from "@effect/vitest"
import { Fence } from "@plantd/core"
import { Schema } from "effect"
import * as fc from "fast-check"

const anyFence = fc.maxSafeNat().map((value) => Fence.Fence.make(value))

describe("Fence", () => {
  it("a receiver obeys the highest owner that it has seen, and every later one", () => {
    const [old, current, later] = [1, 2, 3].map((value) => Fence.Fence.make(value)) as [
      Fence.Fence,
      Fence.Fence,
      Fence.Fence
    ]
    expect(Fence.admits(current, old)).toBe(false)
    expect(Fence.admits(current, current)).toBe(true)
    expect(Fence.admits(current, later)).toBe(true)
  })

  it("whoever was never fenced is refused once anybody was", () => {
    fc.assert(fc.property(anyFence, (fence) => {
      expect(Fence.admits(fence, Fence.none)).toBe(fence === Fence.none)
      expect(Fence.admits(Fence.none, fence)).toBe(true)
    }))
  })

  it("of two different owners the receiver of both obeys one only", () => {
    fc.assert(fc.property(anyFence, anyFence, (a, b) => {
      fc.pre(a !== b)
      const highest = a > b ? a : b
      expect([a, b].filter((fence) => Fence.admits(highest, fence))).toEqual([highest])
    }))
  })

  it.each([-1, 1.5, Number.POSITIVE_INFINITY, Number.MAX_SAFE_INTEGER + 1, "1"])(
    "%s is no fence",
    (value) => {
      expect(Schema.is(Fence.Fence)(value)).toBe(false)
    }
  )
})
