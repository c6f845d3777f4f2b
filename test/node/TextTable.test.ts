import { expect, it } from "@effect/vitest"
import { TextTable } from "@plantd/node"

const columns = [{ title: "NAME" }, { title: "VALUE", align: "right" as const }, { title: "NOTE" }]

it("columns are as wide as what stands in them, numbers to the right", () => {
  expect(TextTable.lines(columns, [["flow", "1", "x"], ["temperature", "1234567", ""]])).toEqual([
    "NAME           VALUE  NOTE",
    "flow               1  x",
    "temperature  1234567"
  ])
})

it("a column in which nothing stands is left out", () => {
  expect(TextTable.lines(columns, [["a", "1", ""], ["b", "2"]])).toEqual([
    "NAME  VALUE",
    "a         1",
    "b         2"
  ])
})

it("characters count as a terminal shows them", () => {
  const [, first, second] = TextTable.lines(columns, [["𝛼𝛽", "1"], ["ab", "1"]])
  expect(Array.from(first ?? "").length).toBe((second ?? "").length)
})
