/** Listening to a system for as long as a scope lasts. */
import { Effect, type Scope } from "effect"
import type { Engine } from "../../ActorSystem.ts"

/** Calls back whenever actors may live here that did not before. */
export const onGained = (
  engine: Engine,
  listener: () => void
): Effect.Effect<void, never, Scope.Scope> =>
  Effect.asVoid(
    Effect.acquireRelease(
      Effect.sync(() => engine.onGained(listener)),
      (end) => Effect.sync(end)
    )
  )
