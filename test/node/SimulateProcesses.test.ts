import { expect, it } from "@effect/vitest"
import { SimulateProcesses } from "@plantd/node"
import { type Faults, Scenarios, Trial } from "@plantd/simulation"
import type { Report } from "@plantd/simulation/Simulation"
import { Cause, Effect, Exit } from "effect"

const scenario = Scenarios.frozenNode
const seeds = [1, 2, 3, 4, 5]

const trial = (runner: Trial.Runner, plan?: Faults.Plan) =>
  Effect.gen(function*() {
    const hashes: Array<string> = []
    const onRun = ({ seed, sometimes, traceHash }: Report) =>
      Effect.sync(() => void hashes.push(`${seed} ${traceHash} ${[...sometimes].join()}`))
    const { runs } = yield* Trial.run(scenario, { seeds, plan, runner, onRun })
    expect(runs).toBe(seeds.length)
    return hashes
  })

it.scopedLive(
  "several processes give the same runs as one, in the order of the seeds",
  () =>
    Effect.gen(function*() {
      const runner = yield* SimulateProcesses.make(2)
      expect(yield* trial(runner)).toEqual(yield* trial(Trial.here))
      expect(yield* trial(runner, [])).toEqual(yield* trial(Trial.here, []))
    }),
  60_000
)

it.scopedLive("a process that cannot be started is a defect", () =>
  Effect.gen(function*() {
    const { execPath } = process
    process.execPath = "/none"
    const exit = yield* Effect.exit(SimulateProcesses.make(1))
    process.execPath = execPath
    expect(Exit.isFailure(exit) && Cause.pretty(exit.cause)).toContain(
      "a process for runs cannot be started: spawn /none ENOENT"
    )
  }))

it.scopedLive(
  "a process that ends before its run is a defect, and nobody waits for it",
  () =>
    Effect.gen(function*() {
      const runner = yield* SimulateProcesses.make(1)
      const unknown = { ...scenario, name: "unknown" }
      const exit = yield* Effect.exit(runner.run(unknown, 1, undefined))
      expect(Exit.isFailure(exit) && Cause.pretty(exit.cause)).toContain(
        "a process that ran unknown has ended: exit code 1"
      )
      expect(yield* Effect.exit(runner.run(scenario, 1, undefined))).toMatchObject({
        _tag: "Failure"
      })
    }),
  60_000
)
