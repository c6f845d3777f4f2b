import { describe, expect, it } from "@effect/vitest"
import { Epoch, Identifier, type Reading } from "@plantd/core"
import { DeviceView } from "@plantd/node"

const now = 1_700_000_000_000

const reading: Reading.Reading = {
  device: Identifier.DeviceId.make("p-1"),
  attribute: "flow",
  value: 1.25,
  quality: "good",
  serverTime: now - 1_500,
  unit: "L/s",
  epoch: Epoch.Epoch.make(3),
  seq: 7
}

const counters = {
  readings: 1,
  batches: 1,
  framesMalformed: 0,
  framesStray: 0,
  gaps: 0,
  readingsMissing: 0,
  sessions: 1,
  answersLate: 0
}

const link = {
  state: "online" as const,
  since: now - 90_000,
  counters,
  readingsInvalid: 0,
  readingsUnknown: 0
}

describe("a reading", () => {
  it("is shown with value, unit, quality and age", () => {
    expect(DeviceView.readings([reading], now)).toEqual([
      "ATTRIBUTE  VALUE  UNIT  QUALITY    AGE",
      "flow        1.25  L/s   good     1.5 s"
    ])
  })

  it("that is stale says so, and why", () => {
    const stale = { ...reading, quality: "stale" as const, reason: "the link is lost" }
    const [, line] = DeviceView.readings([stale], now)
    expect(line).toContain("stale")
    expect(line).toContain("the link is lost")
    expect(DeviceView.watched(stale, now)).toContain("1.25 L/s  stale: the link is lost")
  })

  it("that never came has no value and no age", () => {
    const never = {
      ...reading,
      value: null,
      quality: "bad" as const,
      reason: "never read",
      epoch: Epoch.Epoch.make(0)
    }
    expect(DeviceView.readings([never], now)[1]).toMatch(/flow +- +L\/s +bad +never +never read/)
  })
})

it("a gap tells how much is missing, and why", () => {
  const gap = { _tag: "Gap" as const, epoch: reading.epoch, seq: 9 }
  expect(DeviceView.watched({ ...gap, missing: 3, cause: "link" }, now)).toContain(
    "3 readings or more are missing here: they were lost on the way"
  )
  expect(DeviceView.watched({ ...gap, missing: 0, cause: "subscriber" }, now)).toContain(
    "some readings are missing here: they came too fast to show"
  )
})

it.each([
  [0.1 + 0.2, "0.3"],
  [1 / 3, "0.333333"],
  [0.000_001_234_5, "0.000001"],
  [0.000_000_123_456_78, "1.23457e-7"],
  [-2.5, "-2.5"],
  [123_456_789.123_456, "123456789.123456"],
  [40, "40"],
  ["text", "text"],
  [true, "true"],
  [null, "-"],
  [{ a: [1] }, '{"a":[1]}']
])("%j is shown as %s", (given, shown) => {
  expect(DeviceView.value(given)).toBe(shown)
})

it.each([
  [-5, "0 ms"],
  [12, "12 ms"],
  [1_000, "1 s"],
  [59_940, "59.9 s"],
  [90_000, "1.5 min"],
  [7_200_000, "2 h"],
  [259_200_000, "3 d"]
])("%d ms are shown as %s", (millis, shown) => {
  expect(DeviceView.age(millis)).toBe(shown)
})

describe("a list of devices", () => {
  it("shows how each is reached and since when, and its state with its quality", () => {
    const state = { ...reading, attribute: "state", value: "ready" }
    const lines = DeviceView.devices([
      {
        device: "p-1",
        type: "Pump",
        link,
        state,
        alarms: { annunciated: 2, unacknowledged: 1, severity: "major" }
      },
      {
        device: "p-2",
        type: "Pump",
        link: { ...link, state: "lost", reason: "5000 ms of silence" },
        state: { ...state, quality: "stale" }
      },
      { device: "h-1", type: "Heater", link: { ...link, hardware: "down" } },
      {
        device: "p-3",
        type: "Pump",
        link,
        lifecycle: { state: "inactive", since: now, by: "anna", reason: "new seal" },
        lease: { session: "ben", expiresAt: now + 60_000 }
      },
      { device: "h-2", type: "Heater", trouble: "its actor said nothing within 2000 ms" }
    ], now)
    expect(lines).toEqual([
      "DEVICE  TYPE    LINK         FOR  STATE          ALARMS                       NOTE",
      "p-1     Pump    online   1.5 min  ready          2 (major, 1 to acknowledge)",
      "p-2     Pump    lost     1.5 min  ready (stale)                               "
      + "5000 ms of silence",
      "h-1     Heater  online   1.5 min                                              hardware down",
      "p-3     Pump    online   1.5 min                                              "
      + "out of service by anna: new seal;"
      + " operated by session ben for 1 min",
      "h-2     Heater  unknown                                                       "
      + "its actor said nothing within 2000 ms"
    ])
  })

  it("that is empty says so", () => {
    expect(DeviceView.devices([], now)).toEqual(["this node offers no devices"])
  })
})

it("a description shows attributes and commands, and what there is none of is left out", () => {
  const nothing = {
    device: "p-1",
    type: "Pump",
    attributes: {},
    commands: {},
    states: [],
    alarms: [],
    interlocks: []
  }
  expect(DeviceView.description(nothing)).toEqual(["p-1   Pump"])
  const lines = DeviceView.description({
    ...nothing,
    states: ["ready", "priming"],
    attributes: {
      flow: {
        type: "number",
        unit: "L/s",
        access: "read",
        range: [0, 10],
        maxAgeMillis: 2_000,
        deadband: 0.1
      },
      mode: { type: "string", unit: "", access: "read-write", values: ["auto", "hand"] }
    },
    commands: {
      prime: {
        payload: {},
        success: null,
        effect: "pulse",
        lane: "ordinary",
        allowedIn: ["ready"],
        arguments: [
          { name: "seconds", type: "number", optional: false },
          { name: "force", type: "boolean", optional: true }
        ],
        timeoutMillis: 2_000,
        verify: "primed is true"
      }
    },
    alarms: [{
      alarm: "flow.high",
      attribute: "flow",
      limits: [
        { limit: "high", when: ">= 8 L/s", severity: "minor" },
        { limit: "highHigh", when: ">= 9 L/s", severity: "major" }
      ],
      onDelayMillis: 500,
      offDelayMillis: 0,
      latching: true,
      needsAck: true
    }],
    interlocks: [{
      interlock: "dry",
      when: "flow is below 1",
      blocks: ["prime", "write.mode"],
      onTrip: "stop"
    }]
  })
  expect(lines).toEqual([
    "p-1   Pump   states: ready, priming",
    "",
    "attributes",
    "  NAME  TYPE    UNIT  ACCESS      VALUES      DEADBAND  STALE AFTER",
    "  flow  number  L/s   read        0 to 10          0.1          2 s",
    "  mode  string        read-write  auto, hand",
    "",
    "commands",
    "  NAME   ARGUMENTS                         EFFECT  LANE      ALLOWED IN  TIMEOUT  SEEN BY",
    "  prime  seconds: number, force?: boolean  pulse   ordinary  ready           2 s  primed is"
    + " true",
    "",
    "alarms",
    "  NAME       WHEN      SEVERITY  DELAY ON  PEOPLE",
    "  flow.high  >= 8 L/s  minor       500 ms  must acknowledge; stays until then",
    "             >= 9 L/s  major",
    "",
    "interlocks",
    "  NAME  WHILE            BLOCKS             THEN CALLS",
    "  dry   flow is below 1  prime, write.mode  stop"
  ])
})
