/**
 * Which readings are worth telling: the decision whether a subscriber that has seen one reading is
 * sent the next. Pure. Changes of quality are always told.
 */
import type { Reading } from "@plantd/core"
import type { Attribute } from "./Attribute.ts"
import { maxAgeMillis } from "./Attribute.ts"

/** After this part of its `maxAge` an unchanged value is told again, so that it stays fresh. */
export const renewalPart = 0.5

/** What decides about an attribute, in a form that is cheap to ask for each reading. */
export interface Rule {
  /** A number that changed by no more than this is not told; 0 for all else. */
  readonly deadband: number
  /** In milliseconds since it was last told, an unchanged value is told again. */
  readonly renewAfter: number
}

/** The rule that follows from a declaration. */
export const ruleOf = (attribute: Attribute): Rule => ({
  deadband: attribute.type === "number" ? attribute.deadband?.absolute ?? 0 : 0,
  renewAfter: maxAgeMillis(attribute) * renewalPart
})

/** What a subscriber was told last of an attribute. */
export type Told = Pick<Reading.Reading, "value" | "quality" | "reason" | "serverTime">

/** True where a subscriber that was told `last` (`undefined`: nothing yet) is to be told `next`. */
export const isDue = (rule: Rule, last: Told | undefined, next: Told): boolean => {
  if (last === undefined || last.quality !== next.quality || last.reason !== next.reason) {
    return true
  }
  if (next.serverTime - last.serverTime >= rule.renewAfter) return true
  return typeof last.value === "number" && typeof next.value === "number"
    ? Math.abs(next.value - last.value) > rule.deadband
    : last.value !== next.value
}
