import { describe, expect, it } from "@effect/vitest"
import { ActorError } from "@plantd/actors"
import { DeviceError, GroupReport } from "@plantd/hardware"
import { Cause, Effect } from "effect"

const of = { device: "p-2", operation: "write.speed" }
const rejected = new DeviceError.CommandRejected({ ...of, reason: "busy", detail: "not now" })
const unknown = new DeviceError.OutcomeUnknown({
  ...of,
  device: "p-3",
  commandId: "c-1",
  detail: "no answer"
})

const succeeded = (device: string) => ({ _tag: "Succeeded", device, value: 1 }) as const

const mixed = GroupReport.make<number, Error>("write.speed", [
  succeeded("p-1"),
  { _tag: "Failed", device: "p-2", error: rejected },
  { _tag: "Unknown", device: "p-3", error: unknown },
  succeeded("p-4")
])

describe("orFail", () => {
  it.effect("gives the values in the order of the group, where all succeeded", () =>
    Effect.gen(function*() {
      const report = GroupReport.make<number, Error>("read.flow", [
        { _tag: "Succeeded", device: "p-2", value: 2 },
        { _tag: "Succeeded", device: "p-1", value: 1 }
      ])
      expect(yield* GroupReport.orFail(report)).toEqual([2, 1])
    }))

  it.effect("else fails, naming who failed, of whom nothing is known, and who did it", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(GroupReport.orFail(mixed))
      expect(error).toMatchObject({
        _tag: "GroupFailed",
        operation: "write.speed",
        failed: [{ device: "p-2", detail: rejected.message }],
        unknown: [{ device: "p-3", detail: unknown.message }],
        succeeded: ["p-1", "p-4"]
      })
      expect(error.message).toBe(
        "write.speed failed for 1 and is unknown for 1 of 4 devices: "
          + `${rejected.message}; ${unknown.message}; done all the same: p-1, p-4`
      )
    }))

  it.effect("names a few of many, and how many more there are", () =>
    Effect.gen(function*() {
      const many = Array.from({ length: 100 }, (_, n) => `d-${n}`)
      const error = yield* Effect.flip(
        GroupReport.orFail(
          GroupReport.make("stop", [
            { _tag: "Failed", device: "p-2", error: rejected },
            ...many.map(succeeded)
          ])
        )
      )
      expect(error.message).toContain("failed for 1 of 101 devices")
      expect(error.message).toContain("done all the same: d-0, d-1, d-2, d-3, d-4 and 95 more")
      expect(error.succeeded).toEqual(many)
      const none = yield* Effect.flip(GroupReport.orFail(
        GroupReport.make<never, typeof rejected>("stop", [
          { _tag: "Failed", device: "p-2", error: rejected }
        ])
      ))
      expect(none.message).toContain("done by none")
    }))
})

describe("the outcome of a command", () => {
  const address = { type: "Pump", id: "p-1" }
  const asked = { address, tag: "Invoke" }
  it.each<[boolean, string, unknown]>([
    [true, "that its device did not tell", unknown],
    [
      true,
      "whose actor crashed over it",
      new ActorError.ActorCrashed({ ...asked, cause: Cause.die("a bug") })
    ],
    [
      true,
      "whose handler had begun when its asker gave up",
      new ActorError.AskTimeout({ ...asked, timeoutMillis: 1, outcome: "unknown", chain: [] })
    ],
    [
      true,
      "whose answer could not be read",
      new ActorError.MessageInvalid({ ...asked, part: "answer", issue: "" })
    ],
    [
      true,
      "that was lost with the node of its actor",
      new ActorError.DeliveryUnknown({ ...asked, detail: "" })
    ],
    [
      true,
      "that was given up after some attempts",
      new ActorError.MessageQuarantined({ ...asked, attempts: 3, reason: "" })
    ],
    [
      false,
      "that reached no node",
      new ActorError.NotDelivered({ ...asked, detail: "" })
    ],
    [true, "that crashed on its way", new GroupReport.CallCrashed({ ...of, detail: "a bug" })],
    [false, "that was rejected", rejected],
    [
      false,
      "whose handler had not begun",
      new ActorError.AskTimeout({ ...asked, timeoutMillis: 1, outcome: "not-handled", chain: [] })
    ],
    [
      false,
      "that was not sent to its actor",
      new ActorError.MessageInvalid({ ...asked, part: "payload", issue: "" })
    ]
  ])("is unknown: %s, of one %s", (known, _, error) => {
    expect(GroupReport.isUnknown(error)).toBe(known)
  })
})
