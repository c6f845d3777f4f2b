import { describe, expect, it } from "@effect/vitest"
import { DeviceLifecycle } from "@plantd/hardware"

const allowed: ReadonlyArray<readonly [DeviceLifecycle.State, DeviceLifecycle.State]> = [
  ["unconfigured", "configuring"],
  ["unconfigured", "shutting-down"],
  ["configuring", "inactive"],
  ["inactive", "activating"],
  ["inactive", "configuring"],
  ["inactive", "shutting-down"],
  ["activating", "active"],
  ["activating", "inactive"],
  ["active", "deactivating"],
  ["active", "shutting-down"],
  ["deactivating", "inactive"],
  ["shutting-down", "finalized"],
  ["error", "unconfigured"],
  ["error", "shutting-down"],
  ["error", "finalized"]
]
const states = DeviceLifecycle.State.literals

describe("the life of a device actor", () => {
  it("allows these steps, an error from each state but the last, and no others", () => {
    for (const from of states) {
      for (const to of states) {
        const isError = to === "error" && from !== "finalized" && from !== "error"
        const expected = isError || allowed.some(([a, b]) => a === from && b === to)
        expect([from, to, DeviceLifecycle.canFollow(from, to)]).toEqual([from, to, expected])
      }
    }
  })

  it("goes on with who did it and why, and never where it cannot", () => {
    const active = { state: "active", since: 1 } as const
    const next = DeviceLifecycle.advance(active, "deactivating", { since: 2, by: "ann" })
    expect(next).toEqual({ state: "deactivating", since: 2, by: "ann" })
    expect(() => DeviceLifecycle.advance(active, "configuring", { since: 2 })).toThrow(
      "a device that is active cannot become configuring"
    )
  })
})
