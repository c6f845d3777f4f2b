/**
 * The alarms of a type of device: how they are declared beside its attributes, and the definitions
 * that follow. What becomes of them is `AlarmMachine` of core.
 */
import type { ActorError, DurableError } from "@plantd/actors"
import { Alarm, type AlarmCondition, type AlarmMachine } from "@plantd/core"
import { Duration, type Effect, Option, Schema, type Stream } from "effect"
import type {
  AcknowledgementStale,
  AlarmUnknown,
  ShelvingInvalid,
  SubscribersFull
} from "./DeviceError.ts"
import { nameOf } from "./internal/nameOf.ts"

/** What can be said of every alarm. */
export interface Behaviour {
  /** How long the condition must be there without a break before it counts; 0 by default. */
  readonly onDelay?: Duration.DurationInput
  /** How long it must be gone without a break before it no longer counts; 0 by default. */
  readonly offDelay?: Duration.DurationInput
  /** Stays active until it is acknowledged, even where the condition is gone; false by default. */
  readonly latching?: boolean
  /** Whether people are to acknowledge it; true by default. */
  readonly needsAck?: boolean
  /**
   * Whether it is to be acknowledged even though it has cleared by itself; true by default (ACKT of
   * EPICS records).
   */
  readonly ackTransient?: boolean
}

/** The limits of a number. */
export type LimitName = "low" | "lowLow" | "high" | "highHigh"

/**
 * The alarms of a number: it is at a limit or past it. `low` and `lowLow` are one alarm, `high` and
 * `highHigh` another, and each may rise from its first limit to its second.
 */
export interface NumberAlarm extends Behaviour, Partial<Readonly<Record<LimitName, number>>> {
  /** A value that is past a limit must be back by more than this; 0 by default. */
  readonly hysteresis?: number
  /** "minor" for `low` and `high`, "major" for `lowLow` and `highHigh`, where nothing is said. */
  readonly severities?: Partial<Readonly<Record<LimitName, Alarm.Severity>>>
}

/** The alarm of a truth value or a text: it is one of some values. */
export interface ValueAlarm<V extends boolean | string> extends Behaviour {
  readonly when: V | ReadonlyArray<V>
  readonly severity: Alarm.Severity
}

/** An alarm that every device has. */
export interface BuiltInAlarm extends Behaviour {
  /** "major" where nothing is said. */
  readonly severity?: Alarm.Severity
}

/** What can be said of the alarms that belong to no declared attribute. */
export interface BuiltInAlarms<State extends string> {
  /** The link to the device process is lost, or cannot come about. */
  readonly link?: BuiltInAlarm
  /** It is unknown what became of a command, and a person must decide. */
  readonly unresolved?: BuiltInAlarm
  /** The device is in one of these of its states. */
  readonly state?: ValueAlarm<State>
}

/** One alarm of a type of device. Its `id` is unique among the alarms of a device. */
export interface Definition extends AlarmMachine.Definition {
  /** The attribute whose value it judges; absent where it is about the device itself. */
  readonly attribute?: string
}

type AlarmError<E> =
  | E
  | AlarmUnknown
  | DurableError.StoreUnavailable
  | DurableError.Superseded
  | ActorError.AskError

/**
 * The alarms of one device, for people: what they do is stored when it is answered. Where it cannot
 * be stored it fails, and is not so.
 */
export interface Alarms {
  /** Where each alarm stands. */
  readonly list: Effect.Effect<ReadonlyArray<Alarm.Instance>, ActorError.AskError>
  /** Where each alarm stands, then each that changed; a slow reader gets the newest of each. */
  readonly changes: Stream.Stream<Alarm.Instance, SubscribersFull | ActorError.AskError>
  /**
   * Acknowledges what was seen: an occurrence, and the severity that waits. Where another
   * occurrence began, or the severity rose, it fails with `AcknowledgementStale`. To repeat it does
   * no harm.
   */
  readonly acknowledge: (seen: {
    readonly alarm: string
    readonly occurrenceId: string
    readonly severity: Alarm.Severity
    readonly by: string
  }) => Effect.Effect<Alarm.Instance, AlarmError<AcknowledgementStale>>
  /** Takes an alarm off the screens, for a day at most; it goes its way all the same. */
  readonly shelve: (what: {
    readonly alarm: string
    readonly for: Duration.DurationInput
    readonly by: string
    readonly reason?: string
  }) => Effect.Effect<Alarm.Instance, AlarmError<ShelvingInvalid>>
  readonly unshelve: (what: {
    readonly alarm: string
    readonly by: string
  }) => Effect.Effect<Alarm.Instance, AlarmError<never>>
}

