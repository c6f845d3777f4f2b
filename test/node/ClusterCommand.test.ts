import { FileSystem } from "@effect/platform"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { describe, expect, it } from "@effect/vitest"
import { LeaseStore, SqlLeaseStore } from "@plantd/cluster"
import { Cli, ClusterCommand, ClusterNode } from "@plantd/node"
import { Effect, Layer } from "effect"
import { told } from "./told.ts"

const member = {
  address: "a:1",
  session: "s-1",
  protocols: { oldest: 1, newest: 1 },
  weight: 2,
  startedAt: 0,
  leaseLeft: 1_234.4,
  draining: false
}

const joining = { protocols: { oldest: 1, newest: 1 }, weight: 1, shards: 256 }

describe("the status of a cluster", () => {
  it("is a line for each node", () => {
    const lost = { ...member, address: "b:1", session: "s-2", leaseLeft: -5 }
    const draining = { ...member, address: "c:1", session: "s-3", draining: true }
    const client = { ...member, address: "d:1", session: "s-4", weight: 0 }
    const holders = new Map([["x:1", "s-1"], ["x:2", "s-1"], ["x:3", "s-3"]])
    const members = [member, lost, draining, client]
    const lines = ClusterCommand.table({ members, holders }, 240_000)
    expect(lines.map((line) => line.split(/ {2,}/))).toEqual([
      ["NODE", "STATE", "SHARDS", "WEIGHT", "LEASE", "UP"],
      ["a:1", "up", "2", "2", "1234 ms", "4 min"],
      ["b:1", "lost", "0", "2", "0 ms", "4 min"],
      ["c:1", "draining", "1", "2", "1234 ms", "4 min"],
      ["d:1", "client", "0", "0", "1234 ms", "4 min"]
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

  const folder = Effect.flatMap(
    FileSystem.FileSystem,
    (files) => files.makeTempDirectoryScoped()
  )

  it.scoped("a file that is not there has no cluster, and is not made by a look at it", () =>
    Effect.gen(function*() {
      const files = yield* FileSystem.FileSystem
      const storage = `${yield* folder}/cluster.db`
      const { failure: error } = yield* told("cluster", "status", "--storage", storage)
      expect(error?.message).toContain("cluster.db cannot be opened: it does not exist")
      expect(yield* files.exists(storage)).toBe(false)
    }).pipe(Effect.provide(NodeContext.layer)))

  it.scoped("a node that is not there, is lost, or is the only one is not drained", () =>
    Effect.gen(function*() {
      const storage = `${yield* folder}/cluster.db`
      const joined = (address: string, ttlMillis: number) =>
        Effect.flatMap(
          LeaseStore,
          (store) => store.join({ ...joining, address, session: address }, { ttlMillis })
        )
      const refusal = Effect.map(
        told("cluster", "drain", "a:1", "--storage", storage),
        ({ failure }) => failure?.message
      )
      yield* Effect.gen(function*() {
        yield* joined("b:1", 1)
        expect(yield* refusal).toBe("no node has the address a:1; did you mean b:1?")
        yield* joined("a:1", 60_000)
        expect(yield* refusal).toBe("no other node is up that could take the actors of a:1")
      }).pipe(
        Effect.provide(Layer.provide(SqlLeaseStore.layer, ClusterNode.storage(storage)))
      )
      const lost = yield* told("cluster", "drain", "b:1", "--storage", storage)
      expect(lost.failure?.message).toBe(
        "b:1 is lost, its lease is over: there is nothing to drain"
      )
    }).pipe(Effect.provide(NodeContext.layer)))
})
