/** The fence of a message: refused where it is lower, stored first where it is higher. */
import type { Fence } from "@plantd/core"
import { Duration, Effect, Either } from "effect"
import type { Trouble } from "./driverHandlers.ts"
import { type DriverState, staleFence } from "./driverState.ts"

/** Messages that wait until a fence is stored; beyond it they are refused as not stored. */
const raisesMax = 16

/**
 * Goes on with what forbids to obey a message with this fence, or with nothing: then no message
 * with a higher fence came before, nor will a lower one be obeyed after a restart of the driver. An
 * equal fence costs nothing. While a higher one is stored the messages that carry it wait, in their
 * order, and no others: a disk that hangs must not hold up a stop by the owner so far.
 */
export const behindFence = (
  driver: DriverState,
  fence: Fence.Fence,
  goOn: (trouble: Trouble | undefined) => Effect.Effect<void>
): Effect.Effect<void> => {
  const { raising, sessions: { highestFence } } = driver
  const behindOthers = raising.waiting > 0 && fence >= raising.fence
  if (fence <= highestFence && !behindOthers) {
    return goOn(fence === highestFence ? undefined : staleFence(driver, fence))
  }
  if (raising.waiting >= raisesMax) {
    return goOn(notStored(`${raisesMax} messages wait for a fence to be stored already`))
  }
  if (raising.waiting === 0) raising.fence = fence
  raising.waiting++
  return driver.fork(
    Effect.ensuring(
      raising.turn.withPermits(1)(Effect.flatMap(raise(driver, fence), goOn)),
      Effect.sync(() => {
        raising.waiting--
      })
    )
  )
}

const raise = (driver: DriverState, fence: Fence.Fence): Effect.Effect<Trouble | undefined> =>
  Effect.suspend(() => {
    const { highestFence } = driver.sessions
    if (fence === highestFence) return Effect.succeed(undefined)
    if (fence < highestFence) return Effect.succeed(staleFence(driver, fence))
    return Effect.map(Effect.either(keep(driver, fence)), (kept) => {
      if (Either.isLeft(kept)) return notStored(kept.left)
      driver.sessions.highestFence = fence
      return undefined
    })
  })

const keep = (driver: DriverState, fence: Fence.Fence): Effect.Effect<void, string> =>
  driver.store.keepFence(driver.options.device, fence).pipe(
    Effect.mapError((error) => error.message),
    Effect.disconnect,
    Effect.timeoutFail({
      duration: Duration.millis(driver.settings.storeMillis),
      onTimeout: () =>
        `fence ${fence} was not stored within ${driver.settings.storeMillis} ms (storeMillis)`
    })
  )

const notStored = (message: string): Trouble => ({ code: "not-stored", message })
