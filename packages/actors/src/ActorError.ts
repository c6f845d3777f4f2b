/** What can go wrong between a sender and an actor, apart from the errors an actor answers with. */
import { Cause, Schema } from "effect"
import { ActorAddress, format } from "./ActorAddress.ts"

/** Why an actor stopped. */
export const StopReason = Schema.Literal("stopped", "restart-limit", "crashed", "shutdown")
/**
 * Why an actor stopped: it was told to, it crashed more often than its supervision allows, it
 * crashed and its supervision is `stop`, or its system or type was shut down.
 */
export type StopReason = typeof StopReason.Type

/**
 * No answer came before the deadline. With `outcome: "not-handled"` the message provably never
 * reached a handler; with `"unknown"` it did, and what it did may or may not have taken effect.
 */
export class AskTimeout extends Schema.TaggedError<AskTimeout>()("AskTimeout", {
  address: ActorAddress,
  tag: Schema.String,
  timeoutMillis: Schema.Number,
  outcome: Schema.Literal("not-handled", "unknown")
}) {
  override get message(): string {
    const known = this.outcome === "unknown"
      ? "its handler had begun, so the outcome is unknown"
      : "its handler had not begun, so nothing was done"
    return `${format(this.address)} did not answer ${this.tag} within ${this.timeoutMillis} ms;`
      + ` ${known}`
  }
}

/** The actor crashed while it handled this message; what it did before may have taken effect. */
export class ActorCrashed extends Schema.TaggedError<ActorCrashed>()("ActorCrashed", {
  address: ActorAddress,
  tag: Schema.String,
  cause: Schema.Cause({ error: Schema.Unknown, defect: Schema.Defect })
}) {
  override get message(): string {
    return `${format(this.address)} crashed while handling ${this.tag}: ${Cause.pretty(this.cause)}`
  }
}

/** The actor has stopped and did not handle this message. */
export class ActorStopped extends Schema.TaggedError<ActorStopped>()("ActorStopped", {
  address: ActorAddress,
  reason: StopReason
}) {
  override get message(): string {
    const remedy = this.reason === "restart-limit" || this.reason === "crashed"
      ? "; find the crash in the lifecycle events, then start it again by ActorSystem.revive"
      : ""
    return `${format(this.address)} has stopped (${this.reason}) and took no message${remedy}`
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

/** No behaviour is registered for this type of actor: its layer is not part of the program. */
export class ActorNotRegistered extends Schema.TaggedError<ActorNotRegistered>()(
  "ActorNotRegistered",
  { address: ActorAddress, registered: Schema.Array(Schema.String) }
) {
  override get message(): string {
    const known = this.registered.length === 0 ? "none" : this.registered.join(", ")
    return `${format(this.address)} cannot be reached: no actor type ${this.address.type}`
      + ` is registered (registered: ${known}); provide the layer made by its toLayer`
      + " beside the ActorSystem"
  }
}

/** What an ask can fail with, apart from the error its Rpc declares. */
export const AskError = Schema.Union(
  AskTimeout,
  ActorCrashed,
  ActorStopped,
  MailboxFull,
  ActorNotRegistered
)
/** What an ask can fail with, apart from the error its Rpc declares. */
export type AskError = typeof AskError.Type

/** What a tell can fail with: the message was not taken, and will not be handled. */
export const TellError = Schema.Union(ActorStopped, MailboxFull, ActorNotRegistered)
/** What a tell can fail with: the message was not taken, and will not be handled. */
export type TellError = typeof TellError.Type
