import { expect, it } from "@effect/vitest"
import { DeadLetter } from "@plantd/actors"
import { Schema } from "effect"

it("what is kept of a dead letter holds no payload, since that may be secret", () => {
  const given = {
    _tag: "DeadLetter",
    address: { type: "Pump", id: "p-1" },
    tag: "Start",
    reason: "expired",
    at: 3,
    payload: { password: "secret" }
  }
  expect(Schema.decodeUnknownSync(DeadLetter.DeadLetter)(given)).toEqual({
    _tag: "DeadLetter",
    address: { type: "Pump", id: "p-1" },
    tag: "Start",
    reason: "expired",
    at: 3
  })
})

it("a message that was given up after its attempts has a reason of its own", () => {
  const given = {
    _tag: "DeadLetter",
    address: { type: "Pump", id: "p-1" },
    tag: "Start",
    reason: "quarantined",
    at: 3
  }
  expect(Schema.decodeUnknownSync(DeadLetter.DeadLetter)(given)).toEqual(given)
})
