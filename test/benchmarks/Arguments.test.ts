import { parse } from "@plantd/benchmarks/Arguments"
import { quick, standard } from "@plantd/benchmarks/Harness"
import { Either } from "effect"
import { expect, it } from "vitest"

const read = (line: string) =>
  parse(line.split(" ").filter((word) => word !== ""), ["actors", "broker"])

const accepted = (line: string) => Either.getOrThrow(read(line))

const refused = (line: string) => Either.getOrThrow(Either.flip(read(line)))

it("a suite alone is all of its figures, as a table, at full length", () => {
  expect(accepted("actors")).toEqual({
    _tag: "Run",
    suite: "actors",
    figures: [],
    json: false,
    plan: standard
  })
})

it("figures are named after one flag or after several", () => {
  expect(accepted("actors --figure ask tell")).toMatchObject({ figures: ["ask", "tell"] })
  expect(accepted("--figure ask --json actors --figure=tell --quick")).toMatchObject({
    suite: "actors",
    figures: ["ask", "tell"],
    json: true,
    plan: quick
  })
})

it("the number of events is set apart from the rounds", () => {
  expect(accepted("actors --runs 5")).toMatchObject({ plan: { ...standard, events: 5 } })
  expect(accepted("actors --quick --runs=2")).toMatchObject({ plan: { ...quick, events: 2 } })
})

it("help is given whatever else was said", () => {
  expect(accepted("--help")).toEqual({ _tag: "Help" })
  expect(accepted("-h nonsense")).toEqual({ _tag: "Help" })
})

it.each([
  ["", "no suite was given, expected actors, broker"],
  ["actor", "unknown suite actor, expected one of actors, broker"],
  [
    "actors --jsno",
    "unknown flag --jsno, expected one of --help, --json, --quick, --figure, --runs"
  ],
  ["actors --json=yes", "--json takes no value, was given yes"],
  ["actors --runs=0", "--runs is 0, expected 1 to 9999"],
  ["actors --runs", "--runs is missing, expected 1 to 9999"],
  ["actors --figure", "--figure stands without the name of a figure"],
  ["actors ask", "unexpected argument ask; name figures by --figure"]
])("`%s` is refused by a line that says what would be right", (line, problem) => {
  expect(refused(line)).toBe(problem)
})
