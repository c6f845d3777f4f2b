import { describe, expect, it } from "@effect/vitest"
import { type Faults, type Scenario, Scenarios, Shrink } from "@plantd/simulation"

/** What a run found, where it found something. */
const found = (scenario: Scenario.Scenario, seed: number, plan?: Faults.Plan) => {
  const { violation } = scenario.run(seed, plan)
  return violation === undefined ? [] : [`${scenario.name}, seed ${seed}: ${violation.check}`]
}

/** How long all faults of a plan last. */
const lengthOf = (plan: Faults.Plan) => plan.reduce((sum, { forMillis }) => sum + forMillis, 0)

/** Looks for a seed that fails, and makes its plan smaller; gives the check that fails in both. */
const failing = (scenario: Scenario.Scenario, seedsMax = 200) => {
  for (let seed = 1; seed <= seedsMax; seed++) {
    const report = scenario.run(seed)
    if (report.verdict === "passed") continue
    const shrunk = Shrink.shrink(scenario, report, { runsMax: 16 })
    expect(shrunk.report.violation?.check).toBe(report.violation?.check)
    expect(lengthOf(shrunk.plan)).toBeLessThan(lengthOf(report.plan))
    // What was made smaller fails again.
    const again = scenario.run(shrunk.seed, shrunk.plan)
    expect(again.violation).toEqual(shrunk.report.violation)
    return report.violation?.check
  }
  return undefined
}

describe("the scenarios of plantd", () => {
  for (const scenario of Scenarios.all) {
    it(`${scenario.name}: ${scenario.about}`, () => {
      expect([1, 2, 3, 4, 5].flatMap((seed) => found(scenario, seed))).toEqual([])
    }, 120_000)
  }

  it("what was found once stays mended", () => {
    const at = { strength: 0.5, other: 1 }
    // A node that had stood still renewed its lease, and took lost shards for its own again.
    const pause = { ...at, kind: "pause", node: 1, atMillis: 2_555, forMillis: 3_618 } as const
    // A node that was stopped while answers of the storage were lost kept its shards for ever.
    const lost = {
      ...at,
      kind: "storage.loseReply",
      node: 0,
      atMillis: 6_170,
      forMillis: 4_256
    } as const
    const stop = { ...at, kind: "stop", node: 0, atMillis: 6_455, forMillis: 404 } as const
    expect([
      ...[5, 6, 7].flatMap((seed) => found(Scenarios.frozenNode, seed, [pause])),
      ...[4, 55].flatMap((seed) => found(Scenarios.durableLedger(), seed)),
      ...[1, 55].flatMap((seed) => found(Scenarios.durableLedger(), seed, [lost, stop]))
    ]).toEqual([])
  }, 120_000)
})

describe("the checkers find, and the faults are made fewer or shorter, for", () => {
  it("a node that ignores that its lease has ended", () => {
    const scenario = Scenarios.volatileNotes({ planted: "lease-expiry-ignored" })
    expect(failing(scenario)).toBe("one owner at a time")
  }, 120_000)

  it("a store that takes what a former owner writes", () => {
    const scenario = Scenarios.lateWrites({ planted: "fence-unchecked" })
    expect(failing(scenario)).toBe("exactly once")
  }, 120_000)

  it("a node that acknowledges before it has written", () => {
    const scenario = Scenarios.durableLedger({ planted: "acknowledged-unwritten" })
    expect(failing(scenario)).toBe("acknowledged is durable")
  }, 120_000)

  it("an actor that does not look at the ids of messages", () => {
    expect(failing(Scenarios.durableLedger({ looksAtNoIds: true }))).toBe("exactly once")
  }, 120_000)

  it("whoever sends a pulse again whose outcome is unknown", () => {
    expect(failing(Scenarios.lossyDosing({ resendsPulses: true }))).toBe("no pulse is sent again")
  }, 120_000)
})
