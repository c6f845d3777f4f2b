import { describe, expect, it } from "@effect/vitest"
import { ActorSystem, DurableError } from "@plantd/actors"
import { DeviceStore, type DeviceStoreService } from "@plantd/hardware"
import { Context, Effect, Layer, TestClock } from "effect"
import { settle, until } from "./peers.ts"
import { makePlant, Pump, pumpLayer, serve } from "./pump.ts"
import { endpoints, reaches, simulated } from "./rig.ts"

const full = new DurableError.StoreUnavailable({
  reason: "full",
  outcome: "not-written",
  detail: "SQLITE_FULL"
})

/** A store whose disk can be full, or which can be mute. */
const fragile = Effect.gen(function*() {
  const context = yield* Layer.build(DeviceStore.layerMemory)
  const store = Context.get(context, DeviceStore)
  const disk: { state: "well" | "full" | "mute" } = { state: "well" }
  const on = <A, E>(write: Effect.Effect<A, E>) =>
    Effect.suspend((): Effect.Effect<A, E | typeof full> =>
      disk.state === "well" ? write : disk.state === "full" ? Effect.fail(full) : Effect.never
    )
  const service: DeviceStoreService = {
    ...store,
    find: (device, id) => on(store.find(device, id)),
    intend: (holder, intent) => on(store.intend(holder, intent)),
    settle: (holder, id, settlement) => on(store.settle(holder, id, settlement)),
    saveLease: (holder, lease) => on(store.saveLease(holder, lease)),
    saveOutOfService: (holder, mark) => on(store.saveOutOfService(holder, mark))
  }
  return { disk, service, store }
})

const rig = Effect.gen(function*() {
  const plant = makePlant()
  yield* serve(plant, endpoints)
  const { disk, service, store } = yield* fragile
  const context = yield* Layer.build(
    pumpLayer(endpoints).pipe(
      Layer.provideMerge(ActorSystem.layer),
      Layer.provide(Layer.succeed(DeviceStore, service))
    )
  )
  const pump = (yield* Effect.provide(Pump.client, context))("p-1")
  yield* reaches(pump, "online")
  return { plant, pump, disk, store }
})

describe("while the journal cannot be written", () => {
  it.scoped("no ordinary command is sent, and the error says why", () =>
    Effect.gen(function*() {
      const { disk, plant, pump } = yield* rig
      disk.state = "full"
      const error = yield* Effect.flip(pump.write.speed(5))
      expect(error).toMatchObject({ _tag: "JournalUnavailable", operation: "write.speed" })
      expect(error.message).toContain("was not sent, since the journal of commands did not take it")
      expect(error.message).toContain("SQLITE_FULL")
      expect(plant.speed).toBe(0)
      disk.state = "well"
      yield* pump.write.speed(5)
      expect(plant.speed).toBe(5)
    }).pipe(simulated))

  it.scoped("an emergency command goes out all the same", () =>
    Effect.gen(function*() {
      const { disk, plant, pump } = yield* rig
      disk.state = "full"
      yield* pump.stop()
      expect(plant.stopped).toBe(1)
    }).pipe(simulated))

  it.scoped("an emergency command waits for it a quarter of a second at most", () =>
    Effect.gen(function*() {
      const { disk, plant, pump } = yield* rig
      disk.state = "mute"
      yield* Effect.fork(pump.stop())
      yield* settle
      expect(plant.stopped).toBe(0)
      yield* TestClock.adjust("250 millis")
      yield* until("it was sent", Effect.sync(() => plant.stopped === 1))
    }).pipe(simulated))

  it.scoped("what the device answered is told, and stored when that can be done again", () =>
    Effect.gen(function*() {
      const { disk, plant, pump, store } = yield* rig
      plant.gate = Effect.sync(() => void (disk.state = "full"))
      yield* pump.write.speed(5, { commandId: "w-1" })
      const device = { type: "Pump", id: "p-1" }
      expect((yield* store.find(device, "w-1"))?.state).toBe("executing")
      disk.state = "well"
      yield* TestClock.adjust("1 second")
      expect(yield* store.find(device, "w-1")).toMatchObject({
        state: "succeeded",
        settledBy: "answer"
      })
    }).pipe(simulated))

  it.scoped("a command that may have been sent before is unknown, and a stop goes out", () =>
    Effect.gen(function*() {
      const { disk, plant, pump } = yield* rig
      yield* pump.write.speed(5, { commandId: "w-1" })
      disk.state = "full"
      const error = yield* Effect.flip(pump.write.speed(5, { commandId: "w-1" }))
      expect(error).toMatchObject({ _tag: "OutcomeUnknown", commandId: "w-1" })
      expect(error.message).toContain("it may have been sent before")
      yield* pump.stop({ commandId: "s-1" })
      expect(plant.stopped).toBe(1)
    }).pipe(simulated))

  it.scoped("no lease is given, and a device that was taken out of service stays so", () =>
    Effect.gen(function*() {
      const { disk, pump } = yield* rig
      disk.state = "full"
      const lease = yield* Effect.flip(pump.lease.acquire({ session: "ann", ttl: "1 minute" }))
      expect(lease._tag).toBe("StoreUnavailable")
      expect(yield* pump.lease.holder).toBeUndefined()
      const mark = yield* Effect.flip(pump.lifecycle.deactivate({ by: "ann" }))
      expect(mark._tag).toBe("StoreUnavailable")
      expect((yield* pump.lifecycle.state).state).toBe("inactive")
      expect((yield* Effect.flip(pump.lifecycle.activate({ by: "ann" })))._tag).toBe(
        "StoreUnavailable"
      )
      expect((yield* pump.lifecycle.state).state).toBe("inactive")
    }).pipe(simulated))
})
