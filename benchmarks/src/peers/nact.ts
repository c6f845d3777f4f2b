/** The peer `nact`: actors on promises and `setImmediate`, the best known of Node's. */
import { Effect, type Scope } from "effect"
import * as Nact from "nact"
import type { Founder } from "./colony.ts"
import type { Driver } from "./counter.ts"

interface Message {
  /** Absent where the message asks for the total. */
  readonly by?: number
  /** Absent in a tell. */
  readonly replyTo?: Nact.Ref<number>
}

const queryTimeoutMillis = 5_000

const counter = (state: number | undefined, { by = 0, replyTo }: Message): number => {
  const total = (state ?? 0) + by
  if (replyTo !== undefined) Nact.dispatch(replyTo, total)
  return total
}

const newSystem = Effect.acquireRelease(
  Effect.sync(() => Nact.start()),
  (system) => Effect.sync(() => Nact.stop(system))
)

/** A counter as an actor of nact: `query` to ask, `dispatch` to tell. */
export const nact: Effect.Effect<Driver, never, Scope.Scope> = Effect.gen(function*() {
  const system = yield* newSystem
  const actor: Nact.Ref<Message> = Nact.spawn(system, counter, "one")
  const ask = (by: number): Promise<number> =>
    Nact.query(
      actor,
      (replyTo: Nact.Ref<number>): Message => ({ by, replyTo }),
      queryTimeoutMillis
    )
  return {
    askMany: (count) =>
      Effect.promise(async () => {
        for (let i = 0; i < count; i++) await ask(1)
      }),
    tellMany: (count) =>
      Effect.sync(() => {
        for (let i = 0; i < count; i++) Nact.dispatch(actor, { by: 1 })
      }),
    total: Effect.promise(() => ask(0))
  }
})

/** Counters as actors of nact in a system of their own: spawned by name, then told. */
export const nacts: Founder = (onAdd) =>
  Effect.map(newSystem, (system) => {
    const behaviour = (state: number | undefined, message: Message): number => {
      onAdd()
      return counter(state, message)
    }
    return {
      wake: (id) => Effect.sync(() => Nact.dispatch(Nact.spawn(system, behaviour, id), one)),
      ready: Effect.void
    }
  })

const one: Message = { by: 1 }
