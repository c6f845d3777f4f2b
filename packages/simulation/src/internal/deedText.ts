/** What drivers do, as a trace tells it. */
import type { Deed } from "@plantd/hardware/DriverObserver"
import { Inspectable } from "effect"

/** Of a value or a payload no more characters are told. */
const givenMax = 200

/** What a driver has done, in one line. */
export const deedText = (deed: Deed): string => {
  switch (deed._tag) {
    case "Started":
      return `starts in epoch ${deed.epoch}`
    case "Greeted":
      return `met ${deed.node}, fence ${deed.fence}`
    case "Begun":
      return `begins ${deed.title}${givenOf(deed.given)} (${deed.commandId}, fence ${deed.fence})`
    case "Ended":
      return deed.trouble === undefined
        ? `done: ${deed.title} (${deed.commandId})`
        : `${deed.trouble.code}: ${deed.title} (${deed.commandId}): ${deed.trouble.message}`
    case "Repeated":
      return `asked again: ${deed.title} (${deed.commandId})`
    case "Refused":
      return `${deed.trouble.code}: ${deed.title ?? "a message"}${
        deed.commandId === undefined ? "" : ` (${deed.commandId})`
      } of ${deed.node ?? "nobody it knows"}: ${deed.trouble.message}`
    case "MadeSafe":
      return `made safe: ${deed.why}`
    case "NotMadeSafe":
      return `not made safe, since that failed: ${deed.why}`
  }
}

const givenOf = (given: unknown): string => {
  if (given === undefined || given === null) return ""
  const text = Inspectable.toStringUnknown(given, 0)
  return ` ${text.length <= givenMax ? text : `${text.slice(0, givenMax)}…`}`
}
