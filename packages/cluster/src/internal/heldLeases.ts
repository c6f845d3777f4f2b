/**
 * The leases that this node holds, as the store said last. They are renewed until the scope closes,
 * and relied on until their end by the clock of this node: a store that answers late, or not at all
 * for a while, takes nothing from a node whose lease lasts still.
 */
import type { DurableError } from "@plantd/actors"
import type { Buggify } from "@plantd/core"
import { Effect, Fiber, FiberId, type Scope } from "effect"
import type { LeaseLost } from "../ClusterError.ts"
import type { Joining, LeaseStoreService, RefusedError } from "../LeaseStore.ts"
import { type LeaseClock, marginMillis } from "./leaseClock.ts"

/** What is needed to hold leases. */
export interface Holder {
  readonly self: Joining
  readonly store: LeaseStoreService
  readonly clock: LeaseClock
  readonly now: () => number
  /** Ends the actors of these shards at once, of all where none are named. */
  readonly revoke: (names: ReadonlyArray<string> | undefined) => Effect.Effect<void>
  /** The lease counts again after it had not. */
  readonly onRegained: () => void
  readonly leaseMillis: number
  readonly refreshMillis: number
  readonly fires: Buggify.Fires
}

/** Why a lease was not renewed. */
type Trouble = LeaseLost | RefusedError | DurableError.StoreUnavailable

/** Between two looks whether others have given up what is to be taken, in milliseconds. */
const acquireAgainMillis = 20

/**
 * Once no more shards have come for so many renewals, those that have come are used; the engine
 * asks for the rest 1 s later. What it has not asked for that long it does not want any more.
 */
const acquirePatience = 2

/** By how much longer the pause is where a simulation has a renewal come late. */
const lateRenewal = 4

/** Leases of shards, by their names. */
export class HeldLeases {
  private readonly holder: Holder
  private readonly scope: Scope.Scope
  /** When each was known to be held. */
  private readonly held = new Map<string, number>()
  /** When each was given up, for as long as a renewal from before may tell of it. */
  private readonly givenUp = new Map<string, number>()
  private acquiring: Acquiring | undefined = undefined
  /** When shards were asked for last. */
  private askedAt = 0
  /** Requests for shards, in number. */
  private grants = 0
  private trouble: Trouble | undefined = undefined

  constructor(holder: Holder, scope: Scope.Scope) {
    this.holder = holder
    this.scope = scope
  }

  /** Whether a shard is held, where the lease of the node lasts. Plain code. */
  has(name: string): boolean {
    return this.held.has(name)
  }

  /** What is held; fails with what kept it from being renewed where the lease is over. */
  get shards(): Effect.Effect<ReadonlyArray<string>, Trouble | undefined> {
    return Effect.suspend(() =>
      this.holder.clock.isValid ? Effect.succeed([...this.held.keys()]) : Effect.fail(this.trouble)
    )
  }

  /**
   * Takes shards, and waits for those that others are about to give up. Who asks again for the same
   * gets what is under way: it may take longer than he waits.
   */
  acquire(
    names: ReadonlyArray<string>
  ): Effect.Effect<ReadonlyArray<string>, DurableError.StoreUnavailable> {
    return Effect.suspend(() => {
      this.askedAt = this.holder.now()
      const key = names.toSorted().join()
      if (this.acquiring?.key === key) return Fiber.join(this.acquiring.fiber)
      this.acquiring?.fiber.unsafeInterruptAsFork(FiberId.none)
      const taking = this.take(names, { taken: 0, at: this.askedAt })
      return Effect.flatMap(Effect.forkIn(taking, this.scope), (fiber) => {
        const acquiring = { key, fiber }
        this.acquiring = acquiring
        fiber.addObserver(() => {
          if (this.acquiring === acquiring) this.acquiring = undefined
        })
        return Fiber.join(fiber)
      })
    })
  }

  /** Gives shards up; all where none are named. */
  release(
    names: ReadonlyArray<string> | undefined
  ): Effect.Effect<void, DurableError.StoreUnavailable> {
    return Effect.suspend(() => {
      for (const name of names ?? Array.from(this.held.keys())) {
        this.held.delete(name)
        this.givenUp.set(name, this.holder.now())
      }
      const { self: { session }, store } = this.holder
      return store.release({ session, grant: this.grants }, names)
    })
  }

