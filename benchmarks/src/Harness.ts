/** Measures a figure: plantd and its peers in turn, in one process, in rounds side by side. */
import { Effect } from "effect"
import type { Figure, Measure } from "./Figure.ts"
import type { Samples } from "./Statistics.ts"

/** How long a figure is measured. */
export interface Plan {
  /** Rounds that are run and thrown away, until code is compiled and heaps have grown. */
  readonly warmUps: number
  readonly rounds: number
  /** Rounds of a figure whose rounds are events. */
  readonly events: number
  /** Milliseconds of one measurement: one contender in one round. */
  readonly millis: number
}

/** 15 rounds after 4 warm-ups, 200 ms per measurement; 20 events. */
export const standard: Plan = { warmUps: 4, rounds: 15, events: 20, millis: 200 }

/** 3 rounds after 1 warm-up, 50 ms per measurement; 1 event: shows that a suite runs, no more. */
export const quick: Plan = { warmUps: 1, rounds: 3, events: 1, millis: 50 }

/** The rounds that a plan has for a figure. */
export const roundsOf = (figure: Figure, plan: Plan): Plan => {
  const { events, roundsMax = Infinity, warmUpTimes = 1 } = figure
  if (events === true) return { ...plan, warmUps: 0, rounds: plan.events }
  const warmUps = roundsMax === Infinity ? plan.warmUps : Math.min(plan.warmUps, 1)
  return {
    ...plan,
    warmUps: warmUps * warmUpTimes,
    rounds: Math.min(plan.rounds, roundsMax)
  }
}

/** Told of each round that is kept: which one it was, and the values, the subject's first. */
export type OnRound = (round: number, values: ReadonlyArray<number>) => Effect.Effect<void>

/** Runs all rounds of a figure. Who begins changes from round to round, so that nobody profits. */
export const measure = (
  figure: Figure,
  plan: Plan,
  onRound: OnRound = () => Effect.void
): Effect.Effect<Samples> =>
  Effect.scoped(
    Effect.gen(function*() {
      const { millis, rounds, warmUps } = roundsOf(figure, plan)
      const contenders = [figure.subject, ...Object.values(figure.peers)]
      const measures = yield* Effect.forEach(contenders, (contender) => contender)
      const samples = measures.map((): Array<number> => [])
      for (let round = -warmUps; round < rounds; round++) {
        const values = yield* inTurn(measures, Math.abs(round), millis)
        if (round < 0) continue
        values.forEach((value, index) => samples[index]?.push(value))
        yield* onRound(round + 1, values)
      }
      const [subject = [], ...peers] = samples
      const names = Object.keys(figure.peers)
      return {
        subject,
        peers: Object.fromEntries(names.map((name, index) => [name, peers[index] ?? []]))
      }
    })
  )

/** Each measures once, beginning at `first`; the values come back in the order of `measures`. */
const inTurn = (
  measures: ReadonlyArray<Measure>,
  first: number,
  millis: number
): Effect.Effect<ReadonlyArray<number>> =>
  Effect.gen(function*() {
    const values = measures.map(() => Number.NaN)
    for (let turn = 0; turn < measures.length; turn++) {
      const index = (first + turn) % measures.length
      const measured = measures[index]
      if (measured !== undefined) values[index] = yield* measured(millis)
    }
    return values
  })
