import { describe, expect, it } from "@effect/vitest"
import { DeviceError } from "@plantd/hardware"

const of = { device: "p-1", operation: "write.speed" }

describe("each error names the device, what was asked, and what is known of it", () => {
  it.each([
    [
      new DeviceError.DeviceUnavailable({ ...of, link: "lost", reason: "nothing was heard" }),
      "p-1: write.speed was not sent, since the link is lost: nothing was heard"
    ],
    [
      new DeviceError.ReadFailed({ ...of, detail: "no answer" }),
      "p-1: write.speed failed: no answer"
    ],
    [
      new DeviceError.CommandRejected({ ...of, reason: "busy", detail: "16 wait" }),
      "p-1: write.speed was rejected (busy): 16 wait"
    ],
    [
      new DeviceError.CommandFailed({ ...of, commandId: "c", detail: "no water" }),
      "p-1: write.speed failed: no water"
    ],
    [
      new DeviceError.ResultInvalid({ ...of, commandId: "c", detail: "result: expected a number" }),
      "p-1: write.speed was carried out, but its result is not what the definition says:"
      + " result: expected a number"
    ],
    [
      new DeviceError.OutcomeUnknown({ ...of, commandId: "c", detail: "no answer came" }),
      "p-1: it is unknown whether write.speed was carried out: no answer came;"
      + " read the device before trying again"
    ],
    [
      new DeviceError.ConfigInvalid({ type: "Pump", device: "p-1", detail: "no endpoint" }),
      "the configuration of Pump p-1 is not what its definition says: no endpoint"
    ],
    [
      new DeviceError.SubscribersFull({ device: "p-1", subscribersMax: 4 }),
      "p-1 serves 4 subscribers already (subscribersMax)"
    ]
  ])("%s", (error, message) => {
    expect(error.message).toBe(message)
  })
})
