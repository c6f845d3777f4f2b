import { expect, it } from "@effect/vitest"
import type { Alarm } from "@plantd/core"
import { AlarmView } from "@plantd/node"

const now = 1_700_000_000_000

const normal: Alarm.Instance = { alarm: "flow.low", state: "normal", stale: false }
const active: Alarm.Instance = {
  alarm: "flow.high",
  state: "active-unacked",
  severity: "minor",
  unacknowledged: "major",
  occurrenceId: "flow.high#3.1",
  limit: "high",
  value: 8.25,
  stale: false,
  raisedAt: now - 90_000
}
const shelved: Alarm.Instance = {
  ...normal,
  shelved: { by: "anna", at: now, until: now + 1_800_000, reason: "new sensor" }
}

it("alarms that are not normal are shown with what an acknowledgement must name", () => {
  const given = [{ device: "p-1", alarms: [normal, active] }]
  expect(AlarmView.alarms(given, { all: false, now })).toEqual([
    "DEVICE  ALARM      STATE           SEVERITY  VALUE      FOR  OCCURRENCE     NOTE",
    "p-1     flow.high  active-unacked  major      8.25  1.5 min  flow.high#3.1  limit high"
  ])
  expect(AlarmView.alarms(given, { all: true, now })).toHaveLength(3)
  expect(AlarmView.alarms([{ device: "p-1", alarms: [normal] }], { all: false, now })).toEqual([
    "no alarms"
  ])
})

it("what is stale, acknowledged or shelved says so", () => {
  const acked = {
    ...active,
    state: "active-acked" as const,
    stale: true,
    acknowledged: { by: "ben", at: now, severity: "major" as const }
  }
  const text = AlarmView.alarms(
    [{ device: "p-1", alarms: [acked, shelved] }],
    { all: false, now }
  ).join("\n")
  expect(text).toContain("stale: nobody knows how it is now; acknowledged by ben")
  expect(text).toContain("shelved by anna for 30 min (new sensor)")
})

it("a device that does not say how its alarms stand is shown as unknown", () => {
  const given = [{ device: "p-1", alarms: [], trouble: "its actor said nothing" }]
  expect(AlarmView.alarms(given, { all: false, now })[1]).toMatch(
    /p-1 +\? +unknown +its actor said nothing/
  )
})

it("one alarm is one line", () => {
  const [time, ...parts] = AlarmView.alarm("p-1", active, now).split("  ")
  expect(time).toMatch(/^\d\d:\d\d:\d\d\.\d{3}$/)
  expect(parts.join(" ")).toBe("p-1 flow.high active-unacked major 8.25 flow.high#3.1 limit high")
  expect(AlarmView.alarm("p-1", normal, now)).toMatch(/p-1 {2}flow.low {2}normal$/)
})
