import { describe, expect, it } from "@effect/vitest"
import { Cli } from "@plantd/node"
import { Effect } from "effect"
import { told } from "./told.ts"

describe("a wrong command line", () => {
  it.effect.each([
    { args: ["lst"], says: "there is no plantd device lst, only list, describe, read" },
    { args: ["read"], says: "DEVICE" },
    { args: ["read", "--josn", "p-1"], says: "--josn" },
    { args: ["read", "p-1", "--josn"], says: "unknown option --josn" },
    { args: ["write", "p-1", "label", "--josn"], says: "unknown option --josn" },
    { args: ["read", "p-1", "--timeout"], says: "--timeout: a value is missing" },
    { args: ["read", "p-1", "--node"], says: "--node: a value is missing" },
    { args: ["read", "p-1", "--timeout", "5"], says: "--timeout: expected a number and ms, s" },
    { args: ["write", "p-1", "speed"], says: "VALUE" },
    { args: ["ack", "p-1", "flow.high", "flow.high#1.1"], says: "SEVERITY" },
    { args: ["ack", "p-1", "flow.high", "flow.high#1.1", "bad"], says: "minor" },
    { args: ["resolve", "p-1", "c-1", "maybe"], says: "succeeded" },
    { args: ["commands", "p-1", "--limit", "many"], says: "many" },
    { args: ["acquire", "p-1", "anna", "--for", "long"], says: "--for: expected a number" },
    { args: ["call", "p-1", "prime", "3"], says: 'expected name=value, got "3"' },
    { args: ["call", "p-1", "prime", "{3"], says: "{3 is not JSON" }
  ])(
    "$args: nothing is asked, and it is said in one line what is wrong",
    ({ args, says }) =>
      Effect.gen(function*() {
        const { failure, output } = yield* told("device", ...args)
        expect(failure).toBeInstanceOf(Cli.UsageError)
        expect(failure?.message).toContain(says)
        expect(failure?.message).not.toContain("\n")
        expect(output).toBe("")
      })
  )
})

describe("--help", () => {
  const subcommands = [
    ["list", "describe", "read", "write", "call", "watch"],
    ["alarms", "ack", "shelve", "unshelve"],
    ["commands", "resolve", "cancel"],
    ["acquire", "release", "deactivate", "activate"]
  ].flat()

  it.effect("names every subcommand", () =>
    Effect.gen(function*() {
      const { failure, output } = yield* told("device", "--help")
      expect(failure).toBeUndefined()
      for (const name of subcommands) expect(output).toContain(`- ${name} `)
    }))

  it.effect.each(subcommands)(
    "of %s says what it does, and names its options",
    (name) =>
      Effect.gen(function*() {
        const { failure, output } = yield* told("device", name, "--help")
        expect(failure).toBeUndefined()
        for (const text of ["DESCRIPTION", "--json", "--node", "--control", "PLANTD_CONTROL"]) {
          expect(output).toContain(text)
        }
      })
  )

  it.effect.each([
    ["read", "write", "call", "watch"],
    ["commands", "resolve", "alarms", "ack", "shelve"]
  ].flat())(
    "of %s has an example",
    (name) =>
      Effect.gen(function*() {
        const { output } = yield* told("device", name, "--help")
        // Wherever its lines are broken.
        expect(output.replaceAll(/\s+/g, " ")).toContain(`plantd device ${name} `)
      })
  )
})
