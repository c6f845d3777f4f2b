/** What is left to say where Ctrl-C ends the process in the middle of something that acts. */
import { Effect } from "effect"

/** What is told. */
export interface Told {
  readonly message: string
  readonly exitCode: number
}

/**
 * Says it on standard error, and has the process end with the failure's exit code: a fiber that is
 * interrupted can hand over no error of its own.
 */
export const tell = (failure: Told): Effect.Effect<void> =>
  Effect.async((resume) => {
    process.exitCode = failure.exitCode
    process.stderr.write(`plantd: ${failure.message}\n`, () => resume(Effect.void))
  })

/** The exit code that was told of; nothing where nothing was broken off. */
export const exitCode = (): number | undefined =>
  typeof process.exitCode === "number" ? process.exitCode : undefined
