import { NearestName } from "@plantd/core"
import { expect, it } from "vitest"

it.each([
  ["hots", ["host", "port", "storage"], "host"],
  ["Prot", ["host", "port", "storage"], "port"],
  ["storag", ["host", "port", "storage"], "storage"],
  ["weather", ["host", "port", "storage"], undefined],
  ["x", [], undefined],
  ["a", ["b"], "b"]
])("of %s among %o, %s was most likely meant", (text, known, meant) => {
  expect(NearestName.of(text, known)).toBe(meant)
})
