/**
 * Many writers, one transaction: what waits when a transaction ends is the next one, so that its
 * price (the sync of a disk) is shared. Each write ends by itself: by its own outcome, or by its
 * deadline.
 */
import { Cause, Effect, Exit, Fiber, Metric, MetricBoundaries, type Scope } from "effect"
import { type Outcome, StoreUnavailable, type UnavailableReason } from "../DurableError.ts"
import { type Entry, type Lane, Mailbox } from "../Mailbox.ts"

/** What is written, and how a batch of it is. */
export interface Committing<Op, A, E> {
  /** A batch has no two writes of one key; those of one key are written in their order. */
  readonly keyOf: (op: Op) => string
  readonly bytesOf: (op: Op) => number
  /** Writes all or nothing, and says for each what became of it, in order. */
  readonly commit: (
    ops: ReadonlyArray<Op>
  ) => Effect.Effect<ReadonlyArray<Exit.Exit<A, E>>, StoreUnavailable>
}

/** The bounds of a group commit. */
export interface Bounds {
  /** The most writes in one transaction. */
  readonly batchMax: number
  /** The most bytes in one transaction, unless one write alone has more. */
  readonly batchBytesMax: number
  /** The most writes that wait for a transaction; further ones wait for room. */
  readonly writesQueuedMax: number
  readonly writeTimeoutMillis: number
}

/** A batch is begun when so many turns of the scheduler in a row have brought no further write. */
const quietTurns = 6

/** A batch is begun after so many turns in any case. */
const gatherTurnsMax = 64

/** Transactions may keep the event loop from timers and sockets for so long, in ms. */
const blockedMillisMax = 5

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

/** One write on its way. */
class Pending<Op, A, E> implements Entry<Pending<Op, A, E>> {
  previous: Pending<Op, A, E> | undefined = undefined
  next: Pending<Op, A, E> | undefined = undefined
  list: Lane<Pending<Op, A, E>> | undefined = undefined
  /** Is there until it has ended. */
  resume: ((effect: Effect.Effect<A, E | StoreUnavailable>) => void) | undefined
  /** Waits for room in the queue. */
  held = false
  readonly op: Op
  readonly deadline: number

  constructor(op: Op, deadline: number, resume: Pending<Op, A, E>["resume"]) {
    this.op = op
    this.deadline = deadline
    this.resume = resume
  }

  end(exit: Exit.Exit<A, E | StoreUnavailable>): void {
    const { resume } = this
    this.resume = undefined
    resume?.(exit)
  }
}

type Writes<Op, A, E> = ReadonlyArray<Pending<Op, A, E>>

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
    const now = () => Number(clock.unsafeCurrentTimeNanos()) / 1e6
    const group = new GroupCommit(committing, bounds, now)
    const writer = yield* Effect.forkDaemon(group.run)
    yield* Effect.addFinalizer(() => Effect.zipRight(group.close, Fiber.join(writer)))
    return group.submit
  })

class GroupCommit<Op, A, E> {
  private readonly committing: Committing<Op, A, E>
  private readonly bounds: Bounds
  private readonly now: () => number
  private readonly queue: Mailbox<Pending<Op, A, E>>
  /** Taken from the queue, but of a key that its batch had already: first in the next one. */
  private carried: Array<Pending<Op, A, E>> = []
  private wake: (() => void) | undefined = undefined
  private closed = false
  /** When the event loop last came round. */
  private breathedAt: number
  /** What keeps the database from taking writes at present. */
  private trouble: StoreUnavailable | undefined = undefined

