/** Medians and spreads of what was measured, and ratios of what was measured side by side. */

/** What was measured for one figure: a value per round, in the same order for everyone. */
export interface Samples {
  readonly subject: ReadonlyArray<number>
  readonly peers: Readonly<Record<string, ReadonlyArray<number>>>
}

/** A median, and the quartiles around it. */
export interface Spread {
  readonly median: number
  readonly low: number
  readonly high: number
}

/** A peer's own values, and plantd's value over the peer's, taken round by round. */
export interface Comparison {
  readonly peer: string
  readonly value: Spread
  readonly ratio: Spread
}

/** One figure's outcome. */
export interface Summary {
  readonly value: Spread
  readonly comparisons: ReadonlyArray<Comparison>
}

/** Sums samples up. Each ratio is of two values of one round, since a machine's speed drifts. */
export const summarize = (samples: Samples): Summary => ({
  value: spreadOf(samples.subject),
  comparisons: Object.entries(samples.peers).map(([peer, values]) => ({
    peer,
    value: spreadOf(values),
    ratio: spreadOf(ratios(samples.subject, values))
  }))
})

/** Median and quartiles; `NaN` where there are no values. */
export const spreadOf = (values: ReadonlyArray<number>): Spread => {
  const sorted = ascending(values)
  return {
    median: quantile(sorted, 0.5),
    low: quantile(sorted, 0.25),
    high: quantile(sorted, 0.75)
  }
}

/** From the least to the greatest. */
export const ascending = (values: ReadonlyArray<number>): ReadonlyArray<number> =>
  values.toSorted((a, b) => a - b)

const ratios = (subject: ReadonlyArray<number>, peer: ReadonlyArray<number>): Array<number> => {
  if (subject.length !== peer.length) {
    throw new RangeError(`${subject.length} rounds stand beside ${peer.length}, expected as many`)
  }
  return subject.map((value, round) => value / (peer[round] ?? Number.NaN))
}

/** Between two sorted values it is interpolated (type 7 of Hyndman and Fan, 1996). */
export const quantile = (sorted: ReadonlyArray<number>, fraction: number): number => {
  const position = (sorted.length - 1) * fraction
  const below = sorted[Math.floor(position)] ?? Number.NaN
  const above = sorted[Math.ceil(position)] ?? Number.NaN
  return below + (above - below) * (position - Math.floor(position))
}
