/** Options checked where they are given: a wrong one is refused by its name and its value. */
import { Duration } from "effect"

/** What is given a wrong option, such as `Pump.toLayer`, and the option's name. */
interface Place {
  readonly at: string
  readonly option: string
}

/** A whole number of at least `least`. */
export const checkedCount = (place: Place, value: number, least: number): number => {
  if (Number.isInteger(value) && value >= least) return value
  throw refusal(place, value, `a whole number of at least ${least}`)
}

/** A finite number of at least `least` and at most `most`. */
export const checkedNumber = (
  place: Place,
  value: number,
  { least, most }: { readonly least: number; readonly most?: number }
): number => {
  if (Number.isFinite(value) && value >= least && value <= (most ?? value)) return value
  const upTo = most === undefined ? "" : ` and at most ${most}`
  throw refusal(place, value, `a number of at least ${least}${upTo}`)
}

/** The milliseconds of a time that is longer than none. */
export const checkedMillis = (place: Place, input: Duration.DurationInput): number => {
  const millis = Duration.toMillis(input)
  if (millis > 0 && !isBelowZero(input)) return millis
  throw refusal(place, textOf(input), "more than 0")
}

/** As `checkedMillis`, and no time at all will do. */
export const checkedMillisOrNone = (place: Place, input: Duration.DurationInput): number => {
  if (!isBelowZero(input)) return Duration.toMillis(input)
  throw refusal(place, textOf(input), "at least 0")
}

const refusal = ({ at, option }: Place, value: number | string, expected: string): RangeError =>
  new RangeError(`${at}: ${option} is ${value}, expected ${expected}`)

/** Where a time would be taken for none, since `Duration` knows none that is less. */
const isBelowZero = (input: Duration.DurationInput): boolean => {
  if (typeof input === "number" || typeof input === "bigint") return !(input >= 0)
  return typeof input === "string" && input.trim().startsWith("-")
}

const textOf = (input: Duration.DurationInput): string => {
  if (typeof input === "string") return input
  const millis = typeof input === "number" ? input : Duration.toMillis(input)
  return typeof input === "bigint" ? `${input} ns` : `${millis} ms`
}
