import { describe, expect, it } from "@effect/vitest"
import { type Faults, type Scenario, Scenarios, Seeds, Trial } from "@plantd/simulation"
import { Effect } from "effect"

/** How long all faults of a plan last. */
const lengthOf = (plan: Faults.Plan) => plan.reduce((sum, { forMillis }) => sum + forMillis, 0)

/** Looks for a seed that fails by a check, and whose plan can be made smaller; gives the seed. */
const found = (scenario: Scenario.Scenario, check: string) =>
  Effect.gen(function*() {
    let seeds: ReadonlyArray<number> = Seeds.upTo(200)
    for (;;) {
      const { failure } = yield* Trial.run(scenario, {
        seeds,
        stopsAtFailure: true,
        shrinking: { runsMax: 16 }
      })
      if (failure === undefined) return undefined
      const { report, shrunk } = failure
      seeds = seeds.filter((seed) => seed > report.seed)
      // Another check may be the first to see it, or the plan be as small as can be.
      if (report.violation?.check !== check || shrunk === undefined) continue
      if (lengthOf(shrunk.plan) >= lengthOf(report.plan)) continue
      expect(shrunk.report.violation?.check).toBe(check)
      // What was made smaller fails again.
      const again = scenario.run(shrunk.seed, shrunk.plan)
      expect(again.violation).toEqual(shrunk.report.violation)
      return report.seed
    }
  })

/** What is wrong on purpose, and the check that finds it. */
const bugs: ReadonlyArray<[bug: string, scenario: Scenario.Scenario, check: string]> = [
  [
    "a node that ignores that its lease has ended",
    Scenarios.volatileNotes({ planted: "lease-expiry-ignored" }),
    "one owner at a time"
  ],
  [
    "a store that takes what a former owner writes",
    Scenarios.lateWrites({ planted: "fence-unchecked" }),
    "exactly once"
  ],
  [
    "a node that acknowledges before it has written",
    Scenarios.durableLedger({ planted: "acknowledged-unwritten" }),
    "acknowledged is durable"
  ],
  [
    "an actor that does not look at the ids of messages",
    Scenarios.durableLedger({ looksAtNoIds: true }),
    "exactly once"
  ],
  [
    "whoever sends a pulse again whose outcome is unknown",
    Scenarios.lossyDosing({ resendsPulses: true }),
    "no pulse is sent again"
  ],
  [
    "wires that swap the letters of a batch",
    Scenarios.volatileNotes({ planted: "letters-swapped" }),
    "order per pair"
  ],
  [
    "wires that swap the letters of a batch, by senders on the nodes themselves",
    Scenarios.passedPages({ planted: "letters-swapped" }),
    "order per pair"
  ],
  [
    "a pump that queues its doses, and looks at no fence before it doses",
    Scenarios.lossyDosing({ queuesPulses: true }),
    "one writer per device"
  ],
  [
    "a register that is read from the copy that its node kept",
    Scenarios.sharedRegisters({ keepsCopies: true }),
    "a register is linearizable"
  ],
  [
    "a notebook that cannot be interrupted when it moves",
    Scenarios.volatileNotes({ hangs: true }),
    "no leaked actor"
  ],
  [
    "a notebook that answers before it has noted",
    Scenarios.volatileNotes({ answersEarly: true }),
    "an answer is true"
  ],
  [
    "a watcher that is told twice",
    Scenarios.watchedWorkers({ watchesTwice: true }),
    "exactly one Terminated per watch"
  ],
  [
    "wires that lose letters, so that a watcher is never told",
    Scenarios.watchedWorkers({ planted: "letters-lost" }),
    "exactly one Terminated per watch"
  ],
  [
    "an actor that is restarted without limit",
    Scenarios.trippedFuses({ restartsWithoutLimit: true }),
    "restart intensity"
  ]
]

describe("a checker finds, and the faults are made fewer or shorter, for", () => {
  it.live.each(bugs)("%s", ([, scenario, check]) =>
    Effect.gen(function*() {
      expect(yield* found(scenario, check)).toBeGreaterThan(0)
    }), 120_000)
})
