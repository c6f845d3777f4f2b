/** How sending by a router can fail, beside what its routees answer. */
import { Schema } from "effect"

/** A router had nobody to send a message to: it was not sent. */
export class NoRoutee extends Schema.TaggedError<NoRoutee>()("NoRoutee", {
  /** Which actors it routes to. */
  among: Schema.String,
  tag: Schema.String
}) {
  override get message(): string {
    return `there is no ${this.among}, so ${this.tag} was not sent;`
      + " give the router routees, or register actors under its key"
  }
}
