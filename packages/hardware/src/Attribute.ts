/**
 * What a device measures or can be set to: the declaration of one attribute, and the judgement of
 * values against it.
 */
import type { Quality, Reading } from "@plantd/core"
import { Duration, Option } from "effect"
import * as DeviceAlarm from "./DeviceAlarm.ts"
import { nameOf } from "./internal/nameOf.ts"

/** Whether an attribute may be written. */
export type Access = "read" | "read-write"

/** What can be said of every attribute. */
export interface Options<W extends Access> {
  /** Whether it may be written; `read` where nothing is said. */
  readonly access?: W
  /** How old a reading may grow before it is `stale`; positive. Without it none grows stale. */
  readonly maxAge?: Duration.DurationInput
  /**
   * How long after a write the attribute may take to read as it was set; 0 where nothing is said. A
   * write that nobody answered is looked after for so long.
   */
  readonly settle?: Duration.DurationInput
}

/** What can be said of a number. */
export interface NumberOptions<W extends Access> extends Options<W> {
  /** The unit, for people and for comparison with the device process; "" where it has none. */
  readonly unit: string
  /** The plausible values, both ends included: a reading outside of it is `uncertain`. */
  readonly range?: readonly [min: number, max: number]
  /** A change that is not larger than this, in `unit`, is not told to subscribers. */
  readonly deadband?: { readonly absolute: number }
  /** How far, in `unit`, a reading may be from what was written and still count as that; 0. */
  readonly tolerance?: number
  /** The limits past which it is an alarm. */
  readonly alarm?: DeviceAlarm.NumberAlarm
}

/** What can be said of a truth value. */
export interface BooleanOptions<W extends Access> extends Options<W> {
  /** The value that is an alarm. */
  readonly alarm?: DeviceAlarm.ValueAlarm<boolean>
}

/** What can be said of a text. */
export interface StringOptions<W extends Access, V extends string> extends Options<W> {
  /** The allowed values; any text where nothing is said. */
  readonly values?: ReadonlyArray<V>
  /** The values that are an alarm. */
  readonly alarm?: DeviceAlarm.ValueAlarm<NoInfer<V>>
}

/** An attribute that holds a number. */
export interface NumberAttribute<W extends Access = Access> extends NumberOptions<W> {
  readonly type: "number"
  readonly access: W
}

/** An attribute that is true or false. */
export interface BooleanAttribute<W extends Access = Access> extends BooleanOptions<W> {
  readonly type: "boolean"
  readonly access: W
}

/** An attribute that holds a text. */
export interface StringAttribute<W extends Access = Access, V extends string = string>
  extends StringOptions<W, V>
{
  readonly type: "string"
  readonly access: W
}

/** The declaration of an attribute. */
export type Attribute = NumberAttribute | BooleanAttribute | StringAttribute

/** The type of the values of an attribute. */
export type ValueOf<A extends Attribute> = A extends NumberAttribute ? number
  : A extends BooleanAttribute ? boolean
  : A extends StringAttribute<Access, infer V> ? V
  : never

/** A reading of an attribute: as `Reading`, with the attribute's name and the type of its value. */
export type ReadingOf<Name extends string, A extends Attribute> =
  & Omit<Reading.Reading, "attribute" | "value">
  & { readonly attribute: Name; readonly value: ValueOf<A> | null }

// NoInfer: the types follow from what is declared, and not from where the declaration stands.

const accessOf = <W extends Access>(options: Options<W> | undefined): W =>
  options?.access ?? "read" as W

/** Declares a number. */
export const number = <W extends Access = "read">(
  options: NumberOptions<W>
): NumberAttribute<NoInfer<W>> => ({ ...options, type: "number", access: accessOf(options) })

/** Declares a truth value. */
export const boolean = <W extends Access = "read">(
  options?: BooleanOptions<W>
): BooleanAttribute<NoInfer<W>> => ({ ...options, type: "boolean", access: accessOf(options) })

/** Declares a text, or one of some words. */
export const string = <W extends Access = "read", const V extends string = string>(
  options?: StringOptions<W, V>
): StringAttribute<NoInfer<W>, NoInfer<V>> => ({
  ...options,
  type: "string",
  access: accessOf(options)
})

/** The unit of an attribute; "" for those without. */
export const unitOf = (attribute: Attribute): string =>
  attribute.type === "number" ? attribute.unit : ""

/** The alarms of an attribute with this name. */
export const alarmsOf = (
  name: string,
  attribute: Attribute
): ReadonlyArray<DeviceAlarm.Definition> => {
  if (attribute.alarm === undefined) return []
  return attribute.type === "number"
    ? DeviceAlarm.ofNumber(name, attribute.unit, attribute.alarm)
    : DeviceAlarm.ofValue(name, attribute.alarm)
}

/** The `maxAge` in milliseconds; `Infinity` where readings never grow stale. */
export const maxAgeMillis = (attribute: Attribute): number =>
  attribute.maxAge === undefined ? Infinity : Duration.toMillis(attribute.maxAge)

