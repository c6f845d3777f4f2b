import { describe, expect, it } from "@effect/vitest"
import { Attribute, Command, Device, DeviceDefinition } from "@plantd/hardware"
import { Schema } from "effect"

const level = Attribute.number({ unit: "m" })

describe("a fault in a definition throws when it is made, and names the field", () => {
  it.each([
    ["name", () => Device.make("no spaces", { attributes: {} }), '"no spaces": name: expected'],
    [
      "an attribute's name",
      () => Device.make("Tank", { attributes: { "level-1": level } }),
      'device "Tank": attributes.level-1: expected a letter or _'
    ],
    [
      "an inverted range",
      () => Device.make("Tank", { attributes: { level: { ...level, range: [2, 1] } } }),
      "attributes.level.range: 2 is not below 1"
    ],
    [
      "a negative deadband",
      () =>
        Device.make("Tank", { attributes: { level: { ...level, deadband: { absolute: -1 } } } }),
      "attributes.level.deadband.absolute"
    ],
    [
      "a maxAge of nothing",
      () => Device.make("Tank", { attributes: { level: { ...level, maxAge: 0 } } }),
      "attributes.level.maxAge"
    ],
    [
      "a command called as a member of the client",
      () => Device.make("Tank", { attributes: {}, commands: { read: drain } }),
      "commands.read: the name is taken"
    ],
    [
      "a command that would make the client a thenable",
      () =>
        Device.make("Tank", {
          attributes: {},
          commands: Object.fromEntries([[["th", "en"].join(""), drain]])
        }),
      "commands.then: the name is taken"
    ],
    [
      "a command's name",
      () => Device.make("Tank", { attributes: {}, commands: { "1st": drain } }),
      "commands.1st: expected a letter or _"
    ],
    [
      "a command's timeout",
      () => Device.make("Tank", { attributes: {}, commands: { drain: { ...drain, timeout: 0 } } }),
      "commands.drain.timeout"
    ],
    [
      "a payload without a JSON Schema",
      () =>
        Device.make("Tank", {
          attributes: {},
          commands: { tag: Command.make({ effect: "set", payload: { a: Schema.SymbolFromSelf } }) }
        }),
      "commands.tag: its schemas have no JSON Schema"
    ],
    [
      "two states of one name",
      () => Device.make("Tank", { attributes: {}, states: ["on", "on"] }),
      "states: one is there twice"
    ],
    [
      "a state without a name",
      () => Device.make("Tank", { attributes: {}, states: [""] }),
      "states: a state without a name"
    ],
    [
      "an attribute state beside states",
      () => Device.make("Tank", { attributes: { state: level }, states: ["on"] }),
      "attributes.state: a device with states has this attribute already"
    ],
    [
      "too many attributes",
      () =>
        Device.make("Tank", {
          attributes: Object.fromEntries(
            Array.from({ length: DeviceDefinition.membersMax + 1 }, (_, i) => [`a${i}`, level])
          )
        }),
      `attributes: at most ${DeviceDefinition.membersMax}`
    ],
    [
      "a negative tolerance",
      () => Device.make("Tank", { attributes: { level: { ...level, tolerance: -1 } } }),
      "attributes.level.tolerance: expected a number of at least 0, got -1"
    ],
    [
      "an endless settle",
      () => Device.make("Tank", { attributes: { level: { ...level, settle: Infinity } } }),
      "attributes.level.settle: expected a finite duration"
    ],
    [
      "a unit that is no text",
      () => Device.make("Tank", { attributes: { level: { ...level, unit: 7 as never } } }),
      "attributes.level.unit: expected a string"
    ],
    [
      "an access that there is not",
      () => Device.make("Tank", { attributes: { level: { ...level, access: "all" as never } } }),
      "attributes.level.access: expected read or read-write"
    ],
    [
      "values of a text without one",
      () => Device.make("Tank", { attributes: { mode: Attribute.string({ values: [] }) } }),
      "attributes.mode.values: expected at least one"
    ],
    [
      "an effect that there is not",
      () =>
        Device.make("Tank", {
          attributes: {},
          commands: { drain: { ...drain, effect: "x" as never } }
        }),
      "commands.drain.effect: expected read, set or pulse, got x"
    ],
    [
      "a lane that there is not",
      () =>
        Device.make("Tank", {
          attributes: {},
          commands: { drain: { ...drain, lane: "x" as never } }
        }),
      "commands.drain.lane: expected ordinary or emergency, got x"
    ],
    [
      "an interlock named twice",
      () =>
        Device.make("Tank", {
          attributes: { level },
          commands: { drain },
          interlocks: [full, full]
        }),
      'interlocks[1].id: "full" is there twice'
    ],
    [
      "too many interlocks",
      () =>
        Device.make("Tank", {
          attributes: { level },
          commands: { drain },
          interlocks: Array.from({ length: DeviceDefinition.interlocksMax + 1 }, (_, i) => ({
            ...full,
            id: `full-${i}`
          }))
        }),
      `interlocks: at most ${DeviceDefinition.interlocksMax}`
    ]
  ])("%s", (_, define, message) => {
    expect(define).toThrow(message)
  })
})

