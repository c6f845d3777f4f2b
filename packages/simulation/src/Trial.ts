/** Runs a scenario with many seeds, and makes the first failure smaller. */
import { EventLoop } from "@plantd/actors"
import { Effect, Stream } from "effect"
import type { Plan } from "./Faults.ts"
import type { Scenario } from "./Scenario.ts"
import * as Shrink from "./Shrink.ts"
import type { Report } from "./Simulation.ts"
import * as Trace from "./Trace.ts"

/** Who runs a scenario with a seed. */
export interface Runner {
  readonly run: (
    scenario: Scenario,
    seed: number,
    plan: Plan | undefined
  ) => Effect.Effect<Report>
  /** How many runs it does at a time. */
  readonly atOnce: number
}

/** What is run, and who hears of it. */
export interface Options {
  readonly seeds: ReadonlyArray<number>
  /** The faults in place of those that each seed draws. */
  readonly plan?: Plan | undefined
  /** Runs each seed twice: a difference is a failure. */
  readonly check?: boolean
  /** Who runs it: `here` where nothing is said. */
  readonly runner?: Runner
  /** Ends at the first seed that fails. */
  readonly stopsAtFailure?: boolean
  /** What making the first failure smaller may cost. */
  readonly shrinking?: Partial<Shrink.Limits>
  /** Hears of each run, in the order of the seeds. */
  readonly onRun?: (report: Report) => Effect.Effect<void>
  /** Hears how many runs it took so far to make a failure smaller. */
  readonly onShrink?: (runs: number) => Effect.Effect<void>
}

/** What came out. */
export interface Outcome {
  readonly scenario: string
  readonly runs: number
  /** The seeds that failed. */
  readonly failed: ReadonlyArray<number>
  /** The first failure, made smaller. */
  readonly failure: Trace.Failure | undefined
  /** What was to happen sometimes, and has with no seed. */
  readonly unreached: ReadonlyArray<string>
}

/** The check of a run that is not the same when it is run again. */
export const sameRun = "the same seed gives the same run"

/** Runs a scenario with each of the seeds. */
export const run = (scenario: Scenario, options: Options): Effect.Effect<Outcome> =>
  Effect.gen(function*() {
    const { atOnce } = options.runner ?? here
    const failed: Array<number> = []
    const goals = new Map<string, boolean>()
    let failure: Trace.Failure | undefined
    let runs = 0
    const hear = (report: Report) =>
      Effect.gen(function*() {
        runs++
        for (const [goal, reached] of report.sometimes) {
          goals.set(goal, reached || goals.get(goal) === true)
        }
        yield* options.onRun?.(report) ?? Effect.void
        if (report.verdict === "passed") return
        failed.push(report.seed)
        failure ??= yield* smaller(scenario, report, options)
      })
    yield* Stream.fromIterable(options.seeds).pipe(
      Stream.rechunk(1),
      Stream.mapEffect((seed) => once(scenario, seed, options), { concurrency: atOnce }),
      Stream.mapEffect((report) => Effect.as(hear(report), report)),
      Stream.takeUntil(({ verdict }) => verdict === "failed" && options.stopsAtFailure === true),
      Stream.runDrain
    )
    const unreached = [...goals].flatMap(([goal, reached]) => reached ? [] : [goal])
    return { scenario: scenario.name, runs, failed, failure, unreached }
  })

const turn = Effect.flatMap(
  EventLoop,
  (loop) => Effect.async<void>((resume) => loop.afterTurn(() => resume(Effect.void)))
)

/**
 * Runs are plain code that blocks this thread; between two of them its event loop comes round, so
 * that signals and timers are heard.
 */
export const here: Runner = {
  run: (scenario, seed, plan) => Effect.zipRight(turn, Effect.sync(() => scenario.run(seed, plan))),
  atOnce: 1
}

const once = (
  scenario: Scenario,
  seed: number,
  { check, plan, runner = here }: Options
): Effect.Effect<Report> =>
  Effect.gen(function*() {
    const report = yield* runner.run(scenario, seed, plan)
    if (check !== true) return report
    const detail = Trace.difference(report, yield* runner.run(scenario, seed, plan))
    if (detail === undefined) return report
    const violation = { check: sameRun, detail, at: report.virtualMillis }
    return { ...report, verdict: "failed", violation }
  })

const smaller = (
  scenario: Scenario,
  report: Report,
  { onShrink, plan, shrinking }: Options
): Effect.Effect<Trace.Failure> =>
  Effect.gen(function*() {
    const check = report.violation?.check === sameRun
    const told = { scenario: scenario.name, report, given: { plan, check } }
    // Runs that differ each time show nothing when they are run again with other faults.
    if (check) return { ...told, shrunk: undefined }
    const steps = Shrink.steps(scenario, report, shrinking)
    for (;;) {
      yield* turn
      const { done, value } = steps.next()
      if (done === true) return { ...told, shrunk: value }
      yield* onShrink?.(value) ?? Effect.void
    }
  })
