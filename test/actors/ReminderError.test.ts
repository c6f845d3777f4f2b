import { expect, it } from "@effect/vitest"
import * as ReminderError from "@plantd/actors/ReminderError"

it("each error of reminders says what happened, where, and what to do", () => {
  const address = { type: "Pump", id: "p-1" }
  expect([
    new ReminderError.ReminderExists({ address, name: "calibrate", dueAt: 1_000 }),
    new ReminderError.NotQuarantined({ id: 7 }),
    new ReminderError.RetryFailed({
      id: 7,
      address,
      tag: "Calibrate",
      reason: "attempted",
      cause: "it broke"
    })
  ].map(({ message }) => message)).toEqual([
    'Pump/p-1 has a reminder "calibrate" already, due at 1970-01-01T00:00:01.000Z;'
    + " set it with overwrite: true to replace it",
    "no message 7 is in quarantine; list them again",
    "Calibrate for Pump/p-1 stays in quarantine as 7 (attempted): it broke;"
    + " mend its cause and retry it, or discard it"
  ])
})
