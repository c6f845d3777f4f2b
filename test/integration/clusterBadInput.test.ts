/** What operators get wrong: each is told, or does no harm. */
import { describe, expect, it } from "@effect/vitest"
import { LeaseStore, SqlLeaseStore } from "@plantd/cluster"
import { ClusterNode } from "@plantd/node"
import { Context, Effect, Layer } from "effect"
import {
  divided,
  file,
  idOn,
  idsOn,
  ids,
  makeCluster,
  type Node,
  untilAnswered,
  untilSo
} from "./clusterHarness.ts"
import { gate } from "./gate.ts"
import * as harness from "./harness.ts"
import { freePort } from "./ports.ts"
import { postgresOfFile } from "./postgres.ts"
import { NextTally } from "./tally.ts"

const { database } = postgresOfFile()

/** A node by the command line; the storage stands in the environment, as a password should. */
const plantd = (storage: string, port: number, ...more: ReadonlyArray<string>) =>
  harness.startIn(
    { PLANTD_STORAGE: storage },
    "packages/node/src/main.ts",
    "node",
    "start",
    "--port",
    `${port}`,
    ...more
  )

/** What a node says that ends with exit code 1. */
const refusal = (storage: string, port: number, ...more: ReadonlyArray<string>) =>
  Effect.gen(function*() {
    const node = yield* plantd(storage, port, ...more)
    expect(yield* node.ended).toBe(1)
    return node.stdout() + node.stderr()
  })

const up = (storage: string, port: number) =>
  Effect.flatMap(
    plantd(storage, port),
    (node) => harness.waitUntil("it is up", () => node.stderr().includes("is up at"))
  )

describe("a node is refused", () => {
  it.scopedLive(
    "where another has its address, or the cluster another number of shards",
    () =>
      Effect.gen(function*() {
        const storage = yield* file
        const [port, other, third] = [yield* freePort, yield* freePort, yield* freePort]
        yield* up(storage, port)
        const said = yield* Effect.all([
          refusal(storage, port),
          refusal(storage, port, "--listen-port", `${other}`),
          refusal(storage, third, "--shards", "128")
        ], { concurrency: 3 })
        expect(said[0]).toContain(`cannot listen on 127.0.0.1:${port}`)
        expect(said[1]).toContain(`another node of the cluster has the address 127.0.0.1:${port}`)
        expect(said[1]).toContain("give this one another address")
        expect(said[2]).toContain("set to 128 shards, and its cluster has 256")
      }),
    60_000
  )

  it.scopedLive(
    "where another one speaks a protocol that it does not know",
    () =>
      Effect.gen(function*() {
        const storage = yield* file
        const leases = yield* Layer.build(
          Layer.provide(SqlLeaseStore.layer, ClusterNode.storage(storage))
        )
        yield* Context.get(leases, LeaseStore).join(
          {
            address: "127.0.0.1:1",
            session: "later",
            protocols: { oldest: 98, newest: 99 },
            weight: 1,
            shards: 256
          },
          { ttlMillis: 60_000 }
        )
        const said = yield* refusal(storage, yield* freePort)
        expect(said).toContain(
          "the node 127.0.0.1:1 of the cluster speaks the versions 98 to 99 of the protocol between"
            + " nodes, and this one version"
        )
        expect(said).toContain("all nodes of one release must be stopped")
      }),
    60_000
  )

  it.scopedLive(
    "where its database cannot be opened; it shows no password",
    () =>
      Effect.gen(function*() {
        const url = new URL(yield* database)
        const { host, pathname, port } = url
        const mute = yield* gate(Number(port))
        mute.cut()
        const said = yield* Effect.all([
          refusal(`postgres://postgres:hidden@127.0.0.1:1${pathname}`, yield* freePort),
          refusal(`postgres://postgres:hid@den@${host}${pathname}`, yield* freePort),
          refusal(`postgres://${host}${pathname}?user=postgres&password=hidden`, yield* freePort),
          refusal(`postgres://postgres:hidden@127.0.0.1:${mute.port}/x`, yield* freePort),
          refusal(`postgres://postgres:password@${host}/not_there`, yield* freePort)
        ], { concurrency: 2 })
        expect(said[0]).toContain("127.0.0.1:1")
        expect(said[0]).toContain("ECONNREFUSED")
        expect(said[1]).toContain("password authentication failed")
        expect(said[2]).toContain("password authentication failed")
        expect(said[3]).toMatch(/time/i)
        expect(said[4]).toContain(`database "not_there" does not exist`)
        for (const one of said) {
          expect(one).toContain("storage postgres://")
          expect(one).not.toMatch(/hidden|hid@|den@|:password@/)
        }
      }),
    90_000
  )
})

