import { describe, expect, it } from "@effect/vitest"
import { Fence, Identifier } from "@plantd/core"
import { CommandJournal, CommandStatus } from "@plantd/hardware"

const record = CommandJournal.begin({
  commandId: Identifier.CommandId.make("c-1"),
  name: "prime",
  args: "null",
  effect: "pulse",
  intentAt: 1_000
}, Fence.Fence.make(1))

describe("the status of a command", () => {
  it("is that of its record, as of the last thing that is known", () => {
    expect(CommandStatus.ofRecord("p-1", record)).toEqual({
      device: "p-1",
      commandId: "c-1",
      name: "prime",
      state: "executing",
      at: 1_000
    })
    const sent = { ...record, sentAt: 1_001, session: "ann" }
    expect(CommandStatus.ofRecord("p-1", sent)).toMatchObject({ at: 1_001, session: "ann" })
  })

  it("has the result, the detail and who settled it, where they are known", () => {
    const done = {
      ...record,
      state: "succeeded",
      result: "[true]",
      detail: "d",
      settledBy: "verify",
      outcomeAt: 2_000
    } as const
    expect(CommandStatus.ofRecord("p-1", done)).toMatchObject({
      state: "succeeded",
      result: [true],
      detail: "d",
      settledBy: "verify",
      at: 2_000
    })
  })
})
