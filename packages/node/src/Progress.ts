/** How far long work has come, told on standard error so that standard output stays as it is. */
import { Clock, Effect } from "effect"

/** Shows how far something has come. */
export interface Progress {
  /** Shows a line in place of the one before. */
  readonly show: (line: string) => Effect.Effect<void>
  /** Takes the line away. */
  readonly clear: Effect.Effect<void>
}

/** Where it is not a terminal, a line is written as often as this, in milliseconds. */
const everyMillis = 10_000

/** Progress on a terminal, or in a file or a pipe, which get a line every ten seconds. */
export const make = ({ isTerminal, write }: {
  readonly isTerminal: boolean
  readonly write: (text: string) => Effect.Effect<void>
}): Progress => {
  if (isTerminal) {
    return { show: (line) => write(`\r${line}\u001b[K`), clear: write("\r\u001b[K") }
  }
  let told: number | undefined
  return {
    show: (line) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) => {
        told ??= now
        if (now - told < everyMillis) return Effect.void
        told = now
        return write(`${line}\n`)
      }),
    clear: Effect.void
  }
}

/** On the process's standard error. */
export const standardError: Progress = make({
  isTerminal: process.stderr.isTTY,
  write: (text) =>
    Effect.async((resume) => {
      process.stderr.write(text, () => resume(Effect.void))
    })
})
