import { describe, expect, it } from "@effect/vitest"
import { Epoch, Fence, Identifier } from "@plantd/core"
import { CommandJournal } from "@plantd/hardware"

const intent = {
  commandId: Identifier.CommandId.make("c-1"),
  name: "prime",
  args: '{"seconds":3}',
  effect: "pulse",
  epoch: Epoch.first,
  intentAt: 1_000
} as const
const record = CommandJournal.begin(intent, Fence.Fence.make(7))

describe("the journal of a device's commands", () => {
  it("begins with a command of unknown outcome, under the fence of who sends it", () => {
    expect(record).toEqual({ ...intent, fence: 7, state: "executing" })
  })

  it("keeps a settled outcome, whatever is said later", () => {
    const done = { state: "succeeded", settledBy: "answer", outcomeAt: 2_000 } as const
    const settled = CommandJournal.settle(record, done)
    expect(settled).toMatchObject(done)
    for (const state of ["outcome-unknown", "failed", "unresolved"] as const) {
      expect(CommandJournal.settle(settled, { state, outcomeAt: 3_000 })).toBe(settled)
    }
  })

  it("lets an unknown outcome be settled, by whoever finds out", () => {
    const unknown = CommandJournal.settle(record, { state: "outcome-unknown", outcomeAt: 2_000 })
    expect(CommandJournal.isSettled(unknown.state)).toBe(false)
    const unresolved = CommandJournal.settle(unknown, { state: "unresolved", outcomeAt: 3_000 })
    const settled = CommandJournal.settle(unresolved, {
      state: "failed",
      settledBy: "person",
      detail: "looked",
      outcomeAt: 4_000
    })
    expect(settled).toMatchObject({ state: "failed", settledBy: "person", detail: "looked" })
  })

  it.each([
    ["prime", '{"seconds":3}', true],
    ["prime", '{"seconds":4}', false],
    ["stop", '{"seconds":3}', false]
  ])("takes %s with %s for the same as what was asked: %s", (name, args, same) => {
    expect(CommandJournal.asksTheSame(intent, { name, args })).toBe(same)
  })
})
