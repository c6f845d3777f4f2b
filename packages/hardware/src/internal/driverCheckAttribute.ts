/** The attribute by which a driver is checked: one that may be written, and two values for it. */
import { Either } from "effect"
import {
  type AttributeDescription,
  attributeOrder,
  type DeviceDescription
} from "../DeviceDescription.ts"

/** A value of an attribute. */
export type Value = number | boolean | string

/** An attribute that is written by the check. */
export interface Chosen {
  readonly name: string
  readonly index: number
  readonly type: AttributeDescription["type"]
  /** Two different values that it may be given. */
  readonly values: readonly [Value, Value]
}

/** What may be said of it beforehand. */
export interface Wanted {
  readonly attribute?: string | undefined
  readonly values?: readonly [Value, Value] | undefined
}

/**
 * The attribute that is wanted, or the one whose values are the plainest; nothing where none may be
 * written. What is wrong with what is wanted is told.
 */
export const choose = (
  description: DeviceDescription,
  wanted: Wanted
): Either.Either<Chosen | undefined, string> => {
  const { attributes } = description
  const order = attributeOrder(attributes)
  const chosen = (name: string): Chosen | undefined => {
    const attribute = attributes[name]
    const values = attribute === undefined ? undefined : wanted.values ?? valuesOf(attribute)
    return attribute === undefined || values === undefined
      ? undefined
      : { name, index: order.indexOf(name), type: attribute.type, values }
  }
  const writable = order.filter((name) => attributes[name]?.access === "read-write")
  if (wanted.attribute === undefined) {
    const plainest = writable
      .filter((name) => chosen(name) !== undefined)
      .toSorted((a, b) => rank(attributes[a]) - rank(attributes[b]))
    return Either.right(plainest[0] === undefined ? undefined : chosen(plainest[0]))
  }
  if (!writable.includes(wanted.attribute)) {
    const known = writable.length === 0 ? "it has none" : `only ${writable.join(", ")}`
    return Either.left(
      `attribute ${JSON.stringify(wanted.attribute)} is none that may be written: ${known}`
    )
  }
  const found = chosen(wanted.attribute)
  return found === undefined
    ? Either.left(`attribute ${wanted.attribute} has no two values, by its description`)
    : Either.right(found)
}

// What has bounds is less likely to do harm, or to be refused.
const rank = (attribute: AttributeDescription | undefined): number => {
  if (attribute?.type === "number") return attribute.range === undefined ? 3 : 0
  if (attribute?.type === "boolean") return 1
  return attribute?.values === undefined ? 4 : 2
}

/** A range this wide has whole numbers at its shares, which registers hold exactly. */
const wholeFrom = 20

const valuesOf = (attribute: AttributeDescription): readonly [Value, Value] | undefined => {
  switch (attribute.type) {
    case "number": {
      const [min, max] = attribute.range ?? [0, 10]
      if (!(max > min)) return undefined
      const at = (share: number): number => {
        const exact = min + share * (max - min)
        return max - min >= wholeFrom ? Math.round(exact) : exact
      }
      return [at(0.1), at(0.2)]
    }
    case "boolean":
      return [true, false]
    case "string": {
      const [first, second] = attribute.values ?? ["check 1", "check 2"]
      return first === undefined || second === undefined ? undefined : [first, second]
    }
  }
}

/** True where `read` is the first of the two values rather than the second, rounded a little. */
export const isValue = (read: unknown, value: Value, other: Value): boolean =>
  typeof read === "number" && typeof value === "number" && typeof other === "number"
    ? Math.abs(read - value) <= 0.01 * Math.abs(other - value)
    : read === value

/** Values that are of no kind that the attribute has. */
export const wrongValues = ({ type }: Chosen): ReadonlyArray<unknown> => {
  switch (type) {
    case "number":
      return ["a text", true, null]
    case "boolean":
      return ["true", 1, null]
    case "string":
      return [1, true, null]
  }
}
