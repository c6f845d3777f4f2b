import { describe, expect, it } from "@effect/vitest"
import { Command } from "@plantd/core"

const states = Command.State.literals

/** The whole table: every pair that is not in it must be refused. */
const transitions: Record<Command.State, ReadonlyArray<Command.State>> = {
  received: ["accepted", "rejected"],
  accepted: ["queued", "executing", "expired", "cancelled"],
  queued: ["executing", "expired", "cancelled"],
  executing: ["succeeded", "failed", "cancelled", "outcome-unknown"],
  rejected: [],
  expired: [],
  cancelled: [],
  succeeded: [],
  failed: [],
  "outcome-unknown": ["succeeded", "failed", "unresolved"],
  unresolved: ["succeeded", "failed"]
}

const reachable = (from: Command.State, seen = new Set<Command.State>()): Set<Command.State> => {
  for (const to of states.filter((state) => Command.canFollow(from, state) && !seen.has(state))) {
    reachable(to, seen.add(to))
  }
  return seen
}

describe("Command", () => {
  it.each(states)("from %s it goes on as the table says, and in no other way", (from) => {
    expect(states.filter((to) => Command.canFollow(from, to)).sort()).toEqual(
      [...transitions[from]].sort()
    )
  })

  it("every state can come of a received command, and none leads back to received", () => {
    expect([...reachable("received")].sort()).toEqual(
      states.filter((state) => state !== "received").sort()
    )
  })

  it("a command that was rejected or has expired can never have been executed", () => {
    for (const refused of ["rejected", "expired"] as const) {
      expect(Command.isFinal(refused)).toBe(true)
      expect(reachable("executing")).not.toContain(refused)
    }
  })

  it("an unknown outcome is not final, and is never executed again", () => {
    for (const unknown of ["outcome-unknown", "unresolved"] as const) {
      expect(Command.isFinal(unknown)).toBe(false)
      expect(reachable(unknown)).not.toContain("executing")
    }
  })

  it("the final states are those that nothing follows", () => {
    expect(states.filter(Command.isFinal).sort()).toEqual(
      ["cancelled", "expired", "failed", "rejected", "succeeded"]
    )
  })

  it.each<[Command.Effect, Command.Sent, boolean]>([
    ["read", "not-sent", true],
    ["read", "perhaps-sent", true],
    ["set", "not-sent", true],
    ["set", "perhaps-sent", false],
    ["pulse", "not-sent", true],
    ["pulse", "perhaps-sent", false]
  ])("a %s that was %s may be sent again by the runtime: %s", (effect, sent, may) => {
    expect(Command.mayResend(effect, sent)).toBe(may)
  })
})