/** The longest that an alarm may be shelved at a time, in milliseconds: a day. */
export const shelveMillisMax = 86_400_000

/** The alarm that every device has: its link is lost. */
export const linkAlarm = "link"

/** The alarm that every device has: commands wait for a person to say what became of them. */
export const unresolvedAlarm = "unresolved"

const builtIn: Readonly<Record<string, string>> = {
  [linkAlarm]: "the link to the device is lost",
  [unresolvedAlarm]: "it is unknown what became of a command"
}

const severityDefault: Readonly<Record<LimitName, Alarm.Severity>> = {
  low: "minor",
  lowLow: "major",
  high: "minor",
  highHigh: "major"
}

/** The alarms of an attribute that holds a number: `<attribute>.high` and `<attribute>.low`. */
export const ofNumber = (
  attribute: string,
  unit: string,
  alarm: NumberAlarm
): ReadonlyArray<Definition> => {
  const past = (
    tag: AlarmCondition.Past["_tag"],
    names: ReadonlyArray<LimitName>
  ): ReadonlyArray<Definition> => {
    const levels = names.flatMap((limit) => {
      const at = alarm[limit]
      return at === undefined ? [] : [{ limit, at, severity: severityOf(alarm, limit) }]
    })
    return levels.length === 0 ? [] : [{
      ...behaviour(alarm),
      id: `${attribute}.${names[0]}`,
      attribute,
      condition: { _tag: tag, levels, unit, hysteresis: alarm.hysteresis ?? 0 }
    }]
  }
  return [...past("Low", ["low", "lowLow"]), ...past("High", ["high", "highHigh"])]
}

/** The alarm of an attribute that holds a truth value or a text: it has the attribute's name. */
export const ofValue = (
  attribute: string,
  alarm: ValueAlarm<boolean | string>
): ReadonlyArray<Definition> => [{
  ...behaviour(alarm),
  id: attribute,
  attribute,
  condition: {
    _tag: "Equals",
    values: valuesOf(alarm),
    levels: [{ limit: "when", severity: alarm.severity }]
  }
}]

/** The alarms that every device has. */
export const ofDevice = (alarms: BuiltInAlarms<string>): ReadonlyArray<Definition> =>
  ([linkAlarm, unresolvedAlarm] as const).map((id): Definition => ({
    ...behaviour(alarms[id] ?? {}),
    id,
    condition: {
      _tag: "Reported",
      text: builtIn[id] as string,
      levels: [{ limit: id, severity: alarms[id]?.severity ?? "major" }]
    }
  }))

/** What is wrong with the alarms of a number: the field and the fault; else `undefined`. */
export const numberFault = (alarm: NumberAlarm): string | undefined => {
  const limits = (["lowLow", "low", "high", "highHigh"] as const).filter((limit) =>
    alarm[limit] !== undefined
  )
  if (limits.length === 0) return "high: expected a limit, here or as lowLow, low or highHigh"
  for (const [i, limit] of limits.entries()) {
    const at = alarm[limit] as number
    if (!Number.isFinite(at)) return `${limit}: expected a finite number, got ${nameOf(at)}`
    const before = limits[i - 1]
    const below = before === undefined ? -Infinity : alarm[before] as number
    if (at <= below) return `${limit}: ${at} is not above ${before}, which is ${below}`
  }
  return hysteresisFault(alarm) ?? severitiesFault(alarm, limits) ?? behaviourFault(alarm)
}

/** What is wrong with the alarm of an attribute with these values, if it names them. */
export const valueFault = (
  alarm: ValueAlarm<boolean | string>,
  of: { readonly type: string; readonly values?: ReadonlyArray<string> | undefined }
): string | undefined => {
  const values = valuesOf(alarm)
  if (values.length === 0) return "when: expected at least one value"
  for (const value of values) {
    if (typeof value !== of.type) return `when: expected a ${of.type}, got ${nameOf(value)}`
    if (of.values !== undefined && !of.values.includes(value as string)) {
      return `when: expected one of ${of.values.join(", ")}, got ${nameOf(value)}`
    }
  }
  return severityFault("severity", alarm.severity) ?? behaviourFault(alarm)
}

