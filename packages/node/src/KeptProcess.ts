/** A process that is kept running: started again when it ends unasked. */
import type { CommandExecutor } from "@effect/platform"
import { Backoff } from "@plantd/core"
import { Duration, Effect, Fiber, Random, type Scope, Stream } from "effect"
import * as ChildProcess from "./ChildProcess.ts"

/** What is run, and who hears what it says. */
export interface Options {
  readonly script: ChildProcess.Script
  readonly onLine: (line: string) => Effect.Effect<void>
}

/** A process of which at most one is running at a time. */
export interface KeptProcess {
  /** Starts it; where it ends unasked it is started again, later each time. */
  readonly start: Effect.Effect<void>
  /** Ends it with SIGKILL, leaves it dead, and waits until it is gone. */
  readonly kill: Effect.Effect<void>
}

/** How long to wait before a process that ended unasked is started again. */
const backoff: Backoff.Backoff = { min: "500 millis", max: "10 seconds", factor: 2, jitter: 0.2 }

/** A process that ran this long begins the delays anew, in milliseconds. */
const steadyMillis = 30_000

/** Makes a process that is not started yet; it ends with the scope. */
export const make = (
  { onLine, script }: Options
): Effect.Effect<KeptProcess, never, CommandExecutor.CommandExecutor | Scope.Scope> =>
  Effect.gen(function*() {
    const context = yield* Effect.context<CommandExecutor.CommandExecutor>()
    const scope = yield* Effect.scope
    let child: ChildProcess.ChildProcess | undefined
    let keeper: Fiber.RuntimeFiber<void> | undefined
    let wanted = false

    const runOnce = Effect.gen(function*() {
      child = yield* ChildProcess.start(script)
      const listening = yield* Effect.forkScoped(Stream.runForEach(child.lines, onLine))
      const how = yield* child.ended
      yield* Fiber.join(listening)
      return how
    }).pipe(
      Effect.scoped,
      Effect.catchAll((error) => Effect.succeed(error.message)),
      Effect.provide(context)
    )
    const keep = (attempt: number): Effect.Effect<void> =>
      Effect.flatMap(Effect.timed(runOnce), ([ran, how]) => {
        if (!wanted) return Effect.void
        const next = Duration.toMillis(ran) >= steadyMillis ? 0 : attempt
        return Effect.flatMap(Random.next, (random) => {
          const delay = Math.round(Backoff.delayMillis(backoff, next, random))
          return onLine(`ended by itself (${how}); started again in ${delay} ms`).pipe(
            Effect.zipRight(Effect.sleep(delay)),
            Effect.zipRight(Effect.suspend(() => (wanted ? keep(next + 1) : Effect.void)))
          )
        })
      })
    return {
      start: Effect.suspend(() => {
        if (wanted) return Effect.void
        wanted = true
        return Effect.map(Effect.forkIn(keep(0), scope), (fiber) => {
          keeper = fiber
        })
      }),
      kill: Effect.suspend(() => {
        wanted = false
        const ended = keeper === undefined ? Effect.void : Fiber.join(keeper)
        return Effect.zipRight(child?.crash ?? Effect.void, ended)
      })
    }
  })
