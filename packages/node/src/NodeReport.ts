/** What the nodes of a demo say on their outputs: how their actors fare, and their logs; pure. */
import { Option, Schema } from "effect"

/** What a node counts, since its start. */
export const Counts = Schema.Struct({
  messages: Schema.NonNegativeInt,
  deadLetters: Schema.NonNegativeInt,
  restarts: Schema.NonNegativeInt
})
/** What a node counts, since its start. */
export type Counts = typeof Counts.Type

/** Nothing counted. */
export const none: Counts = { messages: 0, deadLetters: 0, restarts: 0 }

const mark = "plantd-demo-report "

const Text = Schema.parseJson(Counts)
const encode = Schema.encodeSync(Text)
const decode = Schema.decodeOption(Text)

/** A report as a line of text. */
export const lineOf = (counts: Counts): string => mark + encode(counts)

/** What a line stands for: a report, something for people, or nothing that they must know. */
export type Line =
  | { readonly _tag: "Report"; readonly counts: Counts }
  | { readonly _tag: "Told"; readonly text: string }
  | { readonly _tag: "Detail" }

const logfmt = /^timestamp=\S+ level=(\S+) .*?message=("(?:[^"\\]|\\.)*"|\S*)/

/** Reads a line that a node has written. */
export const parse = (line: string): Line => {
  const report = line.startsWith(mark) ? line.slice(mark.length) : undefined
  if (report !== undefined) return parsed(report)
  const [, level, message] = logfmt.exec(line) ?? []
  if (level === undefined || message === undefined) return { _tag: "Told", text: line }
  if (level === "INFO" || level === "DEBUG") return { _tag: "Detail" }
  return { _tag: "Told", text: message.replaceAll(/^"|"$/g, "").replaceAll('\\"', '"') }
}

const parsed = (text: string): Line =>
  Option.match(decode(text), {
    onSome: (counts): Line => ({ _tag: "Report", counts }),
    onNone: () => ({ _tag: "Told", text })
  })

/** The counts of several nodes together, over their starts. */
export interface Totals {
  readonly last: ReadonlyMap<string, Counts>
  readonly sum: Counts
}

/** The totals of nodes that have said nothing yet. */
export const noTotals: Totals = { last: new Map(), sum: none }

/** What was counted between two looks; a number that fell was counted from 0 in between. */
export const since = (before: number, now: number): number => (now >= before ? now - before : now)

/** The totals after a report of a node. */
export const add = ({ last, sum }: Totals, node: string, now: Counts): Totals => {
  const before = last.get(node) ?? none
  const more = (key: keyof Counts) => sum[key] + since(before[key], now[key])
  return {
    last: new Map([...last, [node, now]]),
    sum: {
      messages: more("messages"),
      deadLetters: more("deadLetters"),
      restarts: more("restarts")
    }
  }
}
