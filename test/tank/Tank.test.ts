import { describe, expect, it } from "@effect/vitest"
import { LevelControl, Tank, TankModel } from "@plantd/example-tank"
import { Attribute } from "@plantd/hardware"

const { attributes, commands, order, states } = Tank.Tank

describe("Tank", () => {
  it("what can be set are the pump and the valve, in percent", () => {
    const writable = order.filter((name) => attributes[name].access === "read-write")
    expect(writable).toEqual(["pumpSpeed", "valveOpening"])
    for (const { range, unit } of [attributes.pumpSpeed, attributes.valveOpening]) {
      expect({ range, unit }).toEqual({ range: [0, 100], unit: "%" })
    }
  })

  it("every number has a unit, a plausible range and an age at which it is stale", () => {
    for (const name of order) {
      const attribute = attributes[name]
      if (attribute.type !== "number") continue
      expect(attribute.unit).not.toBe("")
      expect(attribute.range).toBeDefined()
      expect(Attribute.maxAgeMillis(attribute)).toBeLessThanOrEqual(2_000)
    }
  })

  it("a full tank and the strongest flows are plausible, noise included", () => {
    const { pump, tank1, tank2 } = TankModel.standard
    const brim = Math.max(tank1.height, tank2.height) + 6 * TankModel.standard.levelNoise
    expect(Attribute.assess(attributes.level1, brim)).toBe("good")
    expect(Attribute.assess(attributes.level2, brim)).toBe("good")
    expect(Attribute.assess(attributes.inflow, pump.flowMax * 1_000)).toBe("good")
    const full = { ...TankModel.empty(1), level2: tank2.height, valveOpening: 100 }
    const { drain } = TankModel.flows(TankModel.standard, full)
    expect(Attribute.assess(attributes.outflow, drain * 1_000)).toBe("good")
  })

  it("a deadband hides at most a fifth of what the controller must see", () => {
    const seen = LevelControl.standard.setpointMin * 0.02
    expect(attributes.level2.deadband?.absolute).toBeLessThanOrEqual(seen / 5)
  })

  it("stop goes past the queues, and is released in the state stopped alone", () => {
    expect(commands.stop).toMatchObject({ effect: "set", lane: "emergency" })
    expect(commands.stop.allowedIn).toBeUndefined()
    expect(commands.release).toMatchObject({ effect: "set", allowedIn: ["stopped"] })
    expect(states).toEqual(["ready", "stopped"])
  })
})
