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

/** How a queue is made. */
export interface Options {
  /** Items that wait at most. */
  readonly capacity: number
  /** Stands in the message for a second taker. */
  readonly name: string
}

/** Waits for ever, and unlike `Effect.never` by no timer that would keep the process alive. */
export const silence: Effect.Effect<never> = Effect.async<never>(() => {})

interface State<A, E> {
  items: Array<A>
  head: number
  last: Effect.Effect<never, E> | undefined
  /** Resumes the taker that waits. */
  waiter: ((wake: Effect.Effect<void>) => void) | undefined
  roomCallback: (() => void) | undefined
}

const size = <A, E>({ head, items }: State<A, E>) => items.length - head

const tellRoom = <A, E>(state: State<A, E>): void => {
  const callback = state.roomCallback
  state.roomCallback = undefined
  callback?.()
}

const shift = <A, E>(state: State<A, E>, capacity: number): A => {
  const item = state.items[state.head++]!
  if (state.head === state.items.length || state.head >= capacity) {
    state.items = state.items.slice(state.head)
    state.head = 0
  }
  if (state.roomCallback !== undefined && size(state) * 2 <= capacity) tellRoom(state)
  return item
}

/** The wake-up carries no item: a fiber interrupted between wake-up and take leaves it in place. */
const waitOf = <A, E>(state: State<A, E>, name: string): Effect.Effect<void> =>
  Effect.async<void>((resume) => {
    if (state.waiter !== undefined) {
      return resume(Effect.dieMessage(`${name}: a second fiber waits; only one may at a time`))
    }
    // The fiber may have been paused since it saw the queue empty.
    if (size(state) > 0 || state.last !== undefined) return resume(Effect.void)
    state.waiter = resume
    return Effect.sync(() => {
      if (state.waiter === resume) state.waiter = undefined
    })
  })

const takeOf = <A, E>(state: State<A, E>, { capacity, name }: Options): Effect.Effect<A, E> => {
  // One operation: no pause, and so no interruption, between the take and what follows it.
  const next = Effect.sync(() => shift(state, capacity))
  const take: Effect.Effect<A, E> = Effect.suspend(() => {
    if (state.last !== undefined) return state.last
    return size(state) > 0 ? next : waitThenTake
  })
  const waitThenTake = Effect.flatMap(waitOf(state, name), () => take)
  return take
}

/** An empty queue. */
export const make = <A, E = never>(options: Options): Inbox<A, E> => {
  const { capacity } = options
  const state: State<A, E> = {
    items: [],
    head: 0,
    last: undefined,
    waiter: undefined,
    roomCallback: undefined
  }
  const wake = () => {
    const resume = state.waiter
    state.waiter = undefined
    resume?.(Effect.void)
  }
  return {
    take: takeOf(state, options),
    offer: (item) => {
      if (state.last !== undefined) return
      if (size(state) >= capacity) shift(state, capacity)
      state.items.push(item)
      wake()
    },
    isFull: () => size(state) >= capacity,
    onRoom: (callback) => {
      state.roomCallback = callback
      if (state.last !== undefined || size(state) * 2 <= capacity) tellRoom(state)
    },
    end: (effect) => {
      if (state.last !== undefined) return
      // What waits stays in place for a fiber paused right before `next`; nobody else sees it.
      state.last = effect
      wake()
      tellRoom(state)
    }
  }
}
