/** The end of an incarnation: what must run, and how long the actor waits for it. */
import { Effect, Exit, Runtime } from "effect"
import type { Due, Timetable } from "./timetable.ts"

/** What is to run at the end, and where. */
export interface Closing {
  readonly effect: Effect.Effect<unknown>
  readonly runtime: Runtime.Runtime<never>
  readonly timetable: Timetable
  readonly millis: number
}

/**
 * Runs the effect, and is done when it is, or when its time is over: then it goes on by itself.
 * Most have nothing to wait for, and are done at once, without a timer.
 */
export const closing = ({ effect, millis, runtime, timetable }: Closing): Effect.Effect<unknown> =>
  Effect.suspend(() => {
    const fiber = Runtime.runFork(runtime)(effect)
    const done = fiber.unsafePoll()
    if (done !== null) return done
    return Effect.async<unknown>((resume) => {
      const bound: Due = {
        deadline: timetable.now() + millis,
        heapIndex: -1,
        onDue: () => resume(Exit.void)
      }
      timetable.add(bound)
      fiber.addObserver((exit) => {
        timetable.remove(bound)
        resume(exit)
      })
    })
  })
