import { expect, it } from "@effect/vitest"
import { LifecycleEvent } from "@plantd/actors"
import { Schema } from "effect"

it("events are plain data: what is encoded is what is decoded", () => {
  const address = { type: "Pump", id: "p-1" }
  const events: ReadonlyArray<LifecycleEvent.LifecycleEvent> = [
    { _tag: "Started", address, incarnation: 1, at: 0 },
    { _tag: "Crashed", address, incarnation: 1, at: 1, cause: "Error: broken" },
    { _tag: "Restarting", address, incarnation: 1, at: 1, delayMillis: 100 },
    { _tag: "Stopped", address, incarnation: 2, at: 2, reason: "stopped" },
    { _tag: "DeadLetter", address, tag: "Start", reason: "stopped", at: 3 },
    { _tag: "EventsLost", count: 7 }
  ]
  const codec = Schema.Array(LifecycleEvent.LifecycleEvent)
  const encoded = JSON.parse(JSON.stringify(Schema.encodeSync(codec)(events)))
  expect(Schema.decodeUnknownSync(codec)(encoded)).toEqual(events)
})
