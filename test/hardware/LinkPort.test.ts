import { describe, expect, it } from "@effect/vitest"
import * as LinkPort from "@plantd/hardware/LinkPort"

describe("each error of a link says whether anything was sent", () => {
  it.each([
    [
      new LinkPort.NotSent({ state: "lost", reason: "it is gone" }),
      "nothing was sent: the link is lost (it is gone)"
    ],
    [
      new LinkPort.Refused({ code: "busy", detail: "one at a time" }),
      "the device process refused it: one at a time (busy)"
    ],
    [
      new LinkPort.Failed({ detail: "no water" }),
      "the device process tried and failed: no water"
    ],
    [
      new LinkPort.NoAnswer({ detail: "nothing was heard" }),
      "it was sent, and nothing says what became of it: nothing was heard"
    ],
    [
      new LinkPort.NoResult({ detail: "result: expected a number" }),
      "it was carried out, and its result cannot be told: result: expected a number"
    ]
  ])("%s", (error, message) => {
    expect(error.message).toBe(message)
  })
})
