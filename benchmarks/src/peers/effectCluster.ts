/**
 * The peer `effect-cluster`: the same counter as an Entity of `@effect/cluster`, on its runner for
 * sockets, packed as MessagePack, its runners and messages stored on the same kind of database.
 * Its settings are turned in its favour: nothing is serialized in one process, the mailbox has room
 * for all, and it looks for other runners as often as plantd does.
 */
import { ClusterSchema, Entity, EntityId, RunnerAddress, Sharding } from "@effect/cluster"
import * as NodeClusterSocket from "@effect/platform-node/NodeClusterSocket"
import { SqliteClient } from "@effect/sql-sqlite-node"
import { Context, Effect, Layer, Option } from "effect"
import { shards } from "../cluster/pair.ts"
import type { Place } from "../cluster/start.ts"
import { newCount, protocol, save } from "./counter.ts"

const Counter = Entity.make("Counter", [
  ...protocol,
  save.annotate(ClusterSchema.Persisted, true)
])

const counters = Counter.toLayer(
  Effect.sync(() => {
    const count = newCount(() => {})
    return {
      Add: ({ payload }) => count.add(payload.by),
      Save: ({ payload }) => count.add(payload.by),
      Total: () => count.total
    }
  }),
  { maxIdleTime: "1 hour" }
)

const runner = ({ filename, port }: Place) =>
  NodeClusterSocket.layer({
    serialization: "msgpack",
    storage: "sql",
    shardingConfig: {
      runnerAddress: Option.some(RunnerAddress.make("127.0.0.1", port)),
      shardsPerGroup: shards,
      simulateRemoteSerialization: false,
      entityMailboxCapacity: "unbounded",
      refreshAssignmentsInterval: "250 millis"
    }
  }).pipe(Layer.provide(SqliteClient.layer({ filename })))

/** A runner with counters. */
export const node = (place: Place) => Layer.orDie(Layer.provideMerge(counters, runner(place)))

/** The counters of the runner in this process. */
export const build = (place: Place) =>
  Effect.gen(function*() {
    const context = yield* Layer.build(node(place))
    const clientOf = yield* Effect.provide(Counter.client, context)
    const { getShardId, hasShardId } = Context.get(context, Sharding.Sharding)
    return {
      isHere: (id: string) => hasShardId(getShardId(EntityId.make(id), "default")),
      counter: (id: string) => {
        const client = clientOf(id)
        return {
          add: (payload: { readonly by: number }) => client.Add(payload),
          tell: (payload: { readonly by: number }) => client.Add(payload, { discard: true }),
          save: (payload: { readonly by: number }) => client.Save(payload),
          total: client.Total()
        }
      }
    }
  })
