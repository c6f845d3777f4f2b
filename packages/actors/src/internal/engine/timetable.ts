/**
 * Everything of a system that is due at some time: the deadlines of asks, timers, backoffs. A
 * binary heap whose entries know their place, so that an answered ask leaves at once, and one fiber
 * that sleeps until the earliest is due.
 */
import { Monotonic } from "@plantd/core"
import { type Clock, Duration, Effect, type Fiber, FiberId, Runtime } from "effect"

/** Something that is due at a time of the timetable's clock, in milliseconds. */
export interface Due {
  readonly deadline: number
  /** Its place in the heap, or -1; the timetable alone writes it. */
  heapIndex: number
  /** Called once the time has come; it stands in the timetable no more. */
  onDue(): void
}

/** Keeps entries by the time they are due, and calls each when that has come. */
export class Timetable {
  private readonly heap: Array<Due> = []
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
    return Monotonic.millis(this.clock)
  }

  /** Watches an entry until it is removed or due; an infinite deadline is never due. */
  add(entry: Due): void {
    this.place(entry, this.heap.length)
    this.siftUp(entry)
    if (entry.deadline < this.armedFor) this.arm(entry.deadline)
  }

  /** Stops watching; the sleeping fiber is left to find out by itself. */
  remove(entry: Due): void {
    const index = entry.heapIndex
    if (index < 0) return
    entry.heapIndex = -1
    const last = this.heap.pop()
    if (last === undefined || last === entry) return
    this.place(last, index)
    this.siftUp(last)
    this.siftDown(last)
  }

  /** Stops the sleeping fiber; nothing is called any more. */
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
        if (first.deadline < this.armedFor) this.arm(first.deadline)
        return
      }
      this.remove(first)
      first.onDue()
    }
  }

  private place(entry: Due, index: number): void {
    this.heap[index] = entry
    entry.heapIndex = index
  }

  private siftUp(entry: Due): void {
    for (let index = entry.heapIndex; index > 0;) {
      const parentIndex = (index - 1) >> 1
      const parent = this.heap[parentIndex]
      if (parent === undefined || parent.deadline <= entry.deadline) return
      this.place(parent, index)
      this.place(entry, parentIndex)
      index = parentIndex
    }
  }

  private siftDown(entry: Due): void {
    for (let index = entry.heapIndex;;) {
      const left = this.heap[2 * index + 1]
      const right = this.heap[2 * index + 2]
      const least = right !== undefined && left !== undefined && right.deadline < left.deadline
        ? right
        : left
      if (least === undefined || least.deadline >= entry.deadline) return
      const leastIndex = least.heapIndex
      this.place(least, index)
      this.place(entry, leastIndex)
      index = leastIndex
    }
  }
}
