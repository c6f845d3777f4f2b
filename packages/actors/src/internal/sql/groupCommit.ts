/**
 * Many writers, one transaction: what waits when a transaction ends is the next one, so that its
 * price (the sync of a disk) is shared. Each write ends by itself: by its own outcome, or by its
 * deadline.
 */
import { Monotonic } from "@plantd/core"
import {
  Cause,
  Effect,
  Exit,
  type Fiber,
  FiberId,
  Metric,
  MetricBoundaries,
  MetricLabel,
  Runtime,
  type Scope
} from "effect"
import { type Outcome, StoreUnavailable, type UnavailableReason } from "../../DurableError.ts"
import { EventLoop } from "../../EventLoop.ts"
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

/** A batch that the database has not answered yet. */
interface UnderWay<Op, A, E> {
  readonly batch: Batch<Op, A, E>
  readonly fiber: Fiber.RuntimeFiber<void>
}

/** Gives the way to write. When the scope closes, what waits is written still. */
export const makeGroupCommit = <Op, A, E>(
  committing: Committing<Op, A, E>,
  bounds: Bounds
): Effect.Effect<(op: Op) => Effect.Effect<A, E | StoreUnavailable>, never, Scope.Scope> =>
  Effect.gen(function*() {
    const { afterTurn } = yield* EventLoop
    const clock = yield* Effect.clock
    const runtime = yield* Effect.runtime()
    const now = () => Monotonic.millis(clock)
    const group = new GroupCommit(committing, bounds, { afterTurn, now, runtime })
    yield* Effect.addFinalizer(() => group.close)
    return group.submit
  })

/** Where a group commit runs. */
interface Around {
  readonly afterTurn: (resume: () => void) => void
  readonly now: () => number
  readonly runtime: Runtime.Runtime<never>
}

/** Plain code around the fiber of one transaction. */
class GroupCommit<Op, A, E> {
  private readonly committing: Committing<Op, A, E>
  private readonly bounds: Bounds
  private readonly around: Around
  private readonly queue: WriteQueue<Op, A, E>
  /** Until nothing waits any more and nothing is written. */
  private busy = false
  private underWay: UnderWay<Op, A, E> | undefined = undefined
  private sweeper: Fiber.RuntimeFiber<never> | undefined = undefined
  private closed = false
  private onIdle: (() => void) | undefined = undefined
  /** What keeps the batch at hand from being written, or kept the one before from it. */
  private trouble: StoreUnavailable | undefined = undefined

  constructor(committing: Committing<Op, A, E>, bounds: Bounds, around: Around) {
    this.committing = committing
    this.bounds = bounds
    this.around = around
    this.queue = new WriteQueue(committing, bounds)
  }

  /** Succeeds when it is committed. An interrupted one is taken back where it waits still. */
  readonly submit = (op: Op): Effect.Effect<A, E | StoreUnavailable> =>
    Effect.async<A, E | StoreUnavailable>((resume) => {
      if (this.closed) {
        resume(Effect.fail(failure("closed", "not-written", "its layer is closed")))
        return
      }
      const deadline = this.around.now() + this.bounds.writeTimeoutMillis
      const pending = new Pending(op, deadline, resume)
      this.queue.offer(pending)
      if (!this.busy) this.gather()
      return Effect.suspend(() => this.queue.withdraw(pending))
    })

  /** Takes nothing more, and waits for what was taken. */
  readonly close: Effect.Effect<void> = Effect.async<void>((resume) => {
    this.closed = true
    if (this.busy) this.onIdle = () => resume(Effect.void)
    else resume(Effect.void)
  })

  /**
   * Lets everyone who is about to write do so: fibers, and what waits in timers and sockets, which
   * a transaction of SQLite holds up.
   */
  private gather(): void {
    this.busy = true
    this.around.afterTurn(this.next)
  }

  private readonly next = (): void => {
    // These waited for the batch before; what was wrong with it is nothing to later ones.
    this.expire(this.queue.expired(this.around.now()), "not-written")
    this.trouble = undefined
    const writes = this.queue.take()
    if (writes.length === 0) this.goOn()
    else this.write(new Batch(writes))
  }

  private write(batch: Batch<Op, A, E>): void {
    const fiber = Runtime.runFork(this.around.runtime)(this.attempt(batch))
    this.underWay = { batch, fiber }
    fiber.addObserver((exit) => {
      // Else it was left to end by itself.
      if (this.underWay?.batch === batch) this.written(batch, exit)
    })
    this.around.afterTurn(() => this.watch(batch))
  }

  /** SQLite has mostly done with a transaction by the next turn: then no timer is set for it. */
  private watch(batch: Batch<Op, A, E>): void {
    if (this.underWay?.batch !== batch) return
    this.sweeper ??= Runtime.runFork(this.around.runtime)(this.sweeping)
  }

  private written(batch: Batch<Op, A, E>, exit: Exit.Exit<void>): void {
    if (Exit.isFailure(exit)) this.fail(batch.writes, errorOf(exit.cause))
    this.goOn()
  }

  private goOn(): void {
    this.underWay = undefined
    if (this.queue.size > 0) {
      this.gather()
      return
    }
    this.busy = false
    this.trouble = undefined
    this.sweeper?.unsafeInterruptAsFork(FiberId.none)
    this.sweeper = undefined
    this.onIdle?.()
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

  private readonly sweeping = Effect.forever(
    Effect.zipRight(Effect.sleep(sweepMillis), Effect.sync(() => this.sweep()))
  )

  /**
   * Ends what is past its deadline while a batch is written. A transaction that outlasts all of its
   * batch is left to end by itself.
   */
  private sweep(): void {
    const { underWay } = this
    if (underWay === undefined) return
    const { batch, fiber } = underWay
    const now = this.around.now()
    const late = batch.writes.filter(({ deadline, ended }) => !ended && deadline <= now)
    this.expire(late, batch.inTransaction ? "unknown" : "not-written")
    this.expire(this.queue.expired(now), "not-written")
    if (batch.writes.some(({ ended }) => !ended)) return
    this.underWay = undefined
    fiber.unsafeInterruptAsFork(FiberId.none)
    this.goOn()
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
    for (const [index, pending] of live.entries()) pending.end(exits[index] ?? unanswered())
  }
}

/** Made where it is needed alone: an error costs more than a write. */
const unanswered = () => Exit.fail(failure("failed", "unknown", "the store said nothing of it"))

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
