import { describe, expect, it } from "@effect/vitest"
import { Faults, type Scenario, Trial } from "@plantd/simulation"
import { Deferred, Effect, Fiber } from "effect"
import { fault, real, report, scenario } from "./planned.ts"

describe("a trial", () => {
  it.live("runs each seed once, and tells which failed", () =>
    Effect.gen(function*() {
      const { made, runs } = scenario([], (_, seed) => seed % 2 === 0 ? "even" : undefined)
      const heard: Array<string> = []
      const outcome = yield* Trial.run(made, {
        seeds: [1, 2, 3, 4],
        onRun: ({ seed, verdict }) => Effect.sync(() => void heard.push(`${seed} ${verdict}`))
      })
      expect(outcome).toMatchObject({ scenario: "planned", runs: 4, failed: [2, 4] })
      expect(outcome.failure?.report.seed).toBe(2)
      expect(heard).toEqual(["1 passed", "2 failed", "3 passed", "4 failed"])
      expect(runs).toEqual(["1: ", "2: ", "3: ", "4: "])
    }))

  it.live("makes the first failure smaller, and ends there where it is told to", () =>
    Effect.gen(function*() {
      const { made } = scenario(
        [fault("kill", 100), fault("slow", 100)],
        (plan, seed) =>
          seed > 1 && plan.some(({ kind }) => kind === "kill") ? "one writer" : undefined
      )
      const heard: Array<number> = []
      const { failed, failure, runs } = yield* Trial.run(made, {
        seeds: [1, 2, 3],
        stopsAtFailure: true,
        onShrink: (count) => Effect.sync(() => void heard.push(count))
      })
      expect({ runs, failed }).toEqual({ runs: 2, failed: [2] })
      expect(failure?.shrunk?.plan.map(({ kind }) => kind)).toEqual(["kill"])
      expect(heard).toEqual(Array.from({ length: failure?.shrunk?.runs ?? 0 }, (_, n) => n))
    }))

  it.live("gives the plan to each run in place of what it draws", () =>
    Effect.gen(function*() {
      const { made, runs } = scenario([fault("slow")], () => undefined)
      yield* Trial.run(made, { seeds: [1], plan: [fault("kill")] })
      expect(runs).toEqual([`1: ${Faults.textOf(fault("kill"))}`])
    }))

  it.live("tells of a failure with which plan it was run", () =>
    Effect.gen(function*() {
      const { made } = scenario([], (plan) => plan.length > 0 ? "one writer" : undefined)
      const plan = [fault("kill")]
      const { failure } = yield* Trial.run(made, { seeds: [1], plan, check: true })
      expect(failure?.given).toEqual({ plan, check: false })
    }))

  it.live("tells what was reached with no seed", () =>
    Effect.gen(function*() {
      const goals: Scenario.Scenario = {
        name: "goals",
        about: "reaches a little",
        run: (seed) => report({ seed, sometimes: new Map([["low", seed === 1], ["high", false]]) })
      }
      expect((yield* Trial.run(goals, { seeds: [1, 2] })).unreached).toEqual(["high"])
      expect((yield* Trial.run(goals, { seeds: [2] })).unreached).toEqual(["low", "high"])
    }))

  it.live("lets the event loop come round between any two runs", () =>
    Effect.gen(function*() {
      let came = true
      const heard: Array<boolean> = []
      const { made } = scenario([fault("kill", 100), fault("slow", 100)], (plan) => {
        heard.push(came)
        came = false
        setImmediate(() => void (came = true))
        return plan.length > 1 ? "one writer" : undefined
      })
      const { failure } = yield* Trial.run(made, { seeds: [1, 2], stopsAtFailure: true })
      expect(heard).toHaveLength(1 + (failure?.shrunk?.runs ?? 0))
      expect(heard).not.toContain(false)
    }))

  it.live("can be ended between two runs", () =>
    Effect.gen(function*() {
      const { made, runs } = scenario([], () => undefined)
      const seeds = Array.from({ length: 100_000 }, (_, n) => n)
      const begun = yield* Deferred.make<void>()
      const onRun = () => Effect.asVoid(Deferred.succeed(begun, undefined))
      const trial = yield* Effect.fork(Trial.run(made, { seeds, onRun }))
      yield* Deferred.await(begun)
      yield* Fiber.interrupt(trial)
      expect(runs.length).toBeLessThan(seeds.length)
    }))
})

describe("each seed twice", () => {
  it.live("is a failure where the runs differ, and names the first difference", () =>
    Effect.gen(function*() {
      let count = 0
      const restless: Scenario.Scenario = {
        name: "restless",
        about: "is never the same",
        run: (seed) =>
          report({ seed, traceHash: `${count}`, steps: count++, plan: [fault("kill")] })
      }
      const { failed, failure } = yield* Trial.run(restless, { seeds: [1], check: true })
      expect(failed).toEqual([1])
      expect(failure?.report.violation?.check).toBe(Trial.sameRun)
      expect(failure?.report.violation?.detail).toContain("0 steps, and 1 the second time")
      expect(failure).toMatchObject({ given: { plan: undefined, check: true }, shrunk: undefined })
    }))

  it.live("passes for a real scenario with faults", () =>
    Effect.gen(function*() {
      const outcome = yield* Trial.run(real, { seeds: [1], check: true })
      expect(outcome).toMatchObject({ runs: 1, failed: [] })
    }))
})
