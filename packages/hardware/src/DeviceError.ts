/**
 * What can come of asking a device for something. Each error says whether the device can have
 * acted: `CommandRejected`, `CommandCancelled`, `DeviceUnavailable` and `JournalUnavailable` prove
 * that it has not, `ResultInvalid` that it
 * has, `OutcomeUnknown` that nobody knows.
 */
import { DurableError } from "@plantd/actors"
import { Alarm, Command } from "@plantd/core"
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

/** Nothing was sent: the journal did not take the intent, and without it nothing may be sent. */
export class JournalUnavailable extends Schema.TaggedError<JournalUnavailable>()(
  "JournalUnavailable",
  { device: Schema.String, operation: Schema.String, detail: Schema.String }
) {
  override get message(): string {
    return `${this.device}: ${this.operation} was not sent, since the journal of commands did not`
      + ` take it: ${this.detail}`
  }
}

/** The command was taken out of the queue before it was sent. */
export class CommandCancelled extends Schema.TaggedError<CommandCancelled>()("CommandCancelled", {
  device: Schema.String,
  operation: Schema.String,
  commandId: Schema.String
}) {
  override get message(): string {
    return `${this.device}: ${this.operation} was cancelled before it was sent`
  }
}

/** No command of this id was ever sent, as far as the journal goes back. */
export class CommandNotFound extends Schema.TaggedError<CommandNotFound>()("CommandNotFound", {
  device: Schema.String,
  commandId: Schema.String
}) {
  override get message(): string {
    return `${this.device}: no command with the id ${this.commandId} was sent, as far as its`
      + " journal goes back"
  }
}

/** There is nothing to decide about this command: it is not of unknown outcome. */
export class CommandNotOpen extends Schema.TaggedError<CommandNotOpen>()("CommandNotOpen", {
  device: Schema.String,
  commandId: Schema.String,
  state: Command.State
}) {
  override get message(): string {
    return `${this.device}: command ${this.commandId} is ${this.state}: there is nothing to decide`
  }
}

/** Another session operates the device. */
export class LeaseHeld extends Schema.TaggedError<LeaseHeld>()("LeaseHeld", {
  device: Schema.String,
  session: Schema.String,
  /** In milliseconds since 1970-01-01 UTC. */
  expiresAt: Schema.Number
}) {
  override get message(): string {
    return `${this.device} is operated by session ${this.session}, until its lease ends or is given`
      + " back"
  }
}

/** What the store of devices can fail with. */
export const StoreError = Schema.Union(DurableError.StoreUnavailable, DurableError.Superseded)
/** What the store of devices can fail with. */
export type StoreError = typeof StoreError.Type

/** What can come of asking what became of a command. */
export const JournalError = Schema.Union(
  CommandNotFound,
  DurableError.StoreUnavailable,
  DurableError.CorruptRow
)
/** What can come of asking what became of a command. */
export type JournalError = typeof JournalError.Type

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

/** The device has no alarm of this name. */
export class AlarmUnknown extends Schema.TaggedError<AlarmUnknown>()("AlarmUnknown", {
  device: Schema.String,
  alarm: Schema.String,
  known: Schema.Array(Schema.String)
}) {
  override get message(): string {
    return `${this.device} has no alarm ${JSON.stringify(this.alarm)}; it has`
      + ` ${this.known.join(", ")}`
  }
}

/**
 * The acknowledgement saw what is no longer so: another occurrence, or one that was less grave.
 * Nothing was acknowledged; `now` is what the alarm is by now.
 */
export class AcknowledgementStale
  extends Schema.TaggedError<AcknowledgementStale>()("AcknowledgementStale", {
    device: Schema.String,
    alarm: Schema.String,
    reason: Schema.Literal("other-occurrence", "severity-rose"),
    seen: Schema.Struct({ occurrenceId: Schema.String, severity: Alarm.Severity }),
    now: Alarm.Instance
  })
{
  override get message(): string {
    const { occurrenceId = "none", unacknowledged = "no" } = this.now
    const is = this.reason === "other-occurrence"
      ? `occurrence ${this.seen.occurrenceId} was seen, and it is ${occurrenceId}`
      : `severity ${this.seen.severity} was seen, and ${unacknowledged} waits`
    return `${this.device}: alarm ${this.alarm} was not acknowledged: ${is}; look at it again, then`
      + " acknowledge what it is now"
  }
}

/** The time for which an alarm was to be shelved is none, or too long. Nothing was shelved. */
export class ShelvingInvalid extends Schema.TaggedError<ShelvingInvalid>()("ShelvingInvalid", {
  device: Schema.String,
  alarm: Schema.String,
  forMillis: Schema.Number,
  forMillisMax: Schema.Number
}) {
  override get message(): string {
    return `${this.device}: alarm ${this.alarm} cannot be shelved for ${this.forMillis} ms; shelve`
      + ` it for 1 to ${this.forMillisMax} ms, and again then`
  }
}

/** What can come of a read. */
export const ReadError = Schema.Union(DeviceUnavailable, ReadFailed)
/** What can come of a read. */
export type ReadError = typeof ReadError.Type

/** What can come of a write or a command. */
export const CommandError = Schema.Union(
  DeviceUnavailable,
  JournalUnavailable,
  CommandRejected,
  CommandCancelled,
  CommandFailed,
  ResultInvalid,
  OutcomeUnknown
)
/** What can come of a write or a command. */
export type CommandError = typeof CommandError.Type
