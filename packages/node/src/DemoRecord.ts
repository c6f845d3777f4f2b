/** What a demo has seen, and what follows from it: pure, from observations to a summary. */
import type { Quality } from "@plantd/core"
import { judgedMillis } from "./DemoScript.ts"

/** One observation; `at` in milliseconds since the start of the demo. */
export type Observation =
  | LevelObservation
  | { readonly _tag: "Link"; readonly at: number; readonly state: string }
  | { readonly _tag: "Killed"; readonly at: number }
  | { readonly _tag: "Restarted"; readonly at: number }
  | { readonly _tag: "Counted"; readonly at: number; readonly counts: Counts }

/** A level as it was told to a subscriber, in m, and the setpoint at that moment. */
export interface LevelObservation {
  readonly _tag: "Level"
  readonly at: number
  readonly level: number | null
  readonly quality: Quality.Quality
  readonly setpoint: number
}

/** Counters since the start of the demo. */
export interface Counts {
  readonly readings: number
  readonly deadLetters: number
  /** Actors that were built anew after a crash. */
  readonly restarts: number
  /** What the controller has told the pump, over its restarts. */
  readonly pumpCommands: number
}

/** One time that the tank process was dead, as far as it has come. */
export interface Outage {
  readonly killedAt: number
  readonly restartedAt?: number
  readonly lostAt?: number
  readonly onlineAt?: number
  /** Levels told between `lostAt` and `onlineAt`: stale ones, and others. */
  readonly stale: number
  readonly notStale: number
  /** What the pump had been told when the link was found lost, and when it was online again. */
  readonly commandsAtLost?: number
  readonly commandsAtOnline?: number
}

/** What is kept of the observations; it does not grow with the length of the demo. */
export interface DemoRecord {
  /** The levels of the last `judgedMillis`, oldest first. */
  readonly levels: ReadonlyArray<LevelObservation>
  readonly counts: Counts
  /** The outages that are over, in numbers, and the last one. */
  readonly outage: Outage | undefined
  readonly link: string
  readonly quality: Quality.Quality
}

/** The record of a demo that has seen nothing. */
export const empty: DemoRecord = {
  levels: [],
  counts: { readings: 0, deadLetters: 0, restarts: 0, pumpCommands: 0 },
  outage: undefined,
  link: "disconnected",
  quality: "bad"
}

/** The record after one more observation. */
export const observe = (record: DemoRecord, seen: Observation): DemoRecord => {
  switch (seen._tag) {
    case "Level": {
      const levels = [...record.levels, seen].filter(({ at }) => seen.at - at <= judgedMillis)
      return { ...record, levels, quality: seen.quality, outage: told(record.outage, seen) }
    }
    case "Link":
      return { ...record, link: seen.state, outage: linked(record, seen) }
    case "Killed":
      return { ...record, outage: { killedAt: seen.at, stale: 0, notStale: 0 } }
    case "Restarted":
      return record.outage === undefined
        ? record
        : { ...record, outage: { ...record.outage, restartedAt: seen.at } }
    case "Counted":
      return { ...record, counts: seen.counts }
  }
}

/** The end of a demo, as one object. */
export interface Summary {
  readonly type: "summary"
  readonly ok: boolean
  /** Why not, one sentence each; empty where `ok`. */
  readonly problems: ReadonlyArray<string>
  readonly seconds: number
  /** The largest of the last five seconds; `null` where the level was not good in them. */
  readonly levelErrorPercent: number | null
  readonly readingsPerSecond: number
  readonly deadLetters: number
  readonly restarts: number
  /** From the kill to the link's being lost; `null` without a kill, or where it was not noticed. */
  readonly linkLostAfterMs: number | null
  /** Whether every level told while the link was lost was stale; `null` without a kill. */
  readonly staleWhileLost: boolean | null
  /** What the pump was told while the link was lost; `null` without a kill. */
  readonly pumpCommandsWhileLost: number | null
  /** Whether the level was back within the tolerance at the end; `null` without a kill. */
  readonly recovered: boolean | null
}

/** The largest error of the level that is fine, in percent of the setpoint. */
export const levelErrorPercentMax = 2

/** The fewest readings that are fine, per second. */
export const readingsPerSecondMin = 10

/** The longest time in which a killed device process must be noticed, in milliseconds. */
export const linkLostMillisMax = 5_000

/**
 * What a demo that ended at `at` has shown. For shorter than `blindMillisMax` of its last seconds
 * the level may be other than good: while the device's actor moves from one node to another nobody
 * has a reading of it, and whoever asks is told so.
 */
