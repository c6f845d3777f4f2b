/** Nodes of a cluster as processes on one database, and a client in this process. */
import { NodeContext } from "@effect/platform-node"
import { FileSystem } from "@effect/platform"
import { Cluster, ClusterSystem } from "@plantd/cluster"
import { Context, Duration, Effect, Layer, Logger } from "effect"
import { join } from "node:path"
import * as harness from "./harness.ts"
import { clientOf } from "./storage.ts"
import { Tally } from "./tally.ts"

const ports = { next: 17_700 + (process.pid % 400) * 20 }

/** A port that no other test takes. */
export const freePort = Effect.sync(() => ports.next++)

/** A file in a folder that is removed when the scope closes. */
export const file = Effect.gen(function*() {
  const files = yield* FileSystem.FileSystem
  const directory = yield* files.makeTempDirectoryScoped({ prefix: "plantd-cluster-" })
  return join(directory, "cluster.db")
}).pipe(Effect.orDie, Effect.provide(NodeContext.layer))

/** A cluster on a database. */
export const makeCluster = Effect.fnUntraced(function*(storage: string) {
  const start = (port?: number) =>
    Effect.gen(function*() {
      const chosen = port ?? (yield* freePort)
      const running = yield* harness.start("test/integration/clusterNode.ts", storage, `${chosen}`)
      yield* harness.waitUntil(`node ${chosen} is up`, () => {
        if (running.stdout().includes('"up"')) return true
        if (running.stderr().includes("timestamp=ERROR")) throw new Error(running.stderr())
        return false
      })
      return { port: chosen, address: `127.0.0.1:${chosen}`, running }
    })
  const context = yield* Layer.build(
    ClusterSystem.layer({ port: yield* freePort, weight: 0 }).pipe(
      Layer.provide(clientOf(storage)),
      Layer.provide(Logger.replace(Logger.defaultLogger, Logger.none))
    )
  )
  const cluster = Context.get(context, Cluster)
  const tally = yield* Effect.provide(Tally.client, context)
  return { storage, start, cluster, tally }
})

/** A cluster of a test. */
export type Rig = Effect.Effect.Success<ReturnType<typeof makeCluster>>

/** A node of a test. */
export type Node = Effect.Effect.Success<ReturnType<Rig["start"]>>

/** Waits until all shards are held by these nodes, each some. */
export const divided = ({ cluster }: Rig, nodes: ReadonlyArray<Node>) =>
  untilSo(
    "the shards are divided",
    Effect.map(cluster.view, ({ holders, members }) => {
      const sessions = nodes.map(({ address }) =>
        members.find((member) => member.address === address)?.session
      )
      return holders.size === 256
        && sessions.every((session) => [...holders.values()].includes(session ?? ""))
        && new Set(holders.values()).size === nodes.length
    })
  )

/** Three nodes on a database, each with some shards; one of them is to suffer. */
export const three = Effect.fnUntraced(function*(storage: string) {
  const rig = yield* makeCluster(storage)
  const nodes = yield* Effect.all([rig.start(), rig.start(), rig.start()], { concurrency: 3 })
  yield* divided(rig, nodes)
  return { ...rig, rig, nodes, victim: nodes[1] }
})

/** An id whose actor runs in a node. */
export const idOn = ({ tally }: Rig, { running }: Node) =>
  Effect.gen(function*() {
    for (const id of ids) if ((yield* tally(id).Node()) === running.pid) return id
    return yield* Effect.dieMessage("the node has no actor")
  })

/** Waits until a node says that the actor of an id has ended; gives when, by its clock. */
export const untilStopped = ({ running }: Node, id: string) =>
  harness.waitUntil(`the actor ${id} has ended`, () => {
    const at = running.stdout().match(new RegExp(`"Stopped","id":"${id}","at":(\\d+)`))?.[1]
    return at === undefined ? undefined : Number(at)
  })

/** Ids enough for each node to have some of them. */
export const ids = Array.from({ length: 32 }, (_, index) => `t-${index}`)

/** Waits until a condition holds. */
export const untilSo = <E, R>(
  what: string,
  check: Effect.Effect<boolean, E, R>,
  within: Duration.DurationInput = "30 seconds"
): Effect.Effect<void, E, R> => {
  const until = Date.now() + Duration.toMillis(within)
  const again: Effect.Effect<void, E, R> = Effect.flatMap(check, (holds) => {
    if (holds) return Effect.void
    if (Date.now() > until) return Effect.dieMessage(`${what}: not within ${String(within)}`)
    return Effect.delay(again, "20 millis")
  })
  return again
}

/** How long it takes until an effect that is tried again and again succeeds, in milliseconds. */
export const untilAnswered = <A, E, R>(
  effect: Effect.Effect<A, E, R>
): Effect.Effect<{ readonly millis: number; readonly value: A }, E, R> => {
  const began = Date.now()
  const again: Effect.Effect<{ readonly millis: number; readonly value: A }, E, R> = Effect
    .matchEffect(effect, {
      onSuccess: (value) => Effect.succeed({ millis: Date.now() - began, value }),
      onFailure: (error) =>
        Date.now() - began > 30_000 ? Effect.fail(error) : Effect.delay(again, "10 millis")
    })
  return again
}
