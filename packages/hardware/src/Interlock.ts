/**
 * Conditions under which commands must not be sent, whatever an operator wants. What cannot be
 * judged blocks: a value that is not good is no reason to believe that all is well (fail-safe, as
 * IEC 61511 asks of safety functions). Pure.
 */
import type { Reading } from "@plantd/core"

/** What is looked at: a number beyond a limit, or an attribute that has one of some values. */
export type Condition<A extends string = string> =
  | { readonly attribute: A; readonly above: number }
  | { readonly attribute: A; readonly below: number }
  | { readonly attribute: A; readonly equals: Value | ReadonlyArray<Value> }

type Value = number | boolean | string

/** While its condition holds, or cannot be judged, it blocks commands. */
export interface Interlock<
  A extends string = string,
  Target extends string = string,
  C extends string = string
> {
  /** Names it in rejections and logs. */
  readonly id: string
  readonly when: Condition<A>
  /** The commands that it blocks: their names, and `write.<attribute>` for writes. */
  readonly blocks: ReadonlyArray<Target>
  /**
   * A command without a payload that the node gives when the condition begins to hold, on the
   * emergency lane whatever its own is. So does an uncertain value that fulfils it; one that cannot
   * be judged blocks, and trips nothing.
   */
  readonly onTrip?: C
}

/** What an interlock says: nothing stands in the way, it has tripped, or nobody can tell. */
export type Verdict = "clear" | "tripped" | "unknown"

/**
 * The verdict on a reading. Only a good one says that all is well; one that is uncertain, beyond
 * its range say, is enough for the contrary.
 */
export const judge = (
  condition: Condition,
  reading: Pick<Reading.Reading, "value" | "quality"> | undefined
): Verdict => {
  if (reading?.quality !== "good" && reading?.quality !== "uncertain") return "unknown"
  if (holds(condition, reading.value)) return "tripped"
  return reading.quality === "good" ? "clear" : "unknown"
}

/** The condition in words: `level is above 3`. */
export const describe = (condition: Condition): string => {
  const { attribute } = condition
  if ("above" in condition) return `${attribute} is above ${condition.above}`
  if ("below" in condition) return `${attribute} is below ${condition.below}`
  return `${attribute} is ${valuesOf(condition.equals).map(String).join(" or ")}`
}

/** What an interlock is checked against. */
export interface Members {
  readonly attributes: { readonly [name: string]: { readonly type: string } }
  /** The names that may be blocked. */
  readonly targets: ReadonlyArray<string>
  /** The commands that take no payload. */
  readonly plainCommands: ReadonlyArray<string>
}

/** What is wrong with an interlock: the field and the fault; `undefined` where all is well. */
export const fault = (interlock: Interlock, members: Members): string | undefined => {
  const { blocks, id, onTrip, when } = interlock
  if (typeof id !== "string" || id === "") return "id: expected a name"
  const attribute = Object.hasOwn(members.attributes, when.attribute)
    ? members.attributes[when.attribute]
    : undefined
  if (attribute === undefined) {
    return `when.attribute: the device has no attribute ${JSON.stringify(when.attribute)}`
  }
  const wrong = conditionFault(when, attribute.type)
  if (wrong !== undefined) return `when.${wrong}`
  if (blocks.length === 0 && onTrip === undefined) {
    return "blocks: expected at least one command, or an onTrip"
  }
  const unknown = blocks.find((target) => !members.targets.includes(target))
  if (unknown !== undefined) {
    return `blocks: ${JSON.stringify(unknown)} is none of ${members.targets.join(", ")}`
  }
  if (onTrip === undefined || members.plainCommands.includes(onTrip)) return undefined
  return `onTrip: ${JSON.stringify(onTrip)} is no command without a payload`
}

const conditionFault = (condition: Condition, type: string): string | undefined => {
  if ("equals" in condition) {
    const values = valuesOf(condition.equals)
    if (values.length === 0) return "equals: expected at least one value"
    const wrong = values.find((value) => typeof value !== type)
    return wrong === undefined ? undefined : `equals: expected a ${type}, got ${String(wrong)}`
  }
  const [field, limit] = "above" in condition
    ? ["above", condition.above] as const
    : ["below", condition.below] as const
  if (type !== "number") return `${field}: the attribute is a ${type}, and no number`
  return Number.isFinite(limit) ? undefined : `${field}: expected a finite number, got ${limit}`
}

const holds = (condition: Condition, value: Reading.Value): boolean => {
  if ("equals" in condition) return valuesOf(condition.equals).includes(value as Value)
  if (typeof value !== "number") return false
  return "above" in condition ? value > condition.above : value < condition.below
}

const valuesOf = (equals: Value | ReadonlyArray<Value>): ReadonlyArray<Value> =>
  typeof equals === "object" ? equals : [equals]
