import { describe, expect, it } from "@effect/vitest"
import { OperatorLease } from "@plantd/hardware"

const held = { session: "ann", expiresAt: 2_000 }

describe("an operator's lease", () => {
  it.each(
    [
      [undefined, undefined, 1_000, true],
      [undefined, "bob", 1_000, true],
      [held, "ann", 1_000, true],
      [held, "bob", 1_999, false],
      [held, undefined, 1_999, false],
      [held, "bob", 2_000, true]
    ] as const
  )("%o lets session %s command at %d: %s", (lease, session, now, may) => {
    expect(OperatorLease.admits(lease, session, now)).toBe(may)
  })

  it("is given to who asks first, renewed by them alone, and free when its time is over", () => {
    const ann = OperatorLease.acquire(undefined, { session: "ann", ttlMillis: 1_000 }, 1_000)
    expect(ann).toEqual(held)
    expect(OperatorLease.acquire(ann, { session: "bob", ttlMillis: 1_000 }, 1_500)).toBeUndefined()
    const renewed = OperatorLease.acquire(ann, { session: "ann", ttlMillis: 5_000 }, 1_500)
    expect(renewed?.expiresAt).toBe(6_500)
    const bob = OperatorLease.acquire(ann, { session: "bob", ttlMillis: 1_000 }, 2_000)
    expect(bob?.session).toBe("bob")
  })

  it("lasts at least and at most so long, whatever is asked for", () => {
    const of = (ttlMillis: number) =>
      OperatorLease.acquire(undefined, { session: "ann", ttlMillis }, 0)?.expiresAt
    expect([of(0), of(Infinity)]).toEqual([OperatorLease.ttlMillisMin, OperatorLease.ttlMillisMax])
  })

  it("counts for nobody once its time is over", () => {
    expect(OperatorLease.holder(held, 1_999)).toBe(held)
    expect(OperatorLease.holder(held, 2_000)).toBeUndefined()
  })
})
