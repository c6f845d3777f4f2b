/** Says of which actors that are to be alive nobody takes care on the node that they live on. */
import { Effect, Option, type Scope } from "effect"
import { type ActorAddress, format } from "../../ActorAddress.ts"
import type { ActorSystemService } from "../../ActorSystem.ts"
import type { Terminated } from "../../DeathWatch.ts"
import { repeatedly } from "../engine/repeatedly.ts"

/** After so long without news, in ms, an actor that is watched is alive. */
const newsMillis = 1_000

/** So many are watched at a time. */
const atOnce = 64

/** In so many looks, one after the other: it may have been on its way in the first. */
const looks = 2

/** Why nobody runs it: it was never started, or its supervision has given it up. */
const missing: ReadonlyArray<Terminated["reason"]> = ["not-running", "crashed", "restart-limit"]

/**
 * Warns of each once, until it has been alive again. Those that live here are left to who starts
 * them, and of those whose node is lost nothing is known.
 */
export const sayMissing = ({ addresses, lookMillis, system }: {
  readonly system: ActorSystemService
  readonly addresses: ReadonlyArray<ActorAddress>
  readonly lookMillis: number
}): Effect.Effect<void, never, Scope.Scope> => {
  if (!Number.isFinite(lookMillis)) return Effect.void
  const missed = new Map<string, number>()
  const look = (address: ActorAddress) =>
    Effect.gen(function*() {
      const name = format(address)
      if (system.engine.isHere(address.type, address.id)) return void missed.delete(name)
      const news = yield* Effect.timeoutOption(system.watch(address), newsMillis)
      if (Option.isNone(news)) return void missed.delete(name)
      if (!missing.includes(news.value.reason)) return
      const times = (missed.get(name) ?? 0) + 1
      missed.set(name, times)
      if (times === looks) {
        yield* Effect.logWarning(
          `${name} is to be alive, and is not, on the node that it lives on: it has given up there,`
            + " or that node was started without its module"
        )
      }
    })
  const round = Effect.forEach(addresses, look, { concurrency: atOnce, discard: true })
  return Effect.asVoid(Effect.forkScoped(
    repeatedly("missing actors cannot be looked for", Effect.delay(round, lookMillis), lookMillis)
  ))
}
