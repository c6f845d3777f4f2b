/**
 * The deadlines of all asks in flight: a binary heap whose entries know their place, so that an
 * answered ask leaves at once, and one fiber that sleeps until the earliest is due.
 */
import { type Clock, Duration, Effect, FiberId, Runtime } from "effect"
import type { Fiber } from "effect"
import type { Envelope } from "./envelope.ts"

/** Keeps envelopes by deadline and tells their owners when one has passed. */
export class Deadlines {
  private readonly heap: Array<Envelope> = []
  private armedFor = Number.POSITIVE_INFINITY
  private sleeper: Fiber.RuntimeFiber<void> | undefined = undefined
  private readonly clock: Clock.Clock
  private readonly runtime: Runtime.Runtime<never>

  constructor(clock: Clock.Clock, runtime: Runtime.Runtime<never>) {
    this.clock = clock
    this.runtime = runtime
  }

  /** Milliseconds of a clock that never jumps: setting the wall clock moves no deadline. */
  now(): number {
    return Number(this.clock.unsafeCurrentTimeNanos()) / 1_000_000
  }

  /** Watches an envelope until it is removed or its deadline passes. */
  add(envelope: Envelope): void {
    this.place(envelope, this.heap.length)
    this.siftUp(envelope)
    if (envelope.deadline < this.armedFor) this.arm(envelope.deadline)
  }

  /** Stops watching; the sleeping fiber is left to find out by itself. */
  remove(envelope: Envelope): void {
    const index = envelope.heapIndex
    if (index < 0) return
    envelope.heapIndex = -1
    const last = this.heap.pop()
    if (last === undefined || last === envelope) return
    this.place(last, index)
    this.siftUp(last)
    this.siftDown(last)
  }

  /** Stops the sleeping fiber; nothing is told any more. */
  close(): void {
    this.sleeper?.unsafeInterruptAsFork(FiberId.none)
    this.sleeper = undefined
    this.armedFor = Number.NEGATIVE_INFINITY
  }

  private arm(deadline: number): void {
    this.sleeper?.unsafeInterruptAsFork(FiberId.none)
    this.armedFor = deadline
    const wait = Duration.millis(Math.max(0, Math.ceil(deadline - this.now())))
    this.sleeper = Runtime.runFork(this.runtime)(
      Effect.flatMap(this.clock.sleep(wait), () => Effect.sync(() => this.expire())),
      { immediate: true }
    )
  }

  private expire(): void {
    this.sleeper = undefined
    this.armedFor = Number.POSITIVE_INFINITY
    const now = this.now()
    for (let first = this.heap[0]; first !== undefined; first = this.heap[0]) {
      if (first.deadline > now) {
        this.arm(first.deadline)
        return
      }
      this.remove(first)
      first.owner?.onDeadline(first)
    }
  }

  private place(envelope: Envelope, index: number): void {
    this.heap[index] = envelope
    envelope.heapIndex = index
  }

  private siftUp(envelope: Envelope): void {
    for (let index = envelope.heapIndex; index > 0;) {
      const parentIndex = (index - 1) >> 1
      const parent = this.heap[parentIndex]
      if (parent === undefined || parent.deadline <= envelope.deadline) return
      this.place(parent, index)
      this.place(envelope, parentIndex)
      index = parentIndex
    }
  }

  private siftDown(envelope: Envelope): void {
    for (let index = envelope.heapIndex;;) {
      const left = this.heap[2 * index + 1]
      const right = this.heap[2 * index + 2]
      const least = right !== undefined && left !== undefined && right.deadline < left.deadline
        ? right
        : left
      if (least === undefined || least.deadline >= envelope.deadline) return
      const leastIndex = least.heapIndex
      this.place(least, index)
      this.place(envelope, leastIndex)
      index = leastIndex
    }
  }
}
