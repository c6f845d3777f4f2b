/** The figure `durable-write`: acknowledged, synced writes of many actors on one SQLite file. */
import { Rpc } from "@effect/rpc"
import { SqliteClient } from "@effect/sql-sqlite-node"
import { Actor, ActorSystem } from "@plantd/actors"
import * as DurableState from "@plantd/actors/DurableState"
import * as SqlDurableStore from "@plantd/actors/SqlDurableStore"
import { Effect, Layer, Schema } from "effect"
import { join } from "node:path"
import { type Figure, rate } from "../Figure.ts"
import { folder } from "../folder.ts"

/** How many actors write at the same time. */
const writers = 64

/** Writes of each actor between two looks at the clock. */
const writesEach = 4

const Counter = Actor.make("DurableCounter", [
  Rpc.make("Add", { payload: { by: Schema.Int }, success: Schema.Int })
])

const CounterLive = Counter.toLayer(
  Effect.gen(function*() {
    const count = yield* DurableState.open({ schema: Schema.Int, initial: 0 })
    return { Add: ({ by }) => Effect.orDie(count.update((n) => n + by)) }
  })
)

/** Each actor is asked to add one, and each answer waits until that is on the disk. */
const contender = Effect.gen(function*() {
  const filename = join(yield* folder, "state.db")
  const store = SqlDurableStore.layer.pipe(Layer.provide(SqliteClient.layer({ filename })))
  const services = yield* Layer.build(
    CounterLive.pipe(Layer.provideMerge(ActorSystem.layer), Layer.provide(store))
  )
  const client = yield* Effect.provide(Counter.client, services)
  const actors = Array.from({ length: writers }, (_, index) => client(`counter-${index}`))
  let expected = 0
  const round = Effect.suspend(() => {
    expected += writesEach
    return Effect.forEach(actors, (actor) =>
      Effect.flatMap(
        Effect.replicateEffect(actor.Add({ by: 1 }), writesEach),
        (counts) =>
          counts.at(-1) === expected
            ? Effect.void
            : Effect.dieMessage(`a count is ${counts.at(-1)}, expected ${expected}`)
      ), { concurrency: "unbounded", discard: true })
  }).pipe(Effect.orDie)
  return rate({ size: writers * writesEach, run: () => round })
}).pipe(Effect.orDie)

/** Acknowledged writes per second, 64 actors writing, `synchronous=FULL`. */
export const durableWrite: Figure = {
  name: "durable-write",
  unit: "writes/s",
  better: "higher",
  subject: contender,
  peers: {}
}
