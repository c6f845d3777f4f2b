import { describe, expect, it } from "@effect/vitest"
import { ActorError } from "@plantd/actors"
import { ControlError, DeviceError, NodeControl } from "@plantd/hardware"
import { DeviceFailure } from "@plantd/node"
import { Cause } from "effect"

const of = { device: "p-1", operation: "prime" }
const detail = "said so"
const address = { type: "Pump", id: "p-1" }
const timeout = { address, tag: "Invoke", timeoutMillis: 1 }
const asked = { operation: "Call", detail }

const failures: ReadonlyArray<readonly [string, DeviceFailure.Failed, string]> = [
  ["a rejection", new DeviceError.CommandRejected({ ...of, reason: "busy", detail }), "not-done"],
  [
    "a link that is lost",
    new DeviceError.DeviceUnavailable({ ...of, link: "lost", reason: detail }),
    "not-done"
  ],
  [
    "a failure of the device",
    new DeviceError.CommandFailed({ ...of, commandId: "c", detail }),
    "failed"
  ],
  [
    "a result that cannot be told",
    new DeviceError.ResultInvalid({ ...of, commandId: "c", detail }),
    "done"
  ],
  [
    "an unknown outcome",
    new DeviceError.OutcomeUnknown({ ...of, commandId: "c", detail }),
    "unknown"
  ],
  [
    "a name that is not there",
    new NodeControl.DeviceUnknown({ node: "n", device: "x", devices: [] }),
    "not-done"
  ],
  [
    "a message that was not handled",
    new ActorError.AskTimeout({ ...timeout, outcome: "not-handled", chain: [] }),
    "not-done"
  ],
  [
    "a node that was lost with it",
    new ActorError.DeliveryUnknown({ address, tag: "Invoke", detail }),
    "unknown"
  ],
  [
    "a node that could not be reached",
    new ActorError.NotDelivered({ address, tag: "Invoke", detail }),
    "not-done"
  ],
  [
    "a message that was given up after some attempts",
    new ActorError.MessageQuarantined({ address, tag: "Invoke", attempts: 3, reason: detail }),
    "unknown"
  ],
  [
    "a handler that did not end in time",
    new ActorError.AskTimeout({ ...timeout, outcome: "unknown", chain: [] }),
    "unknown"
  ],
  [
    "an answer that cannot be read",
    new ActorError.MessageInvalid({ address, tag: "Invoke", part: "answer", issue: detail }),
    "unknown"
  ],
  [
    "an actor that crashed over it",
    new ActorError.ActorCrashed({ address, tag: "Invoke", cause: Cause.die("x") }),
    "unknown"
  ],
  [
    "a refusal of the node",
    new ControlError.ControlRefused({ ...asked, code: "busy" }),
    "not-done"
  ],
  [
    "a request that was not sent",
    new ControlError.ControlNoAnswer({ ...asked, outcome: "not-sent" }),
    "not-done"
  ],
  [
    "a connection that ended",
    new ControlError.ControlNoAnswer({ ...asked, outcome: "unknown" }),
    "unknown"
  ]
]

describe("of something that acts", () => {
  it.each(failures)("%s says whether it was done", (_, error, outcome) => {
    const failure = DeviceFailure.of(error, { device: "p-1", acts: true })
    expect(failure.outcome).toBe(outcome)
    expect(failure.exitCode).toBe(outcome === "unknown" ? 3 : 1)
    expect(failure.message.startsWith(error.message)).toBe(true)
    expect(failure.message.includes("look before you try again")).toBe(outcome === "unknown")
  })

  it("to break it off leaves its outcome unknown", () => {
    const failure = DeviceFailure.interrupted({ device: "p-1", acts: true })
    expect(failure.exitCode).toBe(3)
    expect(failure.message).toContain("plantd device read p-1")
  })
})

it.each(failures.filter(([, error]) => error._tag !== "OutcomeUnknown"))(
  "of something that only looks, %s leaves nothing unknown",
  (_, error) => {
    expect(DeviceFailure.of(error, { device: "p-1", acts: false }).exitCode).toBe(1)
  }
)
