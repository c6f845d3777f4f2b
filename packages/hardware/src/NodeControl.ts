/**
 * What an operator's program can ask of a running node: an actor whose operations work on the
 * node's devices by name. `Control.layer` gives it its behaviour and a socket.
 */
import * as Rpc from "@effect/rpc/Rpc"
import { Actor, ActorError } from "@plantd/actors"
import { Alarm, Reading } from "@plantd/core"
import { Schema } from "effect"
import { pageMax } from "./CommandJournal.ts"
import { CommandStatus } from "./CommandStatus.ts"
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
} from "./DeviceError.ts"
import { Lifecycle } from "./DeviceLifecycle.ts"
import { AlarmsOfDevice, DeviceDetail, DeviceSummary, NodeInfo } from "./NodeDescription.ts"
import { Lease } from "./OperatorLease.ts"
import { Gap, Mode } from "./Subscription.ts"

export * from "./NodeDescription.ts"

const optional = <A, I>(schema: Schema.Schema<A, I>) => Schema.optionalWith(schema, { exact: true })

const Name = Schema.String.pipe(Schema.maxLength(128))

/** The most names that an error lists. */
export const namesListedMax = 12

const known = (names: ReadonlyArray<string>): string =>
  names.length === 0
    ? "none"
    : names.slice(0, namesListedMax).join(", ")
      + (names.length > namesListedMax ? ` and ${names.length - namesListedMax} more` : "")

const meant = (nearest: string | undefined): string =>
  nearest === undefined ? "" : `; did you mean ${nearest}?`

/** The node has no device with this id. Nothing was done. */
export class DeviceUnknown extends Schema.TaggedError<DeviceUnknown>()("DeviceUnknown", {
  node: Schema.String,
  device: Schema.String,
  nearest: optional(Schema.String),
  /** The devices that it has. */
  devices: Schema.Array(Schema.String)
}) {
  override get message(): string {
    return `node ${this.node} has no device ${JSON.stringify(this.device)}${meant(this.nearest)}`
      + ` (devices: ${known(this.devices)})`
  }
}

/** The device has no attribute, command or argument with this name. Nothing was done. */
export class MemberUnknown extends Schema.TaggedError<MemberUnknown>()("MemberUnknown", {
  device: Schema.String,
  /** The type of the device, or the command whose arguments they are. */
  of: Schema.String,
  kind: Schema.Literal("attribute", "command", "argument", "alarm"),
  name: Schema.String,
  nearest: optional(Schema.String),
  /** Those that there are. */
  names: Schema.Array(Schema.String)
}) {
  override get message(): string {
    return `${this.device} (${this.of}) has no ${this.kind} ${JSON.stringify(this.name)}`
      + `${meant(this.nearest)} (${this.kind}s: ${known(this.names)})`
  }
}

// A key that is missing would stand for `undefined`, which is no data.
const Data = Schema.Unknown.pipe(
  Schema.filter((value) => value !== undefined, { message: () => "is missing" })
)

/** A value as data, or as a person writes it: then the declared type decides what it means. */
export const Given = Schema.Union(
  Schema.Struct({ text: Schema.String }),
  Schema.Struct({ value: Data })
)
/** A value as data, or as a person writes it. */
export type Given = typeof Given.Type

/** What a command is given: as data, or field by field as a person writes it. */
export const GivenFields = Schema.Union(
  Schema.Struct({ text: Schema.Record({ key: Name, value: Schema.String }) }),
  Schema.Struct({ value: Data })
)
/** What a command is given. */
export type GivenFields = typeof GivenFields.Type

const Millis = Schema.Finite.pipe(Schema.greaterThan(0), Schema.lessThanOrEqualTo(86_400_000))

const Unknown = Schema.Union(DeviceUnknown, MemberUnknown)

const Person = Schema.String.pipe(Schema.minLength(1), Schema.maxLength(128))
const Note = Schema.String.pipe(Schema.maxLength(1_024))

/** What every command carries, as `Device.CallOptions` says. */
const command = {
  device: Name,
  timeoutMillis: optional(Millis),
  commandId: optional(Name),
  session: optional(Person)
}

const journal = Schema.Union(DeviceUnknown, JournalError, ActorError.AskError)

/** Which alarm, and who does something about it. */
const alarm = { device: Name, alarm: Name, by: Person }

const alarming = Schema.Union(Unknown, AlarmUnknown, StoreError, ActorError.AskError)

