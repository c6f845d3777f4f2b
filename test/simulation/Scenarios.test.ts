import { describe, expect, it } from "@effect/vitest"
import { type Faults, type Scenario, Scenarios, Trial } from "@plantd/simulation"
import { Effect } from "effect"

/** What these runs found. */
const found = (scenario: Scenario.Scenario, seeds: ReadonlyArray<number>, plan?: Faults.Plan) =>
  Effect.gen(function*() {
    const all: Array<string> = []
    yield* Trial.run(scenario, {
      seeds,
      plan,
      shrinking: { runsMax: 0 },
      onRun: ({ seed, violation }) =>
        Effect.sync(() => {
          if (violation === undefined) return
          all.push(`${scenario.name}, seed ${seed}: ${violation.check}, ${violation.detail}`)
        })
    })
    return all
  })

describe("the scenarios of plantd", () => {
  for (const scenario of Scenarios.all) {
    it.live(`${scenario.name}: ${scenario.about}`, () =>
      Effect.gen(function*() {
        expect(yield* found(scenario, [1, 2, 3, 4, 5])).toEqual([])
      }), 120_000)
  }

  it.live("what was found once stays mended", () =>
    Effect.gen(function*() {
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
      // What was queued for a node that lost a shard was overtaken by what went to the next one.
      const slow = { ...at, kind: "storage.slow", node: 1, strength: 1 } as const
      const overtaken = [
        { ...slow, atMillis: 1_341, forMillis: 1_209 },
        { ...pause, node: 0, atMillis: 1_920, forMillis: 3_161 },
        { ...slow, atMillis: 6_887, forMillis: 2_393 }
      ]
      expect([
        ...(yield* found(Scenarios.volatileNotes(), [33, 78, 91, 117], overtaken)),
        ...(yield* found(Scenarios.frozenNode, [5, 6, 7], [pause])),
        ...(yield* found(Scenarios.durableLedger(), [4, 55])),
        ...(yield* found(Scenarios.durableLedger(), [1, 55], [lost, stop]))
      ]).toEqual([])
    }), 120_000)
})
