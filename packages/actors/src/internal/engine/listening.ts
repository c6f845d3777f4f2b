/** Listening to a system for as long as a scope lasts. */
import { Effect, type Scope } from "effect"
import type { Engine } from "../../ActorSystem.ts"
import type { LifecycleEvent } from "../../LifecycleEvent.ts"

/** Calls back whenever actors may live here that did not before. */
export const onGained = (engine: Engine, listener: () => void) =>
  listening(() => engine.onGained(listener))

/** Calls back for each event in the lives of actors here. */
export const onLifecycle = (engine: Engine, listener: (event: LifecycleEvent) => void) =>
  listening(() => engine.onLifecycle(listener))

/** `begin` gives what ends it. */
const listening = (begin: () => () => void): Effect.Effect<void, never, Scope.Scope> =>
  Effect.asVoid(Effect.acquireRelease(Effect.sync(begin), (end) => Effect.sync(end)))
