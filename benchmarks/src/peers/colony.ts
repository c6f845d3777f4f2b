/** Actors by the thousand: what starting one costs, and what one that does nothing keeps. */
import { Clock, Deferred, Effect, type Scope } from "effect"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { type Measure, times } from "../Figure.ts"

/** Counters of a contender in a system of their own, none of which is alive yet. */
export interface Colony {
  /** Tells the counter with this id to add one, for the first time. */
  readonly wake: (id: string) => Effect.Effect<unknown, unknown>
  /** Readies what is shared by all counters and made at the first message to any. */
  readonly ready: Effect.Effect<unknown, unknown>
}

/** Founds a colony, which ends with the scope; its counters call `onAdd` for each message. */
export type Founder = (onAdd: () => void) => Effect.Effect<Colony, unknown, Scope.Scope>

/** Actors per second, from the first message sent until each has handled its own. */
export const spawns = (found: Founder, size: number): Measure => (millis) =>
  Effect.gen(function*() {
    let spawned = 0
    let nanos = 0
    while (nanos < millis * 1e6) {
      nanos += yield* Effect.scoped(inhabited(found, size, nanoseconds))
      spawned += size
    }
    return spawned * 1e9 / nanos
  }).pipe(Effect.orDie)

/** Bytes per actor on and beside the heap, each after its one message; `perMilli` of them. */
export const idleBytes = (found: Founder, perMilli: number): Measure => (millis) => {
  const size = Math.ceil(millis * perMilli)
  return Effect.map(
    Effect.scoped(inhabited(found, size, bytesInUse)),
    (bytes) => bytes / size
  ).pipe(Effect.orDie)
}

/** How much a quantity grows while a colony comes to life; the garbage of others is swept first. */
const inhabited = (found: Founder, size: number, quantity: Effect.Effect<number>) =>
  Effect.gen(function*() {
    const all = yield* Deferred.make<void>()
    let left = Infinity
    const colony = yield* found(() => {
      if (--left === 0) Deferred.unsafeDone(all, Effect.void)
    })
    yield* colony.ready
    left = size
    yield* sweep
    const before = yield* quantity
    yield* times(size, (index) => colony.wake(`counter-${index}`))
    yield* Deferred.await(all)
    return (yield* quantity) - before
  })

const nanoseconds = Effect.map(Clock.currentTimeNanos, Number)

let collect: (() => void) | undefined

/** Collects garbage, after a turn of the event loop in which what has ended lets go. */
const sweep = Effect.map(Effect.sleep(0), () => {
  if (collect === undefined) {
    // A context that is made after the flag was set has it, so that the command line needs none.
    setFlagsFromString("--expose-gc")
    collect = runInNewContext("gc") as () => void
  }
  collect()
  collect()
})

const bytesInUse = Effect.map(sweep, () => {
  const { external, heapUsed } = process.memoryUsage()
  return heapUsed + external
})
