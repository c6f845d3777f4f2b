import { describe, expect, it } from "@effect/vitest"
import { Backoff } from "@plantd/core"
import * as fc from "fast-check"

const unit = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })

const anyBackoff = fc.record({
  min: fc.nat(100_000),
  max: fc.nat(1_000_000),
  factor: fc.double({ min: 0, max: 1_000, noNaN: true }),
  jitter: fc.double({ min: 0, max: 1, noNaN: true })
})

describe("Backoff", () => {
  it("doubles from its minimum up to its maximum where nothing is random", () => {
    const backoff: Backoff.Backoff = { min: 100, max: "1 second", factor: 2, jitter: 0 }
    const delays = [0, 1, 2, 3, 4, 5].map((attempt) => Backoff.delayMillis(backoff, attempt, 0.9))
    expect(delays).toEqual([100, 200, 400, 800, 1_000, 1_000])
  })

  it("draws only the jittered part of the delay at random", () => {
    const backoff: Backoff.Backoff = { min: 1_000, max: 1_000, factor: 1, jitter: 0.2 }
    expect(Backoff.delayMillis(backoff, 0, 0)).toBe(1_000)
    expect(Backoff.delayMillis(backoff, 0, 0.5)).toBe(900)
  })

  it("takes a jitter outside of 0 to 1 for the nearest of them", () => {
    const fixed = { min: 1_000, max: 1_000, factor: 1 }
    expect(Backoff.delayMillis({ ...fixed, jitter: 7 }, 0, 0.25)).toBe(750)
    expect(Backoff.delayMillis({ ...fixed, jitter: -1 }, 0, 0.25)).toBe(1_000)
  })

  it("is a number from 0 to its maximum, whatever the attempt", () => {
    fc.assert(fc.property(anyBackoff, fc.nat(1_000_000), unit, (backoff, attempt, random) => {
      const delay = Backoff.delayMillis(backoff, attempt, random)
      expect(delay).toBeGreaterThanOrEqual(0)
      expect(delay).toBeLessThanOrEqual(backoff.max)
    }))
  })

  it("never is shorter than the unjittered part of what it would be without jitter", () => {
    fc.assert(fc.property(anyBackoff, fc.nat(50), unit, (backoff, attempt, random) => {
      const whole = Backoff.delayMillis({ ...backoff, jitter: 0 }, attempt, random)
      const delay = Backoff.delayMillis(backoff, attempt, random)
      expect(delay).toBeGreaterThanOrEqual(whole * (1 - backoff.jitter) - 1e-6)
      expect(delay).toBeLessThanOrEqual(whole)
    }))
  })

  it("never shrinks from one attempt to the next at the same luck", () => {
    fc.assert(fc.property(anyBackoff, fc.nat(1_000), unit, (backoff, attempt, random) => {
      const now = Backoff.delayMillis(backoff, attempt, random)
      expect(Backoff.delayMillis(backoff, attempt + 1, random)).toBeGreaterThanOrEqual(now)
    }))
  })

  it("is 0 after any number of attempts where the minimum is 0", () => {
    expect(Backoff.delayMillis({ ...Backoff.standard, min: 0 }, 5_000, 0.5)).toBe(0)
  })
})
