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
    ]
  ])("%s", (_, define, message) => {
    expect(define).toThrow(message)
  })
})

const drain = Command.make({ effect: "set" })

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
