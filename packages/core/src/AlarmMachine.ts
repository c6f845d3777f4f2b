/**
 * The state machine of one alarm, pure: from what was found out about its condition, and what
 * people did, to where the alarm stands and what happened. It is one file, since each transition is
 * to be read beside the others.
 *
 * States and transitions are those of ANSI/ISA-18.2-2016, clause 5 (the same in IEC 62682:2014).
 * What an acknowledgement covers follows EPICS (recGblResetAlarms, and putAcks of dbAccess): it
 * must have seen at least the highest severity that nobody has acknowledged (ACKS), and `transient`
 * is ACKT. Apart from EPICS a severity that falls asks for no acknowledgement. A further member of
 * a group begins a new occurrence, which is the reflash of ISA-18.1.
 */
import type { Acknowledged, Instance, Severity, State } from "./Alarm.ts"
import { compareSeverity, gravest, needsAcknowledgement } from "./Alarm.ts"
import type { Condition } from "./AlarmCondition.ts"
import { judge, type Level, levelOf, numberOf } from "./AlarmCondition.ts"
import type { Value } from "./Reading.ts"

/** What an alarm is defined by. Delays are in milliseconds. */
export interface Definition {
  readonly id: string
  readonly condition: Condition
  /** How long a limit must be passed without a break before it counts. */
  readonly onDelay: number
  /** How long a limit must not be passed, without a break, before it no longer counts. */
  readonly offDelay: number
  /** Stays active until it is acknowledged, even where the condition is gone. */
  readonly latching: boolean
  /** Where false, nobody is asked to acknowledge. */
  readonly needsAck: boolean
  /** Where false, an alarm that cleared before it was acknowledged needs no acknowledgement. */
  readonly ackTransient: boolean
}

/** Where an alarm stands, and what is under way. Only the instance outlives a restart. */
export interface Tracked {
  readonly instance: Instance
  /** The fence of its owner, which makes the ids of its occurrences its own. */
  readonly fence: number
  /** The occurrences begun by this owner. */
  readonly occurrences: number
  /** The level that counts, after delays; 0 where the condition is not present. */
  readonly level: number
  /** The level judged last, before delays: hysteresis needs it. */
  readonly judged: number
  /** The value judged last. */
  readonly value: Value
  /** Of each level since when it is to change, by the clock of delays; `Infinity`: it is not. */
  readonly since: ReadonlyArray<number>
}

/** What is found out, and what people do. */
export type Input =
  /** A value came. One that is not `good` can raise an alarm, and never eases or clears one. */
  | { readonly _tag: "Value"; readonly value: Value; readonly good: boolean }
  /** The condition is present for one reason more, as a group alarm knows it: it occurs anew. */
  | { readonly _tag: "Anew"; readonly value: Value }
  /** Nothing says how the condition is: the link is lost, or the value is bad or stale. */
  | { readonly _tag: "Unknown" }
  /** A person acknowledges what was seen: this occurrence, up to this severity. */
  | {
    readonly _tag: "Acknowledge"
    readonly occurrenceId: string
    readonly severity: Severity
    readonly by: string
  }
  /** A person takes it off the screens until `until`, by the wall clock. */
  | {
    readonly _tag: "Shelve"
    readonly until: number
    readonly by: string
    readonly reason?: string | undefined
  }
  | { readonly _tag: "Unshelve"; readonly by: string }
  | { readonly _tag: "Tick" }

/** When a step is made, in milliseconds. */
export interface At {
  /** By a clock that never jumps; delays go by it. */
  readonly now: number
  /** By the wall clock, since 1970-01-01 UTC; the end of a shelving goes by it. */
  readonly wall: number
}

/** Why an acknowledgement was refused: it saw another occurrence, or a lower severity. */
export type Refusal = "other-occurrence" | "severity-rose"

/** What happened. The instance after it has the rest. */
export type Event =
  | { readonly _tag: "Raised"; readonly level: Level }
  /** Another limit was passed; where that is graver, it is to be acknowledged again. */
  | { readonly _tag: "Escalated"; readonly level: Level; readonly from: Level }
  | { readonly _tag: "Eased"; readonly level: Level; readonly from: Level }
  /** The condition is gone, and the alarm is held by its latch. */
  | { readonly _tag: "Latched" }
  /** The condition is back, within the occurrence that the latch holds. */
  | { readonly _tag: "Returned"; readonly level: Level }
  | { readonly _tag: "Cleared" }
  | { readonly _tag: "Acknowledged"; readonly acknowledged: Acknowledged }
  | { readonly _tag: "Refused"; readonly reason: Refusal }
  | { readonly _tag: "Shelved" }
  /** `by` is absent where its time ended. */
  | { readonly _tag: "Unshelved"; readonly by?: string }
  /** No good value says how the condition is any more. */
  | { readonly _tag: "Held" }
  /** A good value says how the condition is again. */
  | { readonly _tag: "Known" }

