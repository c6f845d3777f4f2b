/**
 * Many writers, one transaction: what waits when a transaction ends is the next one, so that its
 * price (the sync of a disk) is shared. Each write ends by itself: by its own outcome, or by its
 * deadline.
 */
import { Monotonic } from "@plantd/core"
import {
  Cause,
  type Clock,
  Effect,
  Exit,
  Fiber,
  Metric,
  MetricBoundaries,
  MetricLabel,
  type Scope
} from "effect"
import { type Outcome, StoreUnavailable, type UnavailableReason } from "../../DurableError.ts"
import { EventLoop, type EventLoopService } from "../../EventLoop.ts"
import { Pending, type QueueBounds, type Sorting, WriteQueue, type Writes } from "./writeQueue.ts"

/** What is written, and how a batch of it is. */
export interface Committing<Op, A, E> extends Sorting<Op> {
  /** Writes all or nothing, and says for each what became of it, in order. */
  readonly commit: (
    ops: ReadonlyArray<Op>
  ) => Effect.Effect<ReadonlyArray<Exit.Exit<A, E>>, StoreUnavailable>
}

/** The bounds of a group commit. */
export interface Bounds extends QueueBounds {
  readonly writeTimeoutMillis: number
}

/** The wait before a locked database is tried again doubles between these, in ms. */
const lockBackoffMillis = { min: 2, max: 100 } as const

/** How often deadlines are looked at while a transaction lasts, in ms. */
const sweepMillis = 50

const written = Metric.counter("plantd_durable_writes_total", {
  description: "writes that were acknowledged",
  incremental: true
})
const batches = Metric.counter("plantd_durable_batches_total", {
  description: "transactions that were committed",
  incremental: true
})
const failures = Metric.counter("plantd_durable_write_failures_total", {
  description: "writes that the store failed, by its reason",
  incremental: true
})
const batchSizes = Metric.histogram(
  "plantd_durable_batch_writes",
  MetricBoundaries.exponential({ start: 1, factor: 2, count: 10 }),
  "writes per transaction"
)

/** Writes that share a transaction. */
class Batch<Op, A, E> {
  readonly writes: Writes<Op, A, E>
  /** Of what ends meanwhile, nobody knows whether it was written. */
  inTransaction = false

  constructor(writes: Writes<Op, A, E>) {
    this.writes = writes
  }
}

/** Gives the way to write. When the scope closes, what waits is written still. */
export const makeGroupCommit = <Op, A, E>(
  committing: Committing<Op, A, E>,
  bounds: Bounds
): Effect.Effect<(op: Op) => Effect.Effect<A, E | StoreUnavailable>, never, Scope.Scope> =>
  Effect.gen(function*() {
    const clock = yield* Effect.clock
    const eventLoop = yield* EventLoop
    const group = new GroupCommit(committing, bounds, { clock, eventLoop })
    const writer = yield* Effect.forkDaemon(group.run)
    yield* Effect.addFinalizer(() => Effect.zipRight(group.close, Fiber.join(writer)))
    return group.submit
  })

class GroupCommit<Op, A, E> {
  private readonly committing: Committing<Op, A, E>
  private readonly bounds: Bounds
  private readonly now: () => number
  private readonly queue: WriteQueue<Op, A, E>
  private wake: (() => void) | undefined = undefined
  private closed = false
  private readonly eventLoop: EventLoopService
  /** What keeps the batch at hand from being written, or kept the one before from it. */
  private trouble: StoreUnavailable | undefined = undefined

  constructor(
    committing: Committing<Op, A, E>,
    bounds: Bounds,
    { clock, eventLoop }: { readonly clock: Clock.Clock; readonly eventLoop: EventLoopService }
  ) {
    this.committing = committing
    this.bounds = bounds
    this.now = () => Monotonic.millis(clock)
    this.eventLoop = eventLoop
    this.queue = new WriteQueue(committing, bounds)
  }

  /** Succeeds when it is committed. An interrupted one is taken back where it waits still. */
  readonly submit = (op: Op): Effect.Effect<A, E | StoreUnavailable> =>
    Effect.async<A, E | StoreUnavailable>((resume) => {
      if (this.closed) {
        resume(Effect.fail(failure("closed", "not-written", "its layer is closed")))
        return
      }
      const deadline = this.now() + this.bounds.writeTimeoutMillis
      const pending = new Pending(op, deadline, resume)
      this.queue.offer(pending)
      this.wakeUp()
      return Effect.suspend(() => this.queue.withdraw(pending))
    })

  /** Writes batch after batch until it is closed and nothing waits. */
  readonly run: Effect.Effect<void> = Effect.suspend(() =>
    Effect.whileLoop({
      while: () => !this.closed || this.queue.size > 0,
      body: () => (this.queue.size > 0 ? this.next : this.park),
      step: () => {}
    })
  )

  readonly close: Effect.Effect<void> = Effect.sync(() => {
    this.closed = true
    this.wakeUp()
  })

  private readonly park = Effect.async<void>((resume) => {
    this.trouble = undefined
    if (this.closed || this.queue.size > 0) resume(Effect.void)
    else this.wake = () => resume(Effect.void)
  })

