/** What every store of devices promises. */
import { describe, expect, it } from "@effect/vitest"
import { Epoch } from "@plantd/core"
import { CommandJournal, DeviceStore, type DeviceStoreService } from "@plantd/hardware"
import { Effect, type Layer } from "effect"
import { claim, contents, device, holding, intent, writesOf } from "./deviceStores.ts"

/** Checks a store, each promise on one that is new. */
export const deviceStoreContract = (where: string, layer: Layer.Layer<DeviceStore>) =>
  describe(`a store of devices ${where}`, () => {
    const promise = (
      sentence: string,
      test: (store: DeviceStoreService) => Effect.Effect<void, unknown>
    ) => it.effect(sentence, () => Effect.provide(Effect.flatMap(DeviceStore, test), layer))

    promise("gives fences that grow, to each device its own", (store) =>
      Effect.gen(function*() {
        expect((yield* claim(store)).claimed).toEqual({
          fence: 1,
          lease: undefined,
          outOfService: undefined,
          alarms: [],
          unsettled: []
        })
        expect((yield* claim(store)).holder.fence).toBe(2)
        const other = yield* store.claim({ type: "Pump", id: "p-2" }, { fence: undefined })
        expect(other.fence).toBe(1)
      }))

    promise(
      "takes a fence that was given where no higher one is stored",
      (store) =>
        Effect.gen(function*() {
          expect((yield* claim(store, 7)).holder.fence).toBe(7)
          expect((yield* claim(store, 7)).holder.fence).toBe(7)
          const late = yield* Effect.flip(claim(store, 6))
          expect(late).toMatchObject({
            _tag: "Superseded",
            address: device,
            name: "device",
            ours: 6,
            stored: 7
          })
          expect((yield* claim(store)).holder.fence).toBe(8)
        })
    )

    promise(
      "takes nothing from whoever holds a device by a lower fence",
      (store) =>
        Effect.gen(function*() {
          const { holder } = yield* claim(store, 8)
          yield* store.intend(holder, intent("c-1"))
          yield* store.saveAlarms(holder, [{ alarm: "flow.high", value: "1" }])
          yield* store.saveLease(holder, { session: "s-1", expiresAt: 9_000 })
          yield* store.saveOutOfService(holder, { by: "ann", reason: "a leak", at: 1 })
          const before = { ...(yield* contents(store)), fence: 10 }
          for (const [kind, write] of Object.entries(writesOf(store, holding(7)))) {
            const error = yield* Effect.flip<unknown, unknown, never>(write)
            expect({ kind, ...(error as object) }).toMatchObject({
              kind,
              _tag: "Superseded",
              ours: 7,
              stored: 9
            })
          }
          expect(yield* contents(store)).toEqual(before)
        })
    )

    promise(
      "keeps a command as it was intended, sent and settled",
      (store) =>
        Effect.gen(function*() {
          const { holder } = yield* claim(store, 4)
          const full = intent("c-1", {
            session: "s-1",
            epoch: Epoch.Epoch.make(3),
            effect: "set",
            args: "\"\\u0000 'é' 😀\""
          })
          expect(yield* store.intend(holder, full)).toBeUndefined()
          expect(yield* store.find(device, "c-1")).toEqual({
            ...full,
            fence: 4,
            state: "executing"
          })
          yield* store.sent(holder, { commandId: "c-1", sentAt: 1_001 })
          yield* store.settle(holder, "c-1", {
            state: "outcome-unknown",
            detail: "no answer",
            outcomeAt: 1_500
          })
          const settlement = {
            state: "succeeded",
            result: "true",
            settledBy: "verify",
            outcomeAt: 2_000
          } as const
          yield* store.settle(holder, "c-1", settlement)
          const record = {
            ...full,
            fence: 4,
            sentAt: 1_001,
            detail: "no answer",
            ...settlement
          }
          expect(yield* store.find(device, "c-1")).toEqual(record)
          expect(yield* store.history(device, { limit: 1 })).toEqual([record])
          expect(yield* store.find(device, "c-2")).toBeUndefined()
          expect(yield* store.find({ type: "Pump", id: "p-2" }, "c-1")).toBeUndefined()
        })
    )

    promise(
      "learns with the outcome when a command was sent, where that was not stored before",
      (store) =>
        Effect.gen(function*() {
          const { holder } = yield* claim(store)
          yield* store.intend(holder, intent("c-1"))
          const unknown = { state: "outcome-unknown", sentAt: 1_001, outcomeAt: 1_500 } as const
          yield* store.settle(holder, "c-1", unknown)
          const known = { ...intent("c-1"), fence: 1, ...unknown }
          expect(yield* store.find(device, "c-1")).toEqual(known)
          const settlement = { state: "succeeded", result: "true", outcomeAt: 2_000 } as const
          yield* store.settle(holder, "c-1", settlement)
          expect(yield* store.find(device, "c-1")).toEqual({ ...known, ...settlement })
        })
    )

    promise(
      "keeps one record per command id, and gives it to who intends it again",
      (store) =>
        Effect.gen(function*() {
          const { holder } = yield* claim(store)
          yield* store.intend(holder, intent("c-1"))
          const settlement = { state: "succeeded", result: "true", outcomeAt: 1_002 } as const
          yield* store.settle(holder, "c-1", settlement)
          const known = yield* store.intend(holder, intent("c-1", { args: "4", intentAt: 5_000 }))
          expect(known).toEqual({ ...intent("c-1"), fence: 1, ...settlement })
          expect(yield* store.history(device, { limit: 10 })).toHaveLength(1)
        })
    )

    promise(
      "changes nothing of a settled command, nor of one that it does not know",
      (store) =>
        Effect.gen(function*() {
          const { holder } = yield* claim(store)
          yield* store.intend(holder, intent("c-1"))
          for (const state of CommandJournal.State.literals) {
            if (state === "executing" || !CommandJournal.isSettled(state)) continue
            yield* store.intend(holder, intent(state))
            yield* store.settle(holder, state, { state, outcomeAt: 2_000 })
            yield* store.settle(holder, state, {
              state: "unresolved",
              detail: "late",
              outcomeAt: 3
            })
            expect(yield* store.find(device, state)).toMatchObject({ state, outcomeAt: 2_000 })
          }
          yield* store.settle(holder, "c-2", { state: "failed", outcomeAt: 2_000 })
          yield* store.sent(holder, { commandId: "c-2", sentAt: 2_000 })
          expect(yield* store.find(device, "c-2")).toBeUndefined()
        })
    )

    promise(
      "shows the newest commands first, in pages, whatever their clocks said",
      (store) =>
        Effect.gen(function*() {
          const { holder } = yield* claim(store)
          for (const [id, intentAt] of [["a", 30], ["b", 10], ["c", 20]] as const) {
            yield* store.intend(holder, intent(id, { intentAt }))
          }
          const ids = (page: CommandJournal.Page) =>
            Effect.map(store.history(device, page), (rows) => rows.map((row) => row.commandId))
          expect(yield* ids({ limit: 10 })).toEqual(["c", "b", "a"])
          expect(yield* ids({ limit: 2 })).toEqual(["c", "b"])
          expect(yield* ids({ before: "c", limit: 1 })).toEqual(["b"])
          expect(yield* ids({ before: "b", limit: 10 })).toEqual(["a"])
          expect(yield* ids({ before: "a", limit: 10 })).toEqual([])
          expect(yield* ids({ before: "never", limit: 10 })).toEqual([])
          expect(yield* ids({ limit: Infinity })).toHaveLength(3)
          expect(yield* ids({ limit: -1 })).toEqual([])
        })
    )

    promise(
      "tells who claims a device what is unsettled, the oldest first",
      (store) =>
        Effect.gen(function*() {
          const { holder } = yield* claim(store)
          for (const state of CommandJournal.State.literals) {
            yield* store.intend(holder, intent(state))
            if (state !== "executing") yield* store.settle(holder, state, { state, outcomeAt: 1 })
          }
          const { unsettled } = (yield* claim(store)).claimed
          expect(unsettled.map(({ commandId }) => commandId)).toEqual(
            CommandJournal.State.literals.filter((state) => !CommandJournal.isSettled(state))
          )
          expect(unsettled.map(({ fence }) => fence)).toEqual([1, 1, 1])
        })
    )

    promise(
      "forgets finished commands alone: those of before a time, and too many",
      (store) =>
        Effect.gen(function*() {
          const { holder } = yield* claim(store)
          const finished = ["a", "b", "c", "d", "e"]
          for (const [index, id] of ["open", ...finished, "unknown"].entries()) {
            yield* store.intend(holder, intent(id, { intentAt: index }))
          }
          for (const [index, id] of finished.entries()) {
            yield* store.settle(holder, id, { state: "succeeded", outcomeAt: 10 * index })
          }
          yield* store.settle(holder, "unknown", { state: "outcome-unknown", outcomeAt: 0 })
          const left = Effect.map(
            store.history(device, { limit: 10 }),
            (rows) => rows.map((row) => row.commandId)
          )
          expect(yield* store.forget(holder, { before: 0, keep: Infinity })).toBe(0)
          expect(yield* store.forget(holder, { before: 10, keep: 5 })).toBe(1)
          expect(yield* left).toEqual(["unknown", "e", "d", "c", "b", "open"])
          expect(yield* store.forget(holder, { before: 0, keep: 2 })).toBe(2)
          expect(yield* left).toEqual(["unknown", "e", "d", "open"])
          expect(yield* store.forget(holder, { before: 0, keep: 0 })).toBe(2)
          expect(yield* left).toEqual(["unknown", "open"])
          expect(yield* store.forget(holder, { before: Infinity, keep: 0 })).toBe(0)
          // What was forgotten is unknown: the id can be used anew.
          expect(yield* store.intend(holder, intent("a"))).toBeUndefined()
        })
    )

    promise(
      "keeps alarms, the lease, and the mark that a device is out of service",
      (store) =>
        Effect.gen(function*() {
          const { holder } = yield* claim(store)
          const lease = { session: "s-1", expiresAt: 9_000 }
          const outOfService = { by: "ann", reason: "maintenance", at: 1 }
          yield* store.saveAlarms(holder, [{ alarm: "flow.high", value: "1" }])
          yield* store.saveAlarms(holder, [
            { alarm: "link", value: "1" },
            { alarm: "flow.high", value: "2" },
            { alarm: "link", value: "2" }
          ])
          yield* store.saveAlarms(holder, [])
          yield* store.saveLease(holder, lease)
          yield* store.saveOutOfService(holder, outOfService)
          const alarms = [{ alarm: "flow.high", value: "2" }, { alarm: "link", value: "2" }]
          expect(yield* contents(store)).toMatchObject({ alarms, lease, outOfService })
          yield* store.saveLease(holding(2), undefined)
          expect(yield* contents(store)).toMatchObject({ alarms, lease: undefined, outOfService })
          yield* store.saveOutOfService(holding(3), undefined)
          expect(yield* contents(store)).toMatchObject({ alarms, outOfService: undefined })
        })
    )

    promise(
      "refuses what is too long, and loses no outcome for its length",
      (store) =>
        Effect.gen(function*() {
          const { holder } = yield* claim(store)
          const long = JSON.stringify("é".repeat(524_288))
          const error = yield* Effect.flip(store.intend(holder, intent("c-1", { args: long })))
          expect(error).toMatchObject({
            _tag: "ValueTooLarge",
            address: device,
            name: "command c-1",
            bytes: 1_048_583,
            bytesMax: 1_048_576
          })
          expect(yield* store.find(device, "c-1")).toBeUndefined()
          for (
            const write of [
              store.saveAlarms(holder, [{ alarm: "flow.high", value: long }]),
              store.saveLease(holder, { session: long, expiresAt: 1 })
            ]
          ) {
            const refused = yield* Effect.flip(write)
            expect(refused).toMatchObject({ _tag: "StoreUnavailable", outcome: "not-written" })
            expect(refused.message).toContain("more than valueBytesMax (1048576)")
          }
          yield* store.intend(holder, intent("c-2"))
          yield* store.settle(holder, "c-2", {
            state: "succeeded",
            result: long,
            detail: "x".repeat(5_000),
            outcomeAt: 1
          })
          const record = yield* store.find(device, "c-2")
          expect(record).toMatchObject({ state: "succeeded", outcomeAt: 1 })
          expect(record).not.toHaveProperty("result")
          expect(record?.detail).toHaveLength(4_096)
          expect(record?.detail).toContain(
            "its result is left out: 1048578 bytes, more than valueB"
          )
        })
    )

    promise("keeps remarks as they can be stored anywhere", (store) =>
      Effect.gen(function*() {
        const { holder } = yield* claim(store)
        yield* store.intend(holder, intent("c-1"))
        yield* store.settle(holder, "c-1", {
          state: "failed",
          detail: "a\u0000\ud800b😀",
          outcomeAt: 1
        })
        expect((yield* store.find(device, "c-1"))?.detail).toBe("a\uFFFD\uFFFDb😀")
        const reason = `${"x".repeat(4_095)}😀`
        yield* store.saveOutOfService(holder, { by: "ann\u0000", reason, at: 1 })
        const { outOfService } = yield* contents(store)
        expect(outOfService?.by).toBe("ann\uFFFD")
        expect(outOfService?.reason).toBe(`${"x".repeat(4_095)}\uFFFD`)
      }))
  })
