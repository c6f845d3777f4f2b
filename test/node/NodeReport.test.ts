import { describe, expect, it } from "@effect/vitest"
import { NodeReport } from "@plantd/node"

const counts = (messages: number, deadLetters = 0, restarts = 0): NodeReport.Counts => ({
  messages,
  deadLetters,
  restarts
})

const log = (level: string, message: string) =>
  `timestamp=2026-01-01T00:00:00.000Z level=${level} fiber=#1 message=${message} node=node-1`

describe("a line of a node", () => {
  it.each<[string, string, NodeReport.Line]>([
    ["a report", NodeReport.lineOf(counts(7, 1, 2)), {
      _tag: "Report",
      counts: counts(7, 1, 2)
    }],
    ["a detail of its log", log("INFO", '"node a is up"'), { _tag: "Detail" }],
    ["a warning", log("WARN", '"it said \\"no\\""'), { _tag: "Told", text: 'it said "no"' }],
    ["a warning of one word", log("ERROR", "crashed"), { _tag: "Told", text: "crashed" }],
    ["what it says at its end", "plantd: no", { _tag: "Told", text: "plantd: no" }],
    ["half a report", NodeReport.lineOf(counts(7)).slice(0, -4), {
      _tag: "Told",
      text: '{"messages":7,"deadLetters":0,"restart'
    }]
  ])("that is %s is read as such", (_, line, expected) => {
    expect(NodeReport.parse(line)).toMatchObject(
      expected._tag === "Told"
        ? { _tag: "Told" }
        : expected
    )
    if (expected._tag === "Told" && !line.startsWith("plantd-demo")) {
      expect(NodeReport.parse(line)).toEqual(expected)
    }
  })
})

it("the counts of all nodes are added up, over their starts", () => {
  const told: ReadonlyArray<readonly [string, NodeReport.Counts]> = [
    ["node-1", counts(10, 1)],
    ["node-2", counts(5)],
    ["node-1", counts(12, 1, 1)],
    // It was killed, and counts from 0 again.
    ["node-1", counts(3)]
  ]
  const totals = told.reduce(
    (sum, [node, now]) => NodeReport.add(sum, node, now),
    NodeReport.noTotals
  )
  expect(totals.sum).toEqual(counts(20, 1, 1))
})
