/** The course of every demo: what is watched, done and shown, until its end and its verdict. */
import type { ActorError } from "@plantd/actors"
import { ActorSystem } from "@plantd/actors"
import { Data, Effect, Schedule } from "effect"
import type { DemoBoard } from "./DemoBoard.ts"
import type { DemoOutput } from "./DemoOutput.ts"
import type { Summary } from "./DemoRecord.ts"
import type { Moment } from "./DemoView.ts"

/** How long a demo is run, in milliseconds, and where it is shown. */
export interface Options {
  readonly forMillis: number | undefined
  readonly output: DemoOutput
}

/** The demo could not be set up, or did not show what it should. */
export class DemoError extends Data.TaggedError("DemoError")<{ readonly message: string }> {}

/** What a demo consists of. */
export interface Play<Act extends { readonly at: number }> {
  readonly board: DemoBoard
  /** Each keeps the board told, for ever. */
  readonly watches: ReadonlyArray<Effect.Effect<void>>
  readonly acts: ReadonlyArray<Act>
  readonly perform: (act: Act) => Effect.Effect<void>
  readonly moment: Effect.Effect<Moment, ActorError.AskError>
  readonly summary: Effect.Effect<Summary>
}

/** Between two moments that are shown. */
const momentEach = Schedule.fixed("1 second")

/**
 * Runs a demo to its end, or until it is interrupted; either way its summary is shown and the
 * actors of this node are drained. Fails where it came to its end and was not fine.
 */
export const drive = <Act extends { readonly at: number }>(
  { forMillis, output }: Options,
  { acts, board, moment, perform, summary, watches }: Play<Act>
): Effect.Effect<void, DemoError, ActorSystem> =>
  Effect.gen(function*() {
    const system = yield* ActorSystem
    yield* Effect.forEach(watches, Effect.forkScoped, { discard: true })
    yield* Effect.forkScoped(
      Effect.forEach(acts, (act) =>
        Effect.zipRight(Effect.sleep(Math.max(0, act.at - board.at)), perform(act)))
    )
    const show = moment.pipe(
      Effect.flatMap((shown) =>
        output.moment(shown, board.takeEvents())
      ),
      Effect.catchAll((error) => board.tell(`nothing to show: ${error.message}`))
    )
    yield* Effect.forkScoped(Effect.schedule(show, momentEach))
    const conclude = (stopped: boolean) =>
      Effect.gen(function*() {
        yield* Effect.ignore(moment)
        const end = yield* summary
        yield* output.summary(end, stopped)
        yield* system.drain
        return end
      })
    const length = forMillis === undefined ? Effect.never : Effect.sleep(forMillis)
    const end = yield* Effect.zipRight(
      Effect.onInterrupt(length, () => conclude(true)),
      conclude(false)
    )
    if (!end.ok) {
      return yield* new DemoError({ message: `not all is well: ${end.problems.join("; ")}` })
    }
  }).pipe(Effect.scoped)

/** Whatever else keeps a demo from being set up, as a `DemoError`. */
export const asDemoError = (error: { readonly message: string }): DemoError =>
  error instanceof DemoError
    ? error
    : new DemoError({ message: `the demo cannot be set up: ${error.message}` })
