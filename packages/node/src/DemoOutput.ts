/** Where a demo is shown: a live view in a terminal, plain lines elsewhere, or JSON objects. */
import { Effect } from "effect"
import type { Summary } from "./DemoRecord.ts"
import * as DemoView from "./DemoView.ts"

/** Takes what is to be shown. */
export interface DemoOutput {
  /** What is done before there is a moment to show. */
  readonly starting: (text: string) => Effect.Effect<void>
  /** A moment, once a second; `events` are those since the last one. */
  readonly moment: (moment: DemoView.Moment, events: ReadonlyArray<string>) => Effect.Effect<void>
  /** The end; `stopped` where a person ended the demo before it had come to its own. */
  readonly summary: (summary: Summary, stopped: boolean) => Effect.Effect<void>
}

/** Writes text to standard output, or to what stands for it. */
export type Write = (text: string) => Effect.Effect<void>

/** One JSON object a line: `sample` each second, `summary` last. */
export const json = (write: Write): DemoOutput => ({
  starting: () => Effect.void,
  moment: (moment, events) => write(`${JSON.stringify({ type: "sample", ...moment, events })}\n`),
  summary: (summary) => write(`${JSON.stringify(summary)}\n`)
})

/** One line a second, and one for each event. */
export const lines = (write: Write): DemoOutput => ({
  starting: (text) => write(`${text}\n`),
  moment: (moment, events) =>
    write([...events.map((event) => `  ${event}`), DemoView.line(moment), ""].join("\n")),
  summary: (summary, stopped) => write(`${DemoView.conclusion(summary, stopped).join("\n")}\n`)
})

/** A view that is drawn over itself each second, as wide as the terminal at most. */
export const live = (write: Write, columns: () => number): DemoOutput => {
  let drawn = 0
  return {
    starting: (text) => write(`${text}\n`),
    moment: (moment) =>
      Effect.suspend(() => {
        const view = DemoView.live(moment, columns())
        const rewind = DemoView.rewind(drawn)
        drawn = view.length
        return write(`${rewind}${view.join("\n")}\n`)
      }),
    summary: (summary, stopped) => write(`\n${DemoView.conclusion(summary, stopped).join("\n")}\n`)
  }
}
