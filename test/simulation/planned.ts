/** Scenarios without a cluster, whose verdict is known for every plan. */
import type { Scenario, Simulation } from "@plantd/simulation"
import { Faults, Scenarios } from "@plantd/simulation"

/** A fault of a kind, which lasts so long. */
export const fault = (kind: Faults.Kind, forMillis = 8_000, node = 0): Faults.Fault => ({
  kind,
  atMillis: 1_000,
  forMillis,
  node,
  other: 1,
  strength: 0.5
})

/** An event at a time. */
export const event = (
  at: number,
  node: string,
  kind = "note",
  detail = `${kind} ${at}`
): Simulation.Event => ({ at, node, kind, detail })

/** What a run has come to; a check that failed, or none. */
export const report = (
  given: Partial<Simulation.Report> & { readonly check?: string | undefined }
): Simulation.Report => {
  const { check, ...rest } = given
  const violation = check === undefined ? undefined : { check, detail: `not ${check}`, at: 9 }
  return {
    seed: 1,
    verdict: violation === undefined ? "passed" : "failed",
    violation,
    virtualMillis: 10_000,
    steps: 100,
    eventCount: 2,
    events: [event(1, "node-0"), event(2, "node-1")],
    plan: [],
    sometimes: new Map(),
    traceHash: "hash",
    ...rest
  }
}

/** A scenario whose runs are counted; `checkOf` says which check fails. */
export const scenario = (
  drawn: Faults.Plan,
  checkOf: (plan: Faults.Plan, seed: number) => string | undefined
) => {
  const runs: Array<string> = []
  const made: Scenario.Scenario = {
    name: "planned",
    about: "fails as it is told",
    run: (seed, plan = drawn) => {
      runs.push(`${seed}: ${plan.map(Faults.textOf).join("; ")}`)
      return report({ seed, plan, check: checkOf(plan, seed) })
    }
  }
  return { made, runs }
}

const named = Scenarios.all.find(({ name }) => name === "durable-ledger")
if (named === undefined) throw new Error("there is no durable-ledger")

/** One with a cluster. */
export const real: Scenario.Scenario = named
