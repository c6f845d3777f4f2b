/**
 * Ticks the reminders that are due: one fiber that sleeps until the earliest of them, and one for
 * each tick under way. Only those are in memory; a tick is acknowledged after it was handled.
 */
import { Backoff } from "@plantd/core"
import { Cause, Clock, Effect, Either, Metric, MetricLabel, Random, type Scope } from "effect"
import { format } from "../../ActorAddress.ts"
import type { Engine } from "../../ActorSystem.ts"
import type { Reason } from "../../DeadLetter.ts"
import type { NewEntry } from "../../QuarantineStore.ts"
import type {
  Key,
  Progress,
  ReminderStoreService,
  Settlement,
  StoredReminder,
  UnreadableReminder
} from "../../ReminderStore.ts"
import { causeText, deliveryOf, type Outcome } from "./durableDelivery.ts"
import {
  afterTick,
  again,
  besideOthersMillis,
  isExpired,
  mayHide,
  missed,
  nextReach
} from "./reminderSchedule.ts"
import { onGained } from "../engine/listening.ts"

/** How ticks are delivered; times in ms. */
export interface Ticking {
  readonly maxAttempts: number
  readonly attemptTimeoutMillis: number
  readonly retryBackoff: Backoff.Backoff
  readonly ticksAtOnceMax: number
  readonly pollMillis: number
}

/** What the scheduler works with. */
export interface Surroundings {
  readonly engine: Engine
  readonly store: ReminderStoreService
  readonly ticking: Ticking
}

/** The pauses while the store cannot be reached: those of a retry that often. */
const storeBackoff: Backoff.Backoff = Backoff.standard

/** The pause of a tick that could not be begun is that of the fifth retry: about 2 s. */
const untilBegun = 4

/** One complaint about the store is logged in so long, in ms. */
const complaintMillis = 10_000

const ticks = Metric.counter("plantd_reminder_ticks_total", {
  description:
    "attempts at ticks of reminders, and ticks that were given up, by what became of them",
  incremental: true
})
const coalesced = Metric.counter("plantd_reminder_ticks_coalesced_total", {
  description: "ticks that were missed and became part of a later one",
  incremental: true
})

const count = (outcome: string): void =>
  ticks.unsafeUpdate(1, [MetricLabel.make("outcome", outcome)])

/** Runs until the scope closes; gives the effect that tells it of a change. */
export const runScheduler = (
  surroundings: Surroundings
): Effect.Effect<Effect.Effect<void>, never, Scope.Scope> =>
  Effect.gen(function*() {
    const latch = yield* Effect.makeLatch(false)
    const scheduler = new Scheduler(surroundings, latch, yield* Effect.scope)
    yield* onGained(surroundings.engine, () => latch.unsafeOpen())
    yield* Effect.forkScoped(scheduler.run)
    return Effect.asVoid(latch.open)
  })

class Scheduler {
  private readonly engine: Engine
  private readonly store: ReminderStoreService
  private readonly ticking: Ticking
  private readonly latch: Effect.Latch
  private readonly scope: Scope.Scope
  /** The ids of the reminders whose tick is under way. */
  private readonly underWay = new Set<number>()
  /** How many reminders are read at a time. */
  private reach: number
  /** How often in a row the store could not be read. */
  private failures = 0
  /** When a warning was logged last, and how many were not since then. */
  private complainedAt = Number.NEGATIVE_INFINITY
  private unsaid = 0

  constructor({ engine, store, ticking }: Surroundings, latch: Effect.Latch, scope: Scope.Scope) {
    this.engine = engine
    this.store = store
    this.ticking = ticking
    this.reach = ticking.ticksAtOnceMax
    this.latch = latch
    this.scope = scope
  }

  /** Never ends: what goes wrong is logged, and tried again after a pause. */
  readonly run: Effect.Effect<never> = Effect.forever(
    Effect.suspend(() => this.round).pipe(
      Effect.tap(() => Effect.sync(() => (this.failures = 0))),
      Effect.catchAllCause((cause) =>
        Cause.isInterruptedOnly(cause)
          ? Effect.interrupt
          : this.pause("reminders cannot be read", cause, this.failures++)
      )
    )
  )

  /** Begins the ticks that are due, then waits until there may be further ones. */
  private readonly round = Effect.gen(this, function*() {
    yield* this.latch.close
    const { pollMillis, ticksAtOnceMax } = this.ticking
    const free = ticksAtOnceMax - this.underWay.size
    if (free <= 0) return yield* this.latch.await
    const rows = yield* this.store.earliest(this.reach)
    const now = yield* Clock.currentTimeMillis
    const mine = rows.filter(({ address: { id, type } }) => this.engine.isHere(type, id))
    const hidden = rows.length === this.reach && mayHide(mine, ticksAtOnceMax, now)
    this.reach = nextReach(this.reach, { hidden, least: ticksAtOnceMax })
    let wait = hidden ? Math.min(pollMillis, besideOthersMillis) : pollMillis
    for (const row of mine) {
      if (this.underWay.has(row.id)) continue
      const early = "reason" in row ? 0 : row.attemptAt - now
      if (early > 0) {
        wait = Math.min(wait, early)
        break
      }
      if (this.underWay.size < ticksAtOnceMax) yield* this.fork(row)
    }
    yield* Effect.raceFirst(this.latch.await, Effect.sleep(wait))
  })

  private fork(row: StoredReminder | UnreadableReminder): Effect.Effect<void> {
    this.underWay.add(row.id)
    const work = "reason" in row ? this.expel(row) : this.tick(row)
    return work.pipe(
      Effect.catchAllCause((cause) =>
        Cause.isInterruptedOnly(cause)
          ? Effect.void
          : this.pause(`a tick of ${title(row)} was not begun`, cause, untilBegun)
      ),
      Effect.ensuring(
        Effect.suspend(() => {
          this.underWay.delete(row.id)
          return this.latch.open
        })
      ),
      Effect.forkIn(this.scope)
    )
  }

