/** The peer `entity`: an Effect Cluster Entity, called in the process that it lives in. */
import {
  Entity,
  MessageStorage,
  RunnerHealth,
  Runners,
  RunnerStorage,
  Sharding,
  ShardingConfig
} from "@effect/cluster"
import { Effect, Layer, type Scope } from "effect"
import type { Founder } from "./colony.ts"
import { type Driver, driver, newCount, protocol } from "./counter.ts"

const Counter = Entity.make("Counter", [...protocol])

const counters = (onAdd: () => void) =>
  Counter.toLayer(
    Effect.sync(() => {
      const count = newCount(onAdd)
      return { Add: ({ payload }) => count.add(payload.by), Total: () => count.total }
    })
  )

/** One runner, nothing stored, nothing serialized, and room for a whole batch in the mailbox. */
const runner = Sharding.layer.pipe(
  Layer.provide(Runners.layerNoop),
  Layer.provide([MessageStorage.layerNoop, RunnerStorage.layerMemory, RunnerHealth.layerNoop]),
  Layer.provide(
    ShardingConfig.layer({ simulateRemoteSerialization: false, entityMailboxCapacity: "unbounded" })
  )
)

const clients = (onAdd: () => void) =>
  Effect.flatMap(
    Layer.build(Layer.provideMerge(counters(onAdd), runner)),
    (services) => Effect.provide(Counter.client, services)
  )

/** A counter as an Entity, with nothing that slows it down beyond need. */
export const entity: Effect.Effect<Driver, never, Scope.Scope> = Effect.map(
  clients(() => {}),
  (clientOf) => {
    const client = clientOf("one")
    return driver({
      add: (payload) => client.Add(payload),
      tell: (payload) => client.Add(payload, { discard: true }),
      total: client.Total()
    })
  }
)

/** Counters as Entities on a runner of their own; ready once it has its shards. */
export const entities: Founder = (onAdd) =>
  Effect.map(clients(onAdd), (clientOf) => ({
    wake: (id) => clientOf(id).Add({ by: 1 }, { discard: true }),
    ready: clientOf("ready").Total()
  }))