const rpcs = [
  Rpc.make("Node", { success: NodeInfo }),
  Rpc.make("ListDevices", { success: Schema.Array(DeviceSummary) }),
  Rpc.make("Describe", {
    payload: { device: Name },
    success: DeviceDetail,
    error: DeviceUnknown
  }),
  /** All attributes where none are named. With `known` the device is not asked. */
  Rpc.make("Read", {
    payload: {
      device: Name,
      attributes: Schema.Array(Name),
      known: Schema.Boolean,
      timeoutMillis: optional(Millis)
    },
    success: Schema.Array(Reading.Reading),
    error: Schema.Union(Unknown, ReadError, ActorError.AskError)
  }),
  Rpc.make("Write", {
    payload: { ...command, attribute: Name, given: Given },
    error: Schema.Union(Unknown, CommandError, ActorError.AskError)
  }),
  Rpc.make("Call", {
    payload: { ...command, command: Name, given: optional(GivenFields) },
    success: Schema.Struct({ result: optional(Schema.Unknown) }),
    error: Schema.Union(Unknown, CommandError, ActorError.AskError)
  }),
  Rpc.make("Watch", {
    payload: { device: Name, attributes: Schema.Array(Name), mode: Mode },
    success: Schema.Union(Gap, Reading.Reading),
    error: Schema.Union(Unknown, SubscribersFull, ActorError.AskError),
    stream: true
  }),
  /** What became of the device's commands, the newest first; 100 where nothing is said. */
  Rpc.make("Commands", {
    payload: {
      device: Name,
      limit: optional(Schema.Int.pipe(Schema.between(1, pageMax))),
      before: optional(Name)
    },
    success: Schema.Array(CommandStatus),
    error: journal
  }),
  /** What became of one command. */
  Rpc.make("Outcome", {
    payload: { device: Name, commandId: Name },
    success: CommandStatus,
    error: journal
  }),
  /** Commands under way and of unknown outcome, then each change. */
  Rpc.make("WatchCommands", {
    payload: { device: Name },
    success: CommandStatus,
    error: Schema.Union(DeviceUnknown, ActorError.AskError),
    stream: true
  }),
  /** A person says what became of a command of unknown outcome. */
  Rpc.make("Resolve", {
    payload: {
      device: Name,
      commandId: Name,
      outcome: Schema.Literal("succeeded", "failed"),
      by: Person,
      note: optional(Note)
    },
    success: CommandStatus,
    error: Schema.Union(journal, CommandNotOpen)
  }),
  /** Takes a command out of the queue where it waits still. */
  Rpc.make("Cancel", {
    payload: { device: Name, commandId: Name },
    success: CommandStatus,
    error: journal
  }),
  /** Takes the device for a session, or renews its lease. */
  Rpc.make("Acquire", {
    payload: { device: Name, session: Person, ttlMillis: Millis },
    success: Lease,
    error: Schema.Union(DeviceUnknown, LeaseHeld, StoreError, ActorError.AskError)
  }),
  Rpc.make("Release", {
    payload: { device: Name, session: Person },
    error: Schema.Union(DeviceUnknown, StoreError, ActorError.AskError)
  }),
  /** Takes the device out of service: only emergency commands are sent. */
  Rpc.make("Deactivate", {
    payload: { device: Name, by: Person, reason: optional(Note) },
    success: Lifecycle,
    error: Schema.Union(DeviceUnknown, StoreError, ActorError.AskError)
  }),
  Rpc.make("Activate", {
    payload: { device: Name, by: Person },
    success: Lifecycle,
    error: Schema.Union(DeviceUnknown, StoreError, ActorError.AskError)
  }),
  /** Where each alarm stands, of one device or of all. */
  Rpc.make("Alarms", {
    payload: { device: optional(Name) },
    success: Schema.Array(AlarmsOfDevice),
    error: DeviceUnknown
  }),
  /** The same, then each that changed. */
  Rpc.make("WatchAlarms", {
    payload: { device: optional(Name) },
    success: Schema.Struct({ device: Schema.String, ...Alarm.Instance.fields }),
    error: Schema.Union(DeviceUnknown, SubscribersFull, ActorError.AskError),
    stream: true
  }),
  /** Acknowledges what a person saw: an occurrence, and its severity. */
  Rpc.make("Acknowledge", {
    payload: { ...alarm, occurrenceId: Name, severity: Alarm.Severity },
    success: Alarm.Instance,
    error: Schema.Union(alarming, AcknowledgementStale)
  }),
  /** Takes an alarm off the screens for a time. */
  Rpc.make("Shelve", {
    payload: { ...alarm, forMillis: Schema.Finite, reason: optional(Note) },
    success: Alarm.Instance,
    error: Schema.Union(alarming, ShelvingInvalid)
  }),
  Rpc.make("Unshelve", { payload: alarm, success: Alarm.Instance, error: alarming })
] as const

/** The actor by which a node is operated; its id is the node's name. */
export const NodeControl = Actor.make("NodeControl", rpcs)

/** What an operation of the actor was given. */
export type Payload<Tag extends typeof rpcs[number]["_tag"]> = Rpc.Payload<
  Extract<typeof rpcs[number], { readonly _tag: Tag }>
>