/** What is wrong with the alarms that every device has. */
export const builtInFault = (alarms: BuiltInAlarms<string>): string | undefined => {
  for (const id of [linkAlarm, unresolvedAlarm] as const) {
    const alarm = alarms[id] ?? {}
    const fault = severityFault("severity", alarm.severity ?? "major") ?? behaviourFault(alarm)
    if (fault !== undefined) return `${id}.${fault}`
  }
  return undefined
}

const valuesOf = ({ when }: ValueAlarm<boolean | string>): ReadonlyArray<boolean | string> =>
  Array.isArray(when) ? when : [when as boolean | string]

const severityOf = (alarm: NumberAlarm, limit: LimitName): Alarm.Severity =>
  alarm.severities?.[limit] ?? severityDefault[limit]

const behaviour = (alarm: Behaviour) => ({
  onDelay: Duration.toMillis(alarm.onDelay ?? 0),
  offDelay: Duration.toMillis(alarm.offDelay ?? 0),
  latching: alarm.latching ?? false,
  needsAck: alarm.needsAck ?? true,
  ackTransient: alarm.ackTransient ?? true
})

// Wider than the band, a value that left one alarm by its hysteresis would be in the other.
const hysteresisFault = (alarm: NumberAlarm): string | undefined => {
  const hysteresis = alarm.hysteresis ?? 0
  if (!(hysteresis >= 0 && hysteresis < Infinity)) {
    return `hysteresis: expected a number of at least 0, got ${nameOf(hysteresis)}`
  }
  const low = alarm.low ?? alarm.lowLow
  const high = alarm.high ?? alarm.highHigh
  const band = low === undefined || high === undefined ? Infinity : high - low
  return hysteresis < band
    ? undefined
    : `hysteresis: ${hysteresis} is not below ${band}, which is what lies between the limits`
}

const severitiesFault = (
  alarm: NumberAlarm,
  limits: ReadonlyArray<LimitName>
): string | undefined => {
  for (const [limit, severity] of Object.entries(alarm.severities ?? {})) {
    if (!limits.includes(limit as LimitName)) return `severities.${limit}: there is no such limit`
    const fault = severityFault(`severities.${limit}`, severity)
    if (fault !== undefined) return fault
  }
  for (const [first, second] of [["low", "lowLow"], ["high", "highHigh"]] as const) {
    if (!limits.includes(first) || !limits.includes(second)) continue
    const [less, more] = [severityOf(alarm, first), severityOf(alarm, second)]
    if (Alarm.compareSeverity(less, more) > 0) {
      return `severities.${second}: ${more} is less grave than ${first}, which is ${less}`
    }
  }
  return undefined
}

const severityFault = (field: string, severity: unknown): string | undefined =>
  Schema.is(Alarm.Severity)(severity)
    ? undefined
    : `${field}: expected ${Alarm.Severity.literals.join(", ")}, got ${nameOf(severity)}`

const behaviourFault = (alarm: Behaviour): string | undefined => {
  for (const field of ["onDelay", "offDelay"] as const) {
    const delay = alarm[field]
    if (delay !== undefined && !isDelay(delay)) {
      return `${field}: expected a finite duration of at least 0, got ${JSON.stringify(delay)}`
    }
  }
  const { ackTransient = true, latching = false, needsAck = true } = alarm
  if (latching && !needsAck) return "latching: nobody could unlatch it, since needsAck is false"
  return latching && !ackTransient
    ? "ackTransient: a latched alarm never clears before it is acknowledged"
    : undefined
}

// Durations below 0 decode as 0, and would hide the mistake.
const isDelay = (input: Duration.DurationInput): boolean =>
  !(typeof input === "number" && !(input >= 0)) && !(typeof input === "bigint" && input < 0)
  && !(typeof input === "string" && input.trim().startsWith("-"))
  && Option.exists(Duration.decodeUnknown(input), (span) => Duration.toMillis(span) < Infinity)
