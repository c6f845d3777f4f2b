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
import { type Driver, driver, protocol } from "./counter.ts"

const Counter = Entity.make("Counter", [...protocol])

const CounterLive = Counter.toLayer(
  Effect.sync(() => {
    let total = 0
    return {
      Add: ({ payload }) => Effect.sync(() => (total += payload.by)),
      Total: () => Effect.sync(() => total)
    }
  })
)

/** One runner, nothing stored, nothing serialized, and room for a whole batch in the mailbox. */
const live = CounterLive.pipe(
  Layer.provideMerge(Sharding.layer),
  Layer.provide(Runners.layerNoop),
  Layer.provide([MessageStorage.layerNoop, RunnerStorage.layerMemory, RunnerHealth.layerNoop]),
  Layer.provide(
    ShardingConfig.layer({ simulateRemoteSerialization: false, entityMailboxCapacity: "unbounded" })
  )
)

/** A counter as an Entity, with nothing that slows it down beyond need. */
export const entity: Effect.Effect<Driver, never, Scope.Scope> = Effect.gen(function*() {
  const services = yield* Layer.build(live)
  const client = (yield* Effect.provide(Counter.client, services))("one")
  return driver({
    add: (payload) => client.Add(payload),
    tell: (payload) => client.Add(payload, { discard: true }),
    total: client.Total()
  })
})
