import { FileSystem } from "@effect/platform"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { describe, expect, it } from "@effect/vitest"
import { SimulateRun } from "@plantd/node"
import { Faults, type Scenario, type Simulation } from "@plantd/simulation"
import { Deferred, Effect, Fiber } from "effect"

const plan: Faults.Plan = [
  { kind: "kill", atMillis: 10, forMillis: 100, node: 0, other: 1, strength: 0 },
  { kind: "slow", atMillis: 20, forMillis: 100, node: 0, other: 1, strength: 0 }
]

/** A scenario whose runs fail with some seeds, as long as a node is killed. */
const scenario = (name: string, failing: ReadonlyArray<number> = []): Scenario.Scenario => ({
  name,
  about: "is planned",
  run: (seed, faults = plan): Simulation.Report => {
    const fails = failing.includes(seed) && faults.some(({ kind }) => kind === "kill")
    const violation = { check: "one writer", detail: "two", at: 5 }
    return {
      seed,
      verdict: fails ? "failed" : "passed",
      violation: fails ? violation : undefined,
      virtualMillis: 10_000,
      steps: 1,
      eventCount: 1,
      events: [{ at: 1, node: "node-0", kind: "note", detail: `${name} ${seed}` }],
      plan: faults,
      sometimes: new Map([["high", false]]),
      traceHash: "hash"
    }
  }
})

const ran = (
  given: Partial<SimulateRun.Given> & Pick<SimulateRun.Given, "scenarios">,
  onShow: Effect.Effect<void> = Effect.void
) => {
  const texts: Array<string> = []
  const broken: Array<string> = []
  const run = SimulateRun.run({
    seeds: [1, 2, 3],
    plan: undefined,
    check: false,
    json: false,
    trace: undefined,
    html: undefined,
    ...given
  }, {
    write: (text) => Effect.sync(() => void texts.push(text)),
    progress: { show: () => onShow, clear: Effect.void },
    onBrokenOff: ({ message }) => Effect.sync(() => void broken.push(message))
  })
  const output = () => texts.join("")
  const objects = () => output().trimEnd().split("\n").map((line) => JSON.parse(line) as unknown)
  return { run: Effect.provide(run, NodeContext.layer), output, objects, broken }
}

describe("runs that pass", () => {
  it.live("are told by a line for each scenario and a summary, and which goals none reached", () =>
    Effect.gen(function*() {
      const { output, run } = ran({ scenarios: [scenario("one"), scenario("two")] })
      yield* run
      expect(output().split("\n")).toEqual([
        "one: 3 runs, all passed (is planned)",
        "one: with no seed this was reached: high",
        "two: 3 runs, all passed (is planned)",
        "two: with no seed this was reached: high",
        expect.stringMatching(/^6 runs, 0 failed, \d[\d.]* virtual seconds per second$/),
        ""
      ])
    }))

  it.live("are an object each, the last a summary", () =>
    Effect.gen(function*() {
      const { objects, run } = ran({ scenarios: [scenario("one")], seeds: [1, 2], json: true })
      yield* run
      expect(objects()).toEqual([
        ...[1, 2].map((seed) => ({
          type: "run",
          scenario: "one",
          seed,
          virtualMs: 10_000,
          events: 1,
          faults: plan,
          traceHash: "hash",
          verdict: "passed"
        })),
        {
          type: "summary",
          runs: 2,
          failed: 0,
          virtualSecondsPerSecond: expect.any(Number) as number,
          unreached: [{ scenario: "one", goal: "high" }],
          interrupted: false
        }
      ])
    }))
})

