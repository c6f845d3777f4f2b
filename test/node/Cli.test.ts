import { describe, expect, it } from "@effect/vitest"
import { Cli } from "@plantd/node"
import { Effect } from "effect"
import { told } from "./told.ts"

describe("a wrong command line", () => {
  it.effect.each([
    { args: ["demo", "--josn"], says: "Received unknown argument: '--josn'" },
    { args: ["dmo"], says: "'demo'" },
    { args: ["demo", "extra"], says: "'extra'" },
    { args: ["demo", "--for", "20"], says: "--for: expected a number and ms, s, m or h" },
    { args: ["demo", "--for"], says: "--for: a value is missing" },
    { args: ["demo", "--for", "5s", "--chaos"], says: "--chaos at least 30s" },
    { args: ["demo", "--nodes", "0"], says: "--nodes: expected a whole number from 1 to 8" },
    { args: ["demo", "--nodes", "x"], says: 'from 1 to 8, got "x"' },
    { args: ["demo", "--nodes", "9"], says: 'from 1 to 8, got "9"' },
    { args: ["demo", "--nodes", "2.5"], says: 'from 1 to 8, got "2.5"' },
    { args: ["demo", "--nodes"], says: "--nodes: a value is missing" },
    { args: ["demo", "--nodes", "1", "--chaos"], says: "--nodes: with --chaos at least 2" }
  ])(
    "$args: nothing is run, and it is said in one line what is wrong",
    ({ args, says }) =>
      Effect.gen(function*() {
        const { failure, output } = yield* told(...args)
        expect(failure).toBeInstanceOf(Cli.UsageError)
        expect(failure?.message).toContain(says)
        expect(failure?.message).not.toContain("\n")
        expect(output).toBe("")
      })
  )
})

it.effect("--help names every option with what it does, --version the version", () =>
  Effect.gen(function*() {
    const { failure, output } = yield* told("demo", "--help")
    expect(failure).toBeUndefined()
    for (const text of ["--for", "--json", "--chaos", "--nodes", "SIGKILL", "Ctrl-C"]) {
      expect(output).toContain(text)
    }
    expect((yield* told("--version")).output).toContain("1.2.3")
  }))
