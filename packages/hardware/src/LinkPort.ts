/**
 * The port between the actor of a device and whatever joins it to the device: what a link is told,
 * what it tells, and what can become of a request.
 */
import type { Command, Epoch, Fence } from "@plantd/core"
import { type Effect, Schema, type Scope } from "effect"
import type { DeviceDescription } from "./DeviceDescription.ts"
import type { Lane } from "./DeviceCommand.ts"
import type { Batch } from "./DeviceProtocol.ts"
import { Phase } from "./LinkState.ts"

/** What a link has counted since it was opened. */
export const LinkCounters = Schema.Struct({
  /** Readings that came in and were passed on, and the batches they came in. */
  readings: Schema.Number,
  batches: Schema.Number,
  /** Messages that were not PDP1, on either path; they were dropped. */
  framesMalformed: Schema.Number,
  /** Well-formed messages that did not belong to the session; they were dropped. */
  framesStray: Schema.Number,
  /** How often readings were missing, and how many. */
  gaps: Schema.Number,
  readingsMissing: Schema.Number,
  /** How often a session began. */
  sessions: Schema.Number,
  /** Answers that nobody waited for any more. */
  answersLate: Schema.Number
})
/** What a link has counted since it was opened. */
export type LinkCounters = typeof LinkCounters.Type

/** How a link is. `since` is in milliseconds since 1970-01-01 UTC by the node's clock. */
export const LinkStatus = Schema.Struct({
  state: Phase,
  /** Why it is not online. */
  reason: Schema.optionalWith(Schema.String, { exact: true }),
  since: Schema.Number,
  /** Of the device process; absent before the first session. */
  epoch: Schema.optionalWith(Schema.Number, { exact: true }),
  /** How well the device process reaches its hardware, by its last heartbeat. */
  hardware: Schema.optionalWith(Schema.Literal("ok", "degraded", "down"), { exact: true }),
  /** How late the timers of the device process are, in milliseconds, by its last heartbeat. */
  loopLagMillis: Schema.optionalWith(Schema.Number, { exact: true }),
  /** The last message that was not PDP1: what was wrong with it, and where it came from. */
  violation: Schema.optionalWith(Schema.String, { exact: true }),
  counters: LinkCounters
})
/** How a link is. */
export type LinkStatus = typeof LinkStatus.Type

/**
 * Readings are missing: at least this many between the last one and the next; a snapshot follows.
 * After a restart of the device process it is not known how many of its former epoch are missing.
 */
export interface Missing {
  readonly epoch: Epoch.Epoch
  /** The place at which readings go on. */
  readonly seq: number
  readonly count: number
}

/**
 * Who a link is for, and where it tells what happens. The functions are called in the order of the
 * events, in plain code; they must return soon and not throw.
 */
export interface LinkOwner {
  readonly device: string
  readonly node: string
  readonly fence: Fence.Fence
  readonly epoch: Epoch.Epoch
  readonly description: DeviceDescription
  /** Readings of the telemetry path, each batch newer than the one before. */
  readonly onBatch: (batch: Batch) => void
  /** The values of all attributes; called after a session began and after readings were missed. */
  readonly onSnapshot: (batch: Batch) => void
  readonly onMissing: (missing: Missing) => void
  /** The state or its reason changed. */
  readonly onStatus: (status: LinkStatus) => void
}

/** Provably nothing was sent: the link is not online, or the transport did not take it. */
export class NotSent extends Schema.TaggedError<NotSent>()("NotSent", {
  state: Phase,
  reason: Schema.String
}) {
  override get message(): string {
    return `nothing was sent: the link is ${this.state} (${this.reason})`
  }
}

/** The device process refused the request, and did nothing. `code` is the word it used. */
export class Refused extends Schema.TaggedError<Refused>()("Refused", {
  code: Schema.String,
  detail: Schema.String
}) {
  override get message(): string {
    return `the device process refused it: ${this.detail} (${this.code})`
  }
}

/** The device process tried, and said that it failed. */
export class Failed extends Schema.TaggedError<Failed>()("Failed", { detail: Schema.String }) {
  override get message(): string {
    return `the device process tried and failed: ${this.detail}`
  }
}

/** The request was handed over, and no answer says what became of it. */
export class NoAnswer extends Schema.TaggedError<NoAnswer>()("NoAnswer", {
  detail: Schema.String,
  /** True where the device process itself says that it cannot tell: to ask again does not help. */
  said: Schema.optionalWith(Schema.Boolean, { exact: true })
}) {
  override get message(): string {
    return `it was sent, and nothing says what became of it: ${this.detail}`
  }
}

/** The device process carried the command out, and could not say with what result. */
export class NoResult extends Schema.TaggedError<NoResult>()("NoResult", {
  detail: Schema.String
}) {
  override get message(): string {
    return `it was carried out, and its result cannot be told: ${this.detail}`
  }
}

/** What can become of a request apart from success. */
export type LinkError = NotSent | Refused | Failed | NoAnswer | NoResult

/** What every command carries. */
export interface CommandOptions {
  readonly commandId: string
  /** How long from now the device process may begin with it, in milliseconds. */
  readonly deadlineMillis: number
  readonly effect: Command.Effect
  /** `emergency` finds room however many requests wait; `ordinary` where nothing is said. */
  readonly lane?: Lane
  /** Told when the transport has taken it: then it may have been carried out. Plain code. */
  readonly onSent?: () => void
  /** Told how far it has come, from 0 to 1, where the device process says so. Plain code. */
  readonly onProgress?: (progress: number, message: string | undefined) => void
}

/** An open link to one device. Each request ends by its deadline at the latest. */
export interface Link {
  readonly status: Effect.Effect<LinkStatus>
  /** Asks the device for the values of attributes; may be sent again within the deadline. */
  readonly read: (
    attributes: ReadonlyArray<string>,
    options: { readonly deadlineMillis: number }
  ) => Effect.Effect<Batch, LinkError>
  /** Sets an attribute; sent once a call. The same id again is the same command to the device. */
  readonly write: (
    attribute: string,
    value: unknown,
    options: CommandOptions
  ) => Effect.Effect<void, LinkError>
  /** Has a command carried out; sent once a call, as a write is. Gives the encoded result. */
  readonly invoke: (
    command: string,
    payload: unknown,
    options: CommandOptions
  ) => Effect.Effect<unknown, LinkError>
}

/** Opens a link for its owner; it is closed with the scope. */
export type LinkMaker<E, R> = (owner: LinkOwner) => Effect.Effect<Link, E, R | Scope.Scope>
