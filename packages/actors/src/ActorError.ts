/** What can go wrong between a sender and an actor, apart from the errors an actor answers with. */
import { Schema } from "effect"
import { ActorAddress, format } from "./ActorAddress.ts"
import { causeText } from "./internal/causeText.ts"

/** Why an actor stopped. */
export const StopReason = Schema.Literal(
  "stopped",
  "passivated",
  "superseded",
  "crashed",
  "restart-limit",
  "supervisor",
  "shutdown",
  "moved"
)
/**
 * Why an actor stopped.
 * - `stopped`: it was told to.
 * - `passivated`: it was idle; its next message starts it again.
 * - `superseded`: another writer owns its durable state now.
 * - `crashed`: it crashed, and its supervision is `stop`.
 * - `restart-limit`: it crashed more often than its supervision allows.
 * - `supervisor`: its supervisor stopped it, or ended.
 * - `shutdown`: its system or its type was shut down.
 * - `moved`: it lives on another node from now on; its next message starts it there.
 */
export type StopReason = typeof StopReason.Type

/**
 * No answer came before the deadline. With `outcome: "not-handled"` the message provably never
 * reached a handler; with `"unknown"` it did, and what it did may or may not have taken effect.
 * `chain` are the asks that waited for each other then, as `type/id.tag`, the first asked first:
 * an actor that stands in it twice waited for itself.
 */
export class AskTimeout extends Schema.TaggedError<AskTimeout>()("AskTimeout", {
  address: ActorAddress,
  tag: Schema.String,
  timeoutMillis: Schema.Number,
  outcome: Schema.Literal("not-handled", "unknown"),
  chain: Schema.optionalWith(Schema.Array(Schema.String), { default: () => [] })
}) {
  override get message(): string {
    const known = this.outcome === "unknown"
      ? "its handler had begun, so the outcome is unknown"
      : "its handler had not begun, so nothing was done"
    return `${format(this.address)} did not answer ${this.tag} within ${this.timeoutMillis} ms;`
      + ` ${known}${this.chain.length > 1 ? `; waiting: ${this.chain.join(" -> ")}` : ""}`
  }
}

/** The actor crashed while it handled this message; what it did before may have taken effect. */
export class ActorCrashed extends Schema.TaggedError<ActorCrashed>()("ActorCrashed", {
  address: ActorAddress,
  tag: Schema.String,
  cause: Schema.Cause({ error: Schema.Unknown, defect: Schema.Defect })
}) {
  override get message(): string {
    return `${format(this.address)} crashed while handling ${this.tag}: ${causeText(this.cause)}`
  }
}

/** The actor has stopped and did not handle this message. */
export class ActorStopped extends Schema.TaggedError<ActorStopped>()("ActorStopped", {
  address: ActorAddress,
  reason: StopReason,
  /** The first line of the crash that ended it, where one did. */
  lastCrash: Schema.optional(Schema.String)
}) {
  override get message(): string {
    const { address, lastCrash, reason } = this
    const cause = lastCrash === undefined ? "" : `; it crashed: ${lastCrash}`
    const remedy = reason === "restart-limit" || reason === "crashed"
      ? "; mend that, then start it again by ActorSystem.revive"
      : ""
    return `${format(address)} has stopped (${reason}) and took no message${cause}${remedy}`
  }
}

/** The mailbox was full and its overflow strategy gave this message up: it was not handled. */
export class MailboxFull extends Schema.TaggedError<MailboxFull>()("MailboxFull", {
  address: ActorAddress,
  tag: Schema.String,
  capacity: Schema.Number
}) {
  override get message(): string {
    return `the mailbox of ${format(this.address)} holds ${this.capacity} messages already;`
      + ` ${this.tag} was not taken`
  }
}

/** The message was put aside by its handler, and there was no room for it: it was not handled. */
export class StashFull extends Schema.TaggedError<StashFull>()("StashFull", {
  address: ActorAddress,
  tag: Schema.String,
  capacity: Schema.Number
}) {
  override get message(): string {
    return `${format(this.address)} has put aside ${this.capacity} messages already; ${this.tag}`
      + " was not taken"
  }
}

/**
 * A message, or the answer to it, does not fit its schema, in the field that `issue` names. A
 * payload that does not was not sent; an answer that does not is one of a message that was handled.
 */
export class MessageInvalid extends Schema.TaggedError<MessageInvalid>()("MessageInvalid", {
  address: ActorAddress,
  tag: Schema.String,
  part: Schema.Literal("payload", "answer"),
  issue: Schema.String
}) {
  override get message(): string {
    const what = this.part === "payload" ? "the payload (it was not sent)" : "the answer"
    return `${what} of ${this.tag} for ${format(this.address)} does not fit: ${this.issue}`
  }
}

/** A handler ran longer than the `handlerTimeout` of its type: the defect of that crash. */
export class HandlerTimeout extends Schema.TaggedError<HandlerTimeout>()("HandlerTimeout", {
  address: ActorAddress,
  tag: Schema.String,
  timeoutMillis: Schema.Number
}) {
  override get message(): string {
    return `${format(this.address)} handled ${this.tag} for more than ${this.timeoutMillis} ms`
  }
}