export const summarize = (record: DemoRecord, at: number, blindMillisMax = 0): Summary => {
  const { counts, outage } = record
  const seconds = at / 1_000
  const levelErrorPercent = worstError(record.levels, at, blindMillisMax)
  const settled = levelErrorPercent !== null && levelErrorPercent <= levelErrorPercentMax
  const summary = {
    type: "summary" as const,
    seconds: round(seconds, 1),
    levelErrorPercent: levelErrorPercent === null ? null : round(levelErrorPercent, 2),
    readingsPerSecond: seconds > 0 ? Math.floor((10 * counts.readings) / seconds) / 10 : 0,
    deadLetters: counts.deadLetters,
    restarts: counts.restarts,
    linkLostAfterMs: outage?.lostAt === undefined
      ? null
      : round(outage.lostAt - outage.killedAt, 0),
    staleWhileLost: outage === undefined ? null : outage.stale > 0 && outage.notStale === 0,
    pumpCommandsWhileLost: whileLost(outage),
    recovered: outage === undefined ? null : outage.onlineAt !== undefined && settled
  }
  const problems = problemsOf(summary)
  return { ...summary, ok: problems.length === 0, problems }
}

const problemsOf = (summary: Omit<Summary, "ok" | "problems">): ReadonlyArray<string> => {
  const problems: Array<string> = []
  const expect = (holds: boolean, problem: string) => {
    if (!holds) problems.push(problem)
  }
  const error = summary.levelErrorPercent
  expect(error !== null, "the level was not good in the last seconds")
  expect(
    error === null || error <= levelErrorPercentMax,
    `the level was ${error} % off its setpoint, more than ${levelErrorPercentMax} %`
  )
  expect(
    summary.readingsPerSecond >= readingsPerSecondMin,
    `${summary.readingsPerSecond} readings per second, fewer than ${readingsPerSecondMin}`
  )
  expect(summary.deadLetters === 0, `${summary.deadLetters} messages became dead letters`)
  if (summary.recovered === null) return problems
  const lost = summary.linkLostAfterMs
  expect(lost !== null, "the link was not found lost after the kill")
  expect(
    lost === null || lost <= linkLostMillisMax,
    `the link was found lost ${lost} ms after the kill, later than ${linkLostMillisMax} ms`
  )
  expect(summary.staleWhileLost === true, "the level was not told as stale while the link was lost")
  expect(summary.pumpCommandsWhileLost === 0, "the pump was told something while the link was lost")
  expect(summary.recovered, "the level had not recovered from the outage at the end")
  return problems
}

/** The largest error at the end, in percent; `null` where there is none to trust. */
const worstError = (
  levels: DemoRecord["levels"],
  at: number,
  blindMillisMax: number
): number | null => {
  const judged = levels.filter((seen) => at - seen.at <= judgedMillis)
  let worst: number | null = null
  let blindMillis = 0
  for (const [index, { at: since, level, quality, setpoint }] of judged.entries()) {
    if (level !== null && quality === "good") {
      worst = Math.max(worst ?? 0, (100 * Math.abs(level - setpoint)) / setpoint)
      continue
    }
    blindMillis += (judged[index + 1]?.at ?? at) - since
    if (blindMillis >= blindMillisMax) return null
  }
  return worst
}

const told = (outage: Outage | undefined, seen: LevelObservation): Outage | undefined => {
  if (outage?.lostAt === undefined || outage.onlineAt !== undefined) return outage
  return seen.quality === "stale"
    ? { ...outage, stale: outage.stale + 1 }
    : { ...outage, notStale: outage.notStale + 1 }
}

const linked = (
  { counts, outage, quality }: DemoRecord,
  seen: { readonly at: number; readonly state: string }
): Outage | undefined => {
  if (outage === undefined) return undefined
  if (seen.state === "lost" && outage.lostAt === undefined) {
    // The level may have grown stale by its age before the link was found lost.
    const stale = quality === "stale" ? outage.stale + 1 : outage.stale
    return { ...outage, stale, lostAt: seen.at, commandsAtLost: counts.pumpCommands }
  }
  if (seen.state === "online" && outage.lostAt !== undefined && outage.onlineAt === undefined) {
    return { ...outage, onlineAt: seen.at, commandsAtOnline: counts.pumpCommands }
  }
  return outage
}

const whileLost = (outage: Outage | undefined): number | null =>
  outage?.commandsAtLost === undefined || outage.commandsAtOnline === undefined
    ? null
    : outage.commandsAtOnline - outage.commandsAtLost

const round = (value: number, digits: number): number => Number(value.toFixed(digits))
