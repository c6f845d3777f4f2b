import { describe, expect, it } from "@effect/vitest"
import { Fence, Identifier } from "@plantd/core"
import { type CommandJournal, DeviceStore } from "@plantd/hardware"
import { Effect } from "effect"

const device = { type: "Pump", id: "p-1" }
const intent = (id: string, intentAt = 1_000): CommandJournal.Intent => ({
  commandId: Identifier.CommandId.make(id),
  name: "prime",
  args: "null",
  effect: "pulse",
  intentAt
})

describe("a store of devices", () => {
  it.effect("gives fences that grow, and takes nothing from a lower one", () =>
    Effect.gen(function*() {
      const store = yield* DeviceStore
      const first = yield* store.claim(device, { fence: undefined })
      const second = yield* store.claim(device, { fence: Fence.Fence.make(8) })
      expect([first.fence, second.fence]).toEqual([1, 8])
      const old = { device, fence: first.fence }
      const writes = [
        store.intend(old, intent("c-1")),
        store.sent(old, { commandId: "c-1", sentAt: 1 }),
        store.settle(old, "c-1", { state: "failed", outcomeAt: 1 }),
        store.forget(old, { before: 0, keep: 1 }),
        store.saveAlarms(old, []),
        store.saveLease(old, undefined),
        store.saveOutOfService(old, undefined),
        store.claim(device, { fence: Fence.Fence.make(7) })
      ]
      for (const write of writes) {
        expect(yield* Effect.flip<unknown, unknown, never>(write)).toMatchObject({
          _tag: "Superseded",
          stored: 8
        })
      }
      expect(yield* store.find(device, "c-1")).toBeUndefined()
    }).pipe(Effect.provide(DeviceStore.layerMemory)))

  it.effect("keeps one record per command id, and gives it to who intends it again", () =>
    Effect.gen(function*() {
      const store = yield* DeviceStore
      const { fence } = yield* store.claim(device, { fence: undefined })
      const holder = { device, fence }
      expect(yield* store.intend(holder, intent("c-1"))).toBeUndefined()
      yield* store.sent(holder, { commandId: "c-1", sentAt: 1_001 })
      const settlement = { state: "succeeded", result: "true", outcomeAt: 1_002 } as const
      yield* store.settle(holder, "c-1", settlement)
      const known = yield* store.intend(holder, intent("c-1", 5_000))
      expect(known).toMatchObject({ intentAt: 1_000, sentAt: 1_001, ...settlement })
    }).pipe(Effect.provide(DeviceStore.layerMemory)))

  it.effect("tells who claims a device what is unsettled, and forgets the finished alone", () =>
    Effect.gen(function*() {
      const store = yield* DeviceStore
      const { fence } = yield* store.claim(device, { fence: undefined })
      const holder = { device, fence }
      for (const [index, id] of ["a", "b", "c", "d"].entries()) {
        yield* store.intend(holder, intent(id, index))
      }
      yield* store.settle(holder, "b", { state: "succeeded", outcomeAt: 10 })
      yield* store.settle(holder, "c", { state: "failed", outcomeAt: 20 })
      yield* store.settle(holder, "d", { state: "outcome-unknown", outcomeAt: 5 })
      expect(yield* store.forget(holder, { before: 15, keep: 10 })).toBe(1)
      const { unsettled } = yield* store.claim(device, { fence: undefined })
      expect(unsettled.map(({ commandId }) => commandId)).toEqual(["a", "d"])
      const ids = (yield* store.history(device, { limit: 10 })).map((row) => row.commandId)
      expect(ids).toEqual(["d", "c", "a"])
      expect(yield* store.history(device, { before: 2, limit: 10 })).toHaveLength(1)
    }).pipe(Effect.provide(DeviceStore.layerMemory)))

  it.effect("keeps alarms, the lease, and the mark that a device is out of service", () =>
    Effect.gen(function*() {
      const store = yield* DeviceStore
      const { fence } = yield* store.claim(device, { fence: undefined })
      const holder = { device, fence }
      const lease = { session: "s-1", expiresAt: 9_000 }
      const outOfService = { by: "ann", reason: "maintenance", at: 1 }
      yield* store.saveAlarms(holder, [{ alarm: "flow.high", value: "1" }])
      yield* store.saveAlarms(holder, [{ alarm: "flow.high", value: "2" }])
      yield* store.saveLease(holder, lease)
      yield* store.saveOutOfService(holder, outOfService)
      expect(yield* store.claim(device, { fence: undefined })).toMatchObject({
        alarms: [{ alarm: "flow.high", value: "2" }],
        lease,
        outOfService
      })
    }).pipe(Effect.provide(DeviceStore.layerMemory)))
})