  private readonly next: Effect.Effect<void> = Effect.gen(this, function*() {
    yield* this.gather
    // These waited for the batch before; what was wrong with it is nothing to later ones.
    this.expire(this.queue.expired(this.now()), "not-written")
    this.trouble = undefined
    const batch = new Batch(this.queue.take())
    if (batch.writes.length > 0) {
      // A transaction that outlasts all deadlines of its batch is left to end by itself.
      yield* Effect.raceFirst(Effect.disconnect(this.attempt(batch)), this.sweep(batch)).pipe(
        Effect.catchAllCause((cause) => Effect.sync(() => this.fail(batch.writes, errorOf(cause))))
      )
    }
  })

  /**
   * Lets everyone who is about to write do so: fibers, and what waits in timers and sockets, which
   * a transaction of SQLite holds up.
   */
  private readonly gather = Effect.async<void>((resume) => {
    this.eventLoop.afterTurn(() => resume(Effect.void))
  })

  private wakeUp(): void {
    const { wake } = this
    this.wake = undefined
    wake?.()
  }

  /** Writes a batch; a locked database is tried again until the last deadline has passed. */
  private attempt(batch: Batch<Op, A, E>): Effect.Effect<void> {
    return Effect.gen(this, function*() {
      let delay: number = lockBackoffMillis.min
      for (;;) {
        const live = batch.writes.filter(({ ended }) => !ended)
        if (live.length === 0) return
        batch.inTransaction = true
        const exit = yield* Effect.exit(this.committing.commit(live.map(({ op }) => op)))
        batch.inTransaction = false
        if (Exit.isSuccess(exit)) return this.acknowledge(live, exit.value)
        // It was left to end by itself: what is wrong with it is nothing to the batch at hand.
        if (live.every(({ ended }) => ended)) return
        const error = errorOf(exit.cause)
        const repeatable = error.outcome === "not-written"
        if (repeatable && error.reason === "failed" && live.length > 1) {
          return yield* this.oneByOne(batch, live)
        }
        this.trouble = repeatable && error.reason === "locked" ? error : undefined
        if (this.trouble === undefined) return this.fail(live, error)
        yield* Effect.sleep(delay)
        delay = Math.min(delay * 2, lockBackoffMillis.max)
      }
    })
  }

  /** One write is what the database will not take; the others must not suffer for it. */
  private oneByOne(batch: Batch<Op, A, E>, live: Writes<Op, A, E>): Effect.Effect<void> {
    return Effect.forEach(live, (pending) => {
      const one = new Batch([pending])
      batch.inTransaction = true
      return Effect.zipRight(this.attempt(one), Effect.sync(() => (batch.inTransaction = false)))
    }, { discard: true })
  }

  /** Ends what is past its deadline while a batch is written; ends itself when the batch has. */
  private sweep(batch: Batch<Op, A, E>): Effect.Effect<void> {
    return Effect.whileLoop({
      while: () => batch.writes.some(({ ended }) => !ended),
      body: () => Effect.sleep(sweepMillis),
      step: () => {
        const now = this.now()
        const late = batch.writes.filter(({ deadline, ended }) => !ended && deadline <= now)
        this.expire(late, batch.inTransaction ? "unknown" : "not-written")
        this.expire(this.queue.expired(now), "not-written")
      }
    })
  }

  private expire(late: Writes<Op, A, E>, outcome: Outcome): void {
    const { trouble } = this
    const timeout = `not within ${this.bounds.writeTimeoutMillis} ms`
    const detail = trouble === undefined ? timeout : `${timeout}: ${trouble.detail}`
    for (const pending of late) {
      const reason = trouble?.reason ?? (pending.held ? "overloaded" : "deadline")
      this.fail([pending], failure(reason, outcome, detail))
    }
  }

  private fail(pendings: Writes<Op, A, E>, error: StoreUnavailable): void {
    for (const pending of pendings) {
      if (pending.ended) continue
      failures.unsafeUpdate(1, [MetricLabel.make("reason", error.reason)])
      pending.end(Exit.fail(error))
    }
  }

  private acknowledge(live: Writes<Op, A, E>, exits: ReadonlyArray<Exit.Exit<A, E>>): void {
    this.trouble = undefined
    batches.unsafeUpdate(1, [])
    batchSizes.unsafeUpdate(live.length, [])
    written.unsafeUpdate(exits.filter(Exit.isSuccess).length, [])
    const missing = Exit.fail(failure("failed", "unknown", "the store said nothing of it"))
    for (const [index, pending] of live.entries()) pending.end(exits[index] ?? missing)
  }
}

const failure = (
  reason: UnavailableReason,
  outcome: Outcome,
  detail: string
): StoreUnavailable => new StoreUnavailable({ reason, outcome, detail })

const errorOf = (cause: Cause.Cause<StoreUnavailable>): StoreUnavailable => {
  const known = Cause.failureOrCause(cause)
  if (known._tag === "Left") return known.left
  return failure("failed", "unknown", Cause.pretty(cause))
}
