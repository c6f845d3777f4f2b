/** Starts actors that are to be alive and are not, where they live here. */
import { Effect, Option, type Scope } from "effect"
import { type ActorAddress, format } from "../../ActorAddress.ts"
import type { ActorSystemService } from "../../ActorSystem.ts"
import type { StoreUnavailable } from "../../DurableError.ts"
import { onGained } from "../engine/listening.ts"
import { repeatedly } from "../engine/repeatedly.ts"

/** What is kept alive, and how. */
export interface Keeping {
  readonly system: ActorSystemService
  readonly startsPerSecond: number
  /** Infinite, where they are looked at only when this node gains actors. */
  readonly lookMillis: number
  /** The addresses after one, in their order; none where there are no more. */
  readonly page: (
    after: ActorAddress | undefined
  ) => Effect.Effect<Page, StoreUnavailable>
}

/** Some addresses, and after which one to go on, where there may be more. */
export interface Page {
  readonly addresses: ReadonlyArray<ActorAddress>
  readonly next: ActorAddress | undefined
}

/** After so long, in ms, an actor has mostly ended that was ending when its node gained it. */
const endingMillis = 6_000

/** Starts are counted in slices of so many milliseconds. */
const sliceMillis = 50

/** Keeps actors alive for as long as the scope lasts. */
export const keepAlive = (keeping: Keeping): Effect.Effect<void, never, Scope.Scope> =>
  Effect.gen(function*() {
    const { lookMillis, system: { engine } } = keeping
    const latch = yield* Effect.makeLatch(false)
    yield* onGained(engine, () => latch.unsafeOpen())
    const count = { started: 0 }
    let wait = lookMillis
    const round = Effect.gen(function*() {
      yield* latch.close
      yield* look(keeping, count)
      const woken = yield* Effect.timeoutOption(latch.await, wait)
      // Those that were still ending are looked at once more.
      wait = Option.isSome(woken) ? Math.min(lookMillis, endingMillis) : lookMillis
    })
    yield* Effect.forkScoped(
      repeatedly("remembered actors cannot be looked for", round, lookMillis)
    )
  })

const look = ({ page, startsPerSecond, system }: Keeping, count: { started: number }) =>
  Effect.gen(function*() {
    const { engine } = system
    const sliceMax = Math.max(1, Math.floor(startsPerSecond * sliceMillis / 1_000))
    const pauseMillis = 1_000 * sliceMax / startsPerSecond
    let after: ActorAddress | undefined
    do {
      const { addresses, next }: Page = yield* page(after)
      for (const address of addresses) {
        const { id, type } = address
        if (!engine.isHere(type, id) || engine.isAlive(type, id)) continue
        if (count.started > 0 && count.started % sliceMax === 0) yield* Effect.sleep(pauseMillis)
        count.started++
        yield* Effect.forkDaemon(
          Effect.catchAll(
            system.start(address),
            (error) =>
              Effect.logDebug(
                `${format(address)} is remembered, and was not started`,
                error.message
              )
          )
        )
      }
      after = next
    } while (after !== undefined)
  })
