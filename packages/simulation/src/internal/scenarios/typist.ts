/**
 * Typists, one for each run of a node: they send from the nodes that typescripts live on, so that
 * messages to an actor of their own node meet such that they have sent to another one.
 */
import * as Rpc from "@effect/rpc/Rpc"
import { Actor, ActorContext } from "@plantd/actors"
import { Cluster } from "@plantd/cluster"
import { type Duration, Effect, Layer, Schema } from "effect"
import * as Checkers from "../../Checkers.ts"
import type { Sim } from "../sim.ts"

/** Pages are typed one after the other, some of them slowly. */
export const Typescript = Actor.make("Typescript", [
  Rpc.make("Type", { payload: { typist: Schema.String, page: Schema.Int } })
])

/** What was typed, and what was told of it. */
export interface Pages {
  /** By typescript and typist, in the order in which it was typed. */
  readonly typed: Map<string, Array<number>>
  /** Of the pages that were asked for, by the same, and by number. */
  readonly told: Array<readonly [page: string, told: Checkers.Told]>
  /** Of the last page of each typist for each typescript, when all faults are over. */
  readonly last: Array<Checkers.Told>
  stage: "typing" | "waiting" | "last"
}

/** Nothing is typed yet. */
export const noPages = Effect.sync((): Pages => ({
  typed: new Map(),
  told: [],
  last: [],
  stage: "typing"
}))

/** A page of so many takes longer than a handoff, so that others are left behind it. */
const slow = { each: 41, time: "4 seconds" } as const

const typing = "2 millis"

/** Between two rounds of a typist. */
const pause = "70 millis"

/** The typescripts that all typists send to; two of them move together. */
export const typescriptIds = ["t-0/a", "t-0/b", "t-1", "t-2"]

/** How long the last page may take: those of all typists may be slow ones. */
const lastWithin = "30 seconds"

const typescripts = (pages: Pages) =>
  Typescript.toLayer(
    Effect.map(ActorContext, ({ address: { id }, hasLease }) => ({
      Type: ({ page, typist }: { readonly page: number; readonly typist: string }) =>
        Effect.zipRight(
          Effect.sleep(page % slow.each === 0 ? slow.time : typing),
          Effect.suspend(() => {
            if (!hasLease()) return Effect.interrupt
            const key = `${id} by ${typist}`
            const typed = pages.typed.get(key) ?? []
            pages.typed.set(key, typed)
            typed.push(page)
            return Effect.void
          })
        )
    }))
  )

/** Pages are asked for, and told, in turn; each gets its number when it is sent. */
const typist = (pages: Pages) =>
  Layer.scopedDiscard(
    Effect.gen(function*() {
      const { self: { session: typist } } = yield* Cluster
      const client = yield* Typescript.client
      let page = 0
      const send = (id: string) =>
        Effect.suspend(() => {
          const number = ++page
          const sent = { typist, page: number }
          if (Math.floor(number / typescriptIds.length) % 2 === 0) {
            return client(id).Type(sent, { discard: true })
          }
          return Effect.onExit(client(id).Type(sent, { timeout: "6 seconds" }), (exit) =>
            Effect.sync(() => {
              pages.told.push([`${id} by ${typist}: ${number}`, Checkers.toldOf(exit)])
            }))
        })
      // In fibers of their own: none waits for another, and each begins with its number.
      const round = Effect.forEach(typescriptIds, (id) => Effect.fork(Effect.ignore(send(id))))
      const until = (stage: Pages["stage"]) =>
        Effect.repeat(Effect.sleep(pause), { until: () => pages.stage === stage })
      const last = (id: string) =>
        Effect.map(
          Effect.exit(client(id).Type({ typist, page: ++page }, { timeout: lastWithin })),
          (exit) => void pages.last.push(Checkers.toldOf(exit))
        )
      yield* Effect.delay(round, pause).pipe(
        Effect.repeat({ while: () => pages.stage === "typing" }),
        Effect.zipRight(until("last")),
        Effect.zipRight(Effect.forEach(typescriptIds, last)),
        Effect.forkScoped
      )
    })
  )

/** Typescripts, and a typist on each node. */
export const typists = (pages: Pages) => typist(pages).pipe(Layer.provideMerge(typescripts(pages)))

/** All type for some time, while their nodes are subject to faults; what was typed is compared. */
export const passing = (time: Duration.DurationInput) =>
  function*(sim: Sim<Pages>) {
    Checkers.oneOwner(sim, typescriptIds)
    const { plant } = sim
    yield* sim.advance(time)
    plant.stage = "waiting"
    sim.sometimes(
      "a typescript moved",
      () => typescriptIds.some((id) => sim.moves(Typescript, id) > 0)
    )
    yield* sim.heal
    // Longer than all may take that was typed.
    yield* sim.advance("2 minutes")
    plant.stage = "last"
    const all = sim.nodes.length * typescriptIds.length
    const within = "2 minutes"
    yield* sim.until("all are reached in the end", () => plant.last.length === all, { within })
    const isReached = plant.last.every((told) => told === "done")
    sim.check("all are reached in the end", isReached ? undefined : plant.last.join())
    const done = [...plant.typed].flatMap(([key, pages]) => pages.map((page) => `${key}: ${page}`))
    sim.check("at most once", Checkers.atMostOnce(done))
    sim.check("an answer is true", Checkers.outcomesAreTrue({ told: plant.told, done }))
    for (const [key, pages] of plant.typed) {
      const finding = Checkers.inOrder(pages)
      sim.check("order per pair", finding === undefined ? undefined : `${key}: ${finding}`)
    }
  }
