import { expect, it } from "@effect/vitest"
import { DemoView } from "@plantd/node"

const moment: DemoView.Moment = {
  seconds: 83.4,
  level1: 0.31,
  level2: 0.2504,
  setpoint: 0.25,
  pump: 43.21,
  valve: 50,
  controller: "controlling",
  link: "online",
  quality: "good",
  readingsPerSecond: 140,
  messagesPerSecond: 61,
  deadLetters: 0,
  restarts: 0,
  events: []
}

it("the live view shows levels, setpoint, pump, link, quality, restarts and rates", () => {
  const text = DemoView.live(moment, 80).join("\n")
  for (
    const shown of [
      "01:23",
      "0.310 m",
      "0.250 m   setpoint 0.250 m",
      "43.2 %   controlling",
      "link online",
      "quality good",
      "restarts 0",
      "dead letters 0",
      "140 readings/s",
      "61 messages/s"
    ]
  ) expect(text).toContain(shown)
})

it("a bar is empty at nothing, full at the most, and never longer", () => {
  const bars = (level1: number | null) => DemoView.live({ ...moment, level1 }, 80)[2] ?? ""
  expect(bars(null)).toContain("·".repeat(24))
  expect(bars(0.25)).toContain("█".repeat(12) + "·".repeat(12))
  expect(bars(9)).toContain("█".repeat(24))
  expect(bars(-1)).toContain("·".repeat(24))
})

it("the live view has the same number of lines however much happened, none too long", () => {
  const many = Array.from({ length: 50 }, (_, n) => `event ${n} ${"x".repeat(200)}`)
  const lines = DemoView.live({ ...moment, events: many }, 60)
  expect(lines.length).toBe(DemoView.live(moment, 80).length)
  expect(lines.at(-1)).toContain("event 49")
  expect(Math.max(...lines.map(({ length }) => length))).toBe(60)
})

it("values that are not good are marked where they stand", () => {
  const lines = DemoView.live({ ...moment, quality: "stale" }, 80)
  expect(lines.filter((line) => line.includes("(stale)")).length).toBe(3)
  expect(DemoView.live(moment, 80).join()).not.toContain("(good)")
})

it("a line says what cannot be known by a dash", () => {
  expect(DemoView.line({ ...moment, level2: null, pump: null })).toMatch(/level\s+- m/)
  expect(DemoView.line(moment)).not.toContain("\n")
})

it("rewinding clears what was drawn before, and nothing before the first time", () => {
  expect(DemoView.rewind(0)).toBe("")
  expect(DemoView.rewind(3)).toBe("\u001b[3A\u001b[0J")
})