/**
 * How far a value that a device sent can be trusted: `bad` of the wrong type, not a number or no
 * value at all; `uncertain` outside of its range or its allowed values; else `good`.
 */
export const assess = (attribute: Attribute, value: unknown): Quality.Quality => {
  if (typeof value !== attribute.type) return "bad"
  if (attribute.type === "number") {
    if (!Number.isFinite(value)) return "bad"
    const range = attribute.range
    return range === undefined || value as number >= range[0] && value as number <= range[1]
      ? "good"
      : "uncertain"
  }
  if (attribute.type !== "string" || attribute.values === undefined) return "good"
  return attribute.values.includes(value as string) ? "good" : "uncertain"
}

/** Why `assess` did not call a value good, naming what was expected and what came. */
export const reasonOf = (attribute: Attribute, value: unknown): string => {
  const got = nameOf(value)
  if (attribute.type === "number" && typeof value === "number") {
    const range = attribute.range
    return range !== undefined && Number.isFinite(value)
      ? `${value} ${attribute.unit} is outside of ${range[0]} to ${range[1]} ${attribute.unit}`
      : `expected a finite number, got ${got}`
  }
  return attribute.type === "string" && typeof value === "string"
    ? `expected one of ${(attribute.values ?? []).join(", ")}, got ${got}`
    : `expected a ${attribute.type}, got ${got}`
}

/** Why a value must not be written to an attribute, or `undefined` where it may. */
export const refusal = (attribute: Attribute, value: unknown): string | undefined =>
  assess(attribute, value) === "good" ? undefined : reasonOf(attribute, value)

/** The `settle` in milliseconds; 0 where nothing is said. */
export const settleMillis = (attribute: Attribute): number =>
  Duration.toMillis(attribute.settle ?? 0)

/** True where a value that was read is what was written, within the tolerance. */
export const isAsWritten = (attribute: Attribute, written: unknown, read: unknown): boolean =>
  attribute.type === "number" && typeof written === "number" && typeof read === "number"
    ? Math.abs(read - written) <= (attribute.tolerance ?? 0)
    : written === read

/**
 * What is wrong with a declaration: the field and the fault; `undefined` where all is well. Checked
 * when a device is defined, since the fault is a programmer's.
 */
export const fault = (attribute: Attribute): string | undefined => {
  if (attribute.access !== "read" && attribute.access !== "read-write") {
    return `access: expected read or read-write, got ${nameOf(attribute.access)}`
  }
  if (attribute.maxAge !== undefined && !isPositiveDuration(attribute.maxAge)) {
    return `maxAge: expected a positive duration, got ${JSON.stringify(attribute.maxAge)}`
  }
  if (attribute.settle !== undefined && !isFiniteDuration(attribute.settle)) {
    return `settle: expected a finite duration, got ${JSON.stringify(attribute.settle)}`
  }
  const fault = attribute.type === "string"
    ? valuesFault(attribute.values)
    : attribute.type === "number"
    ? numberFault(attribute)
    : undefined
  return fault ?? alarmFault(attribute)
}

const alarmFault = (attribute: Attribute): string | undefined => {
  if (attribute.alarm === undefined) return undefined
  const fault = attribute.type === "number"
    ? DeviceAlarm.numberFault(attribute.alarm)
    : DeviceAlarm.valueFault(attribute.alarm, attribute)
  return fault === undefined ? undefined : `alarm.${fault}`
}

const valuesFault = (values: ReadonlyArray<string> | undefined): string | undefined => {
  if (values === undefined) return undefined
  if (values.length === 0) return "values: expected at least one"
  return new Set(values).size === values.length ? undefined : "values: the same value twice"
}

const numberFault = (attribute: NumberAttribute): string | undefined => {
  const { deadband, range, tolerance, unit } = attribute
  if (typeof unit !== "string") return "unit: expected a string"
  if (range !== undefined) {
    const [min, max] = range
    if (!Number.isFinite(min) || !Number.isFinite(max)) return "range: expected finite numbers"
    if (min >= max) return `range: ${min} is not below ${max}; is it inverted?`
  }
  if (deadband !== undefined && !(deadband.absolute >= 0 && deadband.absolute < Infinity)) {
    return `deadband.absolute: expected a number of at least 0, got ${deadband.absolute}`
  }
  if (tolerance !== undefined && !(tolerance >= 0 && tolerance < Infinity)) {
    return `tolerance: expected a number of at least 0, got ${tolerance}`
  }
  return undefined
}

const isPositiveDuration = (input: unknown): boolean =>
  Option.exists(Duration.decodeUnknown(input), (span) => Duration.toMillis(span) > 0)

const isFiniteDuration = (input: unknown): boolean =>
  Option.exists(Duration.decodeUnknown(input), (span) => Duration.toMillis(span) < Infinity)
