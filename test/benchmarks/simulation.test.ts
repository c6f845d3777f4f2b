import { expect, it } from "@effect/vitest"
import { Effect } from "effect"
import * as harness from "../integration/harness.ts"

it.scopedLive(
  "the suite simulation measures a cluster under faults",
  () =>
    Effect.gen(function*() {
      const figure = ["--figure", "swarm-20"]
      const args = ["simulation", "--quick", "--json", ...figure]
      const run = yield* harness.start("benchmarks/src/main.ts", ...args)
      yield* harness.succeeded(run)
      const value = expect.toSatisfy((virtualSeconds: number) => virtualSeconds > 0)
      expect(JSON.parse(run.stdout())).toEqual({
        suite: "simulation",
        name: "swarm-20",
        value,
        unit: "virtual s/s",
        better: "higher",
        ratios: {}
      })
    }),
  120_000
)
