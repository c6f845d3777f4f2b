/** `plantd simulate`: runs scenarios of failures on simulated clusters, each with many seeds. */
import { Command, Options } from "@effect/cli"
import { NearestName } from "@plantd/core"
import { Replay, type Scenario, Scenarios, Seeds } from "@plantd/simulation"
import { Effect, Either } from "effect"
import * as CliOption from "./CliOption.ts"
import * as SimulateRun from "./SimulateRun.ts"
import * as TankScenario from "./TankScenario.ts"

/** The options that need a value. */
export const valued = ["--scenario", "--seeds", "--plan", "--trace", "--html"]

/** The scenarios that there are. */
export const scenarios: ReadonlyArray<Scenario.Scenario> = [
  ...Scenarios.all,
  TankScenario.tankControl
]

const allNames = "all"

/** How many seeds are run where nothing is said. */
const seedsDefault = 10

/** The scenarios of a name, or what is wrong with it. */
export const scenariosOf = (
  name: string
): Either.Either<ReadonlyArray<Scenario.Scenario>, string> => {
  if (name === allNames) return Either.right(scenarios)
  const found = scenarios.find((scenario) => scenario.name === name)
  if (found !== undefined) return Either.right([found])
  const known = [allNames, ...scenarios.map((scenario) => scenario.name)]
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
      scenarios.map(({ about, name }) => `${name} (${about})`).join(", ")
    }.`,
    parse: scenariosOf
  }).pipe(CliOption.orElse(() => scenarios)),
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
  check: Options.boolean("check").pipe(
    Options.withDescription(
      "Runs each seed twice, and names the first difference; so does PLANTD_SIM_CHECK=1."
    )
  )
}

/** `plantd simulate`. */
export const make = (around: SimulateRun.Around) =>
  Command.make("simulate", options, (given) =>
    Effect.suspend(() => {
      const check = given.check || process.env["PLANTD_SIM_CHECK"] === "1"
      return SimulateRun.run({ ...given, check }, around)
    })).pipe(
      Command.withDescription(
        "Runs scenarios of failures on simulated clusters, in virtual time. A seed is a run, with"
          + " all that happens in it: one that fails is told with the fewest faults that it takes,"
          + " and with the command that runs it again."
      )
    )
