import { describe, expect, it } from "@effect/vitest"
import { Command } from "@plantd/hardware"
import { Schema } from "effect"

const members = {
  states: ["ready"],
  attributes: { primed: { type: "boolean" }, flow: { type: "number" } }
}

describe("make", () => {
  it("a command is ordinary, takes nothing, gives nothing and may take 5 s by default", () => {
    const command = Command.make({ effect: "set" })
    expect(command).toMatchObject({
      effect: "set",
      lane: "ordinary",
      takesPayload: false,
      timeout: Command.timeoutMillisDefault,
      allowedIn: undefined
    })
    expect(Command.make({ effect: "set", payload: { a: Schema.Int } }).takesPayload).toBe(true)
  })
})

describe("fault", () => {
  it.each([
    [
      Command.make({ effect: "push" as never }),
      "effect: expected read, set or pulse, got push"
    ],
    [
      Command.make({ effect: "set", lane: "fast" as never }),
      "lane: expected ordinary or emergency, got fast"
    ],
    [
      Command.make({ effect: "set", timeout: 0 }),
      "timeout: expected a positive, finite duration"
    ],
    [
      Command.make({ effect: "set", timeout: "Infinity" as never }),
      "timeout: expected a positive, finite duration"
    ],
    [Command.make({ effect: "set", allowedIn: [] }), "allowedIn: expected at least one state"],
    [
      Command.make({ effect: "set", allowedIn: ["raedy"] }),
      'allowedIn: "raedy" is none of the device\'s states (ready)'
    ],
    [Command.make({ effect: "set", allowedIn: ["ready"] }), undefined],
    [Command.make({ effect: "pulse", verify: "primed" }), undefined],
    [Command.make({ effect: "pulse", verify: { attribute: "flow", equals: [1, 2] } }), undefined],
    [
      Command.make({ effect: "pulse", verify: "prmied" }),
      'verify: the device has no attribute "prmied"'
    ],
    [
      Command.make({ effect: "pulse", verify: "flow" }),
      "verify.equals: attribute flow is a number, got true"
    ],
    [
      Command.make({ effect: "pulse", verify: { attribute: "primed", equals: [] } }),
      "verify.equals: expected at least one value"
    ],
    [
      Command.make({
        effect: "pulse",
        verify: { attribute: "primed", equals: true, within: Infinity }
      }),
      "verify.within: expected a finite duration"
    ]
  ])("of %o names the field", (command, fault) => {
    const checked = command as Command.Any
    if (String(checked.timeout) === "Infinity") {
      expect(Command.fault({ ...checked, timeout: Infinity }, members)).toBe(fault)
    } else {
      expect(Command.fault(checked, members)).toBe(fault)
    }
  })
})
