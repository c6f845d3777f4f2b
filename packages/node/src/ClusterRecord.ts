/**
 * What a demo on several nodes has seen beside what every demo sees: who ran the controller, who
 * was killed, and how the plant fared; pure, from observations to figures and a verdict.
 */
import type { Summary } from "./DemoRecord.ts"
import * as PlantRecord from "./PlantRecord.ts"

/** One observation; `at` in milliseconds since the start of the demo, nodes by their names. */
export type Observation =
  | ({ readonly _tag: "Plant" } & PlantRecord.Sample)
  /** The controller answered, and this node holds its lease. */
  | {
    readonly _tag: "Answered"
    readonly at: number
    readonly node: string
    readonly controlling: boolean
  }
  | { readonly _tag: "Killed"; readonly at: number; readonly node: string }

/** What is kept of the observations. */
export interface ClusterRecord {
  readonly plant: PlantRecord.PlantRecord
  /** Who runs the controller, as far as is known. */
  readonly node: string | undefined
  readonly moves: number
  readonly nodesKilled: number
  /** A kill after which nobody else has been seen to control yet. */
  readonly pending: { readonly at: number; readonly node: string } | undefined
  /** The longest time from a kill until another node controlled; `null` before there was one. */
  readonly takeoverMs: number | null
}

/** The record of a cluster that nobody has looked at. */
export const empty: ClusterRecord = {
  plant: PlantRecord.empty,
  node: undefined,
  moves: 0,
  nodesKilled: 0,
  pending: undefined,
  takeoverMs: null
}

/** The record after one more observation. */
export const observe = (record: ClusterRecord, seen: Observation): ClusterRecord => {
  switch (seen._tag) {
    case "Plant":
      return { ...record, plant: PlantRecord.observe(record.plant, seen) }
    case "Killed": {
      const { at, node } = seen
      return { ...record, nodesKilled: record.nodesKilled + 1, pending: { at, node } }
    }
    case "Answered":
      return takenOver(moved(record, seen.node), seen)
  }
}

const moved = (record: ClusterRecord, node: string): ClusterRecord => {
  if (record.node === node) return record
  return { ...record, node, moves: record.node === undefined ? 0 : record.moves + 1 }
}

const takenOver = (
  record: ClusterRecord,
  { at, controlling, node }: Extract<Observation, { readonly _tag: "Answered" }>
): ClusterRecord => {
  const { pending } = record
  if (pending === undefined || pending.node === node || !controlling) return record
  const takeoverMs = Math.max(record.takeoverMs ?? 0, Math.round(at - pending.at))
  return { ...record, pending: undefined, takeoverMs }
}

/** The end of a demo on several nodes: that of every demo, and more. */
export interface ClusterSummary extends Summary {
  readonly nodes: number
  readonly nodesKilled: number
  /** How often the controller moved from one node to another. */
  readonly moves: number
  /** From the kill of its node until the controller controlled on another; `null` without one. */
  readonly takeoverMs: number | null
  /**
   * The largest error of the plant's real level after it had settled, in percent of the setpoint;
   * `null` where it never settled.
   */
  readonly worstLevelErrorPercent: number | null
}

/** The largest error of a settled level that is fine, in percent of the setpoint. */
export const worstLevelErrorPercentMax = 5

/** The longest time that a setpoint may take to be settled to, in milliseconds. */
export const settlingMillisMax = 15_000

/** The longest time without a look at the plant that is fine, in milliseconds. */
export const gapMillisMax = 2_000

/** How long the level may be other than good at the end, in ms: its actor may move even then. */
export const blindMillisMax = 2_500

/** How a cluster was run. */
export interface Run {
  readonly nodes: number
  readonly chaos: boolean
}

/** What a demo on several nodes has shown. */
export const summarize = (summary: Summary, record: ClusterRecord, run: Run): ClusterSummary => {
  const worst = record.plant.worstPercent
  const problems = [...summary.problems, ...problemsOf(record, run)]
  return {
    ...summary,
    nodes: run.nodes,
    nodesKilled: record.nodesKilled,
    moves: record.moves,
    takeoverMs: record.takeoverMs,
    worstLevelErrorPercent: worst === null ? null : Number(worst.toFixed(2)),
    problems,
    ok: problems.length === 0
  }
}

const problemsOf = (
  { moves, nodesKilled, pending, plant }: ClusterRecord,
  { chaos }: Run
): ReadonlyArray<string> => {
  const worst = plant.worstPercent
  const faults: ReadonlyArray<readonly [boolean, string]> = [
    [worst === null, "the level never settled"],
    [
      worst !== null && worst > worstLevelErrorPercentMax,
      `the settled level was ${worst?.toFixed(2)} % off its setpoint,`
      + ` more than ${worstLevelErrorPercentMax} %`
    ],
    [
      plant.settlingMillis > settlingMillisMax,
      `the level took ${plant.settlingMillis} ms to settle, more than ${settlingMillisMax} ms`
    ],
    [
      plant.gapMillis > gapMillisMax,
      `the plant could not be looked at for ${plant.gapMillis} ms, more than ${gapMillisMax} ms`
    ],
    [chaos && nodesKilled === 0, "no node was killed"],
    [pending !== undefined, `nobody took over from ${pending?.node}, which was killed`],
    [moves < nodesKilled, `the controller moved ${moves} times after ${nodesKilled} kills`]
  ]
  return faults.filter(([holds]) => holds).map(([, fault]) => fault)
}
