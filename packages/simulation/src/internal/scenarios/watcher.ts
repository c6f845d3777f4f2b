/** Actors that watch others, on whatever nodes both live, and what they hear of them. */
import * as Rpc from "@effect/rpc/Rpc"
import { Actor, ActorContext } from "@plantd/actors"
import { Effect, Schema } from "effect"
import * as Checkers from "../../Checkers.ts"
import type { Sim } from "../sim.ts"

/** It works until it is told to rest, or its node is lost. */
export const Worker = Actor.make("Worker", [Rpc.make("Work"), Rpc.make("Rest")])

/** It begins a watch each time that it is told to; `Present` names its incarnation. */
export const Watcher = Actor.make("Watcher", [
  Rpc.make("Watch", { payload: { worker: Schema.String } }),
  Rpc.make("Present", { success: Schema.Int })
])

/** A watch that was begun, by which incarnation, and what came of it. */
interface Begun {
  readonly watch: string
  readonly incarnation: number
  readonly reasons: Array<string>
}

/** All watches. */
export interface Watches {
  readonly begun: Array<Begun>
  /** How many incarnations of watchers there have been. */
  incarnations: number
}

/** Nothing is watched yet. */
export const noWatches = Effect.sync((): Watches => ({ begun: [], incarnations: 0 }))

/** Workers end when they rest, and start with the next message. */
export const workers = Worker.toLayer(
  Effect.map(ActorContext, ({ stopSelf }) => ({
    Work: () => Effect.sleep("5 millis"),
    Rest: () => stopSelf
  }))
)

/** Watchers; one that watches twice takes two watches for one. */
export const watchers = (watches: Watches, { twice }: { readonly twice: boolean }) =>
  Watcher.toLayer(
    Effect.map(ActorContext, ({ address, watch }) => {
      const incarnation = ++watches.incarnations
      return {
        Present: () => Effect.succeed(incarnation),
        Watch: ({ worker }: { readonly worker: string }) =>
          Effect.suspend(() => {
            const reasons: Array<string> = []
            const name = `${address.id} of ${worker}, number ${watches.begun.length}`
            watches.begun.push({ watch: name, incarnation, reasons })
            const once = watch(
              Worker.at(worker),
              ({ reason }) => Effect.sync(() => void reasons.push(reason))
            )
            return Effect.orDie(twice ? Effect.zipRight(once, once) : once)
          }).pipe(Effect.asVoid)
      }
    })
  )

/** Far enough apart to live on several nodes. */
const pairs = Array.from(
  { length: 5 },
  (_, index) => [`watcher-${index}`, `worker-${index}`] as const
)

/** How often what must succeed is tried, after all faults. */
const tries = { times: 60 }

/** How long news of an end may take, after all faults. */
const newsWithin = "5 seconds"

/** Watches are begun while workers work, rest, move and are lost; in the end all of them rest. */
export const watching = (rounds: number, pauseMillis: number) =>
  function*(sim: Sim<Watches>) {
    Checkers.oneOwner(sim, pairs.flat())
    const worker = sim.client(Worker)
    const watcher = sim.client(Watcher)
    const timeout = { timeout: "2 seconds" } as const
    for (let round = 0; round < rounds; round++) {
      for (const [watching, watched] of pairs) {
        const turn = worker(watched).Work(undefined, timeout).pipe(
          Effect.zipRight(watcher(watching).Watch({ worker: watched }, timeout)),
          Effect.zipRight(
            Effect.when(worker(watched).Rest(undefined, timeout), () => sim.random() < 0.2)
          )
        )
        yield* Effect.fork(Effect.ignore(turn))
      }
      yield* sim.advance(pauseMillis)
    }
    yield* sim.until("all have ended", () => sim.pending() === 0)
    yield* sim.heal
    yield* sim.advance("5 seconds")
    for (const [, watched] of pairs) {
      yield* Effect.retry(worker(watched).Rest(undefined, timeout), tries)
    }
    yield* sim.advance(newsWithin)
    const present = new Set<number>()
    for (const [watching] of pairs) {
      present.add(yield* Effect.retry(watcher(watching).Present(undefined, timeout), tries))
    }
    sim.check(
      "exactly one Terminated per watch",
      // The watches of an incarnation end with it.
      Checkers.oneTerminated(sim.plant.begun.map(({ incarnation, reasons, watch }) => ({
        watch,
        reasons,
        isOwed: present.has(incarnation)
      })))
    )
    for (const reason of ["stopped", "moved", "node-lost"]) {
      sim.sometimes(
        `a watch ended as ${reason}`,
        () => sim.plant.begun.some(({ reasons }) => reasons.includes(reason))
      )
    }
  }
