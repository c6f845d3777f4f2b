/** How a demo is shown to a person: pure, from a moment to lines of text. */

import type { ClusterSummary } from "./ClusterRecord.ts"
import type { Summary } from "./DemoRecord.ts"

/** A moment of a demo. Levels in m, positions in %, rates per second. */
export interface Moment {
  readonly seconds: number
  readonly level1: number | null
  readonly level2: number | null
  readonly setpoint: number
  readonly pump: number | null
  readonly valve: number | null
  readonly controller: string
  /** The node that runs the controller, where there are several. */
  readonly node?: string | undefined
  readonly link: string
  readonly quality: string
  readonly readingsPerSecond: number
  readonly messagesPerSecond: number
  readonly deadLetters: number
  readonly restarts: number
  /** The last things that happened, oldest first. */
  readonly events: ReadonlyArray<string>
}

/** The level at which a bar is full, in m. */
const levelMax = 0.5

/** The most events shown. */
export const eventsShownMax = 6

const barWidth = 24

/** The live view for a terminal: a fixed number of lines, none longer than `columns`. */
export const live = (moment: Moment, columns: number): ReadonlyArray<string> => {
  const events = moment.events.slice(-eventsShownMax)
  const stale = moment.quality === "good" ? "" : `   (${moment.quality})`
  const lines = [
    `plantd demo   ${clock(moment.seconds)}   two coupled tanks over ZeroMQ   Ctrl-C stops`,
    "",
    `  tank 1   ${bar(moment.level1, levelMax)} ${number(moment.level1, 3)} m${stale}`,
    `  tank 2   ${bar(moment.level2, levelMax)} ${number(moment.level2, 3)} m${stale}`
    + `   setpoint ${number(moment.setpoint, 3)} m`,
    `  pump     ${bar(moment.pump, 100)} ${number(moment.pump, 1)} %${stale}   ${
      controllerOf(moment)
    }`,
    `  valve    ${bar(moment.valve, 100)} ${number(moment.valve, 1)} %`,
    "",
    `  link ${moment.link.padEnd(12)} quality ${moment.quality.padEnd(10)}`
    + `actor restarts ${moment.restarts}   dead letters ${moment.deadLetters}`,
    `  ${moment.readingsPerSecond} readings/s   ${moment.messagesPerSecond} messages/s`,
    "",
    ...Array.from({ length: eventsShownMax }, (_, n) => `  ${events[n] ?? ""}`)
  ]
  return lines.map((line) => cut(line.trimEnd(), columns))
}

const controllerOf = ({ controller, node }: Moment): string =>
  node === undefined ? controller : `${controller} on ${node}`

/** One moment as one line, for a log or a pipe. */
export const line = (moment: Moment): string =>
  [
    clock(moment.seconds),
    `level ${number(moment.level2, 3)} m`,
    `setpoint ${number(moment.setpoint, 3)} m`,
    `pump ${number(moment.pump, 1)} %`,
    controllerOf(moment),
    `link ${moment.link}`,
    `quality ${moment.quality}`,
    `${moment.readingsPerSecond} readings/s`,
    `restarts ${moment.restarts}`,
    `dead letters ${moment.deadLetters}`
  ].join("  ")

const of = (value: number | null, unit: string): string =>
  value === null ? "unknown" : `${value}${unit}`

const clusterLines = (summary: ClusterSummary): ReadonlyArray<string> => {
  const { moves, nodes, nodesKilled, takeoverMs, worstLevelErrorPercent } = summary
  const takeover = nodesKilled === 0 ? "" : `, taken over after ${of(takeoverMs, " ms")}`
  return [
    `  ${nodes} nodes, ${nodesKilled} of them killed${takeover};`
    + ` the controller moved ${moves} ${moves === 1 ? "time" : "times"}`,
    `  the settled level of the plant was at most ${of(worstLevelErrorPercent, " %")}`
    + " off its setpoint"
  ]
}

/** The summary for a person: what was seen, and what was wrong. */
export const conclusion = (
  summary: Summary | ClusterSummary,
  stopped: boolean
): ReadonlyArray<string> => {
  const verdict = stopped ? "Stopped" : summary.ok ? "All is well" : "Not all is well"
  const outage = summary.recovered === null ? [] : [
    `  link found lost after ${of(summary.linkLostAfterMs, " ms")},`
    + ` level stale meanwhile: ${summary.staleWhileLost === true ? "yes" : "no"},`
    + ` pump commands meanwhile: ${of(summary.pumpCommandsWhileLost, "")}`
  ]
  return [
    `${verdict} after ${summary.seconds} s:`,
    `  level error in the last 5 s at most ${of(summary.levelErrorPercent, " %")},`
    + ` ${summary.readingsPerSecond} readings/s, ${summary.deadLetters} dead letters,`
    + ` ${summary.restarts} actor restarts`,
    ...outage,
    ...("nodes" in summary ? clusterLines(summary) : []),
    // A person who stops it in the middle is told the facts; a verdict needs the whole of it.
    ...(stopped ? [] : summary.problems.map((problem) => `  problem: ${problem}`))
  ]
}

/** What moves the cursor back to the first of `lines` lines and clears what follows. */
export const rewind = (lines: number): string => (lines === 0 ? "" : `\u001b[${lines}A\u001b[0J`)

const cut = (line: string, columns: number): string =>
  line.length <= columns ? line : `${line.slice(0, Math.max(0, columns - 1))}…`

const clock = (seconds: number): string => {
  const whole = Math.floor(seconds)
  const pad = (n: number) => String(n).padStart(2, "0")
  return `${pad(Math.floor(whole / 60))}:${pad(whole % 60)}`
}

const number = (value: number | null, digits: number): string =>
  value === null ? "-".padStart(digits + 2) : value.toFixed(digits)

const bar = (value: number | null, max: number): string => {
  const part = Math.min(1, Math.max(0, (value ?? 0) / max))
  const full = Math.round(part * barWidth)
  return "█".repeat(full) + "·".repeat(barWidth - full)
}
