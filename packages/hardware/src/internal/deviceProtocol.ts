/** The messages of device actors: the same for all devices, in plain data fit for any network. */
import * as Rpc from "@effect/rpc/Rpc"
import { Actor } from "@plantd/actors"
import { Reading } from "@plantd/core"
import { Schema } from "effect"
import { CommandError, ReadError, SubscribersFull } from "../DeviceError.ts"
import { LinkStatus } from "../LinkPort.ts"
import { Gap, Mode } from "../Subscription.ts"

/** How a device is reached, and what was wrong with its readings. */
export const DeviceStatus = Schema.Struct({
  ...LinkStatus.fields,
  /** Readings of the wrong type or not finite; they are kept as `bad`. */
  readingsInvalid: Schema.Number,
  /** Readings of attributes that the device does not have; they are dropped. */
  readingsUnknown: Schema.Number
})
/** How a device is reached, and what was wrong with its readings. */
export type DeviceStatus = typeof DeviceStatus.Type

const rpcs = [
  Rpc.make("Read", {
    payload: { attributes: Schema.Array(Schema.String), timeoutMillis: Schema.Number },
    success: Schema.Array(Reading.Reading),
    error: ReadError
  }),
  Rpc.make("Write", {
    payload: { attribute: Schema.String, value: Schema.Unknown, timeoutMillis: Schema.Number },
    error: CommandError
  }),
  Rpc.make("Invoke", {
    payload: { command: Schema.String, payload: Schema.Unknown, timeoutMillis: Schema.Number },
    success: Schema.Struct({ commandId: Schema.String, result: Schema.Unknown }),
    error: CommandError
  }),
  Rpc.make("Snapshot", { success: Schema.Array(Reading.Reading) }),
  Rpc.make("Status", { success: DeviceStatus }),
  Rpc.make("StatusChanges", { success: DeviceStatus, stream: true }),
  Rpc.make("Subscribe", {
    payload: { attributes: Schema.Array(Schema.String), mode: Mode, capacity: Schema.Int },
    success: Schema.Union(Gap, Reading.Reading),
    error: SubscribersFull,
    stream: true
  })
] as const

/** The actor type of devices of one definition. */
export const deviceActor = (name: string) => Actor.make(name, rpcs)

/** The actor type of devices of one definition. */
export type DeviceActor = ReturnType<typeof deviceActor>
