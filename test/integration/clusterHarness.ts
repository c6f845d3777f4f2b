/** Nodes of a cluster as processes on one database file, and a client in this process. */
import { NodeContext } from "@effect/platform-node"
import { FileSystem } from "@effect/platform"
import { SqliteClient } from "@effect/sql-sqlite-node"
import { Cluster, ClusterSystem } from "@plantd/cluster"
import { Context, Duration, Effect, Layer, Logger } from "effect"
import { join } from "node:path"
import * as harness from "./harness.ts"
import { Tally } from "./tally.ts"

const ports = { next: 17_700 + (process.pid % 400) * 20 }

/** A port that no other test takes. */
export const freePort = Effect.sync(() => ports.next++)

/** A cluster on a database in a folder that is removed when the scope closes. */
export const makeCluster = Effect.gen(function*() {
  const files = yield* FileSystem.FileSystem
  const directory = yield* Effect.orDie(
    files.makeTempDirectoryScoped({ prefix: "plantd-cluster-" })
  )
  const filename = join(directory, "cluster.db")
  const start = (port?: number) =>
    Effect.gen(function*() {
      const chosen = port ?? (yield* freePort)
      const running = yield* harness.start("test/integration/clusterNode.ts", filename, `${chosen}`)
      yield* harness.waitUntil(`node ${chosen} is up`, () => {
        if (running.stdout().includes('"up"')) return true
        if (running.stderr().includes("timestamp=ERROR")) throw new Error(running.stderr())
        return false
      })
      return { port: chosen, address: `127.0.0.1:${chosen}`, running }
    })
  const context = yield* Layer.build(
    ClusterSystem.layer({ port: yield* freePort, weight: 0 }).pipe(
      Layer.provide(SqliteClient.layer({ filename })),
      Layer.provide(Logger.replace(Logger.defaultLogger, Logger.none))
    )
  )
  const cluster = Context.get(context, Cluster)
  const tally = yield* Effect.provide(Tally.client, context)
  return { filename, start, cluster, tally }
}).pipe(Effect.provide(NodeContext.layer))

/** A node of a test. */
export type Node = Effect.Effect.Success<
  ReturnType<Effect.Effect.Success<typeof makeCluster>["start"]>
>

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
