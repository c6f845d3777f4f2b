/**
 * When an alarm's condition is present: a value past a limit, or equal to one of some values. Pure:
 * what was judged before comes from the caller, since hysteresis depends on it.
 */
import type { Severity } from "./Alarm.ts"
import type { Value } from "./Reading.ts"

/** One limit of a condition, and how grave it is to be past it. */
export interface Level {
  /** For example `highHigh`. */
  readonly limit: string
  readonly severity: Severity
}

/** A limit of a number. */
export interface Limit extends Level {
  readonly at: number
}

/**
 * A number that is at its limit or past it. Once past it stays so until it is back by more than the
 * hysteresis, as with HYST of EPICS analog records. The limits stand in order: the first is reached
 * first.
 */
export interface Past {
  readonly _tag: "High" | "Low"
  readonly levels: ReadonlyArray<Limit>
  readonly hysteresis: number
  readonly unit: string
}

/** A value that is one of some. */
export interface Equals {
  readonly _tag: "Equals"
  readonly levels: readonly [Level]
  readonly values: ReadonlyArray<boolean | string>
}

/** What the runtime itself finds out, and not from a value. */
export interface Reported {
  readonly _tag: "Reported"
  readonly levels: readonly [Level]
  /** What it is that is reported, for people. */
  readonly text: string
}

/** When an alarm's condition is present; the levels stand from the least grave to the gravest. */
export type Condition = Past | Equals | Reported

/**
 * At which of its levels a condition is: 0 where it is not present, else the number of the level
 * from 1. `before` is what was judged before it. A value of another type is at none.
 */
export const judge = (condition: Condition, value: Value, before: number): number => {
  switch (condition._tag) {
    case "High":
    case "Low":
      return typeof value === "number" ? past(condition, value, before) : 0
    case "Equals":
      return condition.values.includes(value as never) ? 1 : 0
    case "Reported":
      return value === true || (typeof value === "number" && value > 0) ? 1 : 0
  }
}

const past = (condition: Past, value: number, before: number): number => {
  const { hysteresis, levels } = condition
  const sign = condition._tag === "High" ? 1 : -1
  for (let number = levels.length; number > 0; number--) {
    const limit = (levels[number - 1] as Limit).at
    const given = number <= before ? hysteresis : 0
    if (sign * (value - limit) >= -given) return number
  }
  return 0
}

/** A level by its number; `undefined` for 0, where the condition is not present. */
export const levelOf = (condition: Condition, number: number): Level | undefined =>
  condition.levels[number - 1]

/**
 * The number of the level with this limit; where the definition was changed since, of the first
 * that is as grave, or else of the gravest.
 */
export const numberOf = (condition: Condition, known: Partial<Level>): number => {
  const same = condition.levels.findIndex((level) => level.limit === known.limit)
  if (same >= 0) return same + 1
  const grave = condition.levels.findIndex((level) => level.severity === known.severity)
  return grave >= 0 ? grave + 1 : condition.levels.length
}

/** A condition in words, for example `at least 8 L/s (minor), 9 L/s (major)`. */
export const textOf = (condition: Condition): string => {
  if (condition._tag === "Reported") return `${condition.text} (${condition.levels[0].severity})`
  if (condition._tag === "Equals") {
    return `${condition.values.map(String).join(" or ")} (${condition.levels[0].severity})`
  }
  const unit = condition.unit === "" ? "" : ` ${condition.unit}`
  const limits = condition.levels.map((level) => `${level.at}${unit} (${level.severity})`)
  return `${condition._tag === "High" ? "at least" : "at most"} ${limits.join(", ")}`
}
