/**
 * What can come of asking a device for something. Each error says whether the device can have
 * acted: `CommandRejected` and `DeviceUnavailable` prove that it has not, `ResultInvalid` that it
 * has, `OutcomeUnknown` that nobody knows.
 */
import { Command } from "@plantd/core"
import { Schema } from "effect"
import { Phase } from "./LinkState.ts"

/** Nothing was sent: the link to the device is not online. */
export class DeviceUnavailable extends Schema.TaggedError<DeviceUnavailable>()(
  "DeviceUnavailable",
  {
    device: Schema.String,
    /** What was asked for, for example `write.speed`. */
    operation: Schema.String,
    link: Phase,
    reason: Schema.String
  }
) {
  override get message(): string {
    return `${this.device}: ${this.operation} was not sent, since the link is ${this.link}:`
      + ` ${this.reason}`
  }
}

/** The values could not be read. */
export class ReadFailed extends Schema.TaggedError<ReadFailed>()("ReadFailed", {
  device: Schema.String,
  operation: Schema.String,
  detail: Schema.String
}) {
  override get message(): string {
    return `${this.device}: ${this.operation} failed: ${this.detail}`
  }
}

/** The command was refused, by the node or by the device process: it was not carried out. */
export class CommandRejected extends Schema.TaggedError<CommandRejected>()("CommandRejected", {
  device: Schema.String,
  operation: Schema.String,
  reason: Command.Rejection,
  detail: Schema.String
}) {
  override get message(): string {
    return `${this.device}: ${this.operation} was rejected (${this.reason}): ${this.detail}`
  }
}

/** The device process tried to carry the command out and says that it failed. */
export class CommandFailed extends Schema.TaggedError<CommandFailed>()("CommandFailed", {
  device: Schema.String,
  operation: Schema.String,
  commandId: Schema.String,
  detail: Schema.String
}) {
  override get message(): string {
    return `${this.device}: ${this.operation} failed: ${this.detail}`
  }
}

/**
 * The command succeeded, and only its result cannot be given, since it is not what the definition
 * says. It took effect: what is a pulse must not be tried again.
 */
export class ResultInvalid extends Schema.TaggedError<ResultInvalid>()("ResultInvalid", {
  device: Schema.String,
  operation: Schema.String,
  commandId: Schema.String,
  detail: Schema.String
}) {
  override get message(): string {
    return `${this.device}: ${this.operation} was carried out, but its result is not what the`
      + ` definition says: ${this.detail}`
  }
}

/** The command was sent, and nobody can tell whether it was carried out. Look before you retry. */
export class OutcomeUnknown extends Schema.TaggedError<OutcomeUnknown>()("OutcomeUnknown", {
  device: Schema.String,
  operation: Schema.String,
  commandId: Schema.String,
  detail: Schema.String
}) {
  override get message(): string {
    return `${this.device}: it is unknown whether ${this.operation} was carried out:`
      + ` ${this.detail}; read the device before trying again`
  }
}

/** The configuration of a device is not what its definition says: its actor cannot start. */
export class ConfigInvalid extends Schema.TaggedError<ConfigInvalid>()("ConfigInvalid", {
  /** The type of the device. */
  type: Schema.String,
  device: Schema.String,
  detail: Schema.String
}) {
  override get message(): string {
    return `the configuration of ${this.type} ${this.device} is not what its definition says: `
      + this.detail
  }
}

/** The device has as many subscribers as it can serve. */
export class SubscribersFull extends Schema.TaggedError<SubscribersFull>()("SubscribersFull", {
  device: Schema.String,
  subscribersMax: Schema.Number
}) {
  override get message(): string {
    return `${this.device} serves ${this.subscribersMax} subscribers already (subscribersMax)`
  }
}

/** What can come of a read. */
export const ReadError = Schema.Union(DeviceUnavailable, ReadFailed)
/** What can come of a read. */
export type ReadError = typeof ReadError.Type

/** What can come of a write or a command. */
export const CommandError = Schema.Union(
  DeviceUnavailable,
  CommandRejected,
  CommandFailed,
  ResultInvalid,
  OutcomeUnknown
)
/** What can come of a write or a command. */
export type CommandError = typeof CommandError.Type
