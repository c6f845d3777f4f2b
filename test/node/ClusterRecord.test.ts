import { describe, expect, it } from "@effect/vitest"
import { ClusterRecord, DemoRecord } from "@plantd/node"

type Observation = ClusterRecord.Observation

const fine = { ...DemoRecord.summarize(DemoRecord.empty, 30_000), problems: [], ok: true }

const answered = (at: number, node: string, controlling = true): Observation => ({
  _tag: "Answered",
  at,
  node,
  controlling
})

const killed = (at: number, node: string): Observation => ({ _tag: "Killed", at, node })

const plant = (from: number, to: number, level = 0.2): ReadonlyArray<Observation> =>
  Array.from({ length: (to - from) / 250 }, (_, n) => ({
    _tag: "Plant",
    at: from + n * 250,
    level,
    setpoint: 0.2
  }))

const after = (observations: ReadonlyArray<Observation>, chaos = true) =>
  ClusterRecord.summarize(
    fine,
    observations.reduce(ClusterRecord.observe, ClusterRecord.empty),
    { nodes: 3, chaos }
  )

const steady = plant(0, 20_000)

const failover = [answered(1_000, "a"), killed(10_000, "a"), answered(12_345, "b")]

describe("a demo on several nodes", () => {
  it("is fine where another node took over and the level kept to its setpoint", () => {
    expect(after([...failover, ...steady])).toMatchObject({
      type: "summary",
      ok: true,
      problems: [],
      nodes: 3,
      nodesKilled: 1,
      moves: 1,
      takeoverMs: 2_345,
      worstLevelErrorPercent: 0
    })
  })

  it("is fine without chaos where nothing moved", () => {
    expect(after([answered(1_000, "a"), answered(2_000, "a"), ...steady], false)).toMatchObject({
      ok: true,
      nodesKilled: 0,
      moves: 0,
      takeoverMs: null
    })
  })

  it("counts a move back to a node that was started again", () => {
    expect(after([...failover, answered(20_000, "a"), ...steady])).toMatchObject({ moves: 2 })
  })

  it("a take-over is over when the controller controls, not when it answers", () => {
    const late = [answered(1_000, "a"), killed(10_000, "a"), answered(12_000, "b", false)]
    expect(after([...late, answered(13_000, "b"), ...steady])).toMatchObject({ takeoverMs: 3_000 })
  })

  it.each<[string, ReadonlyArray<Observation>, string]>([
    ["a level that left its band", [
      ...failover,
      ...steady,
      ...plant(20_000, 20_500, 0.2108)
    ], "5.40 % off"],
    ["a level that never settled", [...failover, ...plant(0, 10_000, 0.1)], "never settled"],
    ["a level that settled late", [
      ...failover,
      ...plant(0, 16_000, 0.1),
      ...plant(16_000, 20_000)
    ], "to settle, more than"],
    ["a plant that nobody saw", [...failover, ...steady, ...plant(23_000, 24_000)], "looked at"],
    ["nobody killed", [answered(1_000, "a"), ...steady], "no node was killed"],
    ["nobody taking over", [...failover.slice(0, 2), ...steady], "nobody took over from a"],
    [
      "a killed node that still seems to control",
      [...failover.slice(0, 2), answered(12_000, "a"), ...steady],
      "nobody took over from a"
    ]
  ])("is not fine with %s, and says so", (_, observations, problem) => {
    const summary = after(observations)
    expect(summary.ok).toBe(false)
    expect(summary.problems.join()).toContain(problem)
  })

  it("has the problems of every demo, too", () => {
    const bad = { ...fine, ok: false, problems: ["1 messages became dead letters"] }
    const record = [...failover, ...steady].reduce(ClusterRecord.observe, ClusterRecord.empty)
    expect(ClusterRecord.summarize(bad, record, { nodes: 3, chaos: true })).toMatchObject({
      ok: false,
      problems: bad.problems
    })
  })
})
