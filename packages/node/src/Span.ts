/** Spans of time as people write them on a command line: `500ms`, `20s`, `1.5m`, `2h`. */
import { Duration, Option } from "effect"

const units = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const

/** The duration that a text stands for; none where it is not a number above 0 and a unit. */
export const parse = (text: string): Option.Option<Duration.Duration> => {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text)
  if (match === null) return Option.none()
  const millis = Number(match[1]) * units[match[2] as keyof typeof units]
  return millis > 0 ? Option.some(Duration.millis(millis)) : Option.none()
}

/** What `parse` expects, for error messages and help. */
export const expected = "a number and ms, s, m or h, for example 20s"
