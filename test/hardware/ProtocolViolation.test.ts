import { expect, it } from "@effect/vitest"
import * as ProtocolViolation from "@plantd/hardware/ProtocolViolation"

it("a violation says where and what, and keeps the id that an ERROR can answer to", () => {
  const id = new Uint8Array([1])
  const found = ProtocolViolation.malformed("READ.deadlineMs", "expected a number", id)
  expect(found.message).toBe("READ.deadlineMs: expected a number (malformed)")
  expect(found.id).toBe(id)
  expect(ProtocolViolation.malformed("message", "none").id).toBeUndefined()
})
