import { expect, it } from "@effect/vitest"
import { LeaseStore, SqlLeaseStore } from "@plantd/cluster"
import { Context, Effect, Layer } from "effect"
import { clusterContract } from "./clusterContract.ts"
import {
  appliedAt,
  divided,
  idOn,
  idsOn,
  startedAt,
  three,
  untilAnswered,
  untilStopped
} from "./clusterHarness.ts"
import { threeGated } from "./gatedCluster.ts"
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
    const protocols = { oldest: 1, newest: 1 }
    const self = { address: "127.0.0.1:1", session: "s", protocols, weight: 1, shards: 2 }
    const holding = { session: "s", ttlMillis: 3_600_000, grant: 1 }
    yield* leases.join(self, { ttlMillis: 1_000 })
    yield* leases.acquire(holding, ["default:1"])
    yield* leases.renew(holding)
    yield* stop("immediate")
    yield* start
    const { holders, members } = yield* leases.view
    expect([...holders]).toEqual([["default:1", "s"]])
    expect(members[0]?.leaseLeft).toBeGreaterThan(3_000_000)
  }))

it.scopedLive(
  "a node that is cut off stops its actors before others begin, within 3 s, and comes back",
  () =>
    Effect.gen(function*() {
      const { cut, heal, nodes, rig, tally, victim } = yield* Effect.flatMap(database, threeGated)
      const held = yield* idsOn(rig, victim)
      expect(held.length).toBeGreaterThan(0)
      const writers = yield* Effect.forEach(held.slice(0, 3), (id) => writing(tally(id)))
      yield* Effect.forEach(writers, ({ untilAcknowledged }) => untilAcknowledged(20))
      yield* cut(victim)
      const answered = yield* Effect.forEach(
        held,
        (id) => untilAnswered(tally(id).Apply({ entry: "after" }, { timeout: "200 millis" })),
        { concurrency: "unbounded" }
      )
      expect(Math.max(...answered.map(({ millis }) => millis))).toBeLessThan(3_000)
      const others = nodes.filter((node) => node !== victim)
      for (const [index, id] of held.entries()) {
        const [began = 0] = others.flatMap((node) => startedAt(node, id))
        expect(Math.max(...appliedAt(victim, id))).toBeLessThanOrEqual(began)
        // Where a write is under way, its end is waited for; whatever comes of it, no more is done.
        const ended = yield* untilStopped(victim, id)
        if (index >= writers.length) expect(ended).toBeLessThanOrEqual(began)
      }
      yield* heal
      yield* divided(rig, nodes)
      const back = yield* idOn(rig, victim)
      expect(yield* tally(back).Apply({ entry: "back" })).toBeGreaterThan(0)
      for (const { check } of writers) yield* check
    }),
  120_000
)
