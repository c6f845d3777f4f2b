import { ClusterSettings } from "@plantd/cluster"
import { describe, expect, it } from "vitest"

const of = (more: Partial<ClusterSettings.Settings>) =>
  ClusterSettings.boundsOf({ ...ClusterSettings.defaults, ...more })

describe("the settings of a node", () => {
  it("are on loopback by default, with a lease that is renewed in time", () => {
    const { address, leaseMillis, refreshMillis } = of({})
    expect(address).toBe("127.0.0.1:7700")
    expect(leaseMillis).toBeGreaterThanOrEqual(3 * refreshMillis)
  })

  it.each<[string, Partial<ClusterSettings.Settings>, string]>([
    ["shards", { shards: 0 }, "shards is 0, expected a whole number above 0"],
    ["too many shards", { shards: 70_000 }, "shards is 70000, expected at most 65536"],
    ["weight", { weight: -1 }, "weight is -1"],
    ["batchMax", { batchMax: 1.5 }, "batchMax is 1.5"],
    ["queuedMax", { queuedMax: Number.NaN }, "queuedMax is NaN"],
    ["heldMax", { heldMax: 0 }, "heldMax is 0"],
    ["streamWindow", { streamWindow: 0.5 }, "streamWindow is 0.5"],
    ["a wide window", { streamWindow: 70_000 }, "streamWindow is 70000, expected at most 65536"],
    ["streamsMax", { streamsMax: 0 }, "streamsMax is 0"],
    ["lease", { lease: 0 }, "lease is 0, expected a time above 0"],
    ["hold", { hold: Infinity }, "hold is Infinity"],
    ["refresh", { refresh: "1 second" }, "refresh is 1000, expected at most a third of the lease"]
  ])("%s that makes no sense is named", (_, settings, says) => {
    expect(() => of(settings)).toThrow(says)
  })

  it("a weight of 0 makes a client, which runs no actors", () => {
    expect(() => of({ weight: 0 })).not.toThrow()
  })
})