  constructor(committing: Committing<Op, A, E>, bounds: Bounds, now: () => number) {
    this.committing = committing
    this.bounds = bounds
    this.now = now
    this.breathedAt = now()
    this.queue = new Mailbox({ capacity: bounds.writesQueuedMax, overflow: "backpressure" })
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
      pending.held = this.queue.offer(pending) === "waiting"
      this.wakeUp()
      return Effect.suspend(() => this.withdraw(pending))
    })

  /** Writes batch after batch until it is closed and nothing waits. */
  readonly run: Effect.Effect<void> = Effect.suspend(() =>
    Effect.whileLoop({
      while: () => !this.closed || this.hasWork(),
      body: () => (this.hasWork() ? this.next : this.park),
      step: () => {}
    })
  )

  readonly close: Effect.Effect<void> = Effect.sync(() => {
    this.closed = true
    this.wakeUp()
  })

  private readonly park = Effect.async<void>((resume) => {
    if (this.closed || this.hasWork()) resume(Effect.void)
    else this.wake = () => resume(Effect.void)
  })

  private readonly next: Effect.Effect<void> = Effect.gen(this, function*() {
    // Begun before the transaction: a sync takes longer than the timer, which then costs nothing.
    const breath = this.now() - this.breathedAt < blockedMillisMax
      ? undefined
      : yield* Effect.fork(Effect.sleep(0))
    yield* this.gather
    const batch = this.take()
    if (batch.writes.length > 0) {
      // A transaction that outlasts all deadlines of its batch is left to end by itself.
      yield* Effect.raceFirst(Effect.disconnect(this.attempt(batch)), this.sweep(batch)).pipe(
        Effect.catchAllCause((cause) => Effect.sync(() => this.fail(batch.writes, errorOf(cause))))
      )
    }
    if (breath !== undefined) {
      yield* Fiber.join(breath)
      this.breathedAt = this.now()
    }
  })

  /** Lets everyone who is about to write do so. */
  private readonly gather = Effect.suspend(() => {
    let [size, quiet, turns] = [this.queue.size, 0, 0]
    return Effect.whileLoop({
      while: () =>
        quiet < quietTurns && turns < gatherTurnsMax && this.queue.size < this.bounds.batchMax,
      body: () => Effect.yieldNow(),
      step: () => {
        turns++
        quiet = this.queue.size === size ? quiet + 1 : 0
        size = this.queue.size
      }
    })
  })

  private hasWork(): boolean {
    return this.queue.size > 0 || this.carried.length > 0
  }

  private wakeUp(): void {
    const { wake } = this
    this.wake = undefined
    wake?.()
  }

  /** The next batch, in order, without two of one key; what is past its deadline ends here. */
  private take(): Batch<Op, A, E> {
    const { batchBytesMax, batchMax } = this.bounds
    const now = this.now()
    const keys = new Set<string>()
    const batch: Array<Pending<Op, A, E>> = []
    const again = this.carried
    this.carried = []
    let bytes = 0
    while (batch.length < batchMax && bytes < batchBytesMax) {
      const pending = again.shift() ?? this.shift()
      if (pending === undefined) break
      if (pending.resume === undefined) continue
      if (pending.deadline <= now) {
        this.expire(pending, "not-written")
        continue
      }
      const key = this.committing.keyOf(pending.op)
      if (keys.has(key)) {
        this.carried.push(pending)
        // Many of one key: look no further, else all of them would be carried.
        if (this.carried.length >= batchMax) break
        continue
      }
      keys.add(key)
      bytes += this.committing.bytesOf(pending.op)
      batch.push(pending)
    }
    this.carried.push(...again)
    return new Batch(batch)
  }

  private shift(): Pending<Op, A, E> | undefined {
    const pending = this.queue.take()
    for (let m = this.queue.admit(); m !== undefined; m = this.queue.admit()) m.held = false
    return pending
  }

  private withdraw(pending: Pending<Op, A, E>): Effect.Effect<void> {
    const waits = pending.list !== undefined || this.carried.includes(pending)
    if (waits || pending.resume === undefined) {
      pending.list?.remove(pending)
      pending.resume = undefined
      return Effect.void
    }
    return Effect.async<void>((resume) => {
      pending.resume = () => resume(Effect.void)
    })
  }

  /** Writes a batch; a locked database is tried again until the last deadline has passed. */
  private attempt(batch: Batch<Op, A, E>): Effect.Effect<void> {
    return Effect.gen(this, function*() {
      let delay: number = lockBackoffMillis.min
      for (;;) {
        const live = batch.writes.filter(({ resume }) => resume !== undefined)
        if (live.length === 0) return
        batch.inTransaction = true
        const exit = yield* Effect.exit(this.committing.commit(live.map(({ op }) => op)))
        batch.inTransaction = false
        if (Exit.isSuccess(exit)) return this.acknowledge(live, exit.value)
        const error = errorOf(exit.cause)
        const repeatable = error.outcome === "not-written"
        if (repeatable && error.reason === "failed" && live.length > 1) {
          return yield* this.oneByOne(batch, live)
        }
        if (!repeatable || error.reason !== "locked") return this.fail(live, error)
        this.trouble = error
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
      while: () => batch.writes.some(({ resume }) => resume !== undefined),
      body: () => Effect.sleep(sweepMillis),
      step: () => {
        const now = this.now()
        for (const pending of batch.writes) {
          if (pending.deadline <= now) {
            this.expire(pending, batch.inTransaction ? "unknown" : "not-written")
          }
        }
        for (const pending of this.queue.drain()) {
          if (pending.deadline <= now) this.expire(pending, "not-written")
          else pending.held = this.queue.offer(pending) === "waiting"
        }
      }
    })
  }

  private expire(pending: Pending<Op, A, E>, outcome: Outcome): void {
    const { trouble } = this
    const timeout = `not within ${this.bounds.writeTimeoutMillis} ms`
    const reason = trouble?.reason ?? (pending.held ? "overloaded" : "deadline")
    const detail = trouble === undefined ? timeout : `${timeout}: ${trouble.detail}`
    this.fail([pending], failure(reason, outcome, detail))
  }

  private fail(pendings: Writes<Op, A, E>, error: StoreUnavailable): void {
    for (const pending of pendings) {
      if (pending.resume === undefined) continue
      failures.unsafeUpdate(1, [])
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
