import { describe, expect, it } from "@effect/vitest"
import { Cli, ScenarioList, SimulateCommand } from "@plantd/node"
import { Effect, Either } from "effect"
import { told } from "./told.ts"

describe("a wrong command line", () => {
  it.effect.each([
    { args: ["--scenario", "durable-legder"], says: "did you mean durable-ledger?" },
    { args: ["--scenario", "x"], says: "there is no scenario x; there is all, durable-ledger" },
    { args: ["--scenario"], says: "--scenario: a value is missing" },
    { args: ["--seeds", "many"], says: "--seeds: expected a seed or a range" },
    { args: ["--seeds", "3..1"], says: 'got "3..1"' },
    { args: ["--seeds"], says: "--seeds: a value is missing" },
    { args: ["--plan", "[1]"], says: "--plan: expected a plan of faults in JSON" },
    { args: ["--trace"], says: "--trace: a value is missing" },
    { args: ["--html"], says: "--html: a value is missing" },
    { args: ["--josn"], says: "--josn" }
  ])(
    "$args: nothing is run, and it is said in one line what is wrong",
    ({ args, says }) =>
      Effect.gen(function*() {
        const { failure, output } = yield* told("simulate", ...args)
        expect(failure).toBeInstanceOf(Cli.UsageError)
        expect(failure?.message).toContain(says)
        expect(failure?.message).not.toContain("\n")
        expect(output).toBe("")
      })
  )
})

it.effect("--help names every option, and every scenario with what it shows", () =>
  Effect.gen(function*() {
    const { failure, output } = yield* told("simulate", "--help")
    expect(failure).toBeUndefined()
    for (const option of ["--json", "--check", "PLANTD_SIM_CHECK", ...SimulateCommand.valued]) {
      expect(output).toContain(option)
    }
    const text = output.replaceAll(/\s+/g, " ")
    for (const { about, name } of ScenarioList.all) {
      expect(text).toContain(`${name} (${about})`)
    }
  }))

it("a name stands for one scenario, and all for each", () => {
  expect(SimulateCommand.scenariosOf("all")).toEqual(Either.right(ScenarioList.all))
  for (const scenario of ScenarioList.all) {
    expect(SimulateCommand.scenariosOf(scenario.name)).toEqual(Either.right([scenario]))
  }
  expect(new Set(ScenarioList.all.map(({ name }) => name)).size).toBe(
    ScenarioList.all.length
  )
})
