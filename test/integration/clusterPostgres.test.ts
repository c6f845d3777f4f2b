import { expect, it } from "@effect/vitest"
import { LeaseStore, SqlLeaseStore } from "@plantd/cluster"
import { Context, Effect, Layer } from "effect"
import { clusterContract } from "./clusterContract.ts"
import { idOn, three, untilStopped } from "./clusterHarness.ts"
import { postgresOfFile } from "./postgres.ts"
import { clientOf } from "./storage.ts"
import { writing } from "./written.ts"

const { database, postgres } = postgresOfFile()

clusterContract({ name: "PostgreSQL", storage: database, failoverMillis: 3_000 })

it.scopedLive(
  "nodes without their PostgreSQL for 20 s stop their actors in time, lose nothing acknowledged",
  () =>
    Effect.gen(function*() {
      const { nodes, rig, tally } = yield* Effect.flatMap(database, three)
      const { start, stop } = yield* postgres
      const held = yield* Effect.forEach(nodes, (node) => idOn(rig, node))
      const writers = yield* Effect.forEach(held, (id) => writing(tally(id)))
      yield* Effect.forEach(writers, ({ untilAcknowledged }) => untilAcknowledged(20))
      yield* stop("immediate")
      // No lease was renewed after this: all are over 2 s from now.
      const away = Date.now()
      for (const [index, node] of nodes.entries()) {
        const at = yield* untilStopped(node, held[index] ?? "")
        expect(at - away).toBeLessThan(2_000)
      }
      yield* Effect.sleep(away + 20_000 - Date.now())
      const before = writers.map(({ acknowledged }) => acknowledged())
      yield* start
      for (const [index, { untilAcknowledged }] of writers.entries()) {
        yield* untilAcknowledged((before[index] ?? 0) + 20)
      }
      for (const { check } of writers) yield* check
    }),
  120_000
)

it.scopedLive("a lease that was granted is not forgotten by a server that crashes", () =>
  Effect.gen(function*() {
    const url = yield* database
    const { start, stop } = yield* postgres
    const open = Layer.build(Layer.provide(SqlLeaseStore.layer, clientOf(url)))
    const leases = Context.get(yield* open, LeaseStore)
    const self = { address: "127.0.0.1:1", session: "s", version: "1", weight: 1, shards: 2 }
    const holding = { session: "s", ttlMillis: 3_600_000 }
    yield* leases.join(self, { ttlMillis: 1_000 })
    yield* leases.acquire(holding, ["default:1"])
    yield* leases.renew(holding)
    yield* stop("immediate")
    yield* start
    const { holders, members } = yield* leases.view
    expect([...holders]).toEqual([["default:1", "s"]])
    expect(members[0]?.leaseLeft).toBeGreaterThan(3_000_000)
  }))
