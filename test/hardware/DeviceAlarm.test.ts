import { describe, expect, it } from "@effect/vitest"
import { Attribute, Device, DeviceAlarm } from "@plantd/hardware"

const number = (alarm: DeviceAlarm.NumberAlarm) => Attribute.number({ unit: "L/s", alarm })

const standard = {
  onDelay: 0,
  offDelay: 0,
  latching: false,
  needsAck: true,
  ackTransient: true
}

describe("the alarms of a number", () => {
  it("are one for each side, whose severity rises from the first limit to the second", () => {
    const flow = number({ low: 2, lowLow: 1, high: 8, highHigh: 9, hysteresis: 0.2 })
    expect(Attribute.alarmsOf("flow", flow)).toEqual([
      {
        ...standard,
        id: "flow.low",
        attribute: "flow",
        condition: {
          _tag: "Low",
          unit: "L/s",
          hysteresis: 0.2,
          levels: [
            { limit: "low", at: 2, severity: "minor" },
            { limit: "lowLow", at: 1, severity: "major" }
          ]
        }
      },
      {
        ...standard,
        id: "flow.high",
        attribute: "flow",
        condition: {
          _tag: "High",
          unit: "L/s",
          hysteresis: 0.2,
          levels: [
            { limit: "high", at: 8, severity: "minor" },
            { limit: "highHigh", at: 9, severity: "major" }
          ]
        }
      }
    ])
  })

  it("are as it is said: severities, delays, latching", () => {
    const [high, ...more] = Attribute.alarmsOf(
      "flow",
      number({
        highHigh: 9,
        severities: { highHigh: "critical" },
        onDelay: "500 millis",
        offDelay: "2 seconds",
        latching: true
      })
    )
    expect(more).toEqual([])
    expect(high).toMatchObject({ onDelay: 500, offDelay: 2_000, latching: true, needsAck: true })
    expect(high?.condition.levels).toEqual([{ limit: "highHigh", at: 9, severity: "critical" }])
  })

  it("are none where nothing is said", () => {
    expect(Attribute.alarmsOf("flow", Attribute.number({ unit: "" }))).toEqual([])
  })
})

describe("the alarm of a value", () => {
  it("has the attribute's name, and is there for one value or for some", () => {
    const leaking = Attribute.boolean({ alarm: { when: true, severity: "critical" } })
    expect(Attribute.alarmsOf("leaking", leaking)).toEqual([{
      ...standard,
      id: "leaking",
      attribute: "leaking",
      condition: {
        _tag: "Equals",
        values: [true],
        levels: [{ limit: "when", severity: "critical" }]
      }
    }])
    const mode = Attribute.string({
      values: ["auto", "off", "jammed"],
      alarm: { when: ["off", "jammed"], severity: "info", needsAck: false }
    })
    expect(Attribute.alarmsOf("mode", mode)).toMatchObject([{
      needsAck: false,
      condition: { values: ["off", "jammed"], levels: [{ severity: "info" }] }
    }])
  })

  it("can only be named by the attribute's own values", () => {
    expect(() => {
      // @ts-expect-error: the attribute is never "on"
      Attribute.string({ values: ["auto", "off"], alarm: { when: "on", severity: "minor" } })
      // @ts-expect-error: a truth value is no text
      Attribute.boolean({ alarm: { when: "true", severity: "minor" } })
      // @ts-expect-error: a text has no limits
      Attribute.string({ alarm: { high: 3 } })
      // @ts-expect-error: there is no such severity
      Attribute.boolean({ alarm: { when: true, severity: "grave" } })
      Device.make("Pump", {
        attributes: {},
        states: ["ready", "fault"],
        // @ts-expect-error: the device is never "broken"
        alarms: { state: { when: "broken", severity: "major" } }
      })
    }).toThrow("expected one of ready, fault")
  })
})

