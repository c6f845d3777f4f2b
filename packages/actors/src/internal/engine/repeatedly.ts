/** Work that is tried again, whatever goes wrong. */
import { Backoff } from "@plantd/core"
import { Cause, Duration, Effect, Random } from "effect"

/** Again and again; what goes wrong is logged under `what`, and tried again after a pause. */
export const repeatedly = <E>(
  what: string,
  effect: Effect.Effect<void, E>,
  pauseMillis: number
): Effect.Effect<never> =>
  Effect.forever(
    Effect.catchAllCause(effect, (cause) =>
      Cause.isInterruptedOnly(cause)
        ? Effect.interrupt
        : Effect.zipRight(
          Effect.logWarning(what, cause),
          Effect.sleep(Duration.millis(pauseMillis))
        ))
  )

/** The pause before a retry, the first of which is 0: as `Backoff.standard` says. */
export const pauseBefore = (retry: number): Effect.Effect<void> =>
  Effect.flatMap(
    Random.next,
    (random) => Effect.sleep(Backoff.delayMillis(Backoff.standard, retry, random))
  )
