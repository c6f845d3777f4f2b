/**
 * A process that writes to a database file as fast as it can, until it is killed: counters, and
 * journals of which event n is n. It says what it found, then each write that was acknowledged.
 */
import { Rpc } from "@effect/rpc"
import { SqliteClient } from "@effect/sql-sqlite-node"
import { SqlClient } from "@effect/sql/SqlClient"
import { Actor, ActorSystem } from "@plantd/actors"
import * as DurableState from "@plantd/actors/DurableState"
import * as EventSourced from "@plantd/actors/EventSourced"
import * as SqlDurableStore from "@plantd/actors/SqlDurableStore"
import { Effect, Layer, Schema } from "effect"

/** How many actors of each kind write. */
const each = 6

const protocol = [
  Rpc.make("Next", { success: Schema.Int }),
  Rpc.make("Found", { success: Schema.Int })
] as const

const Counter = Actor.make("Counter", protocol)

const Journal = Actor.make("Journal", protocol)

const Sum = Schema.Struct({ last: Schema.Int, sum: Schema.Int })

const CounterLive = Counter.toLayer(
  Effect.gen(function*() {
    const count = yield* DurableState.open({ schema: Schema.Int, initial: 0 })
    return {
      Next: () => Effect.orDie(count.update((n) => n + 1)),
      Found: () => count.get
    }
  })
)

const JournalLive = Journal.toLayer(
  Effect.gen(function*() {
    const journal = yield* EventSourced.open({
      events: Schema.Int,
      initial: { last: 0, sum: 0 },
      apply: ({ sum }, n: number) => ({ last: n, sum: sum + n }),
      snapshot: { schema: Sum, every: 50 }
    })
    return {
      Next: () =>
        Effect.suspend(() => journal.persist(journal.sequence + 1)).pipe(
          Effect.orDie,
          Effect.map(({ last }) => last)
        ),
      Found: () =>
        Effect.map(journal.state, ({ last, sum }) => sum === (last * (last + 1)) / 2 ? last : -1)
    }
  })
)

const say = (line: string) => Effect.sync(() => void process.stdout.write(`${line}\n`))

const program = Effect.gen(function*() {
  const sql = yield* SqlClient
  const integrity = yield* sql`PRAGMA integrity_check`
  yield* say(`integrity ${JSON.stringify(integrity)}`)
  const counters = yield* Counter.client
  const journals = yield* Journal.client
  const ids = Array.from({ length: each }, (_, index) => `${index}`)
  const actors = ids.flatMap((id) => [
    { name: `counter-${id}`, actor: counters(id) },
    { name: `journal-${id}`, actor: journals(id) }
  ])
  for (const { actor, name } of actors) yield* say(`found ${name} ${yield* actor.Found()}`)
  yield* say("ready")
  yield* Effect.forEach(
    actors,
    ({ actor, name }) =>
      Effect.forever(Effect.flatMap(actor.Next(), (n) => say(`written ${name} ${n}`))),
    {
      concurrency: "unbounded"
    }
  )
})

const database = SqlDurableStore.layer.pipe(
  Layer.provideMerge(SqliteClient.layer({ filename: process.argv[2] ?? "missing.db" }))
)

const live = Layer.merge(CounterLive, JournalLive).pipe(
  Layer.provideMerge(ActorSystem.layer),
  Layer.provideMerge(database)
)

void Effect.runPromise(Effect.provide(program, live))
