/** The tank rig as a device: what it measures, what it can be told, in which states. */
import { Attribute, Command, Device } from "@plantd/hardware"
import { Schema } from "effect"

/** Levels that are older than this are stale: no controller may act on them. */
export const levelMaxAge = "1 second"

/**
 * Two coupled tanks. Levels in m, positions in %, flows in L/s. `stop` turns the pump off and keeps
 * it off, past all queues, until `release`; meanwhile the pump can only be set to 0.
 */
export const Tank = Device.make("Tank", {
  /** The endpoints of its device process. */
  config: Schema.Struct({ commands: Schema.String, telemetry: Schema.String }),
  attributes: {
    level1: Attribute.number({
      unit: "m",
      range: [0, 0.65],
      deadband: { absolute: 0.0002 },
      maxAge: levelMaxAge
    }),
    level2: Attribute.number({
      unit: "m",
      range: [0, 0.65],
      deadband: { absolute: 0.0002 },
      maxAge: levelMaxAge
    }),
    pumpSpeed: Attribute.number({
      unit: "%",
      access: "read-write",
      range: [0, 100],
      deadband: { absolute: 0.05 },
      maxAge: levelMaxAge
    }),
    valveOpening: Attribute.number({
      unit: "%",
      access: "read-write",
      range: [0, 100],
      deadband: { absolute: 0.05 },
      maxAge: "2 seconds"
    }),
    inflow: Attribute.number({
      unit: "L/s",
      range: [0, 2.5],
      deadband: { absolute: 0.005 },
      maxAge: "2 seconds"
    }),
    outflow: Attribute.number({
      unit: "L/s",
      range: [0, 3],
      deadband: { absolute: 0.005 },
      maxAge: "2 seconds"
    })
  },
  commands: {
    stop: Command.make({ effect: "set", lane: "emergency", timeout: "1 second" }),
    release: Command.make({ effect: "set", allowedIn: ["stopped"], timeout: "1 second" })
  },
  states: ["ready", "stopped"]
})