it.scopedLive(
  "an ask whose actor lives where its type is missing fails, and says where",
  () =>
    Effect.gen(function*() {
      const rig = yield* makeCluster(yield* file)
      const without = yield* makeCluster(rig.storage, { environment: { TALLY: "none" } })
      const nodes: ReadonlyArray<Node> = yield* Effect.all([rig.start(), without.start()], {
        concurrency: 2
      })
      yield* divided(rig, nodes)
      const asks = yield* Effect.forEach(
        ids,
        (id) => Effect.either(rig.tally(id).Node(undefined, { timeout: "10 seconds" })),
        {
          concurrency: "unbounded"
        }
      )
      const failed = asks.flatMap((ask) => ask._tag === "Left" ? [ask.left] : [])
      expect(failed.length).toBeGreaterThan(0)
      expect(failed.length).toBeLessThan(ids.length)
      for (const error of failed) {
        expect(error).toMatchObject({ _tag: "ActorNotRegistered", node: nodes[1]?.address })
        expect(error.message).toContain("start that node with the modules")
      }
    }),
  60_000
)

it.scopedLive(
  "nodes of two releases run side by side: what the older one does not know, it says so",
  () =>
    Effect.gen(function*() {
      const rig = yield* makeCluster(yield* file)
      const later = yield* makeCluster(rig.storage, { environment: { TALLY: "next" } })
      const nodes = yield* Effect.all([rig.start(), later.start()], { concurrency: 2 })
      yield* divided(rig, nodes)
      const tally = yield* Effect.provide(NextTally.client, rig.context)
      const [old, next] = [yield* idOn(rig, nodes[0]), yield* idOn(rig, nodes[1])]
      for (const id of [old, next]) yield* tally(id).Apply({ entry: "one" })
      expect(yield* tally(next).Count()).toBe(1)
      const error = yield* Effect.flip(tally(old).Count())
      expect(error).toMatchObject({ _tag: "MessageInvalid", tag: "Count", part: "payload" })
      expect(error.message).toContain("Count")
      expect(yield* tally(old).Apply({ entry: "two" })).toBe(2)
    }),
  60_000
)

it.scopedLive(
  "nodes whose clocks differ by two minutes work as others do",
  () =>
    Effect.gen(function*() {
      const rig = yield* makeCluster(yield* database)
      const skewed = (SKEW: string) => makeCluster(rig.storage, { environment: { SKEW } })
      const [ahead, behind] = [yield* skewed("60000"), yield* skewed("-60000")]
      const nodes = yield* Effect.all([rig.start(), ahead.start(), behind.start()], {
        concurrency: 3
      })
      yield* divided(rig, nodes)
      for (const victim of nodes.slice(1)) {
        const held = yield* idsOn(rig, victim)
        for (const id of held) yield* rig.tally(id).Apply({ entry: `${victim.port}` })
        yield* victim.running.signal("SIGKILL")
        for (const id of held) {
          const { millis } = yield* untilAnswered(
            rig.tally(id).Apply({ entry: "after" }, { timeout: "200 millis" })
          )
          expect(millis).toBeLessThan(3_000)
          expect(yield* rig.tally(id).Entries()).toContain(`${victim.port}`)
        }
      }
      yield* untilSo(
        "one has all",
        Effect.map(rig.cluster.view, ({ holders }) => holders.size === 256)
      )
    }),
  90_000
)
