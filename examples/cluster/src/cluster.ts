// node --conditions=plantd-source --import tsx examples/cluster/src/cluster.ts
/** Three nodes on one file: a counter that lives on one of them, and moves when that one stops. */
import { FileSystem } from "@effect/platform"
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Rpc from "@effect/rpc/Rpc"
import { SqliteClient } from "@effect/sql-sqlite-node"
import { Actor, DurableState } from "@plantd/actors"
import * as SqlDurableStore from "@plantd/actors/SqlDurableStore"
import { Cluster, ClusterSystem } from "@plantd/cluster"
import { Console, Context, Effect, Exit, Layer, Schema, Scope } from "effect"

const Counter = Actor.make("Counter", [
  Rpc.make("Increment", { payload: { by: Schema.Int }, success: Schema.Int })
])

const CounterLive = Counter.toLayer(
  Effect.gen(function*() {
    const count = yield* DurableState.open({ schema: Schema.Int, initial: 0 })
    return { Increment: ({ by }) => Effect.orDie(count.update((n) => n + by)) }
  })
)

/** A node: in production a process of its own, on this machine or another one. */
const node = (filename: string, port: number) =>
  Effect.gen(function*() {
    const scope = yield* Scope.make()
    const layer = CounterLive.pipe(
      Layer.provideMerge(ClusterSystem.layer({ port })),
      Layer.provide(SqlDurableStore.layer),
      Layer.provide(SqliteClient.layer({ filename }))
    )
    const context = yield* Layer.buildWithScope(layer, scope)
    const counter = yield* Effect.provide(Counter.client, context)
    return {
      port,
      counter,
      cluster: Context.get(context, Cluster),
      stop: Scope.close(scope, Exit.void)
    }
  })

const program = Effect.gen(function*() {
  const files = yield* FileSystem.FileSystem
  const filename = `${yield* files.makeTempDirectoryScoped()}/cluster.db`
  const nodes = yield* Effect.forEach([7_711, 7_712, 7_713], (port) => node(filename, port))
  for (const { counter, port } of nodes) {
    yield* Console.log(`node ${port} counts: ${yield* counter("c-1").Increment({ by: 1 })}`)
  }
  const owner = nodes.find(({ cluster }) => cluster.isHere("c-1"))
  yield* owner?.stop ?? Effect.void
  const others = nodes.filter((other) => other !== owner)
  for (const { counter } of others) {
    yield* Console.log(`after it stopped: ${yield* counter("c-1").Increment({ by: 1 })}`)
  }
  yield* Effect.forEach(others, ({ stop }) => stop, { discard: true })
})

NodeRuntime.runMain(program.pipe(Effect.scoped, Effect.provide(NodeContext.layer)))
