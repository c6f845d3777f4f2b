/** Fibers of devices in memory: they belong to whoever made the devices, not to their actors. */
import { Effect, type Fiber, FiberSet, type Scope } from "effect"

/** Runs an effect in a fiber of its own up to where it first waits, and gives the fiber. */
export type Fork<R> = <A, E>(
  effect: Effect.Effect<A, E, R>
) => Effect.Effect<Fiber.RuntimeFiber<A, E>>

/** Forks with the services and settings of whoever makes this, until the scope is closed. */
export const makeFork = <R>(): Effect.Effect<Fork<R>, never, Scope.Scope | R> =>
  Effect.map(
    FiberSet.makeRuntime<R>(),
    (run) => (effect) => Effect.sync(() => run(effect, { immediate: true }))
  )
