import { expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import * as harness from "./harness.ts"

const minute = 60_000

const run = (file: string, folder = "first-steps") =>
  Effect.gen(function*() {
    const example = yield* harness.start(`examples/${folder}/src/${file}`)
    const code = yield* example.ended
    const lines = example.stdout().trim().split("\n")
    return { code, lines: lines.filter((line) => !/^(timestamp=|\[\d\d:)/.test(line)) }
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

it.scopedLive(
  "cluster: a counter lives on one of three nodes, and goes on where it stopped on another",
  () =>
    Effect.gen(function*() {
      const { code, lines } = yield* run("cluster.ts", "cluster")
      expect(lines).toEqual([
        "node 7711 counts: 1",
        "node 7712 counts: 2",
        "node 7713 counts: 3",
        "after it stopped: 4",
        "after it stopped: 5"
      ])
      expect(code).toBe(0)
    }),
  minute
)

/** Checks that `expected` stand among the lines, in this order. */
const inOrder = (lines: ReadonlyArray<string>, expected: ReadonlyArray<string>) => {
  const rest = [...expected]
  for (const line of lines) {
    const [next] = rest
    if (next !== undefined && line.includes(next)) rest.shift()
  }
  expect({ missing: rest, lines }).toEqual({ missing: [], lines })
}

it.scopedLive(
  "pumps: are read and set as one, and a report hides neither a refusal nor an unknown outcome",
  () =>
    Effect.gen(function*() {
      const { code, lines } = yield* run("pumps.ts")
      for (const id of ["pump-1", "pump-2", "pump-3", "pump-4"]) {
        expect(lines).toContain(`${id}: 2.00 L/s, good`)
      }
      inOrder(lines, ["pump-1: Succeeded", "pump-2: Succeeded", "pump-3: Failed"])
      inOrder(lines, ["pump-4: Unknown", "done all the same: pump-1, pump-2"])
      expect(code).toBe(0)
    }),
  minute
)

it.scopedLive("ping-pong: every hit lands, half of them with each", () =>
  Effect.gen(function*() {
    const { code, lines } = yield* run("pingPong.ts", "actors")
    inOrder(lines, ["ping hit 50000 times", "pong hit 50000 times", "hits per second"])
    expect(code).toBe(0)
  }), minute)

it.scopedLive(
  "supervision tree: heals itself, and stops its last child first",
  () =>
    Effect.gen(function*() {
      const { code, lines } = yield* run("supervisionTree.ts", "actors")
      inOrder(lines, ["the plant stops, last child first:"])
      expect(code).toBe(0)
    }),
  minute
)

it.scopedLive(
  "traffic light: wishes wait for their state, faults make it blink",
  () =>
    Effect.gen(function*() {
      const { code, lines } = yield* run("trafficLight.ts", "actors")
      inOrder(lines, ["Ann walks", "Green -> Amber", "Bob walks", "fault: a lamp is broken"])
      inOrder(lines, ["Cas walks with care", "lamps: blinking red", "ActorCrashed", "Dora walks"])
      expect(lines.at(-1)).toContain("lamps: blinking red")
      expect(code).toBe(0)
    }),
  minute
)

it.scopedLive(
  "dining philosophers: all who live have eaten, though one died with two forks",
  () =>
    Effect.gen(function*() {
      const { code, lines } = yield* run("diningPhilosophers.ts", "actors")
      inOrder(lines, ["Laozi is dead (crashed)", "Laozi: ActorStopped"])
      for (const name of ["Hypatia", "Spinoza", "Hume", "Weil"]) {
        expect(lines).toContain(`${name} had 3 meals`)
      }
      expect(code).toBe(0)
    }),
  minute
)

it.scopedLive(
  "bank account: its events outlive the system, and it never owes anything",
  () =>
    Effect.gen(function*() {
      const { code, lines } = yield* run("bankAccount.ts", "actors")
      inOrder(lines, ["0 events, 0 in it", "100 are deposited: 100", "30 are withdrawn: 70"])
      inOrder(lines, ["500 are not (Overdrawn)", "2 events, 70 in it", "the balance is 70"])
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
