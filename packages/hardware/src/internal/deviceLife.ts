/** Who operates a device, and whether it is in service: kept in the store before it counts. */
import { Effect } from "effect"
import { LeaseHeld } from "../DeviceError.ts"
import * as DeviceLifecycle from "../DeviceLifecycle.ts"
import type { DeviceStoreService, Holder, WriteError } from "../DeviceStore.ts"
import * as OperatorLease from "../OperatorLease.ts"

/** Where a device actor stands in its life. */
export interface Life {
  now: DeviceLifecycle.Lifecycle
}

/** Who operates the device; held past its end until someone looks. */
export interface Operating {
  held: OperatorLease.Lease | undefined
}

/** What the handlers of lease and lifecycle need. */
export interface Marks {
  readonly id: string
  readonly store: DeviceStoreService
  readonly holder: Holder
  readonly life: Life
  readonly lease: Operating
  /** One change at a time, so that memory and store agree. */
  readonly turn: Effect.Semaphore
  /** Milliseconds since 1970-01-01 UTC. */
  readonly wall: () => number
}

/** Goes on to a state. */
export const goOn = (
  life: Life,
  to: DeviceLifecycle.State,
  at: Parameters<typeof DeviceLifecycle.advance>[2]
): void => {
  life.now = DeviceLifecycle.advance(life.now, to, at)
}

/** Who takes a device out of service, and why. */
export interface Given {
  readonly by: string
  readonly reason?: string
}

/** The handlers of lease and lifecycle. */
export const marksOf = (marks: Marks) => ({
  AcquireLease: (wanted: { readonly session: string; readonly ttlMillis: number }) =>
    marks.turn.withPermits(1)(acquire(marks, wanted)),
  ReleaseLease: ({ session }: { readonly session: string }) =>
    marks.turn.withPermits(1)(release(marks, session)),
  LeaseHolder: () =>
    Effect.sync(() => OperatorLease.holder(marks.lease.held, marks.wall()) ?? null),
  Lifecycle: () => Effect.sync(() => marks.life.now),
  Deactivate: (given: Given) => marks.turn.withPermits(1)(deactivate(marks, given)),
  Activate: ({ by }: { readonly by: string }) => marks.turn.withPermits(1)(activate(marks, by))
})

const acquire = (
  marks: Marks,
  wanted: { readonly session: string; readonly ttlMillis: number }
): Effect.Effect<OperatorLease.Lease, LeaseHeld | WriteError> =>
  Effect.suspend((): Effect.Effect<OperatorLease.Lease, LeaseHeld | WriteError> => {
    const { holder, id, lease, store, wall } = marks
    const next = OperatorLease.acquire(lease.held, wanted, wall())
    if (next === undefined) {
      const { expiresAt = 0, session = "" } = lease.held ?? {}
      return Effect.fail(new LeaseHeld({ device: id, session, expiresAt }))
    }
    return Effect.as(
      Effect.tap(store.saveLease(holder, next), () => {
        lease.held = next
      }),
      next
    )
  })

const release = (
  { holder, lease, store, wall }: Marks,
  session: string
): Effect.Effect<void, WriteError> =>
  Effect.suspend(() => {
    // That of another session is left alone, and one that is over needs no release.
    if (OperatorLease.holder(lease.held, wall())?.session !== session) return Effect.void
    return Effect.asVoid(Effect.tap(store.saveLease(holder, undefined), () => {
      lease.held = undefined
    }))
  })

const deactivate = (
  { holder, life, store, wall }: Marks,
  { by, reason = "no reason given" }: Given
): Effect.Effect<DeviceLifecycle.Lifecycle, WriteError> =>
  Effect.suspend(() => {
    const since = wall()
    // Nothing is sent from now on, and the store may take its time.
    if (life.now.state === "active") goOn(life, "deactivating", { since, by, reason })
    return Effect.matchEffect(store.saveOutOfService(holder, { by, reason, at: since }), {
      onSuccess: () =>
        Effect.sync(() => {
          if (life.now.state === "deactivating") goOn(life, "inactive", { since, by, reason })
          return life.now
        }),
      // Out of service it stays, though only until the actor starts anew: that is said.
      onFailure: (error) => {
        if (life.now.state === "deactivating") goOn(life, "inactive", { since, by, reason })
        return Effect.fail(error)
      }
    })
  })

const activate = (
  { holder, life, store, wall }: Marks,
  by: string
): Effect.Effect<DeviceLifecycle.Lifecycle, WriteError> =>
  Effect.suspend(() => {
    if (life.now.state !== "inactive") return Effect.succeed(life.now)
    return Effect.map(store.saveOutOfService(holder, undefined), () => {
      goOn(life, "activating", { since: wall(), by })
      goOn(life, "active", { since: wall(), by })
      return life.now
    })
  })
