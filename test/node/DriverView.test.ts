import { describe, expect, it } from "@effect/vitest"
import type { DriverCheck } from "@plantd/hardware"
import { DriverView } from "@plantd/node"

const findings: ReadonlyArray<DriverCheck.Finding> = [
  { id: "handshake", promise: "READY answers HELLO", result: { _tag: "Ok" } },
  {
    id: "fence-write",
    promise: "a lower fence is refused",
    result: { _tag: "Failed", expected: "stale-fence", got: "REPLY\nof a driver" }
  },
  { id: "telemetry", promise: "signs of life", result: { _tag: "Skipped", reason: "no endpoint" } }
]

const report = {
  findings,
  device: { id: "p-1", type: "Pump", epoch: 3 },
  fence: { before: 7, after: 9 },
  attribute: { name: "speed", values: [1, 2], before: 600, restored: true }
} as unknown as DriverCheck.Report

describe("what was found of a driver", () => {
  it("is one line a rule for a person, whatever the driver said", () => {
    expect(findings.map(DriverView.text.finding)).toEqual([
      "ok       handshake             READY answers HELLO",
      "FAILED   fence-write           a lower fence is refused"
      + " -- expected stale-fence, got REPLY of a driver",
      "skipped  telemetry             signs of life -- no endpoint"
    ])
    expect(DriverView.text.summary(report)).toBe(
      "p-1 (Pump), epoch 3; 3 rules: 1 ok, 1 failed, 1 skipped; its fence was 7 and is 9;"
        + " speed is 600 again"
    )
  })

  it("says loudly that an attribute was not set back", () => {
    const { attribute } = report
    const left = { ...report, attribute: { ...attribute, restored: false } } as DriverCheck.Report
    expect(DriverView.text.summary(left)).toContain("speed was written and NOT set back")
  })

  it("is one object a rule for a program, and a summary", () => {
    expect(findings.map((finding) => JSON.parse(DriverView.json.finding(finding)) as unknown))
      .toMatchObject([
        { type: "rule", id: "handshake", result: "ok" },
        { type: "rule", id: "fence-write", result: "failed", expected: "stale-fence" },
        { type: "rule", id: "telemetry", result: "skipped", reason: "no endpoint" }
      ])
    expect(JSON.parse(DriverView.json.summary(report))).toMatchObject({
      type: "summary",
      ok: 1,
      failed: 1,
      skipped: 1,
      fence: { before: 7, after: 9 }
    })
  })
})
