/** The device of the suite `hardware`: what it is, for the node and for its own process. */
import { Attribute, Command, Device } from "@plantd/hardware"
import { Schema } from "effect"

/** The id of the one device. */
export const deviceId = "probe-1"

/** Readings of one batch: ten of each attribute. */
export const batchReadings = 100

const level = Attribute.number({ unit: "V", range: [0, 1e12], maxAge: "2 seconds" })

/** Ten voltages that are read and published, one that can be set, and one command. */
export const Probe = Device.make("Probe", {
  config: Schema.Struct({ commands: Schema.String, telemetry: Schema.String }),
  attributes: {
    x: level,
    u1: level,
    u2: level,
    u3: level,
    u4: level,
    u5: level,
    u6: level,
    u7: level,
    u8: level,
    target: Attribute.number({ unit: "V", range: [0, 1e12], access: "read-write" })
  },
  commands: {
    /** Counts: carried out twice would be once too often. */
    step: Command.make({
      payload: { by: Schema.Number },
      success: Schema.Number,
      effect: "pulse",
      timeout: "5 seconds"
    })
  }
})

/** Where the device process is reached, by plantd and by its peer. */
export interface Endpoints {
  readonly commands: string
  readonly telemetry: string
  readonly bareCommands: string
  readonly bareTelemetry: string
}

/** What the device process is asked to publish; answered by nothing but what it publishes. */
export interface Publish {
  readonly by: "plantd" | "bare"
  readonly batches: number
  /** One batch each so many milliseconds; all as fast as possible where it is 0. */
  readonly everyMillis: number
}
