import * as testing from "@plantd/actors/testing"
import { readFileSync } from "node:fs"
import { expect, it } from "vitest"

const read = (path: string) => readFileSync(new URL(path, import.meta.url), "utf8")

it("the test kit is one import: a system, probes, lifecycle events and behaviours", () => {
  expect(Object.keys(testing)).toEqual(["Behaviour", "Lifecycle", "TestProbe", "TestSystem"])
})

it("the example in the documentation is the one that is run as a test", () => {
  expect(read("../../docs/testing.md")).toContain(
    "```ts\n" + read("./testingExample.test.ts") + "```\n"
  )
})
