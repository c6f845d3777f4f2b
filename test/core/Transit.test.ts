import { describe, expect, it } from "@effect/vitest"
import { Transit } from "@plantd/core"
import fc from "fast-check"

// The sender's clock is 1,000,000 ms behind the receiver's.
const sent = (at: number, delay: number) => ({ sentAt: at, now: at + 1_000_000 + delay })

describe("age", () => {
  it("the first message of a session has no age, however far the clocks are apart", () => {
    const [, age] = Transit.observe(Transit.begin(sent(0, 5)), sent(0, 5))
    expect(age).toBe(0)
  })

  it("a message that was held up is as old as it was held up longer than the fastest", () => {
    const [, age] = Transit.observe(Transit.begin(sent(0, 5)), sent(10, 2_005))
    expect(age).toBeCloseTo(2_000 - 2_010 * Transit.driftMax)
  })

  it("a faster message shows that the earlier ones were older than it seemed", () => {
    const [faster, age] = Transit.observe(Transit.begin(sent(0, 50)), sent(10, 1))
    expect(age).toBe(0)
    expect(Transit.observe(faster, sent(20, 51))[1]).toBeCloseTo(50, 0)
  })

  it("commands that a stopped process finds in its buffers are old, even after minutes", () => {
    const [, age] = Transit.observe(Transit.begin(sent(0, 0)), sent(1_000, 90_000))
    expect(age).toBeGreaterThan(89_000)
  })

  it("clocks that drift apart by 500 ppm do not make heartbeats old, even after a day", () => {
    let transit = Transit.begin({ sentAt: 0, now: 0 })
    let oldest = 0
    for (let second = 1; second <= 86_400; second++) {
      const [next, age] = Transit.observe(transit, {
        sentAt: second * 1_000,
        now: second * 1_000.5
      })
      transit = next
      oldest = Math.max(oldest, age)
    }
    expect(oldest).toBeLessThan(1)
  })

  it("is never negative and never more than the time since the session began", () => {
    fc.assert(fc.property(
      fc.array(fc.tuple(fc.nat(10_000), fc.nat(10_000)), { minLength: 1 }),
      (steps) => {
        let transit = Transit.begin({ sentAt: 0, now: 0 })
        let now = 0
        let sentAt = 0
        for (const [later, sentLater] of steps) {
          now += later
          sentAt = Math.min(now, sentAt + sentLater)
          const [next, age] = Transit.observe(transit, { sentAt, now })
          transit = next
          expect(age).toBeGreaterThanOrEqual(0)
          expect(age).toBeLessThanOrEqual(now + 1e-6)
        }
      }
    ))
  })
})
