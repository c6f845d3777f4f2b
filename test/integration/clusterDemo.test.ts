import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { existsSync, rmSync } from "node:fs"
import { dirname } from "node:path"
import * as harness from "./harness.ts"

const minutes = 60_000

interface Line {
  readonly type: string
  readonly [field: string]: unknown
}

const linesOf = (text: string): ReadonlyArray<Line> =>
  text.trim().split("\n").filter((line) => line !== "").map((line) => JSON.parse(line) as Line)

const eventsOf = (lines: ReadonlyArray<Line>): string =>
  lines.flatMap(({ events }) => (Array.isArray(events) ? events : [])).join("\n")

/** Waits until somebody controls; gives all processes of the demo, and where its database is. */
const controlled = (demo: harness.Running) =>
  Effect.gen(function*() {
    yield* harness.waitUntil(
      "a controller that controls",
      () => demo.stdout().includes('"controller":"controlling"'),
      "1 minute"
    )
    const [, storage = ""] = /--storage ([^\s"]+)/.exec(demo.stdout()) ?? []
    const children = harness.childrenOf(demo.pid)
    expect(children.length).toBe(4)
    expect(existsSync(storage)).toBe(true)
    return { children, storage }
  })

const gone = (children: ReadonlyArray<number>) =>
  harness.waitUntil("the end of all processes", () => !children.some(harness.exists))

describe("plantd demo --nodes 3", () => {
  it.scopedLive(
    "when the node of the controller is killed another one takes over, and the level stays",
    () =>
      Effect.gen(function*() {
        const demo = yield* harness.plantd(
          ..."demo --nodes 3 --chaos --for 30s --json".split(" ")
        )
        const { storage } = yield* controlled(demo)
        const code = yield* demo.ended
        const lines = linesOf(demo.stdout())
        const summary = lines.at(-1)
        expect(summary).toMatchObject({
          type: "summary",
          problems: [],
          ok: true,
          nodes: 3,
          nodesKilled: 1,
          deadLetters: 0
        })
        expect(summary?.["moves"]).toBeGreaterThanOrEqual(1)
        expect(summary?.["worstLevelErrorPercent"]).toBeLessThanOrEqual(5)
        // The setpoint is one that an operator chose on the node that was killed.
        expect(lines.at(-2)).toMatchObject({ setpoint: 0.25 })
        expect(eventsOf(lines)).toMatch(
          /(node-\d) runs.*: it is killed.*moved from \1 to (node-\d).*\2 controls the level/s
        )
        expect(code).toBe(0)
        expect(existsSync(storage)).toBe(false)
      }),
    2 * minutes
  )

  it.scopedLive(
    "ends on Ctrl-C with exit code 0, and no process or file left",
    () =>
      Effect.gen(function*() {
        const demo = yield* harness.plantd("demo", "--nodes", "3", "--json")
        const { children, storage } = yield* controlled(demo)
        yield* demo.signal("SIGINT")
        expect(yield* demo.ended).toBe(0)
        expect(linesOf(demo.stdout()).at(-1)).toMatchObject({ type: "summary", nodesKilled: 0 })
        yield* gone(children)
        expect(existsSync(storage)).toBe(false)
      }),
    2 * minutes
  )

  it.scopedLive("leaves no process behind when it is killed itself", () =>
    Effect.gen(function*() {
      const demo = yield* harness.plantd("demo", "--nodes", "3", "--json")
      const { children, storage } = yield* controlled(demo)
      yield* demo.signal("SIGKILL")
      yield* gone(children)
      // Nobody else could remove it.
      yield* Effect.sync(() => rmSync(dirname(storage), { recursive: true }))
    }), 2 * minutes)
})

describe("a wrong command line", () => {
  it.each<[string, ReadonlyArray<string>, string]>([
    ["no node", ["--nodes", "0"], '--nodes: expected a whole number from 1 to 8, got "0"'],
    ["what is no number", ["--nodes", "x"], 'from 1 to 8, got "x"'],
    ["too many nodes", ["--nodes", "9"], 'from 1 to 8, got "9"'],
    ["nobody to take over", ["--nodes", "1", "--chaos"], "--nodes: with --chaos at least 2"]
  ])(
    "with %s is refused on standard error, with exit code 2",
    (_, args, message) =>
      Effect.gen(function*() {
        const wrong = yield* harness.plantd("demo", ...args)
        expect(yield* wrong.ended).toBe(2)
        expect(wrong.stderr()).toContain(message)
        expect(wrong.stderr().trim().split("\n").length).toBe(1)
        expect(wrong.stdout()).toBe("")
      }).pipe(Effect.scoped, Effect.runPromise),
    minutes
  )
})
