/** The process's standard output: written in order, and waited for where its reader is slow. */
import { Effect } from "effect"

/** True where a person sees it, false where it is a file or a pipe. */
export const isTerminal: boolean = process.stdout.isTTY

/** How many characters a line of the terminal holds; 80 where it does not say. */
export const columns = (): number => process.stdout.columns ?? 80

/** Writes a text and waits until it is handed over. That its reader is gone is no failure. */
export const write = (text: string): Effect.Effect<void> =>
  Effect.async((resume) => {
    process.stdout.write(text, () => resume(Effect.void))
  })

/**
 * Waits until the reader of standard output is gone, as in `plantd demo | head -1`. Without it the
 * process would die of the first write that follows.
 */
export const readerGone: Effect.Effect<void> = Effect.async((resume) => {
  // Every later write fails too: all of them are heard, the first one counts.
  process.stdout.on("error", () => resume(Effect.void))
})
