import * as NodeContext from "@effect/platform-node/NodeContext"
import { describe, expect, it } from "@effect/vitest"
import { type DriverCheck, DriverStore, ZmqTransport } from "@plantd/hardware"
import { Cli, DriverCommand, DriverView } from "@plantd/node"
import { Command } from "@effect/cli"
import { Effect, Logger } from "effect"
import { makePlant, serve } from "../hardware/pump.ts"
import { told } from "./told.ts"

/** Runs the command itself; gives what it wrote to standard output. */
const checked = (...args: ReadonlyArray<string>) =>
  Effect.gen(function*() {
    const lines: Array<string> = []
    const command = DriverCommand.make((text) => Effect.sync(() => void lines.push(text)))
    const run = Command.run(command, { name: "driver", version: "1.2.3" })
    const failure = yield* run(["node", "driver", "check", ...args]).pipe(
      Effect.as(undefined),
      Effect.catchAll((error) => Effect.succeed(error))
    )
    return { failure, lines: lines.join("").trimEnd().split("\n") }
  }).pipe(Effect.provide(NodeContext.layer))

const pump = serve(makePlant()).pipe(
  Effect.map(({ endpoints }) => endpoints),
  Effect.provide([DriverStore.memory, ZmqTransport.layer])
)

const quiet = Effect.provide(Logger.replace(Logger.defaultLogger, Logger.none))

describe("a wrong command line", () => {
  it.effect.each([
    { args: ["chek"], says: "there is no plantd driver chek, only check" },
    { args: ["check"], says: "ENDPOINT" },
    { args: ["check", "127.0.0.1:5701"], says: "expected tcp://HOST:PORT or ipc://PATH, got 127" },
    { args: ["check", "tcp://127.0.0.1:*"], says: "expected tcp://HOST:PORT" },
    { args: ["check", "tcp://127.0.0.1:1", "--josn"], says: "--josn" },
    { args: ["check", "tcp://127.0.0.1:1", "--device"], says: "--device: a value is missing" },
    { args: ["check", "--limit", "5", "tcp://127.0.0.1:1"], says: "--limit: expected a number" }
  ])(
    "$args: nothing is checked, and it is said in one line",
    ({ args, says }) =>
      Effect.gen(function*() {
        const { failure, output } = yield* told("driver", ...args)
        expect(failure).toBeInstanceOf(Cli.UsageError)
        expect(failure?.message).toContain(says)
        expect(failure?.message).not.toContain("\n")
        expect(output).toBe("")
      })
  )
})

it.effect("--help says that it acts, and what it does", () =>
  Effect.gen(function*() {
    const { output } = yield* told("driver", "check", "--help")
    const words = output.replaceAll(/\s+/g, " ")
    for (const text of ["It acts", "raises the fence", "--attribute", "--json", "--limit"]) {
      expect(words).toContain(text)
    }
  }))

it.scopedLive("each rule is a line, and the last one a summary", () =>
  Effect.gen(function*() {
    const { commands } = yield* pump
    const { failure, lines } = yield* checked(commands)
    expect(failure).toBeUndefined()
    expect(lines.length).toBeGreaterThan(30)
    for (const line of lines.slice(0, -1)) expect(line).toMatch(/^ok {7}[a-z-]+ +[A-Z]/)
    expect(lines.at(-1)).toMatch(
      /^p-1 \(Pump\), epoch 1; \d+ rules: \d+ ok, 0 failed, 0 skipped; its fence was 0 and is 2; /
    )
    expect(lines.at(-1)).toContain("speed is 0 again")
  }).pipe(quiet))

it.scopedLive("with --json each is an object", () =>
  Effect.gen(function*() {
    const { commands } = yield* pump
    const { lines } = yield* checked(commands, "--json", "--attribute", "speed")
    const objects = lines.map((line): unknown => JSON.parse(line))
    expect(objects[0]).toMatchObject({ type: "rule", id: "handshake", result: "ok" })
    expect(objects.at(-1)).toMatchObject({
      type: "summary",
      ok: lines.length - 1,
      failed: 0,
      skipped: 0,
      device: { id: "p-1" },
      attribute: { name: "speed", values: [300, 600], before: 0, restored: true }
    })
  }).pipe(quiet))

it.scopedLive("where rules are broken it fails with their names", () =>
  Effect.gen(function*() {
    const [one, other] = [yield* pump, yield* pump]
    const { failure, lines } = yield* checked(
      one.commands,
      "--limit",
      "1s",
      "--telemetry",
      other.telemetry.replace(/\d+$/, "1")
    )
    expect(failure).toMatchObject({ _tag: "DriverFaulty" })
    expect(lines.filter((line) => line.startsWith("FAILED"))).toEqual([
      expect.stringMatching(/^FAILED {3}telemetry .* -- expected a batch of "p-1" .*, got nothing/)
    ])
  }).pipe(quiet))

it.scopedLive("where nothing answers, that is all that is said", () =>
  Effect.gen(function*() {
    const { failure, lines } = yield* checked("tcp://127.0.0.1:1", "--limit", "200ms")
    expect(failure).toMatchObject({ _tag: "DriverCheckError", reason: "no-answer" })
    expect(lines).toEqual([""])
  }))

it.scopedLive("another device than the one that is meant is left alone", () =>
  Effect.gen(function*() {
    const { commands } = yield* pump
    const { failure } = yield* checked(commands, "--device", "p-2")
    expect(failure).toMatchObject({ _tag: "DriverCheckError", reason: "other-device" })
  }).pipe(quiet))

it("a line of a report is one line, whatever a driver says", () => {
  const rule = { id: "bye", promise: "BYE ends it" }
  const result = { _tag: "Failed", expected: "a", got: "b\u001b[2J\nok" } as const
  expect(DriverView.text.finding({ ...rule, result })).toBe(
    "FAILED   bye                   BYE ends it -- expected a, got b [2J ok"
  )
  const skipped: DriverCheck.Finding = { ...rule, result: { _tag: "Skipped", reason: "none" } }
  expect(DriverView.text.finding(skipped)).toMatch(/^skipped {2}bye .* -- none$/)
  const summary = DriverView.text.summary({
    findings: [skipped],
    attribute: { name: "speed", values: [1, 2], before: null, restored: false }
  })
  expect(summary).toBe(
    "1 rules: 0 ok, 0 failed, 1 skipped; speed was written and NOT set back, look at it"
  )
})