describe("a fault in a declaration", () => {
  it.each(
    [
      [number({}), "alarm.high: expected a limit, here or as lowLow, low or highHigh"],
      [number({ high: Number.NaN }), "alarm.high: expected a finite number, got NaN"],
      [
        number({ lowLow: "1" as never }),
        'alarm.lowLow: expected a finite number, got the string "1"'
      ],
      [number({ high: 9, highHigh: 8 }), "alarm.highHigh: 8 is not above high, which is 9"],
      [number({ high: 8, highHigh: 8 }), "alarm.highHigh: 8 is not above high, which is 8"],
      [number({ low: 1, lowLow: 2 }), "alarm.low: 1 is not above lowLow, which is 2"],
      [number({ lowLow: 8, high: 8 }), "alarm.high: 8 is not above lowLow, which is 8"],
      [
        number({ high: 8, hysteresis: -1 }),
        "alarm.hysteresis: expected a number of at least 0, got -1"
      ],
      [
        number({ high: 8, hysteresis: Number.NaN }),
        "alarm.hysteresis: expected a number of at least 0, got NaN"
      ],
      [
        number({ low: 2, high: 8, hysteresis: 6 }),
        "alarm.hysteresis: 6 is not below 6, which is what lies between the limits"
      ],
      [number({ high: 8, hysteresis: 100 }), undefined],
      [
        number({ high: 8, severities: { high: "grave" as never } }),
        'alarm.severities.high: expected info, minor, major, critical, got the string "grave"'
      ],
      [
        number({ high: 8, severities: { low: "minor" } }),
        "alarm.severities.low: there is no such limit"
      ],
      [
        number({ high: 8, highHigh: 9, severities: { high: "critical" } }),
        "alarm.severities.highHigh: major is less grave than high, which is critical"
      ],
      [
        number({ high: 8, onDelay: -1 }),
        "alarm.onDelay: expected a finite duration of at least 0, got -1"
      ],
      [
        number({ high: 8, onDelay: Number.NaN }),
        "alarm.onDelay: expected a finite duration of at least 0, got null"
      ],
      [
        number({ high: 8, offDelay: "-3 seconds" }),
        'alarm.offDelay: expected a finite duration of at least 0, got "-3 seconds"'
      ],
      [
        number({ high: 8, offDelay: "soon" as never }),
        'alarm.offDelay: expected a finite duration of at least 0, got "soon"'
      ],
      [
        number({ high: 8, latching: true, needsAck: false }),
        "alarm.latching: nobody could unlatch it, since needsAck is false"
      ],
      [
        number({ high: 8, latching: true, ackTransient: false }),
        "alarm.ackTransient: a latched alarm never clears before it is acknowledged"
      ],
      [
        Attribute.boolean({ alarm: { when: [], severity: "minor" } }),
        "alarm.when: expected at least one value"
      ],
      [
        Attribute.boolean({ alarm: { when: "true" as never, severity: "minor" } }),
        'alarm.when: expected a boolean, got the string "true"'
      ],
      [
        Attribute.boolean({ alarm: { when: true, severity: undefined as never } }),
        "alarm.severity: expected info, minor, major, critical, got nothing"
      ],
      [
        Attribute.string({ values: ["a"], alarm: { when: "b" as never, severity: "minor" } }),
        'alarm.when: expected one of a, got the string "b"'
      ],
      [Attribute.string({ alarm: { when: "any", severity: "minor", onDelay: 5 } }), undefined],
      [number({ low: 1, lowLow: 0, high: 8, highHigh: 9, hysteresis: 1 }), undefined]
    ] as const
  )("of %o names the field", (attribute, fault) => {
    expect(Attribute.fault(attribute)).toBe(fault)
  })
})

describe("the alarms of a device", () => {
  const Pump = Device.make("Pump", {
    attributes: { flow: number({ high: 8, low: 1 }), speed: Attribute.number({ unit: "rpm" }) },
    states: ["ready", "fault"],
    alarms: {
      link: { severity: "critical", needsAck: false, onDelay: "10 seconds" },
      state: { when: "fault", severity: "major" }
    }
  })

  it("stand in its definition: those of its attributes, then those that each has", () => {
    expect(Pump.alarms.map(({ attribute, id }) => [id, attribute])).toEqual([
      ["flow.low", "flow"],
      ["flow.high", "flow"],
      ["state", "state"],
      ["link", undefined],
      ["unresolved", undefined]
    ])
    expect(Pump.alarms.at(-2)).toMatchObject({
      needsAck: false,
      onDelay: 10_000,
      condition: { _tag: "Reported", levels: [{ severity: "critical" }] }
    })
    expect(Pump.alarms.at(-1)).toMatchObject({
      needsAck: true,
      onDelay: 0,
      condition: { _tag: "Reported", levels: [{ severity: "major" }] }
    })
  })

  it("are no part of what node and device process must agree on", () => {
    expect(JSON.stringify(Pump.description)).not.toContain("alarm")
  })

  it.each<[string, () => unknown, string]>([
    [
      "a fault in an attribute's alarm",
      () => Device.make("Pump", { attributes: { flow: number({ high: 9, highHigh: 8 }) } }),
      '"Pump": attributes.flow.alarm.highHigh: 8 is not above high'
    ],
    [
      "an attribute whose alarm would be called link",
      () => Device.make("Pump", { attributes: { link: flag } }),
      "attributes.link.alarm: each device has an alarm of this name already"
    ],
    [
      "an attribute whose alarm would be called unresolved",
      () => Device.make("Pump", { attributes: { unresolved: flag } }),
      "attributes.unresolved.alarm: each device"
    ],
    [
      "a severity of the link's alarm",
      () =>
        Device.make("Pump", { attributes: {}, alarms: { link: { severity: "loud" as never } } }),
      "alarms.link.severity: expected info"
    ],
    [
      "a delay of the alarm of unresolved commands",
      () => Device.make("Pump", { attributes: {}, alarms: { unresolved: { onDelay: -1 } } }),
      "alarms.unresolved.onDelay: expected"
    ],
    [
      "an alarm of states without states",
      () =>
        Device.make("Pump", {
          attributes: {},
          alarms: { state: { when: "fault" as never, severity: "minor" } }
        }),
      "alarms.state: the device has no states"
    ]
  ])("%s throws when the device is defined", (_, define, message) => {
    expect(define).toThrow(message)
  })
})

const flag = Attribute.boolean({ alarm: { when: true, severity: "minor" } })
