import { Rpc } from "@effect/rpc"
import { describe, expect, it } from "@effect/vitest"
import { Actor } from "@plantd/actors"
import { Replay, type Shrink } from "@plantd/simulation"
import * as SimTest from "@plantd/simulation/SimTest"
import { Effect, Schema } from "effect"
import { execFile } from "node:child_process"
import { readFileSync } from "node:fs"
import { createRequire } from "node:module"
import { fileURLToPath } from "node:url"
import { fault } from "./planned.ts"

const Counter = Actor.make("Counter", [
  Rpc.make("Add", { payload: { by: Schema.Int }, success: Schema.Int })
])
const actors = Counter.toLayer(Effect.sync(() => {
  let count = 0
  return { Add: ({ by }) => Effect.sync(() => (count += by)) }
}))

SimTest.simTest("a counter counts", { seeds: 3, nodes: 2, actors }, function*(sim) {
  const counter = sim.client(Counter)("c-1")
  sim.sometimes("it was asked", () => sim.history.length > 0)
  const count: number = yield* counter.Add({ by: 2 })
  expect(count).toBe(2)
  // @ts-expect-error the workload is checked as any code is
  expect(() => counter.Subtract({ by: 1 })).toThrow("is not a function")
})

describe("what the environment says", () => {
  const tried = (from: SimTest.Environment, seeds: number | ReadonlyArray<number> = 4) => {
    const ran: Array<number> = []
    const body = SimTest.tried(
      "a counter",
      { seeds, nodes: 1, actors },
      function*(sim) {
        ran.push(sim.seed)
        sim.sometimes("it was asked", () => sim.history.length > 0)
        yield* sim.advance("1 millis")
      },
      { commandOf: Replay.simulate("none"), from }
    )
    return Effect.map(
      Effect.either(body),
      (exit) => ({ ran, message: exit._tag === "Left" ? exit.left.message : undefined })
    )
  }

  it.live("nothing: all seeds are run, and a goal that none reaches is a failure", () =>
    Effect.gen(function*() {
      const { message, ran } = yield* tried({})
      expect(ran).toEqual([1, 2, 3, 4])
      expect(message).toContain("with none of 4 seeds this was reached")
      expect(message).toContain("it was asked")
    }))

  it.live("a seed: it alone is run, and need not reach the goals", () =>
    Effect.gen(function*() {
      expect(yield* tried({ PLANTD_SEED: "17" })).toEqual({ ran: [17], message: undefined })
      expect((yield* tried({ PLANTD_SEED: "" }, [5])).ran).toEqual([5])
    }))

  it.live("a plan: these faults happen in place of those that are drawn", () =>
    Effect.gen(function*() {
      const killed = (from: SimTest.Environment, shrinking: Partial<Shrink.Limits> = {}) =>
        Effect.either(SimTest.tried(
          "a node",
          { seeds: 1, nodes: 1, actors, faults: [fault("kill")], shrinking },
          function*(sim) {
            sim.always("it is up", () => sim.nodes.every(({ isUp }) => isUp))
            yield* sim.advance("5 seconds")
          },
          { commandOf: Replay.simulate("none"), from }
        ))
      expect((yield* killed({}))._tag).toBe("Left")
      expect((yield* killed({ PLANTD_PLAN: "[]" }))._tag).toBe("Right")
      const later = Replay.textOfPlan([{ ...fault("kill"), atMillis: 3_000 }])
      expect(yield* killed({ PLANTD_PLAN: later })).toMatchObject({
        left: { message: expect.stringContaining("at 3000 ms: kill") as string }
      })
      // Not made smaller it is in the command, too: the seed would draw others.
      expect(yield* killed({ PLANTD_PLAN: later }, { runsMax: 0 })).toMatchObject({
        left: { message: expect.stringContaining(`--seeds 1 --plan '${later}'`) as string }
      })
    }))

  it.live("no seeds: nothing would be tried, and that is a failure", () =>
    Effect.gen(function*() {
      for (const seeds of [0, []]) {
        const { message, ran } = yield* tried({}, seeds)
        expect(message).toContain("seeds: expected one at least")
        expect(ran).toEqual([])
      }
    }))

  it.live("to check: each seed is run twice", () =>
    Effect.gen(function*() {
      const { ran } = yield* tried({ PLANTD_SIM_CHECK: "1", PLANTD_SEED: "3..4" })
      expect(ran).toEqual([3, 3, 4, 4])
    }))

  it.live("nonsense: nothing is run, and it is said what is expected", () =>
    Effect.gen(function*() {
      const seed = yield* tried({ PLANTD_SEED: "many" })
      expect(seed.message).toContain("PLANTD_SEED: expected a seed or a range")
      const plan = yield* tried({ PLANTD_PLAN: "many" })
      expect(plan.message).toContain("PLANTD_PLAN: expected a plan of faults in JSON")
      expect([...seed.ran, ...plan.ran]).toEqual([])
    }))
})

describe("a test that fails, in a vitest of its own,", () => {
  const config = fileURLToPath(new URL("planted/vitest.config.ts", import.meta.url))
  const vitest = createRequire(import.meta.url).resolve("vitest/vitest.mjs")
  const ran = (env: Readonly<Record<string, string>>, pattern = "") =>
    Effect.async<{ readonly code: unknown; readonly text: string }>((resume) => {
      execFile(
        process.execPath,
        [vitest, "run", "--config", config, "-t", pattern],
        { env: { ...process.env, NO_COLOR: "1", ...env } },
        (error, out, err) => resume(Effect.succeed({ code: error?.code ?? 0, text: out + err }))
      )
    })

  it.live(
    "shows seed, check, fewest faults, time line and replay, and the replay fails too",
    () =>
      Effect.gen(function*() {
        const { code, text } = yield* ran({})
        expect(code).toBe(1)
        const name = "a node (of two) is up"
        const [, seed] = /is up fails with seed (\d+): all nodes are up/.exec(text) ?? []
        expect(text).toMatch(
          /faults, made fewer and shorter \(1 of \d, by \d+ runs.*\):\n.*kill of/
        )
        expect(text).toMatch(/\d ms {2}world +fault +at \d+ ms: kill of node \d/)
        const pattern = String.raw`planted: a node \(of two\) is up`
        expect(text).toContain(`PLANTD_SEED=${seed} npx vitest run planted.ts -t '${pattern}'`)
        expect(text).toContain("a bell rings twice: with none of 2 seeds this was reached")
        expect(text).toContain("Tests  2 failed (2)")

        const plan = /PLANTD_SEED=(\d+) PLANTD_PLAN='(.*)' npx/.exec(text)
        const [, PLANTD_SEED = "", PLANTD_PLAN = ""] = plan ?? []
        const again = yield* ran({ PLANTD_SEED, PLANTD_PLAN }, pattern)
        expect(again.code).toBe(1)
        expect(again.text).toContain(`${name} fails with seed ${PLANTD_SEED}: all nodes are up`)
        expect(again.text).toContain("Tests  1 failed | 1 skipped (2)")
      }),
    120_000
  )
})

it("the example of the docs is a test that is run here, and is short", () => {
  const text = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8")
  const [, section = ""] = text("docs/testing.md").split("## Failure scenarios")
  const [, shown = ""] = /```ts\n(.*?)```/s.exec(section) ?? []
  expect(shown).toBe(text("test/simulation/DosingPump.test.ts"))
  expect(shown.split("\n").length).toBeLessThan(41)
})
