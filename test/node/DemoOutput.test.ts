import { expect, it } from "@effect/vitest"
import { ClusterRecord, DemoOutput, DemoRecord, DemoView } from "@plantd/node"
import { Effect } from "effect"

const moment: DemoView.Moment = {
  seconds: 1,
  level1: 0.1,
  level2: 0.2,
  setpoint: 0.2,
  pump: 40,
  valve: 50,
  controller: "controlling",
  link: "online",
  quality: "good",
  readingsPerSecond: 140,
  messagesPerSecond: 60,
  deadLetters: 0,
  restarts: 0,
  events: ["   0.5 s  link online"]
}

const summary = DemoRecord.summarize(DemoRecord.empty, 1_000)

/** What an output writes for two moments and a summary. */
const texts = (make: (write: DemoOutput.Write) => DemoOutput.DemoOutput) =>
  Effect.gen(function*() {
    const written: Array<string> = []
    const output = make((text) => Effect.sync(() => void written.push(text)))
    yield* output.moment(moment, moment.events)
    yield* output.moment(moment, [])
    yield* output.summary(summary, false)
    return written
  })

it.effect("as JSON each text is one object on a line of its own, the last a summary", () =>
  Effect.gen(function*() {
    const written = yield* texts(DemoOutput.json)
    expect(written.every((text) => /^[^\n]+\n$/.test(text))).toBe(true)
    expect(written.map((text) => JSON.parse(text))).toMatchObject([
      { type: "sample", level2: 0.2, events: ["   0.5 s  link online"] },
      { type: "sample", events: [] },
      { type: "summary", ok: false }
    ])
  }))

it.effect("as lines each moment is a line, after a line for each new event", () =>
  Effect.gen(function*() {
    const [first, second, last] = yield* texts(DemoOutput.lines)
    expect(first).toMatch(/link online\n00:01.*\n$/)
    expect(second).toMatch(/^00:01[^\n]*\n$/)
    expect(last).toContain("problem: the level was not good")
    expect(first).not.toContain("\u001b")
  }))

it.effect("live, a view is drawn over the one before, and the summary stands below", () =>
  Effect.gen(function*() {
    const [first, second, last] = yield* texts((write) => DemoOutput.live(write, () => 80))
    expect(first?.startsWith("plantd demo")).toBe(true)
    expect(second?.startsWith(DemoView.rewind(DemoView.live(moment, 80).length))).toBe(true)
    expect(last).toContain("Not all is well")
  }))

it.effect("what comes before the first moment is a line for people, and nothing in JSON", () =>
  Effect.gen(function*() {
    const told = (make: (write: DemoOutput.Write) => DemoOutput.DemoOutput) => {
      const written: Array<string> = []
      const { starting } = make((text) => Effect.sync(() => void written.push(text)))
      return Effect.as(starting("3 nodes are started"), written)
    }
    expect(yield* told(DemoOutput.json)).toEqual([])
    expect(yield* told(DemoOutput.lines)).toEqual(["3 nodes are started\n"])
    expect(yield* told((write) => DemoOutput.live(write, () => 80))).toEqual([
      "3 nodes are started\n"
    ])
  }))

it("the conclusion of several nodes tells who was killed, and how the level fared", () => {
  const figures = ClusterRecord.summarize(summary, ClusterRecord.empty, { nodes: 3, chaos: true })
  const told = (more: Partial<ClusterRecord.ClusterSummary>) =>
    DemoView.conclusion({ ...figures, ...more }, false).join("\n")
  const taken = { nodesKilled: 1, moves: 1, takeoverMs: 2_300, worstLevelErrorPercent: 0.9 }
  expect(told(taken)).toContain(
    "3 nodes, 1 of them killed, taken over after 2300 ms; the controller moved 1 time"
  )
  expect(told(taken)).toContain("the settled level of the plant was at most 0.9 % off")
  expect(told({})).toContain("3 nodes, 0 of them killed; the controller moved 0 times")
  expect(told({})).toContain("at most unknown off")
})

it("a moment on several nodes says where the controller runs", () => {
  const there = { ...moment, node: "node-2" }
  expect(DemoView.line(there)).toContain("controlling on node-2")
  expect(DemoView.live(there, 80).join()).toContain("controlling on node-2")
})

it("the conclusion tells an outage in full, and what is not known as unknown", () => {
  const outage = { ...DemoRecord.empty, outage: { killedAt: 0, stale: 0, notStale: 0 } }
  const text = DemoView.conclusion(DemoRecord.summarize(outage, 1_000), false).join("\n")
  expect(text).toContain("link found lost after unknown")
  expect(text).toContain("problem: the link was not found lost after the kill")
})

it("a demo that a person stopped is told without a verdict", () => {
  const text = DemoView.conclusion(summary, true).join("\n")
  expect(text).toContain("Stopped after 1 s")
  expect(text).not.toContain("problem")
})
