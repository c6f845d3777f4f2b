/** Writes down which actors of some types have started and ended. */
import { Effect, type Scope } from "effect"
import type { ActorAddress } from "../../ActorAddress.ts"
import { format } from "../../ActorAddress.ts"
import type { Engine } from "../../ActorSystem.ts"
import type { LifecycleEvent } from "../../LifecycleEvent.ts"
import type { RememberedStoreService } from "../../RememberedStore.ts"
import { onLifecycle } from "../engine/listening.ts"
import { pauseBefore } from "../engine/repeatedly.ts"

/** Whose actors are written down, and where. */
export interface Notebook {
  readonly engine: Engine
  readonly store: RememberedStoreService
  readonly types: ReadonlySet<string>
  readonly owner: string
}

/** The most actors in one write. */
const changesMax = 1_024

/** What was seen last of an actor, and is not written yet: one entry each. */
type Unwritten = Map<string, Seen>

interface Seen {
  readonly address: ActorAddress
  readonly alive: boolean
  /** It has started since it was written last: what another run has written of it is ours now. */
  readonly started: boolean
}

/** Writes down what happens for as long as the scope lasts. */
export const writeDown = (
  { engine, owner, store, types }: Notebook
): Effect.Effect<void, never, Scope.Scope> =>
  Effect.gen(function*() {
    const latch = yield* Effect.makeLatch(false)
    const unwritten: Unwritten = new Map()
    const note = (event: LifecycleEvent): void => {
      const alive = aliveAfter(event)
      if (alive === undefined || !("address" in event) || !types.has(event.address.type)) return
      const name = format(event.address)
      const started = alive || unwritten.get(name)?.started === true
      unwritten.set(name, { address: event.address, alive, started })
      latch.unsafeOpen()
    }
    yield* onLifecycle(engine, note)
    const write = (made: number): Effect.Effect<void> =>
      Effect.suspend(() => {
        const some = [...unwritten].slice(0, changesMax)
        const of = (wanted: (seen: Seen) => boolean) =>
          some.flatMap(([, seen]) => wanted(seen) ? [seen.address] : [])
        const change = {
          owner,
          remembered: of(({ started }) => started),
          forgotten: of(({ alive }) => !alive)
        }
        return Effect.matchEffect(
          store.change(change),
          {
            onSuccess: () =>
              Effect.sync(() => {
                for (const [name, entry] of some) {
                  if (unwritten.get(name) === entry) unwritten.delete(name)
                }
              }),
            onFailure: (error) =>
              Effect.logWarning("actors are not remembered yet", error.message).pipe(
                Effect.zipRight(pauseBefore(made)),
                Effect.zipRight(write(made + 1))
              )
          }
        )
      })
    const round = Effect.suspend(() =>
      unwritten.size > 0 ? write(0) : Effect.zipRight(latch.close, latch.await)
    )
    yield* Effect.forkScoped(Effect.forever(round))
  })

/** Whether an actor is to be alive from now on; nothing where that is as it was. */
const aliveAfter = (event: LifecycleEvent): boolean | undefined => {
  if (event._tag === "Started") return true
  if (event._tag !== "Stopped") return undefined
  return event.reason === "stopped" || event.reason === "passivated" ? false : undefined
}
