/**
 * A bounded queue between plain code that offers and one Effect that takes: no fiber, and nothing
 * allocated, per item that already waits.
 */
import { Effect } from "effect"

/** The two ends of the queue. */
export interface Inbox<A, E> {
  /** The next item, waiting for one where none is there. Interrupted, it has taken none. */
  readonly take: Effect.Effect<A, E>
  /** Adds an item; where the queue is full the oldest one makes place. */
  readonly offer: (item: A) => void
  readonly isFull: () => boolean
  /** Calls back once, when half of the capacity is free again or the queue was ended. */
  readonly onRoom: (callback: () => void) => void
  /** Discards what waits; from now on `take` is `last`. Only the first call counts. */
  readonly end: (last: Effect.Effect<never, E>) => void
}

/** Waits for ever, and unlike `Effect.never` by no timer that would keep the process alive. */
export const silence: Effect.Effect<never> = Effect.async<never>(() => {})

/** How a queue is made. */
export interface Options {
  /** Items that wait at most. */
  readonly capacity: number
  /** Stands in the message for a second taker. */
  readonly name: string
  /** When to wake the taker; at once where it is not given. */
  readonly schedule?: (wake: () => void) => void
}

/** An empty queue. */
export const make = <A, E = never>(options: Options): Inbox<A, E> => {
  const { capacity, name, schedule = (wake) => wake() } = options
  let items: Array<A> = []
  let head = 0
  let last: Effect.Effect<never, E> | undefined
  let waiter: ((wake: Effect.Effect<void>) => void) | undefined
  let roomCallback: (() => void) | undefined

  const size = () => items.length - head
  let waking = false
  const wake = () => {
    waking = false
    const resume = waiter
    waiter = undefined
    resume?.(Effect.void)
  }
  const tellRoom = () => {
    const callback = roomCallback
    roomCallback = undefined
    callback?.()
  }
  const shift = (): A => {
    const item = items[head++]!
    if (head === items.length) {
      items = []
      head = 0
    } else if (head >= capacity) {
      items = items.slice(head)
      head = 0
    }
    if (roomCallback !== undefined && size() * 2 <= capacity) tellRoom()
    return item
  }

  // The wake-up carries no item: a fiber interrupted between wake-up and take leaves it in place.
  const wait = Effect.async<void>((resume) => {
    if (waiter !== undefined) {
      return resume(Effect.dieMessage(`${name}: a second fiber waits; only one may at a time`))
    }
    // The fiber may have been paused since it saw the queue empty.
    if (size() > 0 || last !== undefined) return resume(Effect.void)
    waiter = resume
    return Effect.sync(() => {
      if (waiter === resume) waiter = undefined
    })
  })
  // One operation: no pause, and so no interruption, between the take and what follows it.
  const next = Effect.sync(shift)
  const take: Effect.Effect<A, E> = Effect.suspend(() => {
    if (last !== undefined) return last
    return size() > 0 ? next : waitThenTake
  })
  const waitThenTake: Effect.Effect<A, E> = Effect.flatMap(wait, () => take)

  return {
    take,
    offer: (item) => {
      if (last !== undefined) return
      if (size() >= capacity) shift()
      items.push(item)
      if (waiter === undefined || waking) return
      waking = true
      schedule(wake)
    },
    isFull: () => size() >= capacity,
    onRoom: (callback) => {
      roomCallback = callback
      if (last !== undefined || size() * 2 <= capacity) tellRoom()
    },
    end: (effect) => {
      if (last !== undefined) return
      // What waits stays in place for a fiber paused right before `next`; nobody else sees it.
      last = effect
      wake()
      tellRoom()
    }
  }
}
