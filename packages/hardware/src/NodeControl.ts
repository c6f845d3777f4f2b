/**
 * What an operator's program can ask of a running node: an actor whose operations work on the
 * node's devices by name. `Control.layer` gives it its behaviour and a socket.
 */
import * as Rpc from "@effect/rpc/Rpc"
import { Actor, ActorError } from "@plantd/actors"
import { Reading } from "@plantd/core"
import { Schema } from "effect"
import { AttributeDescription, CommandDescription } from "./DeviceDescription.ts"
import { CommandError, ReadError, SubscribersFull } from "./DeviceError.ts"
import { DeviceStatus } from "./internal/deviceProtocol.ts"
import { Gap, Mode } from "./Subscription.ts"

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
  kind: Schema.Literal("attribute", "command", "argument"),
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

/** One device of a node, at a glance. */
export const DeviceSummary = Schema.Struct({
  device: Schema.String,
  type: Schema.String,
  /** How it is reached; absent where its actor did not say, and `trouble` tells why. */
  link: optional(DeviceStatus),
  trouble: optional(Schema.String),
  /** The newest reading of its attribute `state`, where it has one. */
  state: optional(Reading.Reading)
})
/** One device of a node, at a glance. */
export type DeviceSummary = typeof DeviceSummary.Type

/** What is declared of an attribute. Times in milliseconds. */
export const AttributeDetail = Schema.Struct({
  ...AttributeDescription.fields,
  maxAgeMillis: optional(Schema.Number),
  deadband: optional(Schema.Number)
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
  timeoutMillis: Schema.Number
})
/** What is declared of a command. */
export type CommandDetail = typeof CommandDetail.Type

/** All that is declared of a device. */
export const DeviceDetail = Schema.Struct({
  device: Schema.String,
  type: Schema.String,
  attributes: Schema.Record({ key: Schema.String, value: AttributeDetail }),
  commands: Schema.Record({ key: Schema.String, value: CommandDetail }),
  states: Schema.Array(Schema.String)
})
/** All that is declared of a device. */
export type DeviceDetail = typeof DeviceDetail.Type

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
    payload: { device: Name, attribute: Name, given: Given, timeoutMillis: optional(Millis) },
    error: Schema.Union(Unknown, CommandError, ActorError.AskError)
  }),
  Rpc.make("Call", {
    payload: {
      device: Name,
      command: Name,
      given: optional(GivenFields),
      timeoutMillis: optional(Millis)
    },
    success: Schema.Struct({ result: optional(Schema.Unknown) }),
    error: Schema.Union(Unknown, CommandError, ActorError.AskError)
  }),
  Rpc.make("Watch", {
    payload: { device: Name, attributes: Schema.Array(Name), mode: Mode },
    success: Schema.Union(Gap, Reading.Reading),
    error: Schema.Union(Unknown, SubscribersFull, ActorError.AskError),
    stream: true
  })
] as const

/** The actor by which a node is operated; its id is the node's name. */
export const NodeControl = Actor.make("NodeControl", rpcs)

/** What an operation of the actor was given. */
export type Payload<Tag extends typeof rpcs[number]["_tag"]> = Rpc.Payload<
  Extract<typeof rpcs[number], { readonly _tag: Tag }>
>
