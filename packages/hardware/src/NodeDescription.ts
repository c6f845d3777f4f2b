/** What a node tells of itself and of its devices: at a glance, and all that is declared. */
import { Alarm, Reading } from "@plantd/core"
import { Schema } from "effect"
import { AttributeDescription, CommandDescription } from "./DeviceDescription.ts"
import { Lifecycle } from "./DeviceLifecycle.ts"
import { DeviceStatus } from "./internal/deviceProtocol.ts"
import { Lease } from "./OperatorLease.ts"

const optional = <A, I>(schema: Schema.Schema<A, I>) => Schema.optionalWith(schema, { exact: true })

/** The node itself. */
export const NodeInfo = Schema.Struct({
  node: Schema.String,
  /** When its control was started, in milliseconds since 1970-01-01 UTC, and its clock now. */
  startedAt: Schema.Number,
  now: Schema.Number,
  devices: Schema.Int,
  /** Actors that are alive, messages they handled, restarts, and messages nobody handled. */
  actors: Schema.Int,
  messages: Schema.Int,
  restarts: Schema.Int,
  deadLetters: Schema.Int
})
/** The node itself. */
export type NodeInfo = typeof NodeInfo.Type

/** The alarms of a device, at a glance. */
export const AlarmSummary = Schema.Struct({
  /** Those that are not as they should be, and are not shelved. */
  annunciated: Schema.Int,
  /** Those among them that nobody has acknowledged. */
  unacknowledged: Schema.Int,
  /** The gravest of them. */
  severity: optional(Alarm.Severity)
})
/** The alarms of a device, at a glance. */
export type AlarmSummary = typeof AlarmSummary.Type

/** Where each alarm of a device stands; without any where its actor did not say, and why. */
export const AlarmsOfDevice = Schema.Struct({
  device: Schema.String,
  alarms: Schema.Array(Alarm.Instance),
  trouble: optional(Schema.String)
})
/** Where each alarm of a device stands. */
export type AlarmsOfDevice = typeof AlarmsOfDevice.Type

/** One device of a node, at a glance. */
export const DeviceSummary = Schema.Struct({
  device: Schema.String,
  type: Schema.String,
  /** How it is reached; absent where its actor did not say, and `trouble` tells why. */
  link: optional(DeviceStatus),
  trouble: optional(Schema.String),
  /** The newest reading of its attribute `state`, where it has one. */
  state: optional(Reading.Reading),
  /** What people are to look at. */
  alarms: optional(AlarmSummary),
  /** Whether it is in service. */
  lifecycle: optional(Lifecycle),
  /** The session that operates it, where one does. */
  lease: optional(Lease)
})
/** One device of a node, at a glance. */
export type DeviceSummary = typeof DeviceSummary.Type

/** What is declared of an attribute. Times in milliseconds. */
export const AttributeDetail = Schema.Struct({
  ...AttributeDescription.fields,
  maxAgeMillis: optional(Schema.Number),
  deadband: optional(Schema.Number),
  /** How far a reading may be from what was written and still count as that. */
  tolerance: optional(Schema.Number),
  settleMillis: optional(Schema.Number)
})
/** What is declared of an attribute. */
export type AttributeDetail = typeof AttributeDetail.Type

/** One field of what a command is given; `type` is for people. */
export const Argument = Schema.Struct({
  name: Schema.String,
  type: Schema.String,
  optional: Schema.Boolean
})
/** One field of what a command is given. */
export type Argument = typeof Argument.Type

/** What is declared of a command. */
export const CommandDetail = Schema.Struct({
  ...CommandDescription.fields,
  arguments: Schema.Array(Argument),
  timeoutMillis: Schema.Number,
  /** What tells whether it was carried out where no answer came, in words. */
  verify: optional(Schema.String)
})
/** What is declared of a command. */
export type CommandDetail = typeof CommandDetail.Type

/** What is declared of an alarm. Times in milliseconds. */
export const AlarmDetail = Schema.Struct({
  alarm: Schema.String,
  /** The attribute that it judges; absent where it is about the device itself. */
  attribute: optional(Schema.String),
  /** From the least grave to the gravest: when it is there, in words, and how grave it is then. */
  limits: Schema.Array(
    Schema.Struct({ limit: Schema.String, when: Schema.String, severity: Alarm.Severity })
  ),
  onDelayMillis: Schema.Number,
  offDelayMillis: Schema.Number,
  latching: Schema.Boolean,
  needsAck: Schema.Boolean
})
/** What is declared of an alarm. */
export type AlarmDetail = typeof AlarmDetail.Type

/** What is declared of an interlock: while `when` holds, or cannot be judged, it blocks. */
export const InterlockDetail = Schema.Struct({
  interlock: Schema.String,
  when: Schema.String,
  blocks: Schema.Array(Schema.String),
  /** The command that the node gives when it trips. */
  onTrip: optional(Schema.String)
})
/** What is declared of an interlock. */
export type InterlockDetail = typeof InterlockDetail.Type

/** All that is declared of a device. */
export const DeviceDetail = Schema.Struct({
  device: Schema.String,
  type: Schema.String,
  attributes: Schema.Record({ key: Schema.String, value: AttributeDetail }),
  commands: Schema.Record({ key: Schema.String, value: CommandDetail }),
  states: Schema.Array(Schema.String),
  alarms: Schema.Array(AlarmDetail),
  interlocks: Schema.Array(InterlockDetail)
})
/** All that is declared of a device. */
export type DeviceDetail = typeof DeviceDetail.Type
