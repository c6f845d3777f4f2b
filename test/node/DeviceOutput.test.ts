import { describe, expect, it } from "@effect/vitest"
import { Epoch, Identifier, type Reading } from "@plantd/core"
import { DeviceFailure, DeviceOutput } from "@plantd/node"
import { Effect } from "effect"

const reading: Reading.Reading = {
  device: Identifier.DeviceId.make("p-1"),
  attribute: "flow",
  value: 1 / 3,
  quality: "good",
  serverTime: 5,
  unit: "L/s",
  epoch: Epoch.Epoch.make(3),
  seq: 7
}
const gap = { _tag: "Gap", missing: 2, cause: "link", epoch: reading.epoch, seq: 9 } as const
const detail = {
  device: "p-1",
  type: "Pump",
  attributes: {},
  commands: {},
  states: [],
  alarms: [],
  interlocks: []
}
const status = {
  device: "p-1",
  commandId: "c-1",
  name: "prime",
  state: "outcome-unknown",
  at: 5
} as const
const alarm = {
  alarm: "flow.high",
  state: "active-unacked",
  severity: "minor",
  stale: false
} as const
const normal = { alarm: "flow.low", state: "normal", stale: false } as const
const lifecycle = { state: "inactive", since: 5, by: "anna" } as const
const failure = DeviceFailure.of(
  Object.assign(new Error("no such thing"), { _tag: "DeviceUnknown", nearest: "p-1" }),
  { device: "p-2", acts: true, commandId: "c-3" }
)

/** Tells one of everything, and gives what was written. */
const told = (outputOf: (write: DeviceOutput.Write) => DeviceOutput.DeviceOutput) =>
  Effect.gen(function*() {
    const written: Array<string> = []
    const output = outputOf((text) => Effect.sync(() => void written.push(text)))
    yield* output.devices([{ device: "p-1", type: "Pump", trouble: "gone" }])
    yield* output.description(detail)
    yield* output.readings([reading])
    yield* output.watched(reading)
    yield* output.watched(gap)
    yield* output.written({ device: "p-1", attribute: "speed", value: "70", commandId: "c-1" })
    yield* output.called({ device: "p-1", command: "prime", commandId: "c-1", result: true })
    yield* output.called({ device: "p-1", command: "stop", commandId: "c-2" })
    yield* output.alarms(
      [{ device: "p-1", alarms: [alarm, normal] }, { device: "p-2", alarms: [], trouble: "gone" }],
      { all: false }
    )
    yield* output.alarm("p-1", normal)
    yield* output.commands([status])
    yield* output.command(status)
    yield* output.leased({ device: "p-1", session: "anna", expiresAt: 60_000 })
    yield* output.leased({ device: "p-1", session: "anna" })
    yield* output.serviced("p-1", lifecycle)
    yield* output.failed(failure)
    return written.join("")
  })

describe("what became of an operation", () => {
  it.effect("is one JSON object a line, whose type says what it is", () =>
    Effect.gen(function*() {
      const lines = (yield* told(DeviceOutput.json)).trim().split("\n")
      expect(lines.map((line) => JSON.parse(line))).toEqual([
        { type: "device", device: "p-1", deviceType: "Pump", trouble: "gone" },
        {
          type: "description",
          device: "p-1",
          deviceType: "Pump",
          attributes: {},
          commands: {},
          states: [],
          alarms: [],
          interlocks: []
        },
        { type: "reading", ...reading },
        { type: "reading", ...reading },
        { type: "gap", missing: 2, cause: "link", epoch: 3, seq: 9 },
        { type: "written", device: "p-1", attribute: "speed", value: "70", commandId: "c-1" },
        { type: "called", device: "p-1", command: "prime", commandId: "c-1", result: true },
        { type: "called", device: "p-1", command: "stop", commandId: "c-2" },
        { type: "alarm", device: "p-1", ...alarm },
        { type: "trouble", device: "p-2", trouble: "gone" },
        { type: "alarm", device: "p-1", ...normal },
        { type: "command", ...status },
        { type: "command", ...status },
        { type: "lease", device: "p-1", session: "anna", expiresAt: 60_000 },
        { type: "lease", device: "p-1", session: "anna" },
        { type: "service", device: "p-1", ...lifecycle },
        {
          type: "error",
          error: "DeviceUnknown",
          outcome: "not-done",
          message: "no such thing",
          nearest: "p-1",
          commandId: "c-3"
        }
      ])
    }))

  it.effect("is told to a person in words, and a failure elsewhere", () =>
    Effect.gen(function*() {
      const text = yield* told(DeviceOutput.text)
      expect(text).toContain("p-1: speed was set to 70\n")
      expect(text).toContain("p-1: prime was carried out: true\n")
      expect(text).toContain("p-1: stop was carried out\n")
      expect(text).toMatch(/c-1 +prime +outcome-unknown/)
      expect(text).toContain("p-1: session anna operates it for 1 min\n")
      expect(text).toContain("p-1: session anna does not operate it any more\n")
      expect(text).toContain("p-1: out of service by anna\n")
      expect(text).toContain("0.333333")
      expect(text).not.toContain("no such thing")
    }))
})
