/** The suite `actors`: what one actor in one process does per second. */
import { Actor, ActorSystem } from "@plantd/actors"
import { Effect, Layer, type Scope } from "effect"
import type { Suite } from "../Figure.ts"
import { type Founder, idleBytes, spawns } from "../peers/colony.ts"
import { asks, type Driver, driver, newCount, protocol, tells } from "../peers/counter.ts"
import { entities, entity } from "../peers/entity.ts"
import { nact, nacts } from "../peers/nact.ts"
import { durableWrite } from "./durable.ts"

const Counter = Actor.make("Counter", protocol)

const counters = (onAdd: () => void) =>
  Counter.toLayer(
    Effect.sync(() => {
      const count = newCount(onAdd)
      return { Add: ({ by }) => count.add(by), Total: () => count.total }
    })
  )

const clients = (onAdd: () => void) =>
  Effect.flatMap(
    Layer.build(Layer.provideMerge(counters(onAdd), ActorSystem.layer)),
    (services) => Effect.provide(Counter.client, services)
  )

/** A counter as an actor of plantd, with every setting at its default. */
const plantd: Effect.Effect<Driver, never, Scope.Scope> = Effect.map(
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

/** Counters as actors of plantd in a system of their own. */
const plantds: Founder = (onAdd) =>
  Effect.map(clients(onAdd), (clientOf) => ({
    wake: (id) => clientOf(id).Add({ by: 1 }, { discard: true }),
    ready: clientOf("ready").Total()
  }))

/** An Entity is some hundred times slower to start: so many are enough for one measurement. */
const entitiesSpawned = 500

/** And slow to end, twenty times larger besides: 2,000 of them in a standard measurement. */
const entitiesIdlePerMilli = 10

const spawned = (found: Founder, size = 10_000) => Effect.succeed(spawns(found, size))

const idle = (found: Founder, perMilli = 500) => Effect.succeed(idleBytes(found, perMilli))

/** Asks and tells to one actor with a small payload, actors by the thousand, synced writes. */
export const suite: Suite = {
  name: "actors",
  figures: [
    {
      name: "ask",
      unit: "asks/s",
      better: "higher",
      subject: Effect.map(plantd, asks),
      peers: { entity: Effect.map(entity, asks), nact: Effect.map(nact, asks) }
    },
    {
      name: "tell",
      unit: "messages/s",
      better: "higher",
      subject: Effect.map(plantd, tells),
      peers: { entity: Effect.map(entity, tells), nact: Effect.map(nact, tells) }
    },
    {
      name: "spawn",
      unit: "actors/s",
      better: "higher",
      subject: spawned(plantds),
      peers: { entity: spawned(entities, entitiesSpawned), nact: spawned(nacts) }
    },
    {
      name: "idle-memory",
      unit: "bytes/actor",
      better: "lower",
      roundsMax: 5,
      subject: idle(plantds),
      peers: { entity: idle(entities, entitiesIdlePerMilli), nact: idle(nacts) }
    },
    durableWrite
  ]
}
