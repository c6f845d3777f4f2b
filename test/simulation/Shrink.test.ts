import { describe, expect, it } from "@effect/vitest"
import { Faults, Seeds, Shrink } from "@plantd/simulation"
import { fault, report, scenario } from "./planned.ts"

const drawn: Faults.Plan = [
  fault("pause"),
  fault("slow"),
  fault("kill", 8_000, 1),
  fault("storage.full"),
  fault("resetConnections"),
  fault("isolate")
]

const has = (plan: Faults.Plan, kind: Faults.Kind, forMillis = 0): boolean =>
  plan.some((one) => one.kind === kind && one.forMillis >= forMillis)

describe("a plan of which a failure needs a part", () => {
  it("is made as small as the part, and its faults as short as the failure needs them", () => {
    const { made } = scenario(
      drawn,
      (plan) => has(plan, "kill", 900) && has(plan, "resetConnections") ? "one writer" : undefined
    )
    const shrunk = Shrink.shrink(made, made.run(7))
    expect(shrunk.plan.map(Faults.textOf)).toEqual([
      "at 1000 ms: kill of node 1 for 1000 ms",
      "at 1000 ms: resetConnections of node 0 for 8000 ms"
    ])
    expect(shrunk).toMatchObject({ seed: 7, complete: true })
    expect(made.run(shrunk.seed, shrunk.plan)).toMatchObject({ verdict: "failed" })
  })

  it("is empty where the failure needs none, after one run", () => {
    const { made } = scenario(drawn, () => "one writer")
    expect(Shrink.shrink(made, made.run(7))).toMatchObject({ plan: [], runs: 1 })
  })

  it("is never made smaller by another failure", () => {
    const { made } = scenario(
      drawn,
      (plan) => plan.length === drawn.length ? "one writer" : "the workload ends"
    )
    const first = made.run(7)
    const shrunk = Shrink.shrink(made, first)
    expect(shrunk.plan.map(({ kind }) => kind)).toEqual(drawn.map(({ kind }) => kind))
    expect(shrunk.report.violation?.check).toBe("one writer")
  })

  it("is tried with the same seed first, then with others, and says with which it fails", () => {
    const { made, runs } = scenario(
      [fault("kill", 100), fault("pause", 100)],
      (plan, seed) =>
        plan.length === 2 || (seed === 9 && has(plan, "pause")) ? "one writer" : undefined
    )
    const first = made.run(7)
    const shrunk = Shrink.shrink(made, first)
    expect(shrunk).toMatchObject({ seed: 9, plan: [fault("pause", 100)] })
    expect(runs.slice(0, 5)).toEqual([
      `7: ${first.plan.map(Faults.textOf).join("; ")}`,
      "7: ",
      "8: ",
      "9: ",
      `7: ${Faults.textOf(fault("pause", 100))}`
    ])
  })
})

it("no seed is tried that could not be given again", () => {
  const { made, runs } = scenario(
    [fault("kill", 100), fault("pause", 100)],
    (plan) => plan.length === 2 ? "one writer" : undefined
  )
  Shrink.shrink(made, made.run(Seeds.seedMax))
  expect(runs.length).toBeGreaterThan(1)
  expect(runs.filter((run) => !run.startsWith(`${Seeds.seedMax}: `))).toEqual([])
})

describe("the bound on runs", () => {
  it("is kept, and it is said that not all was tried", () => {
    const { made, runs } = scenario(
      drawn,
      (plan) => has(plan, "kill", 900) ? "one writer" : undefined
    )
    const shrunk = Shrink.shrink(made, made.run(7), { runsMax: 5 })
    expect(runs).toHaveLength(1 + 5)
    expect(shrunk).toMatchObject({ runs: 5, complete: false })
    expect(has(shrunk.plan, "kill")).toBe(true)
  })

  it("is that of the defaults where nothing is said", () => {
    const long = Array.from({ length: 40 }, (_, node) => fault("pause", 8_000, node))
    const { made } = scenario(long, (plan) => plan.length === 40 ? "one writer" : undefined)
    expect(Shrink.shrink(made, made.run(7)).runs).toBe(Shrink.defaultLimits.runsMax)
  })
})

it("a run that passed, and one without faults, are given back as they are", () => {
  const { made, runs } = scenario(drawn, () => undefined)
  const passed = report({ plan: drawn })
  expect(Shrink.shrink(made, passed)).toMatchObject({ report: passed, runs: 0, complete: true })
  const bare = report({ check: "one writer" })
  expect(Shrink.shrink(made, bare)).toMatchObject({ report: bare, runs: 0, complete: true })
  expect(runs).toEqual([])
})
