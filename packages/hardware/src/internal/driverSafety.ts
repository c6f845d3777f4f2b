/** Silence: when no node is heard the device is made safe, and what was asked before is refused. */
import { Cause, Duration, Effect } from "effect"
import { type DriverState, nowOf, warn } from "./driverState.ts"

/** Between two tries to reach the safe state, in milliseconds. */
const safeRetryMillis = 1_000

/** Waits until the last sign of life is too long ago, makes safe, then waits for the next one. */
export const watchSilence = (driver: DriverState): Effect.Effect<never> =>
  Effect.suspend(() => {
    const after = silenceMillis(driver)
    const left = driver.heardAt === undefined
      ? after
      : driver.heardAt + after - nowOf(driver)
    return left > 0 ? Effect.sleep(Math.ceil(left)) : fallSilent(driver)
  }).pipe(Effect.forever)

/**
 * Makes safe once more, after a command that had begun before; tried again each second while it
 * fails and no node is heard.
 */
export const makeSafeAgain = (driver: DriverState): Effect.Effect<void> =>
  Effect.flatMap(
    makeSafe(driver, "a command ended after the device was made safe"),
    (done) => done || !isSilent(driver) ? Effect.void : makeSafeAgain(driver)
  )

const fallSilent = (driver: DriverState): Effect.Effect<void> => {
  // What waits is refused from now on: it must not run while the device is made safe, nor after.
  driver.silences++
  return Effect.map(
    makeSafe(driver, `no node was heard for ${silenceMillis(driver)} ms`),
    (done) => {
      // Heard while it was made safe: then the next silence counts from there.
      if (done && isSilent(driver)) driver.heardAt = undefined
    }
  )
}

// True where the device is safe now; where it is not, a while has passed.
const makeSafe = (driver: DriverState, why: string): Effect.Effect<boolean> =>
  Effect.matchCauseEffect(
    driver.safeTurn.withPermits(1)(driver.options.onSilence?.run ?? Effect.void),
    {
      onSuccess: () => {
        driver.tell({ _tag: "MadeSafe", why })
        return Effect.as(warn(driver, "silence", `${why}: made safe`), true)
      },
      onFailure: (cause) => {
        driver.tell({ _tag: "NotMadeSafe", why })
        return warn(
          driver,
          "silence-failed",
          `${why}, and making safe failed: ${Cause.pretty(cause)}`
        ).pipe(
          Effect.zipRight(Effect.sleep(safeRetryMillis)),
          Effect.as(false)
        )
      }
    }
  )

const isSilent = (driver: DriverState): boolean =>
  driver.heardAt === undefined || driver.heardAt + silenceMillis(driver) <= nowOf(driver)

const silenceMillis = (driver: DriverState): number =>
  Duration.toMillis(driver.options.onSilence?.after ?? Duration.infinity)
