/** Runs scenarios of failures with many seeds, tells what comes out, and keeps the trace of one. */
import { FileSystem } from "@effect/platform"
import { Faults, Replay, type Scenario, Trace, TraceView, Trial } from "@plantd/simulation"
import type { Report } from "@plantd/simulation/Simulation"
import { Clock, Data, Effect } from "effect"
import type { Progress } from "./Progress.ts"

/** What is run. */
export interface Given {
  readonly scenarios: ReadonlyArray<Scenario.Scenario>
  readonly seeds: ReadonlyArray<number>
  /** The faults in place of those that each seed draws. */
  readonly plan: Faults.Plan | undefined
  /** Who runs them: this thread where nothing is said. */
  readonly runner?: Trial.Runner
  /** Runs each seed twice. */
  readonly check: boolean
  readonly json: boolean
  /** Files for the first run that failed, else for the last. */
  readonly trace: string | undefined
  readonly html: string | undefined
}

/** Where it is told. */
export interface Around {
  readonly write: (text: string) => Effect.Effect<void>
  readonly progress: Progress
  /** Hears of failures where the runs were ended before their end. */
  readonly onBrokenOff: (failure: SimulationFailed) => Effect.Effect<void>
}

/** Runs have failed; the message says which, why, and how one is run again. */
export class SimulationFailed extends Data.TaggedError("SimulationFailed")<{
  readonly message: string
}> {
  /** Of the process. */
  readonly exitCode = 1
}

/** A trace cannot be written: nothing was run. */
export class TraceRefused extends Data.TaggedError("TraceRefused")<{
  readonly message: string
}> {}

interface Tally {
  runs: number
  failed: number
  virtualMillis: number
  /** The run whose trace is kept. */
  traced: { readonly scenario: string; readonly report: Report } | undefined
}

/** Runs them; fails where a run has failed, after all have been run. */
export const run = (
  given: Given,
  around: Around
): Effect.Effect<void, SimulationFailed | TraceRefused, FileSystem.FileSystem> =>
  Effect.gen(function*() {
    yield* writeTraces(given, undefined)
    const tally: Tally = { runs: 0, failed: 0, virtualMillis: 0, traced: undefined }
    const outcomes: Array<Trial.Outcome> = []
    const began = yield* Clock.currentTimeNanos
    const ended = Effect.gen(function*() {
      yield* around.progress.clear
      const took = Number((yield* Clock.currentTimeNanos) - began) / 1e6
      yield* around.write(summaryOf(given, { tally, outcomes, tookMillis: took }))
      yield* writeTraces(given, tally.traced)
    })
    yield* Effect.forEach(
      given.scenarios,
      (scenario) =>
        Effect.map(tried(scenario, { given, around, tally }), (outcome) => outcomes.push(outcome)),
      { discard: true }
    ).pipe(Effect.onInterrupt(() => Effect.ignore(Effect.zipRight(ended, broken(tally, around)))))
    yield* ended
    const texts = outcomes.flatMap(({ failure, scenario }) =>
      failure === undefined ? [] : [Trace.textOf(failure, Replay.simulate(scenario))]
    )
    if (texts.length > 0) return yield* new SimulationFailed({ message: texts.join("\n\n") })
  })

const broken = ({ failed }: Tally, { onBrokenOff }: Around): Effect.Effect<void> =>
  failed === 0 ? Effect.void : onBrokenOff(
    new SimulationFailed({ message: `ended before all were run, and ${failed} had failed` })
  )

interface Running {
  readonly given: Given
  readonly around: Around
  readonly tally: Tally
}

