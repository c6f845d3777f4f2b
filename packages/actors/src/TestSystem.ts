/** An actor system on virtual time: a test moves the clock, and waits for nothing. */
import { type Duration, Effect, Layer, TestContext } from "effect"
import { ActorSystem, type Settings } from "./ActorSystem.ts"
import * as settling from "./internal/testing/settling.ts"

export { roundsMax } from "./internal/testing/settling.ts"

/**
 * A system on the test's clock: that of the surrounding test where it has one (`it.effect` of
 * @effect/vitest), else one of its own, from 1970 on.
 */
export const layer: Layer.Layer<ActorSystem> = Layer.suspend(() => layerWith({}))

/**
 * As `layer`, with these settings. With `serialization: "round-trip"` what could not be sent
 * between processes fails here.
 */
export const layerWith = (settings: Partial<Settings>): Layer.Layer<ActorSystem> => {
  const system = ActorSystem.layerWith(settings)
  return Layer.unwrapEffect(
    Effect.clockWith((clock) =>
      Effect.succeed(
        "adjust" in clock ? system : Layer.provideMerge(system, TestContext.TestContext)
      )
    )
  )
}

/**
 * Waits until no actor does anything more while time stands still. What waits for the world
 * outside, a file or a socket, counts as resting. Dies where actors never rest, in `roundsMax`
 * looks.
 */
export const settle: Effect.Effect<void, never, ActorSystem> = Effect.flatMap(
  ActorSystem,
  settling.settle
)

/**
 * Moves time on. Whatever becomes due happens in order, each at its time; when this succeeds all of
 * it is done. Fibers that wait for time outside of actors go on, too.
 */
export const advance = (
  duration: Duration.DurationInput
): Effect.Effect<void, never, ActorSystem> =>
  Effect.flatMap(ActorSystem, (system) => settling.advance(system, duration))
