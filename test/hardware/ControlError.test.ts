import { expect, it } from "@effect/vitest"
import { ControlError } from "@plantd/hardware"

it("each error says whether anything can have been done", () => {
  const operation = "Write"
  const detail = "the socket is closed"
  const messages = [
    new ControlError.ControlUnreachable({ endpoint: "ipc://x", detail }),
    new ControlError.ControlRefused({ operation, code: "busy", detail }),
    new ControlError.ControlNoAnswer({ operation, outcome: "not-sent", detail }),
    new ControlError.ControlNoAnswer({ operation, outcome: "unknown", detail })
  ].map(({ message }) => message)
  expect(messages).toEqual([
    "no node can be reached at ipc://x: the socket is closed",
    "the node refused Write: the socket is closed (busy)",
    "Write was not answered, and it was not sent: the socket is closed",
    "Write was not answered, and it is unknown whether it was done: the socket is closed"
  ])
})
