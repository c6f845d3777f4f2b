/**
 * The words in which alarms are spoken of: severities, states and definitions, as ISA-18.2 and
 * IEC 62682 use them. An alarm's severity says nothing of a value's quality.
 */
import { Schema } from "effect"

/** How grave an alarm is, from `info` up to `critical`. */
export const Severity = Schema.Literal("info", "minor", "major", "critical")
/** How grave an alarm is, from `info` up to `critical`. */
export type Severity = typeof Severity.Type

/** Where an alarm instance stands: is the condition present, and has a person acknowledged it? */
export const State = Schema.Literal("normal", "active-unacked", "active-acked", "cleared-unacked")
/** Where an alarm instance stands. */
export type State = typeof State.Type

const rank: Record<Severity, number> = { info: 0, minor: 1, major: 2, critical: 3 }

/** Negative where `a` is less grave than `b`, 0 where equal, positive where graver. */
export const compareSeverity = (a: Severity, b: Severity): number => rank[a] - rank[b]

/** True where the condition is present. */
export const isActive = (state: State): boolean => state.startsWith("active")

/** True where a person has yet to acknowledge. */
export const needsAcknowledgement = (state: State): boolean => state.endsWith("unacked")
