import { describe, expect, it } from "@effect/vitest"
import { Cli, HelpText, StandardOutput } from "@plantd/node"
import { Effect } from "effect"
import { told } from "./told.ts"

const plain = { columns: 30, coloured: false }

describe("help", () => {
  it("says of each entry what it is for on a line of its own, and tears no brackets", () => {
    const usage = "  - node start [--name name] [--port integer]"
    expect(HelpText.fit(`${usage}${" ".repeat(50)}Runs a node until it is told to end.`, plain))
      .toBe([
        "  - node start [--name name]",
        "    [--port integer]",
        "      Runs a node until it is",
        "      told to end."
      ].join("\n"))
  })

  it("has the whole command in its usage, and nothing else is changed", () => {
    const text = "USAGE\n\n$ start [--name name]\n\nstart a node"
    expect(HelpText.whole(text, ["node", "start", "--help"])).toBe(
      "USAGE\n\n$ plantd node start [--name name]\n\nstart a node"
    )
    expect(HelpText.whole("$ plantd", ["--help"])).toBe("$ plantd")
    expect(HelpText.whole("no usage", ["node", "start"])).toBe("no usage")
  })

  it("leaves punctuation where it stands", () => {
    const line = "  Writes it there (see <the file>), or nothing [default: a file]."
    expect(HelpText.fit(line, plain)).toBe([
      "  Writes it there (see",
      "  <the file>), or nothing",
      "  [default: a file]."
    ].join("\n"))
  })

  it("leaves lines alone that fit, but for their colours where nobody sees them", () => {
    const line = "\u001B[1mUSAGE\u001B[0m"
    expect(HelpText.fit(`${line}\n\n$ plantd   `, plain)).toBe("USAGE\n\n$ plantd")
    expect(HelpText.fit(line, { ...plain, coloured: true })).toBe(line)
  })

  it("lets a word that is too long stand by itself", () => {
    const long = "x".repeat(40)
    expect(HelpText.fit(`  a ${long} b`, plain)).toBe(`  a\n  ${long}\n  b`)
  })

  it.effect("of the command has no line that does not fit", () =>
    Effect.gen(function*() {
      for (const args of [[], ["node", "start"], ["simulate"]]) {
        const { failure, output } = yield* told(...args, "--help")
        expect(failure).toBeUndefined()
        const lines = output.split("\n")
        expect(lines.length).toBeGreaterThan(10)
        expect(lines.filter((line) => line.length > Cli.helpColumns(StandardOutput.columns())))
          .toEqual([])
      }
    }))
})
