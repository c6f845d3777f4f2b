/** What happened in a run: as a time line, as JSON lines, and as what is said of a failure. */
import * as Faults from "./Faults.ts"
import type { CommandOf, Run } from "./Replay.ts"
import type { Shrunk } from "./Shrink.ts"
import type { Event, Report } from "./Simulation.ts"

/** So many events a time line shows, where nothing is said. */
const shownDefault = 30

/** Of each node at least so many, where it has them, but no more than `shownMax` in all. */
const shownOfEach = 3
const shownMax = 60

/** More characters of a detail than this are left out of a time line. */
const detailMax = 160

/** A run as JSON lines: the run first, then one line for each event that it has kept. */
export const jsonLines = (scenario: string, report: Report): string =>
  [runOf(scenario, report), ...report.events.map(eventOf)]
    .map((line) => `${JSON.stringify(line)}\n`)
    .join("")

const runOf = (scenario: string, report: Report) => ({
  type: "run",
  scenario,
  seed: report.seed,
  verdict: report.verdict,
  violation: report.violation,
  virtualMs: report.virtualMillis,
  steps: report.steps,
  events: report.eventCount,
  /** Older ones are forgotten. */
  kept: report.events.length,
  faults: report.plan,
  traceHash: report.traceHash
})

const eventOf = ({ at, detail, kind, node }: Event) => ({
  type: "event",
  atMs: Math.round(at * 1_000) / 1_000,
  node,
  kind,
  detail
})

/** To which node the message of an event goes; nothing where it is no message. */
export const receiverOf = ({ detail, kind }: Event): string | undefined =>
  kind === "message" ? / to (\S+)$/.exec(detail)?.[1] : undefined

/** The nodes of events by name, then devices, the tester, and `world`, where faults come from. */
export const nodesOf = (events: ReadonlyArray<Event>): ReadonlyArray<string> => {
  const names = new Set(events.flatMap((event) => [event.node, receiverOf(event) ?? event.node]))
  return [...names].sort((a, b) => rankOf(a) - rankOf(b) || a.localeCompare(b, "en"))
}

const rankOf = (name: string): number =>
  name === "world" ? 3 : name === "tester" ? 2 : name.includes("/") ? 1 : 0

/** The last events of each node on one time line, one a line, oldest first. */
export const timeLine = (
  events: ReadonlyArray<Event>,
  shown = shownDefault
): ReadonlyArray<string> => {
  const nodes = nodesOf(events)
  const each = Math.max(shownOfEach, Math.floor(shown / Math.max(1, nodes.length)))
  const left = new Map(nodes.map((node) => [node, each]))
  const kept: Array<Event> = []
  for (const event of events.toReversed()) {
    const more = left.get(event.node) ?? 0
    if (more === 0) continue
    if (kept.length === shownMax) break
    left.set(event.node, more - 1)
    kept.push(event)
  }
  kept.reverse()
  const width = Math.max(0, ...kept.map(({ node }) => node.length))
  const kinds = Math.max(0, ...kept.map(({ kind }) => kind.length))
  return kept.map(({ at, detail, kind, node }) =>
    `${at.toFixed(1).padStart(10)} ms  ${node.padEnd(width)}  ${kind.padEnd(kinds)}  ${
      shortened(detail)
    }`
  )
}

const shortened = (detail: string): string => {
  const line = detail.replaceAll(/\s+/g, " ").trim()
  return line.length <= detailMax ? line : `${line.slice(0, detailMax)}…`
}

/** A run that failed, what was made of it, and how it is run again. */
export interface Failure {
  readonly scenario: string
  readonly report: Report
  /** What it was run with beside its seed. */
  readonly given: Omit<Run, "seed">
  /** The same failure with a smaller plan, where that was looked for. */
  readonly shrunk: Shrunk | undefined
}

/** What is said of a failure: what is wrong, after which faults, what came before, and replay. */
export const textOf = (
  { given, report, scenario, shrunk }: Failure,
  commandOf: CommandOf
): string => {
  const { seed } = report
  const smallest = shrunk?.report ?? report
  const smaller = shrunk !== undefined && (smallest.plan !== report.plan)
  const told = [
    `${scenario} fails with seed ${seed}: ${report.violation?.check ?? "nothing failed"}`,
    ...found(report),
    "",
    ...faultsOf(report, shrunk),
    "",
    `the last events of each node${smaller ? " with these faults" : ""}:`,
    ...timeLine(smallest.events),
    "",
    "to run it again:",
    `  ${commandOf({ ...given, seed })}`
  ]
  const { plan } = smallest
  return [
    ...told,
    ...(smaller
      ? ["with these faults alone:", `  ${commandOf({ seed: smallest.seed, plan })}`]
      : [])
  ].join("\n")
}

const found = ({ violation, virtualMillis }: Report): ReadonlyArray<string> =>
  violation === undefined ? [] : [
    ...violation.detail.trimEnd().split("\n").map((line) => `  ${line}`),
    `  at ${Math.round(violation.at)} ms of ${virtualMillis} ms in virtual time`
  ]

const faultsOf = ({ plan, seed }: Report, shrunk: Shrunk | undefined): ReadonlyArray<string> => {
  if (plan.length === 0) return ["without faults"]
  const least = shrunk?.plan ?? plan
  const lines = least.map((fault) => `  ${Faults.textOf(fault)}`)
  if (shrunk === undefined) return ["faults:", ...lines]
  const how = [
    `${least.length} of ${plan.length}`,
    `by ${runsText(shrunk.runs)}${shrunk.complete ? "" : ", which is their bound"}`,
    ...(shrunk.seed === seed ? [] : [`with seed ${shrunk.seed}`])
  ].join(", ")
  return least.length === 0
    ? [`it fails without faults (${how})`]
    : [`faults, made fewer and shorter (${how}):`, ...lines]
}

/** So many runs, in words. */
export const runsText = (count: number): string => count === 1 ? "1 run" : `${count} runs`

/** What is said where something that was to happen sometimes has with no seed. */
export const unreachedText = (
  scenario: string,
  unreached: ReadonlyArray<string>,
  runs: number
): string =>
  `${scenario}: with none of ${runs} seeds this was reached, so that it was not tried: ${
    unreached.join(", ")
  }; run more seeds, or change the workload or its faults so that it comes to it`

/** The first thing that two runs do not have in common; nothing where they are the same. */
export const difference = (one: Report, other: Report): string | undefined => {
  if (one.traceHash === other.traceHash) return undefined
  const most = Math.max(one.events.length, other.events.length)
  for (let index = 0; index < most; index++) {
    const [first, second] = [one.events[index], other.events[index]]
    if (first !== undefined && second !== undefined && lineOf(first) === lineOf(second)) continue
    return `event ${index + 1} of those kept: ${lineOf(first)}; the second time: ${lineOf(second)}`
  }
  return `the same events, but ${one.steps} steps, and ${other.steps} the second time, or others`
}

const lineOf = (event: Event | undefined): string =>
  event === undefined
    ? "none"
    : `at ${event.at} ms ${event.node} ${event.kind} ${shortened(event.detail)}`
