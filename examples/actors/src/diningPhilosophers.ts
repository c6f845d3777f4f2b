// npm run example examples/actors/src/diningPhilosophers.ts
/**
 * Five philosophers and five forks. A fork that is taken puts the next who asks for it aside. Forks
 * are taken in one order by all, so nobody waits in a circle; and a fork watches who holds it, so
 * that a philosopher who drops dead at the table starves no other.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Rpc from "@effect/rpc/Rpc"
import { Actor, ActorContext, ActorSystem, type DeathWatch, Supervision } from "@plantd/actors"
import { Console, Effect, Fiber, Layer, Schema, Stream } from "effect"

const seats = ["Hypatia", "Laozi", "Spinoza", "Hume", "Weil"]
const mealsEach = 3

const Fork = Actor.make("Fork", [
  Rpc.make("Take", { payload: { by: Schema.String } }),
  Rpc.make("PutBack", { payload: { by: Schema.String } })
])

const Philosopher = Actor.make("Philosopher", [
  Rpc.make("Dine", { success: Schema.Int }),
  Rpc.make("Choke")
])

const ForkLive = Fork.toLayer(
  Effect.gen(function*() {
    const { stash, watch } = yield* ActorContext
    let holder: { readonly by: string; readonly watched: DeathWatch.Watch } | undefined
    const release = (by: string) =>
      Effect.suspend(() => {
        if (holder?.by !== by) return Effect.void
        const { watched } = holder
        holder = undefined
        return Effect.zipRight(watched.unwatch, stash.unstashAll)
      })
    return {
      Take: ({ by }) =>
        Effect.gen(function*() {
          if (holder !== undefined) return yield* stash.hold
          const watched = yield* watch(Philosopher.at(by), () => release(by))
          holder = { by, watched }
        }).pipe(Effect.orDie),
      PutBack: ({ by }) => release(by)
    }
  })
)

const PhilosopherLive = Philosopher.toLayer(
  Effect.gen(function*() {
    const { address } = yield* ActorContext
    const by = address.id
    const seat = seats.indexOf(by)
    const fork = yield* Fork.client
    const next = (seat + 1) % seats.length
    const first = fork(`fork-${Math.min(seat, next)}`)
    const second = fork(`fork-${Math.max(seat, next)}`)
    const withForks = <A>(meal: Effect.Effect<A>) =>
      Effect.gen(function*() {
        yield* first.Take({ by }, { timeout: "1 minute" })
        yield* second.Take({ by }, { timeout: "1 minute" })
        const result = yield* meal
        yield* second.PutBack({ by })
        yield* first.PutBack({ by })
        return result
      }).pipe(Effect.orDie)
    let meals = 0
    return {
      Dine: () =>
        withForks(Effect.as(Effect.sleep("20 millis"), 0)).pipe(Effect.map(() => ++meals)),
      Choke: () => withForks(Effect.die("a fish bone"))
    }
  }),
  { supervision: Supervision.stop }
)

const dine = (name: string) =>
  Effect.gen(function*() {
    const philosopher = (yield* Philosopher.client)(name)
    for (let meal = 1; meal <= mealsEach; meal++) {
      if (name === "Laozi" && meal === 2) yield* Effect.ignore(philosopher.Choke())
      else yield* philosopher.Dine(undefined, { timeout: "1 minute" })
    }
    return `${name} had ${mealsEach} meals`
  }).pipe(Effect.catchAll((error) => Effect.succeed(`${name}: ${error._tag}`)))

const program = Effect.gen(function*() {
  const { events } = yield* ActorSystem
  const deaths = yield* events.pipe(
    Stream.filter((event) => event._tag === "Stopped"),
    Stream.take(1),
    Stream.runForEach((event) => Console.log(`${event.address.id} is dead (${event.reason})`)),
    Effect.fork
  )
  const ends = yield* Effect.forEach(seats, dine, { concurrency: "unbounded" })
  yield* Fiber.join(deaths)
  for (const end of ends) yield* Console.log(end)
})

const table = Layer.mergeAll(PhilosopherLive, ForkLive).pipe(Layer.provideMerge(ActorSystem.layer))

NodeRuntime.runMain(Effect.provide(program, table))
