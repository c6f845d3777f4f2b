import { describe, expect, it } from "@effect/vitest"
import { AlarmCondition } from "@plantd/core"

const high: AlarmCondition.Condition = {
  _tag: "High",
  levels: [
    { limit: "high", severity: "minor", at: 8 },
    { limit: "highHigh", severity: "major", at: 9 }
  ],
  hysteresis: 0.5,
  unit: "L/s"
}

const low: AlarmCondition.Condition = {
  _tag: "Low",
  levels: [
    { limit: "low", severity: "minor", at: 2 },
    { limit: "lowLow", severity: "major", at: 1 }
  ],
  hysteresis: 0.5,
  unit: ""
}

const equals: AlarmCondition.Condition = {
  _tag: "Equals",
  levels: [{ limit: "equal", severity: "major" }],
  values: ["fault", "jammed"]
}

const reported: AlarmCondition.Condition = {
  _tag: "Reported",
  levels: [{ limit: "lost", severity: "critical" }],
  text: "the link is lost"
}

describe("judge", () => {
  it.each(
    [
      // A limit is reached at its value.
      [high, 7.99, 0, 0],
      [high, 8, 0, 1],
      [high, 8.99, 0, 1],
      [high, 9, 0, 2],
      // Once past it, the value must be back by more than the hysteresis.
      [high, 7.5, 1, 1],
      [high, 7.49, 1, 0],
      [high, 8.99, 1, 1],
      [high, 8.5, 2, 2],
      [high, 8.49, 2, 1],
      [high, 7.5, 2, 1],
      [high, 7.49, 2, 0],
      [low, 2.01, 0, 0],
      [low, 2, 0, 1],
      [low, 1, 0, 2],
      [low, 2.5, 1, 1],
      [low, 2.51, 1, 0],
      [low, 1.5, 2, 2],
      [low, 1.51, 2, 1],
      [low, 2.51, 2, 0],
      [low, -1e300, 0, 2],
      // A value of another type, or none at all, is past nothing.
      [high, "9", 0, 0],
      [high, null, 2, 0],
      [high, true, 0, 0],
      [equals, "fault", 0, 1],
      [equals, "jammed", 1, 1],
      [equals, "ready", 1, 0],
      [equals, null, 1, 0],
      [{ ...equals, values: [false] }, false, 0, 1],
      [{ ...equals, values: [false] }, true, 1, 0],
      [{ ...equals, values: [false] }, "false", 0, 0],
      [reported, true, 0, 1],
      [reported, false, 1, 0],
      [reported, 2, 0, 1],
      [reported, 0, 1, 0],
      [reported, null, 1, 0]
    ] as const
  )("of %o the value %o after level %i is level %i", (condition, value, before, level) => {
    expect(AlarmCondition.judge(condition, value, before)).toBe(level)
  })
})

describe("levels", () => {
  it("have the numbers by which a condition is judged", () => {
    expect(AlarmCondition.levelOf(high, 0)).toBeUndefined()
    expect(AlarmCondition.levelOf(high, 1)).toMatchObject({ limit: "high", severity: "minor" })
    expect(AlarmCondition.levelOf(high, 2)).toMatchObject({ limit: "highHigh" })
  })

  it.each(
    [
      [{ limit: "highHigh", severity: "major" }, 2],
      [{ limit: "gone", severity: "minor" }, 1],
      [{ limit: "gone", severity: "critical" }, 2],
      [{}, 2]
    ] as const
  )(
    "%o is found in a changed definition, as the gravest where nothing is like it",
    (of, number) => {
      expect(AlarmCondition.numberOf(high, of)).toBe(number)
    }
  )
})

describe("textOf", () => {
  it.each(
    [
      [high, "at least 8 L/s (minor), 9 L/s (major)"],
      [low, "at most 2 (minor), 1 (major)"],
      [equals, "fault or jammed (major)"],
      [reported, "the link is lost (critical)"]
    ] as const
  )("says when the condition is present", (condition, text) => {
    expect(AlarmCondition.textOf(condition)).toBe(text)
  })
})
