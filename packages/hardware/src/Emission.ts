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

/** What decides of a reading whether it is told. */
export type Content = Pick<Reading.Reading, "value" | "quality" | "reason">

/** What a subscriber was told last of an attribute, and when by a clock that never jumps. */
export interface Told {
  readonly reading: Content
  /** In milliseconds. */
  readonly at: number
}

/**
 * True where a subscriber that was told `told` (`undefined`: nothing yet) is to be told `next`;
 * `now` is by the clock of `told.at`, so that setting the wall clock neither hides a reading nor
 * repeats one.
 */
export const isDue = (
  rule: Rule,
  told: Told | undefined,
  next: Content,
  now: number
): boolean => {
  if (told === undefined) return true
  const last = told.reading
  if (last.quality !== next.quality || last.reason !== next.reason) return true
  if (now - told.at >= rule.renewAfter) return true
  return typeof last.value === "number" && typeof next.value === "number"
    ? Math.abs(next.value - last.value) > rule.deadband
    : last.value !== next.value
}
