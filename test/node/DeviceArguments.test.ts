import { expect, it } from "@effect/vitest"
import { DeviceArguments } from "@plantd/node"
import { Either } from "effect"

it.each([
  [[], { text: {} }],
  [["a=1", "b=x=y"], { text: { a: "1", b: "x=y" } }],
  [["a="], { text: { a: "" } }],
  [["__proto__=1"], { text: JSON.parse('{ "__proto__": "1" }') }],
  [['{ "a": [1, null] }'], { value: { a: [1, null] } }]
])("%j are arguments", (given, meant) => {
  expect(Either.getOrThrow(DeviceArguments.parse(given))).toEqual(meant)
})

it.each([
  [["a"], 'expected name=value, got "a"'],
  [["=1"], 'expected name=value, got "=1"'],
  [["a=1", "a=2"], "the argument a is there twice"],
  [["{a: 1}"], "{a: 1} is not JSON"],
  [["{}", "a=1"], 'expected name=value, got "{}"']
])("%j are refused, and it is said why", (given, says) => {
  expect(Either.getOrThrow(Either.flip(DeviceArguments.parse(given)))).toContain(says)
})
