/**
 * Plain callbacks at virtual times, run in the order of their times and then of their making, by
 * one fiber: what happens in the simulated network is the same in every run with one seed.
 */
import { Effect, type Scope, Utils } from "effect"

/** The time and the randomness of one simulated network. */
export interface Timeline {
  /** Milliseconds of the clock that the network was made with. */
  readonly now: () => number
  /**
   * Runs `callback` at `millis`, rounded up to a whole one as clocks have it; or in the next step
   * of the driving fiber where that is past.
   */
  readonly at: (millis: number, callback: () => void) => void
  /** A number in [0, 1). */
  readonly random: () => number
}

interface Entry {
  readonly due: number
  readonly made: number
  readonly callback: () => void
}

const before = (a: Entry, b: Entry) => a.due < b.due || (a.due === b.due && a.made < b.made)

/** Sifts a new entry up a binary heap. */
const push = (heap: Array<Entry>, entry: Entry): void => {
  let i = heap.length
  heap.push(entry)
  while (i > 0) {
    const parent = (i - 1) >> 1
    if (before(heap[parent]!, entry)) break
    heap[i] = heap[parent]!
    i = parent
  }
  heap[i] = entry
}

/** Takes the first entry off a binary heap that is not empty. */
const pop = (heap: Array<Entry>): Entry => {
  const first = heap[0]!
  const moved = heap.pop()!
  if (heap.length === 0) return first
  let i = 0
  for (;;) {
    let child = 2 * i + 1
    if (child >= heap.length) break
    if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++
    if (before(moved, heap[child]!)) break
    heap[i] = heap[child]!
    i = child
  }
  heap[i] = moved
  return first
}

/** A time line driven until the scope closes, on the Clock and a seed from the Random in use. */
export const make: Effect.Effect<Timeline, never, Scope.Scope> = Effect.gen(function*() {
  const clock = yield* Effect.clock
  const random = new Utils.PCGRandom(yield* Effect.flatMap(Effect.random, (r) => r.nextInt))
  const heap: Array<Entry> = []
  let made = 0
  let target = Infinity
  let rouse: (() => void) | undefined

  const untilEarlier = Effect.async<void>((resume) => {
    rouse = () => {
      rouse = undefined
      resume(Effect.void)
    }
    // Something earlier may have been asked for since the target was chosen.
    if (heap.length > 0 && heap[0]!.due < target) rouse()
  })
  const step = Effect.suspend(() => {
    while (heap.length > 0 && heap[0]!.due <= clock.unsafeCurrentTimeMillis()) pop(heap).callback()
    target = heap[0]?.due ?? Infinity
    return target === Infinity
      ? untilEarlier
      : Effect.raceFirst(Effect.sleep(target - clock.unsafeCurrentTimeMillis()), untilEarlier)
  })
  yield* Effect.forkScoped(Effect.withClock(Effect.forever(step), clock))

  return {
    now: () => clock.unsafeCurrentTimeMillis(),
    at: (millis, callback) => {
      const due = Math.ceil(millis)
      push(heap, { due, made: made++, callback })
      if (due < target) rouse?.()
    },
    random: () => random.number()
  }
})