/** An alarm that was never raised. Each owner has a higher fence than the ones before it. */
export const initial = (definition: Definition, fence: number): Tracked =>
  tracked(definition, { alarm: definition.id, state: "normal", stale: true }, fence)

/**
 * An alarm as it was stored, under a new owner: held until a value comes. Delays that were under
 * way begin anew. Where the definition no longer asks for acknowledgements, none is waited for.
 */
export const restore = (definition: Definition, stored: Instance, fence: number): Tracked => {
  const { unacknowledged, ...rest } = stored
  const present = stored.severity !== undefined
  const waits = definition.needsAck && unacknowledged !== undefined
  const lasts = present || (definition.latching && stored.state === "active-unacked")
  const instance: Instance = waits
    ? { ...rest, unacknowledged, state: lasts ? "active-unacked" : "cleared-unacked" }
    : { ...rest, state: present ? "active-acked" : "normal" }
  return tracked(definition, { ...instance, alarm: definition.id, stale: true }, fence)
}

/** The alarm after an input, and what happened; the same reference where nothing changed. */
export const step = (
  definition: Definition,
  before: Tracked,
  input: Input,
  at: At
): readonly [Tracked, ReadonlyArray<Event>] => {
  const run: Run = { definition, at, events: [] }
  // What was due before the input came is done first: how late a timer is makes no difference.
  const after = settle(run, take(run, settle(run, before), input))
  return [after, run.events]
}

/** When the next `Tick` is due, by the clock of delays and by the wall clock. */
export const dueAt = (definition: Definition, { instance, level, since }: Tracked): At => ({
  now: Math.min(Infinity, ...since.map((begin, i) => begin + delayOf(definition, i + 1 <= level))),
  wall: instance.shelved?.until ?? Infinity
})

interface Run {
  readonly definition: Definition
  readonly at: At
  readonly events: Array<Event>
}

const tracked = (definition: Definition, instance: Instance, fence: number): Tracked => {
  const level = instance.severity === undefined ? 0 : numberOf(definition.condition, instance)
  return {
    instance,
    fence,
    occurrences: 0,
    level,
    judged: level,
    value: instance.value ?? null,
    since: definition.condition.levels.map(() => Infinity)
  }
}

const delayOf = (definition: Definition, counts: boolean): number =>
  counts ? definition.offDelay : definition.onDelay

const take = (run: Run, state: Tracked, input: Input): Tracked => {
  switch (input._tag) {
    case "Value":
      return valued(run, state, input)
    case "Anew":
      return anew(run, state, input.value)
    case "Unknown":
      return unknown(run, state)
    case "Acknowledge":
      return acknowledge(run, state, input)
    case "Shelve": {
      const { by, reason, until } = input
      const shelved = { by, at: run.at.wall, until, ...(reason === undefined ? {} : { reason }) }
      run.events.push({ _tag: "Shelved" })
      return { ...state, instance: { ...state.instance, shelved } }
    }
    case "Unshelve":
      return state.instance.shelved === undefined
        ? state
        : unshelved(run, state, { _tag: "Unshelved", by: input.by })
    case "Tick":
      return state
  }
}

const valued = (
  run: Run,
  state: Tracked,
  { good, value }: { readonly value: Value; readonly good: boolean }
): Tracked => {
  const judged = judge(run.definition.condition, value, state.judged)
  // A doubtful value is believed where it says that things are worse, or as bad as they were.
  const believed = good || (judged > 0 && judged >= state.level)
  const wanted = Math.max(judged, believed ? 0 : state.level)
  const since = state.since.map((begin, i) => {
    const changes = i + 1 <= wanted !== i + 1 <= state.level
    return changes ? Math.min(begin, run.at.now) : Infinity
  })
  const known = withStale(run, state, !believed)
  // Most values change nothing. Where a change is under way, it is the newest that is shown later.
  const calm = wanted === state.judged && !state.since.some(Number.isFinite)
    && !since.some(Number.isFinite)
  return known === state && calm ? state : { ...known, judged: wanted, value, since }
}

// Nobody saw whether the condition went on: delays that were under way begin anew.
const unknown = (run: Run, state: Tracked): Tracked => {
  const held = withStale(run, state, true)
  return held === state
    ? state
    : { ...held, judged: state.level, since: state.since.map(() => Infinity) }
}

const withStale = (run: Run, state: Tracked, stale: boolean): Tracked => {
  if (state.instance.stale === stale) return state
  run.events.push({ _tag: stale ? "Held" : "Known" })
  return { ...state, instance: { ...state.instance, stale } }
}

const anew = (run: Run, state: Tracked, value: Value): Tracked => {
  const next = settle(run, valued(run, state, { value, good: true }))
  // Where it was not present before, that is an occurrence anyway; and one that is going is none.
  return state.level === 0 || next.judged === 0 ? next : raised(run, next, next.level)
}

