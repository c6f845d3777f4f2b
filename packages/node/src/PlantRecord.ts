/**
 * How well a level was kept at its setpoint, pure: from samples of the plant itself to the worst
 * error after it had settled. Each new setpoint is settled to anew.
 */

/** The level as the plant has it, without noise; in m, `at` in milliseconds. */
export interface Sample {
  readonly at: number
  readonly level: number
  readonly setpoint: number
}

/** What is kept of the samples. */
export interface PlantRecord {
  readonly last: Sample | undefined
  /** Since when the present setpoint holds. */
  readonly chosenAt: number
  /** Since when the level is within `settledPercent`; `undefined` while it is not. */
  readonly nearSince: number | undefined
  readonly settled: boolean
  /** The largest error while settled, in percent of the setpoint; `null` before it was. */
  readonly worstPercent: number | null
  /** The longest time that a setpoint took to be settled to, in milliseconds. */
  readonly settlingMillis: number
  /** The longest time between two samples, in milliseconds. */
  readonly gapMillis: number
}

/** A level within so much of its setpoint, in percent of it, for `settledMillis`, has settled. */
export const settledPercent = 2

/** How long it must be so near, in milliseconds. */
export const settledMillis = 1_000

/** The record of a plant that nobody has looked at. */
export const empty: PlantRecord = {
  last: undefined,
  chosenAt: 0,
  nearSince: undefined,
  settled: false,
  worstPercent: null,
  settlingMillis: 0,
  gapMillis: 0
}

/** How far a level is off, in percent of its setpoint. */
export const errorPercent = ({ level, setpoint }: Sample): number =>
  (100 * Math.abs(level - setpoint)) / setpoint

/** The record after one more sample. */
export const observe = (record: PlantRecord, sample: Sample): PlantRecord => {
  const { last } = record
  const gap = last === undefined ? 0 : sample.at - last.at
  const seen = { ...record, last: sample, gapMillis: Math.max(record.gapMillis, gap) }
  return last?.setpoint === sample.setpoint
    ? followed(seen, sample)
    : followed({ ...seen, chosenAt: sample.at, nearSince: undefined, settled: false }, sample)
}

const followed = (record: PlantRecord, sample: Sample): PlantRecord => {
  const error = errorPercent(sample)
  if (record.settled) {
    return { ...record, worstPercent: Math.max(record.worstPercent ?? 0, error) }
  }
  const settlingMillis = Math.max(record.settlingMillis, sample.at - record.chosenAt)
  if (error > settledPercent) return { ...record, settlingMillis, nearSince: undefined }
  const nearSince = record.nearSince ?? sample.at
  return sample.at - nearSince < settledMillis
    ? { ...record, settlingMillis, nearSince }
    : {
      ...record,
      settlingMillis,
      nearSince,
      settled: true,
      worstPercent: Math.max(record.worstPercent ?? 0, error)
    }
}
