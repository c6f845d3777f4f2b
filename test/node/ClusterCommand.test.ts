import { FileSystem } from "@effect/platform"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { describe, expect, it } from "@effect/vitest"
import { Cli, ClusterCommand } from "@plantd/node"
import { Effect } from "effect"
import { told } from "./told.ts"

const member = {
  address: "a:1",
  session: "s-1",
  version: "1",
  weight: 2,
  startedAt: 0,
  leaseLeft: 1_234.4,
  draining: false
}

describe("the status of a cluster", () => {
  it("is a line for each node", () => {
    const lost = { ...member, address: "b:1", session: "s-2", leaseLeft: -5 }
    const draining = { ...member, address: "c:1", session: "s-3", draining: true }
    const holders = new Map([["x:1", "s-1"], ["x:2", "s-1"], ["x:3", "s-3"]])
    const lines = ClusterCommand.table({ members: [member, lost, draining], holders }, 240_000)
    expect(lines.map((line) => line.split(/ {2,}/))).toEqual([
      ["NODE", "STATE", "SHARDS", "WEIGHT", "LEASE", "UP"],
      ["a:1", "up", "2", "2", "1234 ms", "4 min"],
      ["b:1", "lost", "0", "2", "0 ms", "4 min"],
      ["c:1", "draining", "1", "2", "1234 ms", "4 min"]
    ])
  })

  it("says so where nobody is a member", () => {
    expect(ClusterCommand.table({ members: [], holders: new Map() }, 0)).toEqual([
      "no node is a member of this cluster"
    ])
  })
})

describe("a wrong command line", () => {
  it.scoped.each(
    [
      [["cluster", "stat"], "there is no plantd cluster stat, only status, drain"],
      [["cluster", "status", "--storage"], "--storage: a value is missing"],
      [["cluster", "drain"], "NODE"],
      [["node", "strat"], "there is no plantd node strat, only start"],
      [["node", "start", "--port", "x"], "x"],
      [["node", "start", "--lease"], "--lease: a value is missing"]
    ] as const
  )("%o: %s", ([args, says]) =>
    Effect.gen(function*() {
      const { failure: error } = yield* told(...args)
      expect(error).toBeInstanceOf(Cli.UsageError)
      expect(error?.message).toContain(says)
    }))

  it.scoped("a node that is not there, and the only one, are not drained", () =>
    Effect.gen(function*() {
      const files = yield* FileSystem.FileSystem
      const storage = `${yield* files.makeTempDirectoryScoped()}/cluster.db`
      const { failure: error } = yield* told("cluster", "drain", "a:1", "--storage", storage)
      expect(error?.message).toBe("no node has the address a:1; there is none")
    }).pipe(Effect.provide(NodeContext.layer)))
})
