import { SqliteClient } from "@effect/sql-sqlite-node"
import * as Rpc from "@effect/rpc/Rpc"
import { describe, expect, it } from "@effect/vitest"
import { Actor, ActorContext, ActorSystem, type LifecycleEvent } from "@plantd/actors"
import * as Remembered from "@plantd/actors/Remembered"
import { RememberedStore } from "@plantd/actors/RememberedStore"
import * as SqlRememberedStore from "@plantd/actors/SqlRememberedStore"
import { Effect, Layer, type Scope } from "effect"
import { databaseFile } from "./durable.ts"
import { pass, settled, until } from "./reminding.ts"
import { collectEvents } from "./stage.ts"

const Guard = Actor.make("Guard", [Rpc.make("Look"), Rpc.make("Leave"), Rpc.make("Break")])

const GuardLive = Guard.toLayer(
  Effect.map(ActorContext, ({ stopSelf }) => ({
    Look: () => Effect.void,
    Leave: () => stopSelf,
    Break: () => Effect.die("broken")
  })),
  { passivateAfter: "1 hour" }
)

/** Guards that end as soon as they have started. */
const leaving = Guard.toLayer(
  Effect.gen(function*() {
    const { stopSelf } = yield* ActorContext
    yield* stopSelf
    return { Look: () => Effect.void, Leave: () => Effect.void, Break: () => Effect.void }
  })
)

/** A process of its own, with those that were started in it. */
const run = <A, E>(
  keeping: Layer.Layer<never, never, ActorSystem>,
  body: (started: () => ReadonlyArray<string>) => Effect.Effect<A, E, ActorSystem | Scope.Scope>,
  guards = GuardLive
) =>
  Effect.gen(function*() {
    const events = yield* collectEvents
    const started = () =>
      events.flatMap((event: LifecycleEvent.LifecycleEvent) =>
        event._tag === "Started" ? [event.address.id] : []
      )
    return yield* Effect.provide(body(started), keeping)
  }).pipe(
    Effect.provide(Layer.provideMerge(guards, ActorSystem.layer)),
    Effect.scoped
  )

const kept = Effect.map(
  Layer.build(RememberedStore.layerMemory),
  (context) => Layer.provide(Remembered.layer([Guard]), Layer.succeedContext(context))
)

const guard = (id: string) => Effect.map(Guard.client, (client) => client(id))

describe("Remembered", () => {
  it.scoped("an actor that is to be always alive is started without a message, and again", () =>
    run(Remembered.always(Guard.at("main")), (started) =>
      Effect.gen(function*() {
        yield* until(Effect.sync(started), ({ length }) => length === 1)
        const { stop } = yield* ActorSystem
        yield* stop(Guard.at("main"))
        for (let second = 0; second < 11; second++) yield* pass("1 second")
        expect(started()).toEqual(["main", "main"])
      })))

  it.scoped("actors that were started are started by the next process; others are not", () =>
    Effect.gen(function*() {
      const keeping = yield* kept
      yield* run(keeping, () =>
        Effect.gen(function*() {
          for (const id of ["a", "b", "c"]) yield* (yield* guard(id)).Look()
          yield* (yield* guard("b")).Leave()
          yield* settled
        }))
      yield* run(keeping, (started) =>
        Effect.gen(function*() {
          yield* pass("1 second")
          expect([...started()].sort()).toEqual(["a", "c"])
        }))
    }))

  it.scoped("one that is idle for long is forgotten with its passivation", () =>
    Effect.gen(function*() {
      const keeping = yield* kept
      yield* run(keeping, () =>
        Effect.gen(function*() {
          yield* (yield* guard("a")).Look()
          yield* pass("90 minutes")
        }))
      yield* run(keeping, (started) =>
        Effect.gen(function*() {
          yield* pass("1 second")
          expect(started()).toEqual([])
        }))
    }))

  it.scoped("many are started at the rate that was set", () =>
    Effect.gen(function*() {
      const all = Array.from({ length: 100 }, (_, index) => Guard.at(`g-${index}`))
      const keeping = Remembered.alwaysWith({ startsPerSecond: 40 }, ...all)
      yield* run(keeping, (started) =>
        Effect.gen(function*() {
          yield* settled
          for (let slice = 0; slice < 10; slice++) yield* pass("100 millis")
          expect(started().length).toBeGreaterThanOrEqual(38)
          expect(started().length).toBeLessThanOrEqual(44)
          for (let slice = 0; slice < 20; slice++) yield* pass("100 millis")
          expect(started()).toHaveLength(100)
        }))
    }))

  it.scoped("one that leaves as soon as it was started again is forgotten then", () =>
    Effect.gen(function*() {
      const keeping = yield* kept
      yield* run(keeping, () =>
        Effect.gen(function*() {
          yield* (yield* guard("shy")).Look()
          yield* settled
        }))
      for (const times of [1, 0]) {
        yield* run(keeping, (started) =>
          Effect.gen(function*() {
            yield* pass("1 second")
            expect(started()).toHaveLength(times)
          }), leaving)
      }
    }))

  it.scoped("one a second is one a second", () =>
    Effect.gen(function*() {
      const all = Array.from({ length: 5 }, (_, index) => Guard.at(`g-${index}`))
      yield* run(Remembered.alwaysWith({ startsPerSecond: 1 }, ...all), (started) =>
        Effect.gen(function*() {
          for (let slice = 0; slice < 25; slice++) {
            yield* pass("100 millis")
          }
          expect(started()).toHaveLength(3)
        }))
    }))

  it.scoped("a store remembers by page, and forgets for nobody else", () =>
    Effect.gen(function*() {
      const file = yield* databaseFile
      const onSqlite = Layer.orDie(
        Layer.provide(SqlRememberedStore.layer, SqliteClient.layer({ filename: file }))
      )
      for (const layer of [RememberedStore.layerMemory, onSqlite]) {
        yield* Effect.gen(function*() {
          const store = yield* RememberedStore
          const [a, b, c] = [Guard.at("a"), Guard.at("b"), Guard.at("c")] as const
          yield* store.change({ owner: "1", remembered: [c, a, b], forgotten: [] })
          const first = yield* store.list(undefined, 2)
          expect(first).toEqual([a, b])
          expect(yield* store.list(b, 2)).toEqual([c])
          yield* store.change({ owner: "2", remembered: [a], forgotten: [] })
          yield* store.change({ owner: "1", remembered: [], forgotten: [a, b] })
          expect(yield* store.list(undefined, 9)).toEqual([a, c])
        }).pipe(Effect.provide(layer))
      }
    }))

  it.scoped("a rate that makes no sense is a programmer's error", () =>
    Effect.gen(function*() {
      const keeping = Remembered.alwaysWith({ startsPerSecond: 0 }, Guard.at("a"))
      const cause = yield* Effect.flip(Effect.sandbox(
        Layer.build(Layer.provide(keeping, ActorSystem.layer))
      ))
      expect(String(cause)).toContain("Remembered: startsPerSecond is 0")
    }))
})
