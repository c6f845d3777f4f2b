/** How a figure's outcome is written: a line of JSON for programs, a table for people. */
import type { Spread, Summary } from "./Statistics.ts"

/** A figure's outcome with its names. */
export interface Outcome extends Summary {
  readonly suite: string
  readonly name: string
  readonly unit: string
  readonly better: "higher" | "lower"
  /** Of a figure whose rounds are events. */
  readonly p99?: number
}

/**
 * One object: the medians of the value and of its ratio to each peer, to five digits. Of events,
 * it has `p50` and `p99` besides.
 */
export const toJson = ({ better, comparisons, name, p99, suite, unit, value }: Outcome): string =>
  JSON.stringify({
    suite,
    name,
    value: digits(value.median),
    ...(p99 === undefined ? {} : { p50: digits(value.median), p99: digits(p99) }),
    unit,
    better,
    ratios: Object.fromEntries(
      comparisons.map(({ peer, ratio }) => [peer, digits(ratio.median)])
    )
  })

/**
 * A heading, a row for plantd and one for each peer; ends without a line break. The heading of the
 * ratios says which of them speak for plantd: those above 1, or those below.
 */
export const toTable = (
  { better, comparisons, name, p99, suite, unit, value }: Outcome
): string => {
  const rows = [
    [`${suite}/${name}`, unit, "spread", ratioHeading[better], "quartiles"],
    ["plantd", readable(value.median), percent(value), "", ""],
    ...(p99 === undefined ? [] : [["plantd, P99", readable(p99), "", "", ""]]),
    ...comparisons.map(({ peer, ratio, value }) => [
      peer,
      readable(value.median),
      percent(value),
      `${readable(ratio.median)} x`,
      `${readable(ratio.low)} - ${readable(ratio.high)}`
    ])
  ]
  const widths = [0, 1, 2, 3, 4].map((column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0))
  )
  return rows.map((row) => alignRow(row, widths)).join("\n")
}

const ratioHeading = {
  higher: "plantd / peer (more is better)",
  lower: "plantd / peer (less is better)"
}

/** The first column to the left, as names are; numbers to the right. */
const alignRow = (row: ReadonlyArray<string>, widths: ReadonlyArray<number>): string =>
  row
    .map((cell, column) =>
      column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)
    )
    .join("  ")
    .trimEnd()

const digits = (value: number): number => Number(value.toPrecision(5))

const readable = (value: number): string => {
  const magnitude = Math.abs(value)
  const fraction = magnitude >= 100 ? 0 : magnitude >= 10 ? 1 : 2
  return value.toLocaleString("en-US", {
    minimumFractionDigits: fraction,
    maximumFractionDigits: fraction
  })
}

/** Half the distance of the quartiles, as a part of the median. */
const percent = ({ high, low, median }: Spread): string =>
  `±${(50 * (high - low) / median).toFixed(0)}%`