const tried = (
  scenario: Scenario.Scenario,
  { around, given, tally }: Running
): Effect.Effect<Trial.Outcome> => {
  const { progress, write } = around
  const all = given.seeds.length * given.scenarios.length
  const { name } = scenario
  return Effect.tap(
    Trial.run(scenario, {
      seeds: given.seeds,
      plan: given.plan,
      check: given.check,
      ...(given.runner !== undefined && { runner: given.runner }),
      onRun: (report) =>
        Effect.suspend(() => {
          tally.runs++
          tally.virtualMillis += report.virtualMillis
          if (tally.failed === 0) tally.traced = { scenario: name, report }
          if (report.verdict === "failed") tally.failed++
          const line = given.json ? jsonOf(name, report) : failedLine(name, report)
          const shown = `${name}: ${tally.runs} of ${all} runs, ${tally.failed} failed`
          return line === undefined
            ? progress.show(shown)
            : Effect.zipRight(progress.clear, Effect.zipRight(write(line), progress.show(shown)))
        }),
      onShrink: (runs) => progress.show(`${name}: makes a failure smaller, run ${runs + 1}`)
    }),
    (outcome) => {
      const { failure } = outcome
      const traced = tally.traced?.report
      // The same failure with fewer faults is easier to read.
      if (failure?.shrunk !== undefined && traced === failure.report) {
        tally.traced = { scenario: name, report: failure.shrunk.report }
      }
      if (given.json) return Effect.void
      return Effect.zipRight(progress.clear, write(conclusionOf(scenario, outcome)))
    }
  )
}

const jsonOf = (scenario: string, report: Report): string => {
  const { eventCount, plan, seed, traceHash, verdict, violation, virtualMillis } = report
  const told = {
    type: "run",
    scenario,
    seed,
    virtualMs: virtualMillis,
    events: eventCount,
    faults: plan,
    traceHash,
    verdict,
    ...(violation !== undefined && { violation })
  }
  return `${JSON.stringify(told)}\n`
}

const failedLine = (scenario: string, { seed, violation }: Report): string | undefined =>
  violation === undefined ? undefined : `${scenario}: seed ${seed} fails: ${violation.check}\n`

const conclusionOf = (
  { about, name }: Scenario.Scenario,
  { failed, runs, unreached }: Trial.Outcome
): string => {
  const said = failed.length === 0 ? "all passed" : `${failed.length} failed`
  const lines = [
    `${name}: ${Trace.runsText(runs)}, ${said} (${about})`,
    // One seed need not reach everything.
    ...(runs < 2 ? [] : unreached).map((goal) => `${name}: with no seed this was reached: ${goal}`)
  ]
  return `${lines.join("\n")}\n`
}

interface Sum {
  readonly tally: Tally
  readonly outcomes: ReadonlyArray<Trial.Outcome>
  readonly tookMillis: number
}

const summaryOf = ({ json, scenarios }: Given, { outcomes, tally, tookMillis }: Sum): string => {
  const { failed, runs, virtualMillis } = tally
  const speed = Math.round(virtualMillis / Math.max(1, tookMillis) * 10) / 10
  const interrupted = outcomes.length < scenarios.length
  if (!json) {
    const how = interrupted ? ", ended before all were run" : ""
    return `${Trace.runsText(runs)}, ${failed} failed, ${speed} virtual seconds per second${how}\n`
  }
  const unreached = outcomes.flatMap(({ scenario, unreached }) =>
    unreached.map((goal) => ({ scenario, goal }))
  )
  const told = { runs, failed, virtualSecondsPerSecond: speed, unreached, interrupted }
  return `${JSON.stringify({ type: "summary", ...told })}\n`
}

/** Writes the traces; before there is one, empty files, so that a wrong path is told at once. */
const writeTraces = (
  { html, trace }: Given,
  traced: Tally["traced"]
): Effect.Effect<void, TraceRefused, FileSystem.FileSystem> =>
  Effect.gen(function*() {
    const files = yield* FileSystem.FileSystem
    const texts = [
      { file: trace, textOf: Trace.jsonLines },
      { file: html, textOf: TraceView.html }
    ]
    for (const { file, textOf } of texts) {
      if (file === undefined) continue
      const text = traced === undefined ? "" : textOf(traced.scenario, traced.report)
      yield* Effect.mapError(
        files.writeFileString(file, text),
        ({ message }) => new TraceRefused({ message: `cannot write ${file}: ${message}` })
      )
    }
  })
