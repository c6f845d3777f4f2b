/** The device of the tests of real processes, as its driver and its nodes define it. */
import { Attribute, Command, Device } from "@plantd/hardware"
import { Schema } from "effect"

/** The id under which it is served. */
export const device = "valve-1"

/** A valve: how often it was turned is counted by its driver, and shown by nothing it can read. */
export const Valve = Device.make("Valve", {
  config: Schema.Struct({ commands: Schema.String, telemetry: Schema.String }),
  attributes: {
    opening: Attribute.number({
      unit: "%",
      range: [0, 100],
      access: "read-write",
      tolerance: 0.1,
      settle: "200 millis"
    }),
    turned: Attribute.boolean()
  },
  commands: {
    turn: Command.make({
      effect: "pulse",
      timeout: "1 second",
      verify: { attribute: "turned", equals: true, within: "1 second" }
    })
  }
})
