import { expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import * as harness from "./harness.ts"

const minute = 60_000

const run = (file: string) =>
  Effect.gen(function*() {
    const example = yield* harness.start(`examples/first-steps/src/${file}`)
    const code = yield* example.ended
    return { code, lines: example.stdout().trim().split("\n") }
  })

it.scopedLive("counter: counts, crashes, and counts anew", () =>
  Effect.gen(function*() {
    const { code, lines } = yield* run("counter.ts")
    expect(lines).toEqual(["2", "5", "ActorCrashed", "1"])
    expect(code).toBe(0)
  }), minute)

it.scopedLive(
  "heater: is read and set over ZeroMQ, and refuses what is out of range",
  () =>
    Effect.gen(function*() {
      const { code, lines } = yield* run("heater.ts")
      expect(lines.slice(-2)).toEqual([
        "60 °C, good",
        "heater-1: write.power was rejected (validation): 9000 W is outside of 0 to 500 W"
      ])
      expect(code).toBe(0)
    }),
  minute
)

it("what the README shows of the examples is what they say", () => {
  const text = (file: string) => readFileSync(join(harness.root, file), "utf8")
  const blocks = [...text("README.md").matchAll(/```ts\n(.*?)```/gs)].map(([, code]) => code ?? "")
  const shown = ["heater.ts", "counter.ts"].map((file) => text(`examples/first-steps/src/${file}`))
  expect(blocks.length).toBe(shown.length)
  for (const [n, code] of blocks.entries()) {
    for (const part of code.split("\n\n")) expect(shown[n]).toContain(part.trim())
  }
})
