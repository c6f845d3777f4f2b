/**
 * What can come between a program and an actor that it asks over a control socket, beside what the
 * actor itself answers. Each error says whether the actor can have been reached.
 */
import { Schema } from "effect"

/** Nobody answers at the endpoint, or somebody else does. Nothing was asked. */
export class ControlUnreachable extends Schema.TaggedError<ControlUnreachable>()(
  "ControlUnreachable",
  { endpoint: Schema.String, detail: Schema.String }
) {
  override get message(): string {
    return `no node can be reached at ${this.endpoint}: ${this.detail}`
  }
}

/** The node did not give the request to its actor, so nothing was done. `code` tells why. */
export class ControlRefused extends Schema.TaggedError<ControlRefused>()("ControlRefused", {
  operation: Schema.String,
  /** A word of `ControlProtocol.ErrorCode`; newer nodes may say others. */
  code: Schema.String,
  detail: Schema.String
}) {
  override get message(): string {
    return `the node refused ${this.operation}: ${this.detail} (${this.code})`
  }
}

/**
 * No answer came. With `outcome: "not-sent"` provably nothing was done; with `"unknown"` the node
 * may have got the request, and it may or may not have been carried out.
 */
export class ControlNoAnswer extends Schema.TaggedError<ControlNoAnswer>()("ControlNoAnswer", {
  operation: Schema.String,
  outcome: Schema.Literal("not-sent", "unknown"),
  detail: Schema.String
}) {
  override get message(): string {
    const known = this.outcome === "unknown"
      ? "it is unknown whether it was done"
      : "it was not sent"
    return `${this.operation} was not answered, and ${known}: ${this.detail}`
  }
}

/** What can come between a program and an actor that it asks over a control socket. */
export const ControlError = Schema.Union(ControlRefused, ControlNoAnswer)
/** What can come between a program and an actor that it asks over a control socket. */
export type ControlError = typeof ControlError.Type