const drain = Command.make({ effect: "set" })
const full = {
  id: "full",
  when: { attribute: "level", above: 3 },
  blocks: ["drain"]
} as const

describe("a fault that the types can see does not compile, and throws at the latest", () => {
  const attributes = { level, open: Attribute.boolean() }
  it("a command allowed in a state that there is not", () => {
    expect(() =>
      Device.make("Tank", {
        attributes,
        states: ["ready"],
        // @ts-expect-error: raedy is none of the states
        commands: { fill: Command.make({ effect: "set", allowedIn: ["raedy"] }) }
      })
    ).toThrow('commands.fill.allowedIn: "raedy" is none')
  })

  it("a verification by an attribute that there is not", () => {
    expect(() =>
      Device.make("Tank", {
        attributes,
        // @ts-expect-error: opne is none of the attributes
        commands: { fill: Command.make({ effect: "pulse", verify: "opne" }) }
      })
    ).toThrow('commands.fill.verify: the device has no attribute "opne"')
  })

  it("an interlock on an attribute that there is not", () => {
    expect(() =>
      Device.make("Tank", {
        attributes,
        commands: { drain },
        // @ts-expect-error: leval is none of the attributes
        interlocks: [{ id: "full", when: { attribute: "leval", above: 3 }, blocks: ["drain"] }]
      })
    ).toThrow('interlocks[0].when.attribute: the device has no attribute "leval"')
  })

  it("an interlock that blocks what cannot be commanded", () => {
    expect(() =>
      Device.make("Tank", {
        attributes,
        commands: { drain },
        interlocks: [{
          id: "full",
          when: { attribute: "level", above: 3 },
          // @ts-expect-error: level cannot be written
          blocks: ["write.level"]
        }]
      })
    ).toThrow('interlocks[0].blocks: "write.level" is none of drain')
  })

  it("an interlock that trips a command that there is not", () => {
    expect(() =>
      Device.make("Tank", {
        attributes,
        commands: { drain },
        interlocks: [{
          id: "f",
          when: { attribute: "level", above: 3 },
          blocks: [],
          // @ts-expect-error: drian is none of the commands
          onTrip: "drian"
        }]
      })
    ).toThrow('interlocks[0].onTrip: "drian" is no command without a payload')
  })
})

describe("states", () => {
  it("a device with states has the attribute state, with its states as values", () => {
    const Tank = Device.make("Tank", { attributes: { level }, states: ["filling", "full"] })
    expect(Tank.order).toEqual(["level", "state"])
    expect(Tank.attributes.state).toMatchObject({ type: "string", values: ["filling", "full"] })
  })

  it("a device without states has it not", () => {
    expect(Device.make("Tank", { attributes: { level } }).order).toEqual(["level"])
  })
})