describe("a run that fails", () => {
  const scenarios = [scenario("one", [2, 3]), scenario("two")]

  it.live("fails the command after all are run, with the fewest faults and its replay", () =>
    Effect.gen(function*() {
      const { output, run } = ran({ scenarios })
      const failure = yield* Effect.flip(run)
      expect(failure).toBeInstanceOf(SimulateRun.SimulationFailed)
      expect(output()).toContain("one: seed 2 fails: one writer\none: seed 3 fails: one writer\n")
      expect(output()).toContain("one: 3 runs, 2 failed")
      expect(output()).toContain("6 runs, 2 failed")
      expect(failure.message).toContain("one fails with seed 2: one writer")
      expect(failure.message).toContain("at 10 ms: kill of node 0 for 100 ms")
      expect(failure.message).not.toContain("slow")
      expect(failure.message).toContain("plantd simulate --scenario one --seeds 2\n")
      expect(failure.message).toContain(`--seeds 2 --plan '${JSON.stringify([plan[0]])}'`)
    }))

  it.live("says in its object which check", () =>
    Effect.gen(function*() {
      const { objects, run } = ran({ scenarios, json: true })
      yield* Effect.flip(run)
      expect(objects()[1]).toMatchObject({
        verdict: "failed",
        violation: { check: "one writer", detail: "two", at: 5 }
      })
      expect(objects().at(-1)).toMatchObject({ type: "summary", runs: 6, failed: 2 })
    }))
})

describe("a trace", () => {
  const traced = (scenarios: ReadonlyArray<Scenario.Scenario>) =>
    Effect.gen(function*() {
      const files = yield* FileSystem.FileSystem
      const folder = yield* files.makeTempDirectoryScoped()
      const [trace, html] = [`${folder}/trace.jsonl`, `${folder}/trace.html`]
      yield* Effect.either(ran({ scenarios, trace, html }).run)
      return [yield* files.readFileString(trace), yield* files.readFileString(html)] as const
    }).pipe(Effect.scoped, Effect.provide(NodeContext.layer))

  it.live("is that of the first run that failed, with the fewest faults", () =>
    Effect.gen(function*() {
      const [lines, page] = yield* traced([scenario("one"), scenario("two", [2, 3])])
      expect(lines).toContain('"scenario":"two","seed":2,"verdict":"failed"')
      expect(lines).not.toContain('"slow"')
      expect(page).toContain("<title>two, seed 2</title>")
    }))

  it.live("is that of the last run where none failed", () =>
    Effect.gen(function*() {
      const [lines] = yield* traced([scenario("one"), scenario("two")])
      expect(lines).toContain('"scenario":"two","seed":3,"verdict":"passed"')
    }))

  it.live("that cannot be written is told before anything is run", () =>
    Effect.gen(function*() {
      const { output, run } = ran({ scenarios: [scenario("one")], html: "no/such/folder/x.html" })
      const failure = yield* Effect.flip(run)
      expect(failure).toBeInstanceOf(SimulateRun.TraceRefused)
      expect(failure.message).toContain("cannot write no/such/folder/x.html")
      expect(output()).toBe("")
    }))
})

describe("runs that are ended before their end", () => {
  const ended = (failing: ReadonlyArray<number>) =>
    Effect.gen(function*() {
      const seeds = Array.from({ length: 100_000 }, (_, n) => n)
      const begun = yield* Deferred.make<void>()
      const show = Effect.asVoid(Deferred.succeed(begun, undefined))
      const told = ran({ scenarios: [scenario("one", failing)], seeds, json: true }, show)
      const fiber = yield* Effect.fork(told.run)
      yield* Deferred.await(begun)
      yield* Fiber.interrupt(fiber)
      return told
    })

  it.live("are told by a summary that says so", () =>
    Effect.gen(function*() {
      const { broken, objects } = yield* ended([])
      expect(objects().at(-1)).toMatchObject({ type: "summary", failed: 0, interrupted: true })
      expect(broken).toEqual([])
    }))

  it.live("are a failure where one had failed", () =>
    Effect.gen(function*() {
      const { broken } = yield* ended([0])
      expect(broken).toEqual(["ended before all were run, and 1 had failed"])
    }))
})
