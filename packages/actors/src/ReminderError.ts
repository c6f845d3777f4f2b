/** What can go wrong with reminders, and with messages in quarantine. */
import { Schema } from "effect"
import { ActorAddress, format } from "./ActorAddress.ts"

/** There is a reminder of this name already. It stays as it is. */
export class ReminderExists extends Schema.TaggedError<ReminderExists>()("ReminderExists", {
  address: ActorAddress,
  name: Schema.String,
  /** When its next tick is due, in ms since 1970-01-01 UTC. */
  dueAt: Schema.Number
}) {
  override get message(): string {
    return `${format(this.address)} has a reminder ${JSON.stringify(this.name)} already, due at`
      + ` ${new Date(this.dueAt).toISOString()}; set it with overwrite: true to replace it`
  }
}

/** There is no such message in quarantine: it was discarded, or handled by another retry. */
export class NotQuarantined extends Schema.TaggedError<NotQuarantined>()("NotQuarantined", {
  id: Schema.Number
}) {
  override get message(): string {
    return `no message ${this.id} is in quarantine; list them again`
  }
}

/** A message in quarantine was not handled by a retry. It stays there. */
export class RetryFailed extends Schema.TaggedError<RetryFailed>()("RetryFailed", {
  id: Schema.Number,
  address: ActorAddress,
  tag: Schema.String,
  /**
   * - `attempted`: a handler began it, and crashed or did not end in time.
   * - `refused`: it provably reached no handler.
   * - `unreadable`: it does not fit the actor's protocol.
   */
  reason: Schema.Literal("attempted", "refused", "unreadable"),
  cause: Schema.String
}) {
  override get message(): string {
    return `${this.tag} for ${format(this.address)} stays in quarantine as ${this.id}`
      + ` (${this.reason}): ${this.cause}; mend its cause and retry it, or discard it`
  }
}
