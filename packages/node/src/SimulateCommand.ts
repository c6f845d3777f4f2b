/** `plantd simulate`: runs scenarios of failures on simulated clusters, each with many seeds. */
import { Command, Options } from "@effect/cli"
import { NearestName } from "@plantd/core"
import { Replay, type Scenario, Seeds, Trial } from "@plantd/simulation"
import { Effect, Either } from "effect"
import { availableParallelism } from "node:os"
import * as CliOption from "./CliOption.ts"
import * as ScenarioList from "./ScenarioList.ts"
import * as SimulateRun from "./SimulateRun.ts"
import * as SimulateProcesses from "./SimulateProcesses.ts"

/** The options that need a value. */
export const valued = ["--scenario", "--seeds", "--plan", "--trace", "--html", "--processes"]

const allNames = "all"

/** The most processes that can be asked for. */
const processesMax = 64

/** So many runs are over before processes are ready for them. */
const fewRuns = 8

/** How many seeds are run where nothing is said. */
const seedsDefault = 10

/** The scenarios of a name, or what is wrong with it. */
export const scenariosOf = (
  name: string
): Either.Either<ReadonlyArray<Scenario.Scenario>, string> => {
  if (name === allNames) return Either.right(ScenarioList.all)
  const found = ScenarioList.named(name)
  if (found !== undefined) return Either.right([found])
  const known = [allNames, ...ScenarioList.all.map((scenario) => scenario.name)]
  const near = NearestName.of(name, known)
  const meant = near === undefined ? `there is ${known.join(", ")}` : `did you mean ${near}?`
  return Either.left(`there is no scenario ${name}; ${meant}`)
}

const seedsOf = (text: string): Either.Either<ReadonlyArray<number>, string> =>
  Either.fromNullable(
    Seeds.parse(text),
    () => `expected ${Seeds.expected}, got ${JSON.stringify(text)}`
  )

const options = {
  scenarios: CliOption.parsed("scenario", {
    stands: "name",
    description: `Which scenario, or ${allNames}, as without it: ${
      ScenarioList.all.map(({ about, name }) => `${name} (${about})`).join(", ")
    }.`,
    parse: scenariosOf
  }).pipe(CliOption.orElse(() => ScenarioList.all)),
  seeds: CliOption.parsed("seeds", {
    stands: "seeds",
    description: `With which seeds: ${Seeds.expected}. Without it: 1..${seedsDefault}.`,
    parse: seedsOf
  }).pipe(CliOption.orElse(() => Seeds.upTo(seedsDefault))),
  plan: CliOption.parsed("plan", {
    stands: "json",
    description: "The faults in place of those that each seed draws, as a failure tells them.",
    parse: Replay.planOf
  }),
  json: Options.boolean("json").pipe(
    Options.withDescription("One JSON object a run on standard output, the last a summary.")
  ),
  trace: CliOption.text(
    "trace",
    "file",
    "Writes the events of the first run that failed, else of the last one, as JSON lines."
  ),
  html: CliOption.text("html", "file", "Writes the same as one page with a time line."),
  processes: CliOption.whole("processes", {
    description: "How many runs are done at a time. Without it: as many as there are cores.",
    min: 1,
    max: processesMax
  }),
  check: Options.boolean("check").pipe(
    Options.withDescription(
      "Runs each seed twice, and names the first difference; so does PLANTD_SIM_CHECK=1."
    )
  )
}

/** `plantd simulate`. */
export const make = (around: SimulateRun.Around) =>
  Command.make("simulate", options, (given) =>
    Effect.gen(function*() {
      const check = given.check || process.env["PLANTD_SIM_CHECK"] === "1"
      const { scenarios, seeds, processes = availableParallelism(), ...rest } = given
      const runs = scenarios.length * seeds.length
      const runner = runs <= fewRuns || processes === 1
        ? Trial.here
        : yield* SimulateProcesses.make(Math.min(processes, runs))
      yield* SimulateRun.run({ ...rest, scenarios, seeds, check, runner }, around)
    }).pipe(Effect.scoped)).pipe(
      Command.withDescription(
        "Runs scenarios of failures on simulated clusters, in virtual time. A seed is a run, with"
          + " all that happens in it: one that fails is told with the fewest faults that it takes,"
          + " and with the command that runs it again."
      )
    )
