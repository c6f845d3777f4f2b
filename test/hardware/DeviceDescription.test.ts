import { describe, expect, it } from "@effect/vitest"
import { Attribute, Command, DeviceDescription } from "@plantd/hardware"
import { Either, Schema } from "effect"
import { Pump } from "./pump.ts"

const description = Pump.description
/** The description with other content at a path; removed where there is none. */
const changed = (path = "", content?: unknown): DeviceDescription.DeviceDescription => {
  const plain = structuredClone(description)
  const keys = path.split(".")
  const last = keys.pop() ?? ""
  let place = plain as unknown as Record<string, unknown>
  for (const key of keys) place = place[key] as Record<string, unknown>
  if (content === undefined) delete place[last]
  else place[last] = content
  return plain
}

describe("of a definition", () => {
  it("holds what both sides must agree on, and nothing of how often readings are told", () => {
    expect(DeviceDescription.ofAttribute(Pump.attributes.flow)).toEqual({
      type: "number",
      unit: "L/s",
      access: "read",
      range: [0, 10]
    })
    expect(DeviceDescription.ofAttribute(Attribute.string({ values: ["a"] }))).toEqual({
      type: "string",
      unit: "",
      access: "read",
      values: ["a"]
    })
  })

  it("describes payloads by plain JSON Schema, without references, titles and names", () => {
    const command = Command.make({
      effect: "pulse",
      payload: { title: Schema.String, count: Schema.Int },
      success: Schema.Boolean
    })
    expect(DeviceDescription.ofCommand(command)).toEqual({
      payload: {
        type: "object",
        required: ["title", "count"],
        properties: { title: { type: "string" }, count: { type: "integer" } },
        additionalProperties: false
      },
      success: { type: "boolean" },
      effect: "pulse",
      lane: "ordinary"
    })
  })

  it("describes nothing to be given and nothing to be answered as null", () => {
    expect(description.commands["stop"]).toMatchObject({ payload: null, success: null })
  })

  it("orders attributes by their names", () => {
    expect(Pump.order).toEqual(["flow", "label", "leaking", "speed", "state"])
  })

  it("survives the wire", () => {
    expect(DeviceDescription.decode(structuredClone(description))).toEqual(
      Either.right(description)
    )
  })
})

describe("differences", () => {
  it("equal descriptions have none", () => {
    expect(DeviceDescription.differences({ node: description, device: changed() }))
      .toEqual([])
  })

  it.each([
    [
      'attributes.flow.unit: the node says "L/s", the device says "m3/h"',
      changed("attributes.flow.unit", "m3/h")
    ],
    [
      'attributes.label: the node says {"type":"string","unit":"","access":"read"},'
      + " the device says nothing",
      changed("attributes.label")
    ],
    [
      "attributes.flow.range.1: the node says 10, the device says 11",
      changed("attributes.flow.range", [0, 11])
    ],
    [
      'commands.prime.payload.properties.seconds.type: the node says "number",'
      + ' the device says "integer"',
      changed("commands.prime.payload.properties.seconds.type", "integer")
    ],
    [
      'type: the node says "Pump", the device says "Valve"',
      changed("type", "Valve")
    ]
  ])("%s", (difference, device) => {
    expect(DeviceDescription.differences({ node: description, device })).toEqual([difference])
  })

  it("only the first few are named", () => {
    const device = { ...description, type: "", states: [], commands: {}, attributes: {} }
    expect(DeviceDescription.differences({ node: description, device })).toHaveLength(
      DeviceDescription.differencesMax
    )
  })
})

describe("decode", () => {
  it("names the field that is wrong", () => {
    const wrong = changed("attributes.flow.type", "float")
    expect(Either.getLeft(DeviceDescription.decode(wrong))).toMatchObject({
      value: expect.stringContaining("description.attributes.flow.type: Expected")
    })
    expect(Either.isLeft(DeviceDescription.decode(42))).toBe(true)
  })
})
