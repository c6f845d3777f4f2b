import { expect, it } from "@effect/vitest"
import { Seeds } from "@plantd/simulation"

it.each([
  ["17", [17]],
  ["0", [0]],
  ["1..4", [1, 2, 3, 4]],
  ["5..5", [5]],
  [" 2..3 ", [2, 3]]
])("%j stands for %j", (text, seeds) => {
  expect(Seeds.parse(text)).toEqual(seeds)
})

it.each(["", "x", "-1", "1.5", "1..", "..2", "3..2", "1...3", "1,2", "2147483648", "0..1000000"])(
  "%j stands for no seeds",
  (text) => {
    expect(Seeds.parse(text)).toBeUndefined()
  }
)

it("seeds are counted from 1, as many as there may be", () => {
  expect(Seeds.upTo(3)).toEqual([1, 2, 3])
  expect(Seeds.upTo(0)).toEqual([])
  for (const count of [Infinity, Seeds.countMax + 1, -1, 1.5]) {
    expect(() => Seeds.upTo(count)).toThrow(`expected up to ${Seeds.countMax} seeds, got ${count}`)
  }
})
