import { describe, expect, it } from "@effect/vitest"
import type { CommandStatus } from "@plantd/hardware"
import { Deferred, Effect, Fiber, Stream } from "effect"
import { rig, within } from "./controlRig.ts"
import { until } from "./peers.ts"
import { simulated } from "./rig.ts"

const device = "p-1"
const prime = { device, command: "prime", given: { text: { seconds: "3" } } }

/** A pump that never answers a command from now on. */
const silence = (plant: { gate: Effect.Effect<void> }) =>
  Effect.sync(() => {
    plant.gate = Effect.never
  })

describe("the journal, through a node's control", () => {
  it.scoped("a command that is asked for twice under one id is carried out once", () =>
    Effect.gen(function*() {
      const { client, plant } = yield* rig
      const again = { ...prime, commandId: "cli-1" }
      expect(yield* within(client.Call(again))).toEqual({ result: true })
      expect(yield* within(client.Call(again))).toEqual({ result: true })
      expect(plant.primed).toBe(1)
      const other = { ...again, given: { text: { seconds: "4" } } }
      expect(yield* within(Effect.flip(client.Call(other)))).toMatchObject({
        _tag: "CommandRejected",
        reason: "duplicate-mismatch"
      })
      expect(yield* within(client.Outcome({ device, commandId: "cli-1" }))).toMatchObject({
        commandId: "cli-1",
        name: "prime",
        state: "succeeded",
        result: true
      })
    }).pipe(simulated))

  it.scoped("shows the newest commands first, as many as are wanted", () =>
    Effect.gen(function*() {
      const { client } = yield* rig
      const write = (commandId: string) =>
        within(
          client.Write({ device, attribute: "speed", given: { text: "5" }, commandId })
        )
      for (const id of ["w-1", "w-2", "w-3"]) yield* write(id)
      const two = yield* within(client.Commands({ device, limit: 2 }))
      expect(two).toHaveLength(2)
      const all = yield* within(client.Commands({ device }))
      expect(all.map(({ commandId }) => commandId).toSorted()).toEqual(["w-1", "w-2", "w-3"])
      expect(yield* within(Effect.flip(client.Outcome({ device, commandId: "w-9" }))))
        .toMatchObject({ _tag: "CommandNotFound" })
    }).pipe(simulated))

  it.scoped("a person decides what nobody can tell, and only that", () =>
    Effect.gen(function*() {
      const { client, plant } = yield* rig
      const seen: Array<CommandStatus.CommandStatus> = []
      yield* Effect.forkScoped(
        Stream.runForEach(client.WatchCommands({ device }), (status) =>
          Effect.sync(() => seen.push(status)))
      )
      yield* silence(plant)
      const call = client.Call({ ...prime, commandId: "lost" }, { timeout: "1 minute" })
      expect(yield* within(Effect.flip(call))).toMatchObject({
        _tag: "OutcomeUnknown",
        commandId: "lost"
      })
      const open = Effect.map(
        client.Outcome({ device, commandId: "lost" }),
        ({ state }) =>
          state === "unresolved"
      )
      yield* within(Effect.repeat(open, { until: (is) => is }))
      const resolve = client.Resolve({
        device,
        commandId: "lost",
        outcome: "failed",
        by: "anna",
        note: "the pump is dry"
      })
      expect(yield* within(resolve)).toMatchObject({ state: "failed", settledBy: "person" })
      expect(yield* within(Effect.flip(resolve))).toMatchObject({ _tag: "CommandNotOpen" })
      yield* until("it is told", Effect.sync(() => seen.some(({ state }) => state === "failed")))
      expect(seen.map(({ state }) => state)).toContain("outcome-unknown")
    }).pipe(simulated))

  it.scoped("takes a command back that waits still", () =>
    Effect.gen(function*() {
      const { client, plant } = yield* rig
      const gate = yield* Deferred.make<void>()
      plant.gate = Deferred.await(gate)
      const first = yield* Effect.fork(client.Call({ ...prime, commandId: "c-1" }))
      const started = Effect.map(client.Commands({ device }), (all) => all.length === 1)
      yield* within(Effect.repeat(started, { until: (is) => is }))
      const second = yield* Effect.fork(Effect.flip(client.Call({ ...prime, commandId: "c-2" })))
      const queued = Effect.option(client.Outcome({ device, commandId: "c-2" }))
      yield* within(Effect.repeat(queued, { until: ({ _tag }) => _tag === "Some" }))
      expect(yield* within(client.Cancel({ device, commandId: "c-2" }))).toMatchObject({
        state: "cancelled"
      })
      expect(yield* within(Fiber.join(second))).toMatchObject({ _tag: "CommandCancelled" })
      yield* Deferred.succeed(gate, undefined)
      yield* within(Fiber.join(first))
      expect(plant.primed).toBe(1)
    }).pipe(simulated))
})

describe("who may command a device, through a node's control", () => {
  it.scoped("is the session that has taken it, until it is given back", () =>
    Effect.gen(function*() {
      const { client, plant } = yield* rig
      const write = (session?: string) =>
        within(client.Write({
          device,
          attribute: "speed",
          given: { text: "9" },
          ...session === undefined ? {} : { session }
        }))
      yield* within(client.Acquire({ device, session: "anna", ttlMillis: 600_000 }))
      expect((yield* within(client.ListDevices()))[0]?.lease).toMatchObject({ session: "anna" })
      expect(yield* Effect.flip(write())).toMatchObject({ reason: "not-owner" })
      expect(yield* Effect.flip(write("ben"))).toMatchObject({ reason: "not-owner" })
      const other = client.Acquire({ device, session: "ben", ttlMillis: 600_000 })
      expect(yield* within(Effect.flip(other))).toMatchObject({
        _tag: "LeaseHeld",
        session: "anna"
      })
      yield* write("anna")
      expect(plant.speed).toBe(9)
      yield* within(client.Release({ device, session: "anna" }))
      yield* write()
    }).pipe(simulated))

  it.scoped("is nobody while it is out of service, but for emergencies", () =>
    Effect.gen(function*() {
      const { client, plant } = yield* rig
      yield* within(client.Deactivate({ device, by: "anna", reason: "new seal" }))
      expect((yield* within(client.ListDevices()))[0]?.lifecycle).toMatchObject({
        state: "inactive",
        by: "anna",
        reason: "new seal"
      })
      expect(yield* within(Effect.flip(client.Call(prime)))).toMatchObject({
        _tag: "CommandRejected"
      })
      yield* within(client.Call({ device, command: "stop" }))
      expect(plant).toMatchObject({ primed: 0, stopped: 1 })
      expect(yield* within(client.Activate({ device, by: "anna" }))).toMatchObject({
        state: "active"
      })
      yield* within(client.Call(prime))
    }).pipe(simulated))
})
