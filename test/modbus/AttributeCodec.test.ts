import { describe, expect, it } from "@effect/vitest"
import { AttributeCodec, type RegisterMap } from "@plantd/example-modbus"
import { Either } from "effect"
import { pumpMap } from "./maps.ts"

const map = pumpMap()
const entry = (name: string) => map.attributes[name] as RegisterMap.Attribute
const command = (name: string) => map.commands[name] as RegisterMap.Command
const whole: RegisterMap.Attribute = {
  kind: "boolean",
  table: "input",
  address: 0,
  access: "read"
}

describe("what registers say of an attribute", () => {
  it.each<[string, ReadonlyArray<number>, AttributeCodec.Value]>([
    ["flow", [250], 2.5],
    ["mode", [1], "manual"],
    ["mode", [0xffff], "reverse"],
    ["running", [1], true],
    ["running", [0], false],
    ["alarm", [0b1000], true],
    ["alarm", [0b0111], false],
    ["odd", [0x3fc0, 0], 1.5]
  ])("%s: %j is %j", (name, raw, value) => {
    expect(AttributeCodec.decode(entry(name), raw, 0)).toEqual(Either.right(value))
    expect(AttributeCodec.decode(entry(name), [9, 9, ...raw], 2)).toEqual(Either.right(value))
  })

  it.each<[string, ReadonlyArray<number>, string]>([
    ["mode", [7], "it holds 7, which is none of off (0), manual (1), reverse (-1)"],
    ["odd", [0x7fc0, 0], "it holds NaN"]
  ])("%s: %j is no value", (name, raw, reason) => {
    expect(AttributeCodec.decode(entry(name), raw, 0)).toEqual(Either.left(reason))
  })

  it("a whole register is true where it is not 0", () => {
    expect(AttributeCodec.decode(whole, [4], 0)).toEqual(Either.right(true))
    expect(AttributeCodec.decode(whole, [0], 0)).toEqual(Either.right(false))
    expect(AttributeCodec.spanOf(whole)).toEqual({ table: "input", address: 0, count: 1 })
    expect(AttributeCodec.spanOf(entry("odd")).count).toBe(2)
  })
})

describe("what sets an attribute", () => {
  it.each<[string, AttributeCodec.Value, string, number, number]>([
    ["speed", 1_200, "holding", 0, 1_200],
    ["mode", "reverse", "holding", 1, 0xffff],
    ["running", true, "coil", 0, 1],
    ["running", false, "coil", 0, 0]
  ])("%s to %j", (name, value, table, address, raw) => {
    expect(AttributeCodec.encode(entry(name), value)).toEqual(
      Either.right({ table, address, values: [raw] })
    )
  })

  it.each<[string, AttributeCodec.Value, string]>([
    ["speed", 70_000, "70000 does not fit into uint16"],
    ["mode", "fast", '"fast" is none of off (0), manual (1), reverse (-1)']
  ])("%s is not set to %j", (name, value, reason) => {
    expect(AttributeCodec.encode(entry(name), value)).toEqual(Either.left(reason))
  })
})

describe("what a command writes", () => {
  it("is what the map says, and what it is given", () => {
    expect(AttributeCodec.encodeCommand(command("stop"), {})).toEqual(Either.right([
      { table: "coil", address: 0, values: [0] },
      { table: "holding", address: 0, values: [0] }
    ]))
    const given = { liters: 3, into: "drain", gently: true }
    expect(AttributeCodec.encodeCommand(command("dose"), given)).toEqual(Either.right([
      { table: "holding", address: 11, values: [8] },
      { table: "coil", address: 2, values: [1] },
      { table: "holding", address: 10, values: [6] }
    ]))
  })

  it("is nothing at all where one of its writes cannot be", () => {
    const given = { liters: 1e6, into: "drain", gently: true }
    expect(AttributeCodec.encodeCommand(command("dose"), given)).toEqual(
      Either.left("1000000 does not fit into uint16 with scale 0.5 and offset 0")
    )
  })
})
