import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import * as harness from "./harness.ts"

const minutes = 60_000

interface Line {
  readonly type: string
  readonly [field: string]: unknown
}

const linesOf = (text: string): ReadonlyArray<Line> =>
  text.trim().split("\n").filter((line) => line !== "").map((line) => JSON.parse(line) as Line)

/** The ids of the tank processes that a demo has as children. */
const tankOf = (demo: harness.Running) =>
  harness.waitUntil("a tank process", () => harness.childrenOf(demo.pid)[0])

const online = (demo: harness.Running) =>
  harness.waitUntil("an online link", () => demo.stdout().includes("link online"))

describe("plantd demo", () => {
  it.scopedLive(
    "keeps the level at its setpoint through a real device process",
    () =>
      Effect.gen(function*() {
        const demo = yield* harness.plantd("demo", "--for", "25s", "--json")
        const code = yield* demo.ended
        const lines = linesOf(demo.stdout())
        const summary = lines.at(-1)
        expect(summary).toMatchObject({ type: "summary", problems: [], ok: true, deadLetters: 0 })
        expect(summary?.["levelErrorPercent"]).toBeLessThanOrEqual(2)
        expect(summary?.["readingsPerSecond"]).toBeGreaterThanOrEqual(10)
        expect(lines.filter(({ type }) => type === "sample").length).toBeGreaterThanOrEqual(20)
        expect(code).toBe(0)
      }),
    2 * minutes
  )

  it.scopedLive(
    "ends on Ctrl-C with a summary, exit code 0, and no process left",
    () =>
      Effect.gen(function*() {
        const demo = yield* harness.plantd("demo", "--json")
        const tank = yield* tankOf(demo)
        yield* online(demo)
        yield* demo.signal("SIGINT")
        expect(yield* demo.ended).toBe(0)
        expect(linesOf(demo.stdout()).at(-1)).toMatchObject({ type: "summary" })
        yield* harness.waitUntil("the end of the tank process", () => !harness.exists(tank))
      }),
    2 * minutes
  )

  it.scopedLive("leaves no process behind when it is killed itself", () =>
    Effect.gen(function*() {
      const demo = yield* harness.plantd("demo", "--json")
      const tank = yield* tankOf(demo)
      yield* online(demo)
      yield* demo.signal("SIGKILL")
      yield* harness.waitUntil("the end of the tank process", () => !harness.exists(tank))
    }), 2 * minutes)

  it.scopedLive("ends when nobody reads its output any more", () =>
    Effect.gen(function*() {
      const demo = yield* harness.plantd("demo")
      yield* harness.waitUntil("a first line", () => demo.stdout().includes("level"))
      yield* demo.stopReading
      expect(yield* demo.ended).toBe(0)
    }), 2 * minutes)
})

describe("a wrong command line", () => {
  it.each<[string, ReadonlyArray<string>, string]>([
    ["an unknown flag", ["demo", "--josn"], "'--josn'"],
    ["an unknown command", ["dmo"], "'demo'"],
    [
      "a span without a unit",
      ["demo", "--for", "20"],
      "--for: expected a number and ms, s, m or h"
    ],
    ["a missing value", ["demo", "--for"], "--for: a value is missing"],
    ["too little time for chaos", ["demo", "--for", "5s", "--chaos"], "at least 30s"]
  ])(
    "with %s is refused on standard error, with exit code 2",
    (_, args, message) =>
      Effect.gen(function*() {
        const wrong = yield* harness.plantd(...args)
        expect(yield* wrong.ended).toBe(2)
        expect(wrong.stderr()).toContain(message)
        expect(wrong.stderr().trim().split("\n").length).toBe(1)
        expect(wrong.stdout()).toBe("")
      }).pipe(Effect.scoped, Effect.runPromise),
    minutes
  )

  it.scopedLive("help and version are answers, on standard output", () =>
    Effect.gen(function*() {
      const help = yield* harness.plantd("demo", "--help")
      expect(yield* help.ended).toBe(0)
      for (const option of ["--for", "--json", "--chaos"]) expect(help.stdout()).toContain(option)
      const version = yield* harness.plantd("--version")
      expect(yield* version.ended).toBe(0)
      expect(version.stdout().trim()).toMatch(/^\d+\.\d+\.\d+$/)
    }), minutes)
})

describe("the tank's device process", () => {
  it.scopedLive(
    "says which endpoint is in use, and ends with exit code 1",
    () =>
      Effect.gen(function*() {
        const port = yield* harness.occupiedPort
        const tank = yield* harness.start(
          "examples/tank/src/tankProcess.ts",
          "--commands",
          `tcp://127.0.0.1:${port}`,
          "--telemetry",
          "tcp://127.0.0.1:*"
        )
        expect(yield* tank.ended).toBe(1)
        expect(tank.stderr()).toContain(`tcp://127.0.0.1:${port}`)
        expect(tank.stderr()).toContain("another socket or process has it")
      }),
    minutes
  )
})
