/** The writes that wait for a transaction: a bounded queue, and behind it who waits for room. */
import { Effect, type Exit } from "effect"
import type { StoreUnavailable } from "../../DurableError.ts"
import { type Entry, type Lane, Mailbox } from "../../Mailbox.ts"

/** One write on its way. */
export class Pending<Op, A, E> implements Entry<Pending<Op, A, E>> {
  previous: Pending<Op, A, E> | undefined = undefined
  next: Pending<Op, A, E> | undefined = undefined
  list: Lane<Pending<Op, A, E>> | undefined = undefined
  /** It waits for room in the queue. */
  held = false
  readonly op: Op
  /** In ms of the queue's clock. */
  readonly deadline: number
  /** Is there until it has ended. */
  private resume: ((effect: Effect.Effect<A, E | StoreUnavailable>) => void) | undefined

  constructor(
    op: Op,
    deadline: number,
    resume: (effect: Effect.Effect<A, E | StoreUnavailable>) => void
  ) {
    this.op = op
    this.deadline = deadline
    this.resume = resume
  }

  /** It was acknowledged, has failed, or nobody waits for it any more. */
  get ended(): boolean {
    return this.resume === undefined
  }

  /** Ends it, where it has not. */
  end(exit: Exit.Exit<A, E | StoreUnavailable>): void {
    const { resume } = this
    this.resume = undefined
    resume?.(exit)
  }

  /** Nobody waits for it any more; gives what becomes of it to `onEnd` instead. */
  abandon(onEnd: (() => void) | undefined): void {
    this.resume = onEnd
  }
}

/** Writes in their order. */
export type Writes<Op, A, E> = ReadonlyArray<Pending<Op, A, E>>

/** What a queue needs to know of its writes. */
export interface Sorting<Op> {
  /** A batch has no two writes of one key. All are written in their order but for that. */
  readonly keyOf?: (op: Op) => string
  readonly bytesOf: (op: Op) => number
}

/** How many writes a queue takes, and how many it gives at a time. */
export interface QueueBounds {
  /** The most writes in one batch. */
  readonly batchMax: number
  /** The most bytes in one batch, unless one write alone has more. */
  readonly batchBytesMax: number
  /** The most writes that wait for a batch; further ones wait for room. */
  readonly writesQueuedMax: number
}

/** See the module. */
export class WriteQueue<Op, A, E> {
  private readonly sorting: Sorting<Op>
  private readonly bounds: QueueBounds
  private readonly queue: Mailbox<Pending<Op, A, E>>
  /** Taken from the queue, but of a key that its batch had already: first in the next one. */
  private carried: Array<Pending<Op, A, E>> = []

  constructor(sorting: Sorting<Op>, bounds: QueueBounds) {
    this.sorting = sorting
    this.bounds = bounds
    this.queue = new Mailbox({ capacity: bounds.writesQueuedMax, overflow: "backpressure" })
  }

  /** Writes that can be taken. */
  get size(): number {
    return this.queue.size + this.carried.length
  }

  /** Appends a write. */
  offer(pending: Pending<Op, A, E>): void {
    pending.held = this.queue.offer(pending) === "waiting"
  }

  /** Takes the next batch, in order. */
  take(): Writes<Op, A, E> {
    const { batchBytesMax, batchMax } = this.bounds
    const keys = new Set<string>()
    const batch: Array<Pending<Op, A, E>> = []
    const again = this.carried
    this.carried = []
    let bytes = 0
    while (batch.length < batchMax && bytes < batchBytesMax) {
      const pending = again.shift() ?? this.shift()
      if (pending === undefined) break
      if (pending.ended) continue
      const key = this.sorting.keyOf?.(pending.op)
      if (key !== undefined && keys.has(key)) {
        this.carried.push(pending)
        // Many of one key: look no further, else all of them would be carried.
        if (this.carried.length >= batchMax) break
        continue
      }
      if (key !== undefined) keys.add(key)
      bytes += this.sorting.bytesOf(pending.op)
      batch.push(pending)
    }
    this.carried.push(...again)
    return batch
  }

  /** Takes out all whose deadline is not after `now`. */
  expired(now: number): Writes<Op, A, E> {
    const late: Array<Pending<Op, A, E>> = []
    const inTime = (pending: Pending<Op, A, E>) => {
      if (pending.deadline > now) return true
      late.push(pending)
      return false
    }
    this.carried = this.carried.filter(inTime)
    for (const pending of this.queue.drain()) if (inTime(pending)) this.offer(pending)
    return late
  }

  /** Takes a write back where it waits still, and waits for its end where it is being written. */
  withdraw(pending: Pending<Op, A, E>): Effect.Effect<void> {
    const waits = pending.list !== undefined || this.carried.includes(pending)
    if (waits || pending.ended) {
      pending.list?.remove(pending)
      pending.abandon(undefined)
      this.admit()
      return Effect.void
    }
    return Effect.async<void>((resume) => pending.abandon(() => resume(Effect.void)))
  }

  private shift(): Pending<Op, A, E> | undefined {
    const pending = this.queue.take()
    this.admit()
    return pending
  }

  private admit(): void {
    for (let m = this.queue.admit(); m !== undefined; m = this.queue.admit()) m.held = false
  }
}
