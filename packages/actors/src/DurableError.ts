/** What can go wrong between an actor and the store that outlives it. */
import { Fence } from "@plantd/core"
import { Schema } from "effect"
import { ActorAddress, format } from "./ActorAddress.ts"

/** What is known of a write that failed. */
export const Outcome = Schema.Literal("not-written", "unknown")
/**
 * What is known of a write that failed: `not-written` is proven, and trying again is safe;
 * `unknown` means that it may be stored. A handle settles the latter by reading what is stored
 * before its next write.
 */
export type Outcome = typeof Outcome.Type

/** Why a store did not take a write, or did not answer. */
export const UnavailableReason = Schema.Literal(
  "locked",
  "full",
  "io",
  "connection",
  "deadline",
  "overloaded",
  "closed",
  "failed"
)
/**
 * Why a store did not take a write, or did not answer: another connection held its lock until the
 * deadline; the disk is full; reading or writing it failed; the connection was lost; no answer came
 * before the deadline; more writes waited than may; it was closed; or the database said something
 * else, which stands in `detail`.
 */
export type UnavailableReason = typeof UnavailableReason.Type

const remedies: Readonly<Record<UnavailableReason, string>> = {
  locked: "another connection held the lock for longer than writeTimeout: it hangs, or is slow",
  full: "make room on its disk; nothing has to be restarted after",
  io: "its disk cannot be read or written; look at the system's log",
  connection: "see that the database runs and can be reached",
  deadline: "the database is slower than writeTimeout allows",
  overloaded: "more is written than it can take; write less often, or raise writesQueuedMax",
  closed: "the layer of the store was closed before its actors",
  failed: "see the detail"
}

/** The store could not be read or written. Nothing of it was applied in memory. */
export class StoreUnavailable extends Schema.TaggedError<StoreUnavailable>()("StoreUnavailable", {
  reason: UnavailableReason,
  outcome: Outcome,
  /** What the database said. */
  detail: Schema.String
}) {
  override get message(): string {
    const known = this.outcome === "unknown"
      ? "; whether it was written is unknown"
      : "; nothing was written"
    return `the durable store is unavailable (${this.reason}: ${this.detail})${known};`
      + ` ${remedies[this.reason]}`
  }
}

/** A newer owner has taken this entity over: its fence is higher. Nothing was written. */
export class Superseded extends Schema.TaggedError<Superseded>()("Superseded", {
  address: ActorAddress,
  name: Schema.String,
  ours: Fence.Fence,
  stored: Fence.Fence
}) {
  override get message(): string {
    return `${format(this.address)} lost its ${JSON.stringify(this.name)} to a newer owner:`
      + ` its fence is ${this.ours}, stored is ${this.stored}; this actor stops, send again`
  }
}

/** The entity is at another revision than the write expected. Nothing was written. */
export class RevisionConflict extends Schema.TaggedError<RevisionConflict>()("RevisionConflict", {
  address: ActorAddress,
  name: Schema.String,
  expected: Schema.Number,
  stored: Schema.Number
}) {
  override get message(): string {
    return `${JSON.stringify(this.name)} of ${format(this.address)} is at revision`
      + ` ${this.stored}, expected ${this.expected}; read it again, then decide anew`
  }
}

/** A row cannot be what was written: the entity does not start until someone has looked at it. */
export class CorruptRow extends Schema.TaggedError<CorruptRow>()("CorruptRow", {
  table: Schema.String,
  address: ActorAddress,
  name: Schema.String,
  /** The sequence number, where the row is an event or a snapshot. */
  sequence: Schema.optional(Schema.Number),
  reason: Schema.String
}) {
  override get message(): string {
    const sequence = this.sequence === undefined ? "" : `, sequence ${this.sequence}`
    return `the row of ${this.table} for type ${JSON.stringify(this.address.type)},`
      + ` id ${JSON.stringify(this.address.id)}, name ${JSON.stringify(this.name)}${sequence}`
      + ` is corrupt: ${this.reason}; repair or restore it, then revive the actor`
  }
}

/** The encoded value is longer than the store takes. Nothing was written. */
export class ValueTooLarge extends Schema.TaggedError<ValueTooLarge>()("ValueTooLarge", {
  address: ActorAddress,
  name: Schema.String,
  bytes: Schema.Number,
  bytesMax: Schema.Number
}) {
  override get message(): string {
    return `a write to ${JSON.stringify(this.name)} of ${format(this.address)} has ${this.bytes}`
      + ` bytes of JSON, more than valueBytesMax (${this.bytesMax}); write less at a time`
  }
}

/** More events were to be stored at a time than may be. None was stored. */
export class TooManyEvents extends Schema.TaggedError<TooManyEvents>()("TooManyEvents", {
  address: ActorAddress,
  name: Schema.String,
  events: Schema.Number,
  eventsMax: Schema.Number
}) {
  override get message(): string {
    return `${this.events} events for ${JSON.stringify(this.name)} of ${format(this.address)} at`
      + ` a time are more than persistMax (${this.eventsMax}); store them in several steps`
  }
}

/** The value could not be read back after a restart, so it was not written. */
export class ValueNotEncodable
  extends Schema.TaggedError<ValueNotEncodable>()("ValueNotEncodable", {
    address: ActorAddress,
    name: Schema.String,
    reason: Schema.String
  })
{
  override get message(): string {
    return `a write to ${JSON.stringify(this.name)} of ${format(this.address)} was refused:`
      + ` ${this.reason}`
  }
}

/** The database was written by a newer plantd, whose rows this one might misread. */
export class SchemaTooNew extends Schema.TaggedError<SchemaTooNew>()("SchemaTooNew", {
  table: Schema.String,
  known: Schema.Number,
  stored: Schema.Number
}) {
  override get message(): string {
    return `the database is at migration ${this.stored} by its table ${this.table}, and this plantd`
      + ` knows them up to ${this.known}; run the newer plantd, or restore a backup from before it`
  }
}

/** What a write of durable state can fail with. In each case memory is as it was before. */
export type WriteError =
  | Superseded
  | RevisionConflict
  | StoreUnavailable
  | ValueTooLarge
  | ValueNotEncodable

/** What keeps durable state from being opened, and with it the actor from starting. */
export type OpenError = CorruptRow | Superseded | StoreUnavailable
