/** Tests of vitest that run a workload on a simulated cluster with many seeds. */
import { Data, Effect, Either } from "effect"
import { test } from "vitest"
import type { Plan } from "./Faults.ts"
import * as Replay from "./Replay.ts"
import * as Scenario from "./Scenario.ts"
import * as Seeds from "./Seeds.ts"
import type * as Shrink from "./Shrink.ts"
import type * as Simulation from "./Simulation.ts"
import * as Trace from "./Trace.ts"
import * as Trial from "./Trial.ts"

/** What is simulated, and how often. */
export interface Options<P> extends Simulation.Options<P> {
  /** How many seeds, from 1 on, or which: 100 where nothing is said. */
  readonly seeds?: number | ReadonlyArray<number>
  /** What making a failure smaller may cost. */
  readonly shrinking?: Partial<Shrink.Limits>
  /** The longest that the test may take, in milliseconds: any time where nothing is said. */
  readonly timeout?: number
}

/** A workload failed with a seed, or the seeds did not reach what they were to reach. */
export class SimulationFailed extends Data.TaggedError("SimulationFailed")<{
  readonly message: string
}> {}

/** What the environment of a test says. */
export interface Environment {
  /** The seed, or seeds such as `1..20`, to run in place of all. */
  readonly PLANTD_SEED?: string | undefined
  /** The faults in place of those that the seed draws, as JSON. */
  readonly PLANTD_PLAN?: string | undefined
  /** With `1` each seed is run twice, and must give the same run. */
  readonly PLANTD_SIM_CHECK?: string | undefined
}

const seedsDefault = 100

/**
 * Registers a test that runs a workload with many seeds. It fails with the first seed whose run
 * fails, with its faults made fewer, and says how to run that again; and where more than one seed
 * was run and something that was to happen sometimes has with none.
 */
export const simTest = <P = undefined>(
  name: string,
  options: Options<P>,
  workload: Scenario.Workload<P>
): void => {
  // Where the user has written the test: its failures are shown there, not here.
  const place = new Error(name)
  Error.captureStackTrace(place, simTest)
  const frames = place.stack?.split("\n").slice(1) ?? []
  // oxlint-disable-next-line vitest/valid-title -- the user has given it
  test(name, { timeout: options.timeout ?? 0 }, async ({ signal, task }) => {
    const commandOf = Replay.vitest({ file: task.file.name, test: fullNameOf(task) })
    const body = tried(name, options, workload, { commandOf, from: process.env })
    const outcome = await Effect.runPromise(Effect.either(body), { signal })
    if (Either.isRight(outcome)) return
    const { message } = outcome.left
    place.stack = [`SimulationFailed: ${message}`, ...frames].join("\n")
    throw Object.assign(place, { name: "SimulationFailed", message })
  })
}

/** What the test of `simTest` does, without a test runner. */
export const tried = <P = undefined>(
  name: string,
  options: Options<P>,
  workload: Scenario.Workload<P>,
  { commandOf, from }: {
    readonly commandOf: Replay.CommandOf
    readonly from: Environment
  }
): Effect.Effect<void, SimulationFailed> =>
  Effect.gen(function*() {
    const seeds = yield* seedsOf(options.seeds ?? seedsDefault, from.PLANTD_SEED)
    const plan = yield* planOf(from.PLANTD_PLAN)
    const scenario = Scenario.make(name, { about: name, ...options }, workload)
    const { failure, unreached } = yield* Trial.run(scenario, {
      seeds,
      plan,
      check: from.PLANTD_SIM_CHECK === "1",
      stopsAtFailure: true,
      ...(options.shrinking !== undefined && { shrinking: options.shrinking })
    })
    if (failure !== undefined) return yield* failed(Trace.textOf(failure, commandOf))
    // One seed is run to look at one run: it need not reach everything.
    if (unreached.length > 0 && seeds.length > 1) {
      return yield* failed(Trace.unreachedText(name, unreached, seeds.length))
    }
  })

const failed = (message: string) => new SimulationFailed({ message })

const seedsOf = (
  seeds: number | ReadonlyArray<number>,
  given: string | undefined
): Effect.Effect<ReadonlyArray<number>, SimulationFailed> => {
  const all = typeof seeds === "number" ? Seeds.upTo(seeds) : seeds
  if (all.length === 0) return failed("seeds: expected one at least, so that something is run")
  if (given === undefined || given === "") return Effect.succeed(all)
  const asked = Seeds.parse(given)
  return asked === undefined
    ? failed(`PLANTD_SEED: expected ${Seeds.expected}, got ${JSON.stringify(given)}`)
    : Effect.succeed(asked)
}

const planOf = (
  given: string | undefined
): Effect.Effect<Plan | undefined, SimulationFailed> =>
  given === undefined || given === ""
    ? Effect.succeed(undefined)
    : Either.match(Replay.planOf(given), {
      onLeft: (wrong) => failed(`PLANTD_PLAN: ${wrong}`),
      onRight: (plan) => Effect.succeed(plan)
    })

interface Named {
  readonly name: string
  readonly suite?: Named | undefined
}

const fullNameOf = ({ name, suite }: Named): string =>
  suite === undefined ? name : `${fullNameOf(suite)} ${name}`