/** An actor was told to watch itself: it could never hear of its own end. */
export class CannotWatchItself extends Schema.TaggedError<CannotWatchItself>()(
  "CannotWatchItself",
  { address: ActorAddress }
) {
  override get message(): string {
    return `${format(this.address)} cannot watch itself; use ActorContext.onEnd`
  }
}

/** An actor has a supervisor already, and can have only one. */
export class AlreadySupervised extends Schema.TaggedError<AlreadySupervised>()(
  "AlreadySupervised",
  { address: ActorAddress, supervisor: ActorAddress }
) {
  override get message(): string {
    return `${format(this.address)} is supervised by ${format(this.supervisor)} already`
  }
}

/**
 * An actor was to be supervised that lives on another node than its supervisor. Give it an id that
 * begins with the supervisor's and a slash: such actors live together.
 */
export class ActorElsewhere extends Schema.TaggedError<ActorElsewhere>()("ActorElsewhere", {
  address: ActorAddress
}) {
  override get message(): string {
    return `${format(this.address)} lives on another node than its supervisor; give it an id that`
      + " begins with the supervisor's and a slash"
  }
}

/** An actor holds more of something than the named limit allows: the defect of that crash. */
export class LimitExceeded extends Schema.TaggedError<LimitExceeded>()("LimitExceeded", {
  address: ActorAddress,
  limit: Schema.Literal("timersMax", "pipesMax", "turnsQueuedMax", "watchesMax"),
  max: Schema.Number
}) {
  override get message(): string {
    return `${format(this.address)} would exceed ${this.limit}, which is ${this.max}`
  }
}

/** No behaviour is registered for this type of actor: its layer is not part of the program. */
export class ActorNotRegistered extends Schema.TaggedError<ActorNotRegistered>()(
  "ActorNotRegistered",
  {
    address: ActorAddress,
    registered: Schema.Array(Schema.String),
    /** The node that the actor lives on, where that is another one. */
    node: Schema.optionalWith(Schema.String, { exact: true })
  }
) {
  override get message(): string {
    const known = this.registered.length === 0 ? "none" : this.registered.join(", ")
    if (this.node !== undefined) {
      return `${format(this.address)} cannot be reached: it lives on the node ${this.node}, which`
        + ` has no actor type ${this.address.type} (it has: ${known}); start that node with the`
        + " modules that the others have, or with weight 0, so that it runs no actors"
    }
    return `${format(this.address)} cannot be reached: no actor type ${this.address.type}`
      + ` is registered (registered: ${known}); provide the layer made by its toLayer`
      + " beside the ActorSystem"
  }
}

/**
 * The message provably reached no handler: the node that its actor lives on could not be reached in
 * time, or nobody may run the actor at present. To send it again does nothing twice.
 */
export class NotDelivered extends Schema.TaggedError<NotDelivered>()("NotDelivered", {
  address: ActorAddress,
  tag: Schema.String,
  detail: Schema.String
}) {
  override get message(): string {
    return `${this.tag} for ${format(this.address)} was not delivered: ${this.detail}`
  }
}

/**
 * The message was on its way, or with its actor, when the node of the actor was lost. Whether it
 * was handled nobody can tell: ask what became of it before it is sent again.
 */
export class DeliveryUnknown extends Schema.TaggedError<DeliveryUnknown>()("DeliveryUnknown", {
  address: ActorAddress,
  tag: Schema.String,
  detail: Schema.String
}) {
  override get message(): string {
    return `whether ${format(this.address)} handled ${this.tag} is unknown: ${this.detail}`
  }
}

/**
 * The durable message was attempted as often as it may be, or cannot be read: it waits in the
 * quarantine for a person. What its attempts did may have taken effect.
 */
export class MessageQuarantined extends Schema.TaggedError<MessageQuarantined>()(
  "MessageQuarantined",
  {
    address: ActorAddress,
    tag: Schema.String,
    /** How often a handler has begun it. */
    attempts: Schema.Number,
    /** Why it was given up. */
    reason: Schema.String
  }
) {
  override get message(): string {
    return `${this.tag} for ${format(this.address)} was put into quarantine after`
      + ` ${this.attempts} attempts: ${this.reason}`
  }
}

/** What an ask can fail with, apart from the error its Rpc declares. */
export const AskError = Schema.Union(
  AskTimeout,
  ActorCrashed,
  ActorStopped,
  MailboxFull,
  StashFull,
  MessageInvalid,
  ActorNotRegistered,
  NotDelivered,
  DeliveryUnknown,
  MessageQuarantined
)
/** What an ask can fail with, apart from the error its Rpc declares. */
export type AskError = typeof AskError.Type

/** What a tell can fail with: the message was not taken, and will not be handled. */
export const TellError = Schema.Union(
  ActorStopped,
  MailboxFull,
  MessageInvalid,
  ActorNotRegistered,
  NotDelivered
)
/** What a tell can fail with: the message was not taken, and will not be handled. */
export type TellError = typeof TellError.Type
