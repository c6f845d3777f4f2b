import { expect, it } from "@effect/vitest"
import { ActorAddress } from "@plantd/actors"

it("an address is written as its type, a slash and its id", () => {
  expect(ActorAddress.format({ type: "Pump", id: "p-1" })).toBe("Pump/p-1")
})