const acknowledge = (
  run: Run,
  state: Tracked,
  { by, occurrenceId, severity }: Extract<Input, { readonly _tag: "Acknowledge" }>
): Tracked => {
  const { instance } = state
  if (occurrenceId !== instance.occurrenceId) return refused(run, state, "other-occurrence")
  const { unacknowledged, ...rest } = instance
  // Done already, and said again: all that it asks for is so.
  if (unacknowledged === undefined) return state
  if (compareSeverity(severity, unacknowledged) < 0) return refused(run, state, "severity-rose")
  const acknowledged = { by, at: run.at.wall, severity: unacknowledged }
  run.events.push({ _tag: "Acknowledged", acknowledged })
  const latched = instance.state === "active-unacked" && instance.severity === undefined
  if (latched) run.events.push({ _tag: "Cleared" })
  return {
    ...state,
    instance: {
      ...rest,
      state: instance.severity === undefined ? "normal" : "active-acked",
      acknowledged,
      ...(latched ? { clearedAt: run.at.wall } : {})
    }
  }
}

const refused = (run: Run, state: Tracked, reason: Refusal): Tracked => {
  run.events.push({ _tag: "Refused", reason })
  return state
}

const unshelved = (run: Run, state: Tracked, event: Event): Tracked => {
  const { shelved: _, ...instance } = state.instance
  run.events.push(event)
  return { ...state, instance }
}

/** Does what is due by now: ends a shelving, and lets levels count or no longer count. */
const settle = (run: Run, state: Tracked): Tracked => {
  const { at, definition } = run
  const over = state.instance.shelved !== undefined && at.wall >= state.instance.shelved.until
  const open = over ? unshelved(run, state, { _tag: "Unshelved" }) : state
  const due = (begin: number, i: number) =>
    at.now - begin >= delayOf(definition, i + 1 <= open.level)
  if (!open.since.some(due)) return open
  // Whoever is past one limit is past those before it: levels change from the bottom, or the top.
  const counts = open.since.map((begin, i) => due(begin, i) !== i + 1 <= open.level)
  const level = counts.lastIndexOf(true) + 1
  const since = open.since.map((begin, i) => due(begin, i) ? Infinity : begin)
  return moved(run, { ...open, since }, level)
}

const moved = (run: Run, state: Tracked, level: number): Tracked => {
  const { condition } = run.definition
  const from = levelOf(condition, state.level)
  const to = levelOf(condition, level)
  if (from === undefined) return raised(run, state, level)
  if (to === undefined) return gone(run, state)
  const rises = level > state.level
  run.events.push({ _tag: rises ? "Escalated" : "Eased", level: to, from })
  const again = rises && compareSeverity(to.severity, from.severity) > 0
  return again
    ? alarming(run, state, level)
    : { ...state, level, instance: { ...state.instance, ...facts(state, to) } }
}

// From normal, or from cleared and not acknowledged: a new occurrence; within a latch: the same.
const raised = (run: Run, state: Tracked, number: number): Tracked => {
  const level = levelOf(run.definition.condition, number) as Level
  if (state.level === 0 && state.instance.state === "active-unacked") {
    run.events.push({ _tag: "Returned", level })
    return alarming(run, state, number)
  }
  run.events.push({ _tag: "Raised", level })
  const { acknowledged: _, clearedAt: __, ...rest } = state.instance
  const occurrences = state.occurrences + 1
  return alarming(run, {
    ...state,
    occurrences,
    instance: {
      ...rest,
      occurrenceId: `${run.definition.id}#${state.fence}.${occurrences}`,
      raisedAt: run.at.wall
    }
  }, number)
}

const alarming = (run: Run, state: Tracked, number: number): Tracked => {
  const level = levelOf(run.definition.condition, number) as Level
  const instance = { ...state.instance, ...facts(state, level) }
  const unacknowledged = gravest(state.instance.unacknowledged, level.severity) as Severity
  return {
    ...state,
    level: number,
    instance: run.definition.needsAck
      ? { ...instance, state: "active-unacked", unacknowledged }
      : { ...instance, state: "active-acked" }
  }
}

const facts = ({ value }: Tracked, { limit, severity }: Level) => ({ severity, limit, value })

const gone = (run: Run, state: Tracked): Tracked => {
  const { ackTransient, latching } = run.definition
  const { limit: _, severity: __, ...rest } = state.instance
  const waits = needsAcknowledgement(rest.state)
  if (waits && latching) {
    run.events.push({ _tag: "Latched" })
    return { ...state, level: 0, instance: { ...rest, value: state.value } }
  }
  run.events.push({ _tag: "Cleared" })
  const { unacknowledged, ...known } = rest
  const cleared: State = waits && ackTransient ? "cleared-unacked" : "normal"
  return {
    ...state,
    level: 0,
    instance: {
      ...known,
      ...(cleared === "normal" || unacknowledged === undefined ? {} : { unacknowledged }),
      state: cleared,
      value: state.value,
      clearedAt: run.at.wall
    }
  }
}
