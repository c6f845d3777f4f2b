/** What the tests of actors share: a system with given actors, and time for what is ready. */
import { ActorSystem } from "@plantd/actors"
import type { LifecycleEvent } from "@plantd/actors"
import { Effect, Layer, Stream } from "effect"

/** Lets every fiber that is ready run to where it waits. */
export const ready = Effect.repeatN(Effect.yieldNow(), 64)

/** Runs `body` in a system of its own that knows these types of actor. */
export const withActors = (...layers: ReadonlyArray<Layer.Layer<never, never, ActorSystem>>) =>
  Effect.provide(
    Layer.provideMerge(
      layers.reduce((all, layer) => Layer.merge(all, layer), Layer.empty),
      ActorSystem.layer
    )
  )

/** The events of a system from now on, collected until the scope closes. */
export const collectEvents = Effect.gen(function*() {
  const { events } = yield* ActorSystem
  const seen: Array<LifecycleEvent.LifecycleEvent> = []
  yield* Effect.forkScoped(
    Stream.runForEach(events, (event) => Effect.sync(() => void seen.push(event)))
  )
  yield* ready
  return seen
})
