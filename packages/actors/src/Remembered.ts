/**
 * Actors that are alive without being asked: each is started on the node that it lives on, after a
 * start of the system, after a move, and after the loss of its node, at a bounded rate.
 *
 * ```ts
 * // One actor, always: a singleton of the cluster.
 * const scheduler = Remembered.always(Scheduler.at("main"))
 * // Every controller that was started, until it stops.
 * const controllers = Remembered.layer([Controller])
 * ```
 *
 * An actor is remembered a moment after it has started, until it stops itself, is stopped, or is
 * passivated. One that its supervision has given up stays stopped on its node.
 */
import { Duration, Effect, Layer, Random, type Scope } from "effect"
import type { ActorAddress } from "./ActorAddress.ts"
import { ActorSystem } from "./ActorSystem.ts"
import { checkedCount, checkedMillis } from "./internal/checked.ts"
import { type Keeping, keepAlive } from "./internal/remembered/keepAlive.ts"
import { sayMissing } from "./internal/remembered/sayMissing.ts"
import { writeDown } from "./internal/remembered/writeDown.ts"
import { RememberedStore } from "./RememberedStore.ts"

/** How remembered actors are started. */
export interface Settings {
  /** The most actors that are started in a second on one node. */
  readonly startsPerSecond: number
  /** How often all of them are looked at, beside each time that a node gains actors. */
  readonly lookInterval: Duration.DurationInput
}

/** 1,000 starts a second; a look every 10 s. */
export const defaults: Settings = { startsPerSecond: 1_000, lookInterval: "10 seconds" }

/** The most addresses that are read at a time. */
export const pageMax = 1_024

/** A type of actors, whatever its protocol. */
interface AnyActor {
  readonly name: string
}

/**
 * Keeps these actors alive: singletons, on whichever node they live. Provide it on every node: one
 * that has it warns of those that are not alive on another.
 */
export const always = (
  ...addresses: ReadonlyArray<ActorAddress>
): Layer.Layer<never, never, ActorSystem> => alwaysWith({}, ...addresses)

/** As `always`, with settings. */
export const alwaysWith = (
  settings: Partial<Settings>,
  ...addresses: ReadonlyArray<ActorAddress>
): Layer.Layer<never, never, ActorSystem> =>
  Layer.scopedDiscard(
    Effect.flatMap(ActorSystem, (system) => {
      const bounds = boundsOf(settings)
      const page = () => Effect.succeed({ addresses, next: undefined })
      return Effect.zipRight(
        keepAlive({ ...bounds, system, page }),
        sayMissing({ ...bounds, system, addresses })
      )
    })
  )

/** Remembers the actors of these types, and keeps them alive. */
export const layer = (
  actors: ReadonlyArray<AnyActor>,
  settings: Partial<Settings> = {}
): Layer.Layer<never, never, ActorSystem | RememberedStore> =>
  Layer.scopedDiscard(remembering(new Set(actors.map(({ name }) => name)), settings))

const remembering = (
  types: ReadonlySet<string>,
  settings: Partial<Settings>
): Effect.Effect<void, never, ActorSystem | RememberedStore | Scope.Scope> =>
  Effect.gen(function*() {
    const system = yield* ActorSystem
    const store = yield* RememberedStore
    const parts = yield* Effect.replicateEffect(Random.nextInt, 3)
    yield* writeDown({ engine: system.engine, store, types, owner: parts.join(".") })
    yield* keepAlive({
      ...boundsOf(settings),
      system,
      page: (after) =>
        Effect.map(store.list(after, pageMax), (all) => ({
          addresses: all.filter(({ type }) => types.has(type)),
          next: all.length < pageMax ? undefined : all.at(-1)
        }))
    })
  })

const boundsOf = (settings: Partial<Settings>): Pick<Keeping, "startsPerSecond" | "lookMillis"> => {
  const { lookInterval, startsPerSecond } = { ...defaults, ...settings }
  const given = (option: string) => ({ at: "Remembered", option })
  return {
    startsPerSecond: checkedCount(given("startsPerSecond"), startsPerSecond, 1),
    lookMillis: checkedMillis(given("lookInterval"), lookInterval)
  }
}
