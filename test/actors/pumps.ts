/** Pumps that write down when they start and end, and supervisors over them. */
import * as Rpc from "@effect/rpc/Rpc"
import { Actor, ActorContext, ActorSystem, Supervision } from "@plantd/actors"
import type { ActorAddress } from "@plantd/actors/ActorAddress"
import * as Supervisor from "@plantd/actors/Supervisor"
import { Context, Deferred, Effect, Layer, Schema, TestClock } from "effect"

export const Pump = Actor.make("Pump", [
  Rpc.make("Break"),
  Rpc.make("Leave"),
  Rpc.make("Block"),
  Rpc.make("Count", { success: Schema.Int })
])

const backoff = { min: "100 millis", factor: 1, jitter: 0 } as const
export const quick = Supervision.restart({ maxRestarts: 2, within: "10 seconds", backoff })

/** What the pumps did: `+a` for each start, `-a reason` for each end. */
export class Site extends Context.Tag("Site")<Site, {
  readonly log: Array<string>
  /** How many of the next builds of a pump fail. */
  readonly failing: Map<string, number>
  readonly blocked: Deferred.Deferred<void>
}>() {
  static readonly layer = Layer.effect(
    Site,
    Effect.map(Deferred.make<void>(), (blocked) => ({ log: [], failing: new Map(), blocked }))
  )
}

export const Pumps = Pump.toLayer(
  Effect.gen(function*() {
    const { address: { id }, onEnd, stopSelf } = yield* ActorContext
    const { blocked, failing, log } = yield* Site
    const failures = failing.get(id) ?? 0
    failing.set(id, failures - 1)
    if (failures > 0) return yield* Effect.die(`${id} cannot start`)
    log.push(`+${id}`)
    yield* onEnd((reason) => Effect.sync(() => void log.push(`-${id} ${reason}`)))
    let count = 0
    return {
      Break: () => Effect.die(`${id} broke`),
      Leave: () => stopSelf,
      Block: () => Effect.zipRight(Deferred.succeed(blocked, undefined), Effect.never),
      Count: () => Effect.sync(() => ++count)
    }
  }),
  { supervision: quick, shutdownTimeout: "1 seconds" }
)

export const base = Layer.provideMerge(Pumps, Layer.merge(ActorSystem.layer, Site.layer))

/** A pump as a child. */
export const pump = (id: string, options?: Supervisor.ChildOptions) =>
  Supervisor.child(Pump, id, options)
export const abc = [pump("a"), pump("b"), pump("c")]

/** Runs with these layers above the pumps. */
export const on = <E>(layer: Layer.Layer<never, E, ActorSystem>) =>
  Effect.provide(Layer.provideMerge(layer, base))

export const take = Effect.map(Site, ({ log }) => log.splice(0))

/** Lets every fiber that is ready run to where it waits. */
export const ready = Effect.repeatN(Effect.yieldNow(), 200)

export const pass = (time: "99 millis" | "1 millis" | "100 millis" | "1 seconds" | "5 seconds") =>
  Effect.zipRight(TestClock.adjust(time), ready)

export const to = (id: string) => Effect.map(Pump.client, (client) => client(id))
/** Lets a pump crash. */
export const breakDown = (id: string) =>
  Effect.flatMap(to(id), (it) => Effect.zipRight(Effect.flip(it.Break()), ready))
export const stop = (actor: { readonly at: (id: string) => ActorAddress }, id: string) =>
  Effect.flatMap(ActorSystem, (system) => Effect.zipRight(system.stop(actor.at(id)), ready))

/** A supervisor of the pumps a, b and c, where nothing else is said. */
export const plant = (options: Partial<Supervisor.SupervisorOptions> = {}) =>
  Supervisor.make("Plant", { children: abc, ...options })

export const statesOf = (of: ReturnType<typeof plant>) =>
  Effect.map(
    Effect.flatMap(of.client, (client) => client("main").Children()),
    (children) => children.map(({ address, phase }) => `${address.id} ${phase}`)
  )