  private tick(reminder: StoredReminder) {
    return Effect.gen(this, function*() {
      const now = yield* Clock.currentTimeMillis
      if (isExpired(reminder, now)) return yield* this.expire(reminder)
      if (reminder.attempts >= this.ticking.maxAttempts) {
        const cause = "its last attempt was not seen to end: the process ended while it was handled"
        return yield* this.giveUp(reminder, { begun: now, cause })
      }
      const messageId = `${reminder.name}@${reminder.dueAt}`
      const delivery = deliveryOf(this.engine, { ...reminder, messageId })
      if (Either.isLeft(delivery)) {
        return yield* this.conclude(reminder, { begun: now, outcome: delivery.left, own: 0 })
      }
      // Before it is made: an attempt that ends the process counts as well.
      if (!(yield* this.store.begin(reminder))) return
      const begun = { ...reminder, attempts: reminder.attempts + 1 }
      const outcome = yield* delivery.right(this.ticking.attemptTimeoutMillis)
      yield* this.conclude(begun, { begun: now, outcome, own: 1 })
    })
  }

  /** Acknowledges a tick. `own` is 1 where this attempt was counted already. */
  private conclude(
    reminder: StoredReminder,
    { begun, outcome, own }: {
      readonly begun: number
      readonly outcome: Outcome
      readonly own: 0 | 1
    }
  ): Effect.Effect<void> {
    count(outcome._tag)
    switch (outcome._tag) {
      case "handled":
        coalesced.unsafeUpdate(missed(reminder, begun), [])
        return this.settle(reminder, {
          next: afterTick(reminder, begun),
          quarantined: undefined
        })
      case "refused":
        return this.postpone(reminder, reminder.refusals, {
          attempts: reminder.attempts - own,
          refusals: reminder.refusals + 1
        })
      case "unreadable":
        return this.giveUp(reminder, { begun, cause: outcome.cause })
      case "attempted":
        if (reminder.attempts >= this.ticking.maxAttempts) {
          return this.giveUp(reminder, { begun, cause: outcome.cause })
        }
        return this.postpone(reminder, reminder.attempts - 1, {
          attempts: reminder.attempts,
          refusals: 0
        })
    }
  }

  private postpone(
    reminder: StoredReminder,
    retry: number,
    counts: Pick<Progress, "attempts" | "refusals">
  ): Effect.Effect<void> {
    return Effect.gen(this, function*() {
      const random = yield* Random.next
      const delay = Backoff.delayMillis(this.ticking.retryBackoff, retry, random)
      const attemptAt = (yield* Clock.currentTimeMillis) + delay
      const next = again(reminder, { ...counts, attemptAt })
      yield* this.settle(reminder, { next, quarantined: undefined })
    })
  }

  private giveUp(
    reminder: StoredReminder,
    { begun, cause }: { readonly begun: number; readonly cause: string }
  ): Effect.Effect<void> {
    count("quarantined")
    return Effect.gen(this, function*() {
      const at = yield* Clock.currentTimeMillis
      const { attempts } = reminder
      const quarantined = entryOf(reminder, { attempts, cause, at })
      yield* this.settle(reminder, { next: afterTick(reminder, begun), quarantined })
      this.deadLetter(reminder, "quarantined")
    })
  }

  private expire(reminder: StoredReminder): Effect.Effect<void> {
    count("expired")
    return Effect.map(
      this.settle(reminder, { next: undefined, quarantined: undefined }),
      () => this.deadLetter(reminder, "expired")
    )
  }

  private expel(row: UnreadableReminder) {
    count("quarantined")
    return Effect.gen(this, function*() {
      const at = yield* Clock.currentTimeMillis
      const entry = entryOf(row, { attempts: 0, cause: causeText(row.reason), at })
      if (yield* this.store.expel(row, entry)) this.deadLetter(row, "quarantined")
    })
  }

  /** Until it is stored: what was handled must not be told again. */
  private settle(reminder: StoredReminder, settlement: Settlement): Effect.Effect<void> {
    const attempt = (made: number): Effect.Effect<unknown> =>
      Effect.catchAllCause(
        this.store.settle(reminder, settlement),
        (cause) =>
          Cause.isInterruptedOnly(cause)
            ? Effect.interrupt
            : Effect.zipRight(
              this.pause(`a tick of ${title(reminder)} is not acknowledged yet`, cause, made),
              attempt(made + 1)
            )
      )
    return Effect.asVoid(attempt(0))
  }

  private pause(what: string, cause: Cause.Cause<unknown>, made: number): Effect.Effect<void> {
    return Effect.gen(this, function*() {
      const now = yield* Clock.currentTimeMillis
      if (Math.abs(now - this.complainedAt) >= complaintMillis) {
        this.complainedAt = now
        yield* Effect.logWarning(`${what}; ${this.unsaid} more such warnings were left out`, cause)
        this.unsaid = 0
      } else this.unsaid++
      yield* Effect.sleep(Backoff.delayMillis(storeBackoff, made, yield* Random.next))
    })
  }

  private deadLetter({ address, tag }: Key & { readonly tag: string }, reason: Reason): void {
    this.engine.deadLetter(address, tag, reason)
  }
}

const title = ({ address, name }: Key): string => `${format(address)}'s ${JSON.stringify(name)}`

const entryOf = (
  { address, name, payload, tag }: Key & { readonly tag: string; readonly payload: string },
  given: Pick<NewEntry, "attempts" | "cause" | "at">
): NewEntry => ({ origin: "reminder", address, name, tag, payload, ...given })
