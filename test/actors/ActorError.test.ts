import { describe, expect, it } from "@effect/vitest"
import { ActorAddress, ActorError } from "@plantd/actors"
import { Cause, Schema } from "effect"

const address = { type: "Pump", id: "p-1" }

describe("messages", () => {
  it("AskTimeout says whether the outcome is unknown or nothing was done", () => {
    const timeout = { address, tag: "Start", timeoutMillis: 5_000 }
    expect(new ActorError.AskTimeout({ ...timeout, outcome: "unknown" }).message).toBe(
      "Pump/p-1 did not answer Start within 5000 ms;"
        + " its handler had begun, so the outcome is unknown"
    )
    expect(new ActorError.AskTimeout({ ...timeout, outcome: "not-handled" }).message).toContain(
      "nothing was done"
    )
  })

  it("ActorStopped shows the way out where its supervision stopped it, and only there", () => {
    const stopped = (reason: ActorError.StopReason) =>
      new ActorError.ActorStopped({ address, reason }).message
    expect(stopped("restart-limit")).toContain("ActorSystem.revive")
    expect(stopped("stopped")).not.toContain("revive")
  })

  it("MailboxFull names the bound, ActorNotRegistered what is registered", () => {
    expect(new ActorError.MailboxFull({ address, tag: "Start", capacity: 8 }).message).toContain(
      "holds 8 messages already"
    )
    expect(
      new ActorError.ActorNotRegistered({ address, registered: ["Valve", "Tank"] }).message
    ).toContain("registered: Valve, Tank")
    const { message } = new ActorError.ActorNotRegistered({
      address,
      registered: ["Tank"],
      node: "10.0.0.7:7700"
    })
    for (const said of ["node 10.0.0.7:7700", "it has: Tank", "modules", "weight 0"]) {
      expect(message).toContain(said)
    }
  })
})

it("every error survives encoding and decoding", () => {
  const errors: ReadonlyArray<ActorError.AskError> = [
    new ActorError.AskTimeout({ address, tag: "A", timeoutMillis: 1, outcome: "unknown" }),
    new ActorError.ActorCrashed({ address, tag: "A", cause: Cause.die("broken") }),
    new ActorError.ActorStopped({ address, reason: "stopped" }),
    new ActorError.MailboxFull({ address, tag: "A", capacity: 1 }),
    new ActorError.ActorNotRegistered({ address, registered: [] })
  ]
  for (const error of errors) {
    const encoded = JSON.parse(JSON.stringify(Schema.encodeSync(ActorError.AskError)(error)))
    const decoded = Schema.decodeUnknownSync(ActorError.AskError)(encoded)
    expect(decoded._tag).toBe(error._tag)
    expect(decoded.message).toContain(ActorAddress.format(address))
  }
})

describe("an AskTimeout with a chain", () => {
  it("says who waits for whom, where there is more than one", () => {
    const timeout = { address, tag: "Start", timeoutMillis: 5, outcome: "unknown" as const }
    const chain = ["Pump/p-1.Start", "Valve/v.Open", "Pump/p-1.Start"]
    expect(new ActorError.AskTimeout({ ...timeout, chain }).message).toMatch(
      /; waiting: Pump\/p-1.Start -> Valve\/v.Open -> Pump\/p-1.Start$/
    )
    const alone = new ActorError.AskTimeout({ ...timeout, chain: ["Pump/p-1.Start"] })
    expect(alone.message).not.toContain("waiting")
  })
})

it("limits, timeouts and watches say what was exceeded, by how much, and what to do", () => {
  const limit = new ActorError.LimitExceeded({ address, limit: "timersMax", max: 3 })
  expect(limit.message).toBe("Pump/p-1 would exceed timersMax, which is 3")
  const slow = new ActorError.HandlerTimeout({ address, tag: "Start", timeoutMillis: 7 })
  expect(slow.message).toBe("Pump/p-1 handled Start for more than 7 ms")
  expect(new ActorError.CannotWatchItself({ address }).message).toContain("use ActorContext.onEnd")
  expect(new ActorError.StashFull({ address, tag: "Start", capacity: 2 }).message).toContain(
    "has put aside 2 messages already"
  )
})
