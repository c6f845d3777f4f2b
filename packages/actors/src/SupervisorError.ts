/** What can go wrong with children and their supervisors. */
import { Cause, Schema } from "effect"
import { ActorAddress, format } from "./ActorAddress.ts"
import { ActorElsewhere, ActorNotRegistered, AlreadySupervised, StopReason } from "./ActorError.ts"

/** An actor would be its own descendant: `chain` goes from it, from parent to child, to it. */
export class SupervisionCycle extends Schema.TaggedError<SupervisionCycle>()("SupervisionCycle", {
  chain: Schema.Array(ActorAddress)
}) {
  override get message(): string {
    return `an actor cannot be its own supervisor: ${this.chain.map(format).join(" supervises ")};`
      + " take one of them out of the children"
  }
}

/** A supervisor was given the same child twice. */
export class DuplicateChild extends Schema.TaggedError<DuplicateChild>()("DuplicateChild", {
  supervisor: ActorAddress,
  child: ActorAddress
}) {
  override get message(): string {
    return `${format(this.supervisor)} has the child ${format(this.child)} already`
  }
}

/** The supervisor has no such child: it never had, or the child has stopped and was forgotten. */
export class UnknownChild extends Schema.TaggedError<UnknownChild>()("UnknownChild", {
  supervisor: ActorAddress,
  child: ActorAddress
}) {
  override get message(): string {
    return `${format(this.supervisor)} has no child ${format(this.child)}`
  }
}

/** The supervisor has as many children as it may. */
export class TooManyChildren extends Schema.TaggedError<TooManyChildren>()("TooManyChildren", {
  supervisor: ActorAddress,
  childrenMax: Schema.Number
}) {
  override get message(): string {
    return `${format(this.supervisor)} has ${this.childrenMax} children already;`
      + " stop some, or raise childrenMax"
  }
}

/** The child stopped before it took a message. */
export class ChildNotStarted extends Schema.TaggedError<ChildNotStarted>()("ChildNotStarted", {
  child: ActorAddress,
  reason: StopReason
}) {
  override get message(): string {
    return `${format(this.child)} did not start: it has stopped (${this.reason});`
      + " find its crash in the lifecycle events"
  }
}

/**
 * A child failed in a way that is its supervisor's matter: the supervisor crashes with this. With
 * `restart-limit` the child ended more often than its supervision allows; `cause` is that of its
 * last crash, and empty where it ended by itself.
 */
export class ChildFailed extends Schema.TaggedError<ChildFailed>()("ChildFailed", {
  supervisor: ActorAddress,
  child: ActorAddress,
  reason: Schema.Literal("restart-limit", "escalated"),
  cause: Schema.Cause({ error: Schema.Unknown, defect: Schema.Defect })
}) {
  override get message(): string {
    const why = this.reason === "escalated"
      ? "crashed, which is escalated"
      : "ended more often than its supervision allows"
    const last = Cause.isEmpty(this.cause) ? "it ended by itself" : Cause.pretty(this.cause)
    return `${format(this.child)}, a child of ${format(this.supervisor)}, ${why}: ${last}`
  }
}

/** A tree that cannot be built as it is written; to try again does not help. */
export const TreeFault = Schema.Union(
  SupervisionCycle,
  DuplicateChild,
  TooManyChildren,
  AlreadySupervised,
  ActorElsewhere,
  ActorNotRegistered
)
/** A tree that cannot be built as it is written; to try again does not help. */
export type TreeFault = typeof TreeFault.Type

/** Why a child was not started. */
export const StartError = Schema.Union(
  SupervisionCycle,
  DuplicateChild,
  TooManyChildren,
  AlreadySupervised,
  ActorElsewhere,
  ActorNotRegistered,
  ChildNotStarted
)
/** Why a child was not started. */
export type StartError = typeof StartError.Type

/** The fault of a tree for which something crashed, also where children of children report it. */
export const faultIn = (cause: Cause.Cause<unknown>): TreeFault | undefined => {
  for (const error of [...Cause.failures(cause), ...Cause.defects(cause)]) {
    if (Schema.is(TreeFault)(error)) return error
    const fault = error instanceof ChildFailed ? faultIn(error.cause) : undefined
    if (fault !== undefined) return fault
  }
  return undefined
}
