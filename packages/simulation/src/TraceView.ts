/**
 * A run as one page of HTML that needs nothing else: each node is a lane, time goes down, messages
 * are arrows, faults are marked, and what stands under the pointer is told in full.
 */
import * as Faults from "./Faults.ts"
import type { Event, Report } from "./Simulation.ts"
import * as Trace from "./Trace.ts"

/** In pixels: the height of an event, and where lanes begin. */
const row = 18
const left = 90
const top = 8
const laneWidth = 210

/** So many characters of a detail stand beside its mark; all of it is shown under the pointer. */
const shownMax = 26

/** Between events that are farther apart than this, in virtual milliseconds, a gap is shown. */
const gapMillis = 1_000

const colours: Readonly<Record<string, string>> = {
  fault: "#c62828",
  trouble: "#c62828",
  node: "#1565c0",
  actor: "#2e7d32",
  device: "#ef6c00",
  message: "#757575",
  note: "#6a1b9a"
}

/** The page of a run. */
export const html = (scenario: string, report: Report): string => {
  const lanes = Trace.nodesOf(report.events)
  const rows = rowsOf(report.events)
  const width = left + lanes.length * laneWidth
  const height = top + (rows.at(-1)?.y ?? 0) + 2 * row
  return [
    "<!doctype html>",
    '<html lang="en"><head><meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="${policy}">`,
    `<title>${escaped(scenario)}, seed ${report.seed}</title>`,
    `<style>${style}</style></head><body>`,
    ...head(scenario, report),
    // They stay in sight.
    `<div class="lanes" style="width:${width}px">${
      lanes.map((lane, index) =>
        `<span class="lane" style="left:${xOf(index) - 40}px">${escaped(lane)}</span>`
      ).join("")
    }</div>`,
    `<svg width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">`,
    '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7"'
    + ' markerHeight="7" orient="auto"><path d="M0 0 8 4 0 8z" fill="#757575"/></marker></defs>',
    ...lanes.map((_, index) =>
      `<line x1="${xOf(index)}" y1="0" x2="${xOf(index)}" y2="${height}" stroke="#e0e0e0"/>`
    ),
    ...rows.flatMap(({ event, gap, y }) => [
      ...(gap === undefined ? [] : [text({ x: left - 12, y: top + y - row + 4, css: "gap" }, gap)]),
      drawn(event, top + y, { lanes, width })
    ]),
    "</svg></body></html>",
    ""
  ].join("\n")
}

/** The page loads nothing, and runs nothing. */
const policy = "default-src 'none'; style-src 'unsafe-inline'"

const style = "body{font:14px system-ui,sans-serif;margin:16px;color:#212121;background:#fff}"
  + "svg text{font:12px ui-monospace,monospace;paint-order:stroke;stroke:#fff;stroke-width:3px}"
  + ".time,.gap{text-anchor:end;fill:#757575}"
  + ".lanes{position:sticky;top:0;height:24px;background:#fff;z-index:1}"
  + ".lane{position:absolute;width:80px;text-align:center;font-weight:bold}"
  + ".failed{color:#c62828}.passed{color:#2e7d32}"
  + "g:hover text{font-weight:bold}pre{white-space:pre-wrap}"

const head = (scenario: string, report: Report): ReadonlyArray<string> => {
  const { eventCount, events, plan, seed, verdict, violation, virtualMillis } = report
  const forgotten = eventCount - events.length
  return [
    `<h1>${escaped(scenario)}, seed ${seed}: <span class="${verdict}">${verdict}</span></h1>`,
    ...(violation === undefined ? [] : [
      `<p class="failed">${escaped(violation.check)}, at ${Math.round(violation.at)} ms</p>`,
      `<pre>${escaped(violation.detail)}</pre>`
    ]),
    `<p>${virtualMillis} ms of virtual time, ${eventCount} events${
      forgotten > 0 ? `, of which the ${forgotten} oldest are not kept` : ""
    }</p>`,
    ...(plan.length === 0
      ? []
      : [`<ul>${plan.map((fault) => `<li>${escaped(Faults.textOf(fault))}</li>`).join("")}</ul>`])
  ]
}

interface Row {
  readonly event: Event
  readonly y: number
  /** How long nothing happened before it, where that is long. */
  readonly gap: string | undefined
}

/** One row an event: what happens at once would else be drawn over itself. */
const rowsOf = (events: ReadonlyArray<Event>): ReadonlyArray<Row> => {
  let y = 0
  let before: number | undefined
  return events.map((event) => {
    const apart = before === undefined ? 0 : event.at - before
    const gap = apart > gapMillis ? `${(apart / 1_000).toFixed(1)} s` : undefined
    y += gap === undefined ? row : 2 * row
    before = event.at
    return { event, y, gap }
  })
}

const xOf = (lane: number): number => left + lane * laneWidth + 16

const drawn = (
  event: Event,
  y: number,
  { lanes, width }: { readonly lanes: ReadonlyArray<string>; readonly width: number }
): string => {
  const { at, detail, kind, node } = event
  const x = xOf(lanes.indexOf(node))
  const colour = colours[kind] ?? "#424242"
  const receiver = Trace.receiverOf(event)
  const to = receiver === undefined ? undefined : xOf(lanes.indexOf(receiver))
  const line = to === undefined
    ? kind === "fault"
      ? `<rect x="${left - 8}" y="${y - 9}" width="${width - left + 8}" height="${row}"`
        + ' fill="#ffebee"/>'
      : ""
    : `<line x1="${x}" y1="${y}" x2="${to}" y2="${y}" stroke="${colour}"`
      + ' marker-end="url(#tip)"/>'
  const told = `${at.toFixed(3)} ms, ${node}, ${kind}: ${detail}`
  return [
    `<g class="${escaped(kind)}"><title>${escaped(told)}</title>${line}`,
    text({ x: left - 12, y: y + 4, css: "time" }, at.toFixed(1)),
    `<circle cx="${x}" cy="${y}" r="4" fill="${colour}"/>`,
    // An arrow says what it is.
    to === undefined ? text({ x: x + 8, y: y + 4, css: "detail" }, shortened(detail)) : "",
    "</g>"
  ].join("")
}

interface Place {
  readonly x: number
  readonly y: number
  readonly css: string
}

const text = ({ css, x, y }: Place, shown: string): string =>
  `<text x="${x}" y="${y}" class="${css}">${escaped(shown)}</text>`

const shortened = (detail: string): string =>
  detail.length <= shownMax ? detail : `${detail.slice(0, shownMax)}…`

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;"
}

/** Text as HTML, in a place where text or a quoted attribute stands. */
const escaped = (shown: string): string =>
  shown.replaceAll(/[&<>"']/g, (one) => entities[one] ?? "")
