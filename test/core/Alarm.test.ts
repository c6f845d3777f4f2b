import { describe, expect, it } from "@effect/vitest"
import { Alarm } from "@plantd/core"

describe("Alarm", () => {
  it("severities rank from info up to critical", () => {
    const shuffled: Array<Alarm.Severity> = ["major", "info", "critical", "minor"]
    expect(shuffled.sort(Alarm.compareSeverity)).toEqual(["info", "minor", "major", "critical"])
    expect(Alarm.compareSeverity("major", "major")).toBe(0)
  })

  it.each<[Alarm.State, { readonly active: boolean; readonly needsAcknowledgement: boolean }]>([
    ["normal", { active: false, needsAcknowledgement: false }],
    ["active-unacked", { active: true, needsAcknowledgement: true }],
    ["active-acked", { active: true, needsAcknowledgement: false }],
    ["cleared-unacked", { active: false, needsAcknowledgement: true }]
  ])("%s tells whether the condition is present and whether a person is awaited", (state, is) => {
    expect(Alarm.isActive(state)).toBe(is.active)
    expect(Alarm.needsAcknowledgement(state)).toBe(is.needsAcknowledgement)
  })

  it.each(
    [
      [undefined, undefined, undefined],
      ["info", undefined, "info"],
      [undefined, "minor", "minor"],
      ["critical", "major", "critical"],
      ["minor", "major", "major"]
    ] as const
  )("of %s and %s the graver is %s", (a, b, graver) => {
    expect(Alarm.gravest(a, b)).toBe(graver)
  })

  it("is shown by the graver of what is and what waits, unless it is normal or shelved", () => {
    const raised: Alarm.Instance = {
      alarm: "flow.high",
      state: "active-unacked",
      severity: "minor",
      unacknowledged: "major",
      stale: false
    }
    expect(Alarm.shownSeverity(raised)).toBe("major")
    expect(Alarm.isAnnunciated(raised)).toBe(true)
    expect(Alarm.isAnnunciated({ ...raised, shelved: { by: "ann", at: 0, until: 1 } })).toBe(false)
    expect(Alarm.isAnnunciated({ alarm: "flow.high", state: "normal", stale: false })).toBe(false)
  })

  it("every state is in the table above", () => {
    expect(Alarm.State.literals).toHaveLength(4)
  })
})
