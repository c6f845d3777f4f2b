import { describe, expect, it } from "@effect/vitest"
import type { Alarm } from "@plantd/core"
import { Effect, Fiber, Stream } from "effect"
import { rig, within } from "./controlRig.ts"
import { inTime, until } from "./peers.ts"
import { simulated } from "./rig.ts"

/** p-2 has no device process: its link cannot come about, and that is an alarm. */
const lost = Effect.gen(function*() {
  const { client } = yield* rig
  const link = Effect.map(
    client.Alarms({ device: "p-2" }),
    ([of]) => of?.alarms.find(({ alarm }) => alarm === "link")
  )
  let raised: Alarm.Instance | undefined
  yield* Effect.forkScoped(
    Stream.runForEach(client.WatchAlarms({ device: "p-2" }), (instance) =>
      Effect.sync(() => {
        if (instance.state === "active-unacked") raised = instance
      }))
  )
  yield* inTime("the link is given up", Effect.sync(() => raised !== undefined))
  const seen = {
    device: "p-2",
    alarm: "link",
    occurrenceId: raised?.occurrenceId ?? "",
    severity: raised?.unacknowledged ?? "info",
    by: "anna"
  }
  return { client, link, seen }
})

describe("alarms, through a node's control", () => {
  it.scoped("are shown of one device or of all, and counted in the list", () =>
    Effect.gen(function*() {
      const { client } = yield* lost
      const all = yield* within(client.Alarms({}))
      expect(all.map(({ device }) => device)).toEqual(["p-1", "p-2"])
      expect(all[0]?.alarms.map(({ state }) => state)).not.toContain("active-unacked")
      const [first, second] = yield* within(client.ListDevices())
      expect(first?.alarms).toEqual({ annunciated: 0, unacknowledged: 0 })
      expect(second?.alarms).toEqual({ annunciated: 1, unacknowledged: 1, severity: "major" })
    }).pipe(simulated))

  it.scoped("are acknowledged by what was seen, and not by anything else", () =>
    Effect.gen(function*() {
      const { client, seen } = yield* lost
      const ack = (more: object) => client.Acknowledge({ ...seen, ...more })
      expect(yield* within(Effect.flip(ack({ occurrenceId: "link#1.9" })))).toMatchObject({
        _tag: "AcknowledgementStale",
        reason: "other-occurrence"
      })
      expect(yield* within(Effect.flip(ack({ severity: "minor" })))).toMatchObject({
        _tag: "AcknowledgementStale",
        reason: "severity-rose"
      })
      expect(yield* within(ack({}))).toMatchObject({
        state: "active-acked",
        acknowledged: { by: "anna", severity: "major" }
      })
    }).pipe(simulated))

  it.scoped("are shelved for a time, and put back", () =>
    Effect.gen(function*() {
      const { client, link, seen } = yield* lost
      const what = { device: "p-2", alarm: "link", by: "anna" }
      const shelve = (forMillis: number) =>
        client.Shelve({ ...what, forMillis, reason: "not installed yet" })
      expect(yield* within(shelve(60_000))).toMatchObject({
        shelved: { by: "anna", reason: "not installed yet" }
      })
      expect((yield* within(client.ListDevices()))[1]?.alarms).toMatchObject({ annunciated: 0 })
      expect(yield* within(Effect.flip(shelve(0)))).toMatchObject({ _tag: "ShelvingInvalid" })
      yield* within(client.Unshelve(what))
      expect((yield* within(link))?.shelved).toBeUndefined()
      expect((yield* within(link))?.occurrenceId).toBe(seen.occurrenceId)
    }).pipe(simulated))

  it.scoped("are streamed of one device or of all: where they stand, then each change", () =>
    Effect.gen(function*() {
      const { client, seen } = yield* lost
      const told: Array<string> = []
      const fiber = yield* Effect.fork(
        Stream.runForEach(
          client.WatchAlarms({}),
          ({ alarm, device, state }) => Effect.sync(() => told.push(`${device} ${alarm} ${state}`))
        )
      )
      yield* until("it is told", Effect.sync(() => told.includes("p-2 link active-unacked")))
      yield* within(client.Acknowledge(seen))
      yield* until("it is told", Effect.sync(() => told.includes("p-2 link active-acked")))
      expect(told).toContain("p-1 link normal")
      yield* Fiber.interrupt(fiber)
      const one = client.WatchAlarms({ device: "p-1" }).pipe(Stream.take(2), Stream.runCollect)
      for (const { device } of yield* within(one)) expect(device).toBe("p-1")
    }).pipe(simulated))

  it.scoped("of a name that is not there are answered with the nearest that is", () =>
    Effect.gen(function*() {
      const { client } = yield* lost
      const unshelve = client.Unshelve({ device: "p-2", alarm: "lnik", by: "anna" })
      expect(yield* within(Effect.flip(unshelve))).toMatchObject({
        _tag: "MemberUnknown",
        kind: "alarm",
        nearest: "link"
      })
      expect(yield* within(Effect.flip(client.Alarms({ device: "p2" })))).toMatchObject({
        _tag: "DeviceUnknown"
      })
    }).pipe(simulated))
})
