/** Nodes of a cluster as processes on one database, and a client in this process. */
import { NodeContext } from "@effect/platform-node"
import { FileSystem } from "@effect/platform"
import { Cluster, ClusterSystem } from "@plantd/cluster"
import { Context, Duration, Effect, Layer, Logger, type Scope } from "effect"
import { join } from "node:path"
import * as harness from "./harness.ts"
import { freePort } from "./ports.ts"
import { clientOf } from "./storage.ts"
import { Tally } from "./tally.ts"

/** A file in a folder that is removed when the scope closes. */
export const file = Effect.gen(function*() {
  const files = yield* FileSystem.FileSystem
  const directory = yield* files.makeTempDirectoryScoped({ prefix: "plantd-cluster-" })
  return join(directory, "cluster.db")
}).pipe(Effect.orDie, Effect.provide(NodeContext.layer))

/** How a node that listens on a port is reached, and reaches its database. */
export type Way = (
  listenPort: number
) => Effect.Effect<{ readonly port: number; readonly storage: string }, never, Scope.Scope>

/** What may be said of the nodes of a test. */
export interface Options {
  /** At once where nothing is said. */
  readonly way?: Way
  /** Variables of their environment. */
  readonly environment?: harness.Environment
}

/** A cluster on a database. */
export const makeCluster = Effect.fnUntraced(function*(storage: string, options: Options = {}) {
  const { environment = {}, way = (port: number) => Effect.succeed({ port, storage }) } = options
  const start = (listenPort?: number) =>
    Effect.gen(function*() {
      const listen = listenPort ?? (yield* freePort)
      const through = yield* way(listen)
      const running = yield* harness.startIn(
        environment,
        "test/integration/clusterNode.ts",
        through.storage,
        `${through.port}`,
        `${listen}`
      )
      yield* harness.waitUntil(`node ${listen} is up`, () => {
        if (running.stdout().includes('"up"')) return true
        if (running.stderr().includes("timestamp=ERROR")) throw new Error(running.stderr())
        return false
      })
      return { port: listen, address: `127.0.0.1:${through.port}`, running }
    })
  const listenPort = yield* freePort
  const self = yield* way(listenPort)
  const context = yield* Layer.build(
    ClusterSystem.layer({ port: self.port, listenPort, weight: 0 }).pipe(
      Layer.provide(clientOf(self.storage)),
      Layer.provide(Logger.replace(Logger.defaultLogger, Logger.none))
    )
  )
  const cluster = Context.get(context, Cluster)
  const tally = yield* Effect.provide(Tally.client, context)
  return { storage, start, cluster, tally, context }
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
export const three = Effect.fnUntraced(function*(storage: string, options: Options = {}) {
  const rig = yield* makeCluster(storage, options)
  const nodes = yield* Effect.all([rig.start(), rig.start(), rig.start()], { concurrency: 3 })
  yield* divided(rig, nodes)
  return { ...rig, rig, nodes, victim: nodes[1] }
})

/** The ids whose actors run in a node. */
export const idsOn = ({ tally }: Rig, { running }: Node) =>
  Effect.filter(ids, (id) => Effect.map(tally(id).Node(), (pid) => pid === running.pid))

/** An id whose actor runs in a node. */
export const idOn = (rig: Rig, node: Node) =>
  Effect.flatMap(
    idsOn(rig, node),
    ([id]) => id === undefined ? Effect.dieMessage("the node has no actor") : Effect.succeed(id)
  )

const saidOf = ({ running }: Node, what: string, id: string): ReadonlyArray<number> =>
  Array.from(
    running.stdout().matchAll(new RegExp(`"${what}","id":"${id}","at":(\\d+)`, "g")),
    ([, at]) => Number(at)
  )

/** When the actor of an id began on a node, each time, by its clock. */
export const startedAt = (node: Node, id: string) => saidOf(node, "Started", id)

/** When the actor of an id had applied an entry on a node, each time, by its clock. */
export const appliedAt = (node: Node, id: string) => saidOf(node, "Applied", id)

/** Waits until a node says that the actor of an id has ended; gives when, by its clock. */
export const untilStopped = (node: Node, id: string) =>
  harness.waitUntil(`the actor ${id} has ended`, () => saidOf(node, "Stopped", id)[0])

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