  /** Renews them again and again. */
  get renewing(): Effect.Effect<never> {
    const { fires, refreshMillis } = this.holder
    const pause = Effect.suspend(() =>
      Effect.sleep(fires("a lease is renewed late") ? refreshMillis * lateRenewal : refreshMillis)
    )
    return Effect.forever(Effect.zipRight(this.renew, pause))
  }

  private get holding() {
    const { leaseMillis: ttlMillis, self: { session } } = this.holder
    return { session, ttlMillis }
  }

  private get renew(): Effect.Effect<void> {
    return Effect.suspend(() => {
      const { clock, leaseMillis, now, store } = this.holder
      const begunAt = now()
      return store.renew(this.holding).pipe(
        Effect.catchTag("LeaseLost", () => this.rejoin),
        Effect.matchEffect({
          onSuccess: (names) =>
            Effect.suspend(() => {
              this.trouble = undefined
              // Before the lease counts again: what ran out meanwhile is another node's by now.
              const lost = this.know(names, begunAt)
              const lapsed = !clock.isValid
              clock.renewed(begunAt, leaseMillis)
              if (lapsed) this.holder.onRegained()
              if (lost.length === 0) return Effect.void
              return Effect.asVoid(Effect.forkIn(this.holder.revoke(lost), this.scope))
            }),
          onFailure: (trouble) => this.failed(trouble)
        })
      )
    })
  }

  private failed(trouble: Trouble): Effect.Effect<void> {
    const known = this.trouble !== undefined
    this.trouble = trouble
    if (known) return Effect.void
    return Effect.logWarning(`the lease of this node was not renewed: ${trouble.message}`)
  }

  /**
   * What was taken after a renewal had begun is not in what it gives. Gives what was held, and is
   * not any more.
   */
  private know(names: ReadonlyArray<string>, begunAt: number): ReadonlyArray<string> {
    const all = new Set(names)
    const lost: Array<string> = []
    for (const [name, since] of this.held) {
      if (since < begunAt && !all.has(name)) lost.push(name)
    }
    for (const name of lost) this.held.delete(name)
    for (const name of names) {
      const givenUpAt = this.givenUp.get(name) ?? Number.NEGATIVE_INFINITY
      if (!this.held.has(name) && givenUpAt < begunAt) this.held.set(name, begunAt)
    }
    for (const [name, at] of this.givenUp) if (at < begunAt) this.givenUp.delete(name)
    return lost
  }

  private take(
    names: ReadonlyArray<string>,
    before: { readonly taken: number; readonly at: number }
  ): Effect.Effect<ReadonlyArray<string>, DurableError.StoreUnavailable> {
    const { leaseMillis, now, refreshMillis, store } = this.holder
    return Effect.flatMap(
      Effect.suspend(() => {
        const grant = ++this.grants
        return asked(now(), store.acquire({ ...this.holding, grant }, names))
      }),
      ([begunAt, taken]) => {
        const at = now()
        // The process stood still meanwhile: others may have what was granted then.
        if (at - begunAt >= leaseMillis - marginMillis) return Effect.succeed([])
        for (const name of taken) this.held.set(name, at)
        const last = taken.length > before.taken ? { taken: taken.length, at } : before
        const patience = refreshMillis * acquirePatience
        const stalled = taken.length > 0 && at - last.at >= patience
        return taken.length === names.length || stalled || at - this.askedAt >= patience
          ? Effect.succeed(taken)
          : Effect.delay(this.take(names, last), acquireAgainMillis)
      }
    )
  }

  /** Another run of this node, or a person, has removed it: what it held is lost; it joins anew. */
  private get rejoin() {
    const { clock, leaseMillis, revoke, self, store } = this.holder
    const none: ReadonlyArray<string> = []
    return Effect.suspend(() => {
      clock.lost()
      this.held.clear()
      return Effect.as(
        Effect.zipRight(
          revoke(undefined),
          store.join(self, { ttlMillis: leaseMillis })
        ),
        none
      )
    })
  }
}

const asked = <A, E>(begunAt: number, effect: Effect.Effect<A, E>) =>
  Effect.map(effect, (answer) => [begunAt, answer] as const)

interface Acquiring {
  readonly key: string
  readonly fiber: Fiber.RuntimeFiber<ReadonlyArray<string>, DurableError.StoreUnavailable>
}

/** The leases of a node that has joined, renewed until the scope closes. */
export const holdLeases = (
  holder: Holder
): Effect.Effect<HeldLeases, never, Scope.Scope> =>
  Effect.gen(function*() {
    const leases = new HeldLeases(holder, yield* Effect.scope)
    yield* Effect.forkScoped(leases.renewing)
    return leases
  })
