import { expect, it } from "@effect/vitest"
import { Span } from "@plantd/node"
import { Duration, Option } from "effect"

it.each([["500ms", 500], ["20s", 20_000], ["1.5m", 90_000], ["2h", 7_200_000]])(
  "%s is a span of %d milliseconds",
  (text, millis) => {
    expect(Option.map(Span.parse(text), Duration.toMillis)).toEqual(Option.some(millis))
  }
)

it.each(["", "20", "s", "20 s", "-1s", "0s", "1e3s", "20sec", "NaNs", " 20s"])(
  "%j is no span",
  (text) => {
    expect(Span.parse(text)).toEqual(Option.none())
  }
)
