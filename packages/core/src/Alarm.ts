/**
 * The words in which alarms are spoken of: severities, states, and what is known of one alarm. The
 * states are those of ANSI/ISA-18.2-2016 and IEC 62682:2014 (normal, unacknowledged, acknowledged,
 * returned to normal unacknowledged, shelved); the severity that waits for an acknowledgement is
 * that of EPICS records (field ACKS). An alarm's severity says nothing of a value's quality.
 */
import { Schema } from "effect"
import { Value } from "./Reading.ts"

/** How grave an alarm is, from `info` up to `critical`. */
export const Severity = Schema.Literal("info", "minor", "major", "critical")
/** How grave an alarm is, from `info` up to `critical`. */
export type Severity = typeof Severity.Type

/** Where an alarm instance stands: is the condition present, and has a person acknowledged it? */
export const State = Schema.Literal("normal", "active-unacked", "active-acked", "cleared-unacked")
/** Where an alarm instance stands. */
export type State = typeof State.Type

const optional = <A, I>(schema: Schema.Schema<A, I>) => Schema.optionalWith(schema, { exact: true })

/** Who acknowledged, when by the wall clock, and the severity that was seen. */
export const Acknowledged = Schema.Struct({
  by: Schema.String,
  at: Schema.Number,
  severity: Severity
})
/** Who acknowledged, when by the wall clock, and the severity that was seen. */
export type Acknowledged = typeof Acknowledged.Type

/** Who shelved, and from when until when by the wall clock: the end outlives a restart. */
export const Shelved = Schema.Struct({
  by: Schema.String,
  at: Schema.Number,
  until: Schema.Number,
  reason: optional(Schema.String)
})
/** Who shelved, and from when until when by the wall clock: the end outlives a restart. */
export type Shelved = typeof Shelved.Type

/**
 * What is known of one alarm. Its times are milliseconds since 1970-01-01 UTC by the node's wall
 * clock, for people: nothing is ordered or delayed by them but the end of a shelving.
 */
export const Instance = Schema.Struct({
  /** Which alarm of its device, for example `flow.high`. */
  alarm: Schema.String,
  state: State,
  /** The severity of the condition; absent where the condition is not present. */
  severity: optional(Severity),
  /**
   * The highest severity that nobody has acknowledged; there in the unacknowledged states alone.
   * It never falls within an occurrence, and is what an acknowledgement must have seen.
   */
  unacknowledged: optional(Severity),
  /** The occurrence at hand, or the last one; absent where the alarm was never raised. */
  occurrenceId: optional(Schema.String),
  /** The limit that the value is past, for example `highHigh`; there as long as the severity. */
  limit: optional(Schema.String),
  /** The value at the last change of the condition. */
  value: optional(Value),
  /**
   * True while no good value says how the condition is: what stands here is held, and is neither
   * raised nor cleared before one comes.
   */
  stale: Schema.Boolean,
  raisedAt: optional(Schema.Number),
  clearedAt: optional(Schema.Number),
  /** The last acknowledgement of the occurrence; a severity that rose later is not covered. */
  acknowledged: optional(Acknowledged),
  /** While this is here the alarm is not annunciated; its state goes on all the same. */
  shelved: optional(Shelved)
})
/** What is known of one alarm. */
export interface Instance extends Schema.Schema.Type<typeof Instance> {}

const rank: Record<Severity, number> = { info: 0, minor: 1, major: 2, critical: 3 }

/** Negative where `a` is less grave than `b`, 0 where equal, positive where graver. */
export const compareSeverity = (a: Severity, b: Severity): number => rank[a] - rank[b]

/** The graver of two severities; absent is less grave than all. */
export const gravest = (
  a: Severity | undefined,
  b: Severity | undefined
): Severity | undefined => {
  if (a === undefined) return b
  return b === undefined || rank[a] >= rank[b] ? a : b
}

/** True where the condition is present, or the alarm is latched. */
export const isActive = (state: State): boolean => state.startsWith("active")

/** True where a person has yet to acknowledge. */
export const needsAcknowledgement = (state: State): boolean => state.endsWith("unacked")

/** True where people are to be shown it: it is not as it should be, and it is not shelved. */
export const isAnnunciated = (instance: Instance): boolean =>
  instance.state !== "normal" && instance.shelved === undefined

/** By which severity to show it: that of the condition or one that waits, whichever is graver. */
export const shownSeverity = (instance: Instance): Severity | undefined =>
  gravest(instance.severity, instance.unacknowledged)
