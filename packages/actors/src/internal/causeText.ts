/**
 * Causes as text, whatever they hold: a defect that cannot be shown must not break who reports it.
 */
import { Cause } from "effect"

/** The most characters of a cause that an error carries. */
const lineLengthMax = 300

/** What a cause says first, for errors that tell of an earlier crash. */
export const firstLine = (cause: Cause.Cause<unknown>): string =>
  (causeText(cause).split("\n", 1)[0] ?? "").slice(0, lineLengthMax)

/** The cause as text. Total: never throws. */
export const causeText = (cause: Cause.Cause<unknown>): string => {
  try {
    return Cause.pretty(cause)
  } catch {
    return `a cause that cannot be shown (${cause._tag})`
  }
}
