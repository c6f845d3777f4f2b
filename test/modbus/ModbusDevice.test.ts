import { describe, expect, it } from "@effect/vitest"
import { ModbusDevice } from "@plantd/example-modbus"
import { Attribute, DeviceDescription } from "@plantd/hardware"
import { Duration, Schema } from "effect"
import { pumpMap, withAttribute, withCommand } from "./maps.ts"

describe("the device of a register map", () => {
  it("has its attributes and commands, as nodes and drivers compare them", () => {
    const device = ModbusDevice.deviceOf(pumpMap())
    expect(device.name).toBe("Pump")
    expect(device.description.attributes).toEqual({
      flow: { type: "number", unit: "L/s", access: "read", range: [0, 10] },
      speed: { type: "number", unit: "rpm", access: "read-write", range: [0, 3_000] },
      mode: {
        type: "string",
        unit: "",
        access: "read-write",
        values: ["off", "manual", "reverse"]
      },
      running: { type: "boolean", unit: "", access: "read-write" },
      alarm: { type: "boolean", unit: "", access: "read" },
      odd: { type: "number", unit: "", access: "read" }
    })
    expect(device.description.commands).toMatchObject({
      stop: { payload: null, success: null, effect: "set", lane: "emergency" },
      dose: {
        payload: {
          required: ["liters", "into", "gently"],
          properties: {
            liters: { type: "number" },
            into: { type: "string", enum: ["tank", "drain"] },
            gently: { type: "boolean" }
          }
        },
        success: null,
        effect: "pulse",
        lane: "ordinary"
      }
    })
  })

  it("has what the node alone uses: ages, deadbands, timeouts, ranges of payloads", () => {
    const device = ModbusDevice.deviceOf(pumpMap())
    const flow = device.attributes["flow"]
    expect(flow).toMatchObject({ deadband: { absolute: 0.02 } })
    expect(Duration.toMillis(flow?.maxAge ?? 0)).toBe(3_000)
    const dose = device.commands["dose"]
    expect(Duration.toMillis(dose?.timeout ?? 0)).toBe(2_000)
    const given = { liters: 3, into: "tank", gently: true }
    const accepts = Schema.is(dose?.payload as Schema.Schema<typeof given>)
    expect(accepts(given)).toBe(true)
    expect(accepts({ ...given, liters: 501 })).toBe(false)
    expect(accepts({ ...given, into: "sea" })).toBe(false)
  })

  it("says how a write is read back: as near as the register can keep it, and as late", () => {
    const device = ModbusDevice.deviceOf(pumpMap({
      attributes: {
        ...pumpMap().attributes,
        flow: { ...pumpMap().attributes["flow"], scale: 0.5, settleMillis: 200 },
        odd: { ...pumpMap().attributes["odd"], tolerance: 3 }
      }
    }))
    const { flow, odd, running, speed } = device.attributes
    expect(speed && Attribute.settleMillis(speed)).toBe(1_000)
    expect(running && Attribute.settleMillis(running)).toBe(1_000)
    expect(flow && Attribute.settleMillis(flow)).toBe(200)
    expect(speed && Attribute.isAsWritten(speed, 7.5, 8)).toBe(true)
    expect(speed && Attribute.isAsWritten(speed, 7.4, 8)).toBe(false)
    expect(flow && Attribute.isAsWritten(flow, 7.25, 7.5)).toBe(true)
    expect(odd && Attribute.isAsWritten(odd, 5, 8)).toBe(true)
    const target = ModbusDevice.deviceOf(pumpMap({
      attributes: {
        ...pumpMap().attributes,
        odd: { ...pumpMap().attributes["odd"], range: [-100, 10] }
      }
    })).attributes["odd"]
    expect(target && Attribute.isAsWritten(target, -99.9, Math.fround(-99.9))).toBe(true)
    expect(target && Attribute.isAsWritten(target, -99.9, -99.8999)).toBe(false)
  })

  it("says what shows that a command was carried out", () => {
    const verifyOf = (verify: object) =>
      ModbusDevice.deviceOf(pumpMap(withCommand("stop", {
        writes: [{ table: "coil", address: 0, value: true }],
        verify
      }))).commands["stop"]?.verify
    const shown = { attribute: "running", equals: true }
    expect(verifyOf(shown)).toEqual({ ...shown, within: Duration.millis(2_000) })
    expect(verifyOf({ attribute: "mode", equals: ["off", "manual"], withinMillis: 10 })).toEqual({
      attribute: "mode",
      equals: ["off", "manual"],
      within: Duration.millis(10)
    })
    expect(ModbusDevice.deviceOf(pumpMap()).commands["dose"]?.verify).toBeUndefined()
  })

  it("of one map is the same on node and driver, and of another is told apart", () => {
    const description = (change: object) => ModbusDevice.deviceOf(pumpMap(change)).description
    const node = description({ host: "elsewhere", pollMillis: 100 })
    expect(DeviceDescription.differences({ node, device: description({}) })).toEqual([])
    const device = description(withAttribute("speed", { unit: "Hz" }))
    expect(DeviceDescription.differences({ node, device })).toHaveLength(1)
  })
})
