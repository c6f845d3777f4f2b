/** The suite `actors`: what one actor in one process does per second. */
import { Actor, ActorSystem } from "@plantd/actors"
import { Effect, Layer, type Scope } from "effect"
import type { Suite } from "../Figure.ts"
import { asks, type Driver, driver, protocol, tells } from "../peers/counter.ts"
import { entity } from "../peers/entity.ts"
import { nact } from "../peers/nact.ts"

const Counter = Actor.make("Counter", protocol)

const CounterLive = Counter.toLayer(
  Effect.sync(() => {
    let total = 0
    return {
      Add: ({ by }) => Effect.sync(() => (total += by)),
      Total: () => Effect.sync(() => total)
    }
  })
)

/** A counter as an actor of plantd, with every setting at its default. */
const plantd: Effect.Effect<Driver, never, Scope.Scope> = Effect.gen(function*() {
  const services = yield* Layer.build(CounterLive.pipe(Layer.provideMerge(ActorSystem.layer)))
  const client = (yield* Effect.provide(Counter.client, services))("one")
  return driver({
    add: (payload) => client.Add(payload),
    tell: (payload) => client.Add(payload, { discard: true }),
    total: client.Total()
  })
})

/** Asks and tells to one actor with a small payload. */
export const suite: Suite = {
  name: "actors",
  figures: [
    {
      name: "ask",
      unit: "asks/s",
      subject: Effect.map(plantd, asks),
      peers: { entity: Effect.map(entity, asks), nact: Effect.map(nact, asks) }
    },
    {
      name: "tell",
      unit: "messages/s",
      subject: Effect.map(plantd, tells),
      peers: { entity: Effect.map(entity, tells), nact: Effect.map(nact, tells) }
    }
  ]
}
