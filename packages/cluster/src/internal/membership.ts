/** How a node becomes a member of its cluster, remains one, and leaves. */
import type { Placement } from "@plantd/actors"
import type { Buggify } from "@plantd/core"
import { Deferred, Effect, Fiber, Option, Random } from "effect"
import type { Bounds } from "../ClusterSettings.ts"
import type { Joining, LeaseStoreService, RefusedError, View } from "../LeaseStore.ts"
import type { LeaseClock } from "./leaseClock.ts"

/** Between two looks at who holds what, where messages wait for that, in milliseconds. */
const lookAgainMillis = 25

/** The same, where a simulation has a look come late. */
const lateLookMillis = 1_000

/** Between two looks whether a lease that was over lasts again, in milliseconds. */
const watchMillis = 50

/**
 * A name for one run of a node. With its address, since two that were called the same would hold
 * each other's shards, and randomness alone is only unlikely to do so.
 */
export const newSession = (address: string): Effect.Effect<string> =>
  Effect.map(
    Effect.replicateEffect(Random.nextIntBetween(0, 0x1_0000), 4),
    (parts) => `${parts.map((part) => part.toString(16).padStart(4, "0")).join("")}@${address}`
  )

/** Waits until the leases are over of those who keep it out: they may have been killed. */
export const join = (
  { bounds: { leaseMillis: ttlMillis }, lease, now, self, store }: {
    readonly bounds: Bounds
    readonly lease: LeaseClock
    readonly now: () => number
    readonly self: Joining
    readonly store: LeaseStoreService
  }
) => {
  const waitMillis = 100
  const tries = Math.ceil((ttlMillis + 1_000) / waitMillis)
  const once = Effect.suspend(() => {
    const begunAt = now()
    return Effect.map(
      store.join(self, { ttlMillis }),
      () => lease.renewed(begunAt, ttlMillis)
    )
  })
  const said = (left: number, { message }: RefusedError) =>
    left < tries
      ? Effect.void
      : Effect.logInfo(`waits for up to ${tries * waitMillis} ms to join: ${message}`)
  const again = (left: number): typeof once =>
    Effect.catchAll(
      once,
      (error) =>
        left === 0 || error._tag === "StoreUnavailable"
          ? Effect.fail(error)
          : said(left, error).pipe(
            Effect.zipRight(Effect.interruptible(Effect.sleep(waitMillis))),
            Effect.zipRight(again(left - 1))
          )
    )
  return Effect.acquireRelease(again(tries), () => Effect.ignore(store.leave(self.session)))
}

/** Between two looks whether all was sent, in milliseconds. */
const sentLookMillis = 5

/** Looks at who holds what when messages wait for that; at most once in a while. */
export const lookAgain = (
  again: Effect.Latch,
  store: LeaseStoreService,
  { fires, onView }: { readonly fires: Buggify.Fires; readonly onView: (view: View) => void }
): Effect.Effect<never> =>
  again.await.pipe(
    Effect.zipRight(Effect.sync(() => again.unsafeClose())),
    Effect.zipRight(Effect.ignore(Effect.map(store.view, onView))),
    Effect.zipRight(
      Effect.suspend(() =>
        Effect.sleep(fires("the view is read late") ? lateLookMillis : lookAgainMillis)
      )
    ),
    Effect.forever
  )

/** Ends the actors of a node that could not renew its lease: another one may run them soon. */
export const stopWithLease = (
  lease: LeaseClock,
  hosted: Placement.HostedSystem
): Effect.Effect<never> => {
  let valid = false
  return Effect.suspend(() => {
    const was = valid
    valid = lease.isValid
    // It is renewed long before that, and ends later then.
    if (valid) return Effect.sleep(Math.ceil(lease.millisLeft))
    if (!was) return Effect.sleep(watchMillis)
    return Effect.logError("the lease of this node is over: its actors stop").pipe(
      Effect.zipRight(hosted.revoke(() => true))
    )
  }).pipe(Effect.forever)
}

/** Waits until nothing is left to be sent, for about so long as one try may take. */
export const untilSent = (isEmpty: () => boolean, withinMillis: number): Effect.Effect<void> => {
  const wait: Effect.Effect<void> = Effect.suspend(() =>
    isEmpty() ? Effect.void : Effect.delay(wait, sentLookMillis)
  )
  // Also where a scope closes by it, which nothing interrupts.
  return Effect.asVoid(Effect.timeoutOption(Effect.interruptible(wait), withinMillis))
}

/**
 * Waits while a scope closes; an interruption that comes then ends it. In a fiber of its own: that
 * of a process that is told to stop was interrupted before, and would not wait at all.
 */
export const linger = (millis: number): Effect.Effect<void> =>
  Effect.flatMap(
    Effect.fork(Effect.interruptible(Effect.sleep(millis))),
    (fiber) => Effect.asVoid(Fiber.await(fiber))
  )

/**
 * An effect that is run once, for all who wait for its end: it is brought there whether they go on
 * waiting or not.
 */
export const oneEnd = (effect: Effect.Effect<void>): Effect.Effect<Effect.Effect<void>> =>
  Effect.map(Deferred.make<void>(), (ended) => {
    let begun = false
    const run = Effect.suspend(() => {
      if (begun) return Effect.void
      begun = true
      return Effect.forkDaemon(Effect.intoDeferred(effect, ended))
    })
    return Effect.uninterruptibleMask((restore) =>
      Effect.zipRight(run, restore(Deferred.await(ended)))
    )
  })

/** Gives the shards of a node to others; done when they are held by none, or time is over. */
export const giveAway = (
  self: Joining,
  { drainMillis }: Bounds,
  store: LeaseStoreService
): Effect.Effect<void> => {
  const wait: Effect.Effect<void> = Effect.flatMap(
    Effect.option(store.view),
    Option.match({
      onNone: () => Effect.delay(wait, lookAgainMillis),
      onSome: ({ holders, members }) => {
        const others = members.some(({ draining, leaseLeft, session, weight }) =>
          session !== self.session && leaseLeft > 0 && !draining && weight > 0
        )
        const held = [...holders.values()].includes(self.session)
        return others && held ? Effect.delay(wait, lookAgainMillis) : Effect.void
      }
    })
  )
  return Effect.ignore(store.drain(self.address)).pipe(
    Effect.zipRight(wait),
    // Also where a scope closes by it, which nothing interrupts.
    Effect.interruptible,
    Effect.timeoutOption(drainMillis),
    Effect.asVoid
  )
}
