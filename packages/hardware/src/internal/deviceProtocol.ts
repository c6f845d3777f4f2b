/** The messages of device actors: the same for all devices, in plain data fit for any network. */
import * as Rpc from "@effect/rpc/Rpc"
import { Actor, DurableError } from "@plantd/actors"
import { Alarm, Identifier, Reading } from "@plantd/core"
import { Schema } from "effect"
import { CommandStatus } from "../CommandStatus.ts"
import {
  AcknowledgementStale,
  AlarmUnknown,
  CommandError,
  CommandNotOpen,
  JournalError,
  LeaseHeld,
  ReadError,
  ShelvingInvalid,
  StoreError,
  SubscribersFull
} from "../DeviceError.ts"
import { Lifecycle } from "../DeviceLifecycle.ts"
import { Lease } from "../OperatorLease.ts"
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

const optional = <A, I>(schema: Schema.Schema<A, I>) => Schema.optionalWith(schema, { exact: true })

/** What every command carries. */
const command = {
  timeoutMillis: Schema.Number,
  commandId: Identifier.CommandId,
  /** True where the client made the id for this call. */
  fresh: Schema.Boolean,
  session: optional(Schema.String),
  expectedEpoch: optional(Schema.Number)
}

const Person = Schema.String.pipe(Schema.minLength(1), Schema.maxLength(128))
const Note = Schema.String.pipe(Schema.maxLength(1_024))

const rpcs = [
  Rpc.make("Read", {
    payload: { attributes: Schema.Array(Schema.String), timeoutMillis: Schema.Number },
    success: Schema.Array(Reading.Reading),
    error: ReadError
  }),
  Rpc.make("Write", {
    payload: { ...command, attribute: Schema.String, value: Schema.Unknown },
    error: CommandError
  }),
  Rpc.make("Invoke", {
    payload: { ...command, command: Schema.String, payload: Schema.Unknown },
    success: Schema.Struct({ commandId: Schema.String, result: Schema.Unknown }),
    error: CommandError
  }),
  Rpc.make("CommandOutcome", {
    payload: { commandId: Schema.String },
    success: CommandStatus,
    error: JournalError
  }),
  Rpc.make("CommandHistory", {
    payload: { limit: Schema.Int, before: optional(Schema.String) },
    success: Schema.Array(CommandStatus),
    error: Schema.Union(DurableError.StoreUnavailable, DurableError.CorruptRow)
  }),
  Rpc.make("CommandChanges", { success: CommandStatus, stream: true }),
  Rpc.make("ResolveCommand", {
    payload: {
      commandId: Schema.String,
      outcome: Schema.Literal("succeeded", "failed"),
      by: Person,
      note: optional(Note)
    },
    success: CommandStatus,
    error: Schema.Union(JournalError, CommandNotOpen)
  }),
  Rpc.make("CancelCommand", {
    payload: { commandId: Schema.String },
    success: CommandStatus,
    error: JournalError
  }),
  Rpc.make("AcquireLease", {
    payload: { session: Lease.fields.session, ttlMillis: Schema.Number },
    success: Lease,
    error: Schema.Union(LeaseHeld, StoreError)
  }),
  Rpc.make("ReleaseLease", { payload: { session: Lease.fields.session }, error: StoreError }),
  Rpc.make("LeaseHolder", { success: Schema.NullOr(Lease) }),
  Rpc.make("Lifecycle", { success: Lifecycle }),
  Rpc.make("Deactivate", {
    payload: { by: Person, reason: optional(Note) },
    success: Lifecycle,
    error: StoreError
  }),
  Rpc.make("Activate", { payload: { by: Person }, success: Lifecycle, error: StoreError }),
  Rpc.make("Snapshot", { success: Schema.Array(Reading.Reading) }),
  Rpc.make("Status", { success: DeviceStatus }),
  Rpc.make("StatusChanges", { success: DeviceStatus, stream: true }),
  Rpc.make("Subscribe", {
    payload: { attributes: Schema.Array(Schema.String), mode: Mode, capacity: Schema.Int },
    success: Schema.Union(Gap, Reading.Reading),
    error: SubscribersFull,
    stream: true
  }),
  Rpc.make("Alarms", { success: Schema.Array(Alarm.Instance) }),
  Rpc.make("AlarmChanges", { success: Alarm.Instance, error: SubscribersFull, stream: true }),
  Rpc.make("Acknowledge", {
    payload: {
      alarm: Schema.String,
      occurrenceId: Schema.String,
      severity: Alarm.Severity,
      by: Person
    },
    success: Alarm.Instance,
    error: Schema.Union(AcknowledgementStale, AlarmUnknown, StoreError)
  }),
  Rpc.make("Shelve", {
    payload: {
      alarm: Schema.String,
      forMillis: Schema.Number,
      by: Person,
      reason: optional(Note)
    },
    success: Alarm.Instance,
    error: Schema.Union(ShelvingInvalid, AlarmUnknown, StoreError)
  }),
  Rpc.make("Unshelve", {
    payload: { alarm: Schema.String, by: Person },
    success: Alarm.Instance,
    error: Schema.Union(AlarmUnknown, StoreError)
  })
] as const

/** The actor type of devices of one definition. */
export const deviceActor = (name: string) => Actor.make(name, rpcs)

/** The actor type of devices of one definition. */
export type DeviceActor = ReturnType<typeof deviceActor>
