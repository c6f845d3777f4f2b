/**
 * The journal of a device's commands: what was intended, sent, and what became of it. An intent is
 * stored before its first byte leaves, so a crash leaves no command that nobody knows of. An intent
 * without an outcome is `outcome-unknown`, and is never resent blindly.
 * Source of the rule: write-ahead logging; C. Mohan et al., "ARIES", ACM TODS 17(1), 1992.
 */
import { Command, Epoch, Fence, Identifier } from "@plantd/core"
import { Schema } from "effect"

/** Where a journalled command stands; what was never sent is not in the journal. */
export const State = Schema.Literal(
  "executing",
  "outcome-unknown",
  "succeeded",
  "failed",
  "rejected",
  "unresolved"
)
/**
 * Where a journalled command stands. `rejected`: it was intended, and provably not carried out,
 * since the device process refused it or the transport did not take it.
 */
export type State = typeof State.Type

/**
 * Who said what became of a command: the device process by its answer, the node by looking at the
 * device (`readback` of a write, `verify` of a command), or a person.
 */
export const SettledBy = Schema.Literal("answer", "readback", "verify", "person")
/** Who said what became of a command. */
export type SettledBy = typeof SettledBy.Type

const optional = <A, I>(schema: Schema.Schema<A, I>) => Schema.optionalWith(schema, { exact: true })

/** What is stored before a command is sent. Times are milliseconds since 1970-01-01 UTC. */
export const Intent = Schema.Struct({
  commandId: Identifier.CommandId,
  /** `write.speed`, or the name of a command. */
  name: Schema.String,
  /** The value or the payload, encoded by its schema, as JSON text; `null` where it has none. */
  args: Schema.String,
  effect: Command.Effect,
  /** Who gave it, where that was said. */
  session: optional(Schema.String),
  /** Of the device process that it is meant for. */
  epoch: optional(Epoch.Epoch),
  intentAt: Schema.Number
})
/** What is stored before a command is sent. */
export type Intent = typeof Intent.Type

/** A command as the journal has it. */
export const CommandRecord = Schema.Struct({
  ...Intent.fields,
  fence: Fence.Fence,
  state: State,
  /** Why it failed, or why its outcome is unknown; what a person noted. */
  detail: optional(Schema.String),
  /** The encoded result as JSON text, of a command that succeeded. */
  result: optional(Schema.String),
  settledBy: optional(SettledBy),
  /** When the transport had taken it; of an open one that lacks it, it may have been taken too. */
  sentAt: optional(Schema.Number),
  /** When its state last changed. */
  outcomeAt: optional(Schema.Number)
})
/** A command as the journal has it. */
export interface CommandRecord extends Schema.Schema.Type<typeof CommandRecord> {}

/** What is known of a command from now on. */
export interface Settlement {
  readonly state: Exclude<State, "executing">
  readonly detail?: string
  readonly result?: string
  readonly settledBy?: SettledBy
  /** When the transport had taken it, where that was not stored by itself. */
  readonly sentAt?: number
  readonly outcomeAt: number
}

/** Which part of a journal to show, the newest first. */
export interface Page {
  /**
   * The id of the last one of the page before: those that were intended before it. None where it is
   * not known, or forgotten.
   */
  readonly before?: string
  readonly limit: number
}

/** What a journal need not keep: finished commands alone, those of before a time or too many. */
export interface Retention {
  /** Those that finished before this time, in milliseconds since 1970-01-01 UTC. */
  readonly before: number
  /** The most finished ones to keep, the newest. */
  readonly keep: number
}

/** The most commands that one page shows. */
export const pageMax = 1_000

/** True where nothing is left to find out. */
export const isSettled = (state: State): boolean =>
  state === "succeeded" || state === "failed" || state === "rejected"

/** True where two intents ask for the same: then a second one is answered by the first one's. */
export const asksTheSame = (
  a: Pick<Intent, "name" | "args">,
  b: Pick<Intent, "name" | "args">
): boolean => a.name === b.name && a.args === b.args

/** The record of an intent whose command is about to be sent. */
export const begin = (intent: Intent, fence: Fence.Fence): CommandRecord => ({
  ...intent,
  fence,
  state: "executing"
})

/** The record with what is known from now on; of a settled command nothing changes any more. */
export const settle = (record: CommandRecord, settlement: Settlement): CommandRecord =>
  isSettled(record.state) ? record : { ...record, ...settlement }
