/** A node of plantd as the suite `cluster` runs it: every setting that matters at its default. */
import { Rpc } from "@effect/rpc"
import { SqliteClient } from "@effect/sql-sqlite-node"
import { Actor, DurableMessages, Handling } from "@plantd/actors"
import * as SqlMessageStore from "@plantd/actors/SqlMessageStore"
import { Cluster, ClusterSystem } from "@plantd/cluster"
import { Context, Effect, Layer, Schema } from "effect"
import { newCount, protocol, save } from "../peers/counter.ts"
import { shards } from "./pair.ts"
import type { Place } from "./start.ts"

/** The counter, as an actor. */
export const Counter = Actor.make("Counter", [
  ...protocol,
  save.annotate(Handling.Durable, true)
])

/** An actor that says in which process it lives. */
export const Locator = Actor.make("Locator", [Rpc.make("Pid", { success: Schema.Int })])

const LocatorLive = Locator.toLayer(Effect.succeed({ Pid: () => Effect.succeed(process.pid) }))

const counters = (onAdd: () => void) =>
  Counter.toLayer(
    Effect.sync(() => {
      const count = newCount(onAdd)
      return {
        Add: ({ by }) => count.add(by),
        Save: ({ by }) => count.add(by),
        Total: () => count.total
      }
    })
  )

/** A node without actors, on a database file. */
export const bareNode = (
  { filename, port }: Place,
  settings: ClusterSystem.NodeSettings = {}
) =>
  DurableMessages.layer.pipe(
    Layer.provideMerge(ClusterSystem.layer({ ...settings, port, shards })),
    Layer.provide(SqlMessageStore.layer),
    Layer.provide(SqliteClient.layer({ filename }))
  )

/** A node with counters, which call `onAdd` for each message that adds. */
export const counterNode = (
  place: Place,
  onAdd: () => void,
  settings: ClusterSystem.NodeSettings = {}
) => Layer.provideMerge(counters(onAdd), bareNode(place, settings))

/** What the second process runs. */
export const node = (place: Place) =>
  Layer.mergeAll(counters(() => {}), LocatorLive).pipe(Layer.provideMerge(bareNode(place)))

/** The counters of the node in this process. */
export const build = (place: Place) =>
  Effect.gen(function*() {
    const context = yield* Layer.build(counterNode(place, () => {}))
    const clientOf = yield* Effect.provide(Counter.client, context)
    return {
      isHere: Context.get(context, Cluster).isHere,
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
