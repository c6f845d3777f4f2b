import { expect, it } from "@effect/vitest"
import type { CommandStatus } from "@plantd/hardware"
import { CommandView } from "@plantd/node"

const now = 1_700_000_000_000

const status: CommandStatus.CommandStatus = {
  device: "p-1",
  commandId: "c-1",
  name: "prime",
  state: "succeeded",
  at: now - 90_000
}

it("commands are shown with where they stand, who said so, and what is known", () => {
  expect(CommandView.commands([
    { ...status, result: true, settledBy: "answer" },
    { ...status, commandId: "c-2", state: "executing", progress: 0.256, session: "anna" },
    { ...status, commandId: "c-3", state: "unresolved", detail: "nothing was heard of it" }
  ], now)).toEqual([
    "    AGE  COMMAND ID  COMMAND  STATE           SAID BY  SESSION  NOTE",
    "1.5 min  c-1         prime    succeeded       answer            true",
    "1.5 min  c-2         prime    executing 26 %           anna",
    "1.5 min  c-3         prime    unresolved                        nothing was heard of it"
  ])
  expect(CommandView.commands([], now)[0]).toContain("no command was sent")
})

it("one command is one line", () => {
  expect(CommandView.command({ ...status, settledBy: "person", detail: "looked" })).toMatch(
    /^\d\d:\d\d:\d\d\.\d{3} {2}p-1 {2}prime {2}c-1 {2}succeeded \(by person\): looked$/
  )
  expect(CommandView.command({ ...status, state: "executing" })).toMatch(/c-1 {2}executing$/)
})

it("who operates a device is said with the time that is left", () => {
  const lease = { device: "p-1", session: "anna" }
  expect(CommandView.leased({ ...lease, expiresAt: now + 60_000 }, now)).toBe(
    "p-1: session anna operates it for 1 min"
  )
  expect(CommandView.leased(lease, now)).toContain("does not operate it any more")
})

it("whether a device is in service is said with who took it out, and why", () => {
  expect(CommandView.serviced("p-1", { state: "active", since: 0 })).toBe("p-1: in service")
  expect(
    CommandView.serviced("p-1", { state: "inactive", since: 0, by: "anna", reason: "new seal" })
  ).toBe("p-1: out of service by anna: new seal")
  expect(CommandView.serviced("p-1", { state: "activating", since: 0 })).toBe("p-1: activating")
})
