/** What a figure is: one quantity, and everyone for whom it is measured in the same way. */
import { Clock, Effect, type Scope } from "effect"
import { quantile } from "./Statistics.ts"

/** Measures for about so many milliseconds, and gives what was measured in the figure's unit. */
export type Measure = (millis: number) => Effect.Effect<number>

/** One who is measured: set up once per figure, let go when the scope closes. */
export type Contender = Effect.Effect<Measure, never, Scope.Scope>

/** One quantity, measured for plantd (`subject`) and beside it for its peers by name. */
export interface Figure {
  readonly name: string
  readonly unit: string
  /** Which way a value is better: a rate is by being higher, a time or a size by being lower. */
  readonly better: "higher" | "lower"
  /** At most so many rounds, and one warm-up where it is usual to have more. */
  readonly roundsMax?: number
  /** So many times the usual warm-up, for what passes through much code that is to be compiled. */
  readonly warmUpTimes?: number
  /**
   * Each round is an event of its own, such as the loss of a node: there are as many as the plan
   * has events, none is thrown away, and their P99 is reported beside their median.
   */
  readonly events?: true
  readonly subject: Contender
  readonly peers: Readonly<Record<string, Contender>>
}

/** Figures that are measured by one command. */
export interface Suite {
  readonly name: string
  readonly figures: ReadonlyArray<Figure>
}

/** What `rate` runs over and over: a batch of operations, of which the last ends the effect. */
export interface Batch {
  readonly size: number
  readonly run: (size: number) => Effect.Effect<unknown>
}

/** Measures operations per second: whole batches until the time is up, over the time they took. */
export const rate = (batch: Batch): Measure => (millis) =>
  Effect.gen(function*() {
    const begin = yield* Clock.currentTimeNanos
    const end = begin + BigInt(Math.ceil(millis * 1e6))
    let done = 0
    let now = begin
    while (now < end) {
      yield* batch.run(batch.size)
      done += batch.size
      now = yield* Clock.currentTimeNanos
    }
    return done * 1e9 / Number(now - begin)
  })

/** Measures how long one run takes, the next after the one before: a quantile, in microseconds. */
export const duration = (fraction: number, run: Effect.Effect<unknown>): Measure => (millis) =>
  Effect.gen(function*() {
    const micros: Array<number> = []
    let now = yield* Clock.currentTimeNanos
    const end = now + BigInt(Math.ceil(millis * 1e6))
    while (now < end) {
      yield* run
      const after = yield* Clock.currentTimeNanos
      micros.push(Number(after - now) / 1e3)
      now = after
    }
    return quantile(micros.toSorted((a, b) => a - b), fraction)
  })

/** Runs an effect so many times, one after the other, with little cost of its own. */
export const times = <A, E, R>(
  count: number,
  effect: (index: number) => Effect.Effect<A, E, R>
): Effect.Effect<void, E, R> =>
  Effect.suspend(() => {
    let index = 0
    return Effect.whileLoop({
      while: () => index < count,
      body: () => effect(index),
      step: () => {
        index++
      }
    })
  })
