/** `plantd simulate` as a process: signals, exit codes, and what stands on which output. */
import { expect, it } from "@effect/vitest"
import { Effect } from "effect"
import * as harness from "./harness.ts"

const objects = (text: string) =>
  text.trim().split("\n").map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>)

it.scopedLive(
  "runs that pass end with exit code 0, and write nothing but what was asked for",
  () =>
    Effect.gen(function*() {
      const simulate = yield* harness.plantd("simulate", "--seeds", "1", "--json")
      expect([yield* simulate.ended, simulate.stderr()]).toEqual([0, ""])
      const told = objects(simulate.stdout())
      expect(told.length).toBeGreaterThan(1)
      expect(told.at(-1)).toMatchObject({ type: "summary", runs: told.length - 1, failed: 0 })
    }),
  120_000
)

it.scopedLive(
  "Ctrl-C ends it between two runs, with a summary and exit code 0",
  () =>
    Effect.gen(function*() {
      const simulate = yield* harness.plantd("simulate", "--seeds", "1..100000", "--json")
      yield* harness.waitUntil("a run has ended", () => simulate.stdout().includes("\n"))
      yield* simulate.signal("SIGINT")
      expect(yield* simulate.ended).toBe(0)
      expect(objects(simulate.stdout()).at(-1)).toMatchObject({
        type: "summary",
        interrupted: true
      })
    }),
  120_000
)
