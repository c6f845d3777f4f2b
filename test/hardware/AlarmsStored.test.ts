import { describe, expect, it } from "@effect/vitest"
import type { DeviceStoreService } from "@plantd/hardware"
import { Deferred, Effect, Exit, Fiber, Logger, Scope, TestClock } from "effect"
import {
  acknowledge,
  alarmIs,
  alarmOf,
  boilerRig,
  nodeOn,
  online,
  onNetwork,
  serveBoiler,
  troubled
} from "./alarmRig.ts"
import { inTime, settle, until } from "./peers.ts"
import { listen } from "./rig.ts"

const device = { type: "Boiler", id: "b-1" }

/** What happens to the actor of a boiler between two looks at it. */
const restarts = [
  [
    "a restart of its actor",
    (store: DeviceStoreService) =>
      Effect.gen(function*() {
        const { boiler, stop } = yield* nodeOn(store)
        return { boiler, next: Effect.as(stop, boiler) }
      })
  ],
  [
    "the end of its node, on the next one",
    (store: DeviceStoreService) =>
      Effect.gen(function*() {
        const scope = yield* Scope.make()
        const { boiler } = yield* Scope.extend(nodeOn(store), scope)
        const next = Effect.zipRight(Scope.close(scope, Exit.void), nodeOn(store))
        return { boiler, next: Effect.map(next, (node) => node.boiler) }
      })
  ]
] as const

describe("what is known of alarms outlives", () => {
  it.scoped.each(restarts)(
    "%s: acknowledgements, shelvings, and the occurrence",
    ([, start]) =>
      Effect.gen(function*() {
        const { store } = yield* troubled
        const driver = yield* serveBoiler
        const { boiler, next } = yield* start(store)
        yield* online(boiler)
        yield* driver.publish({ pressure: 9, flame: false })
        const seen = yield* alarmIs(boiler, "pressure.high", "active-unacked")
        const acked = yield* acknowledge(boiler, seen)
        yield* boiler.alarms.shelve({ alarm: "flame", for: "1 hour", by: "ben" })
        yield* settle
        const before = yield* alarmOf(boiler, "flame")
        const again = yield* next
        // Held, as it was, until the link is there and its values are known.
        expect(yield* alarmOf(again, "pressure.high")).toEqual({ ...acked, stale: true })
        expect(yield* alarmOf(again, "flame")).toEqual({ ...before, stale: true })
        yield* until("the values come", Effect.map(alarmOf(again, "flame"), ({ stale }) => !stale))
        // The snapshot says that the boiler is calm: both end, the latched one when it is seen.
        expect(yield* alarmIs(again, "pressure.high", "normal")).toMatchObject({
          occurrenceId: "pressure.high#1.1"
        })
        yield* alarmIs(again, "flame", "active-unacked", ({ severity }) => severity === undefined)
        yield* driver.publish({ pressure: 9 })
        const anew = yield* alarmIs(again, "pressure.high", "active-unacked")
        expect(anew.occurrenceId).toBe("pressure.high#2.1")
      }).pipe(onNetwork)
  )

  it.scoped("a restart while the condition holds: it goes on, and is no new occurrence", () =>
    Effect.gen(function*() {
      const { boiler, driver, stop } = yield* boilerRig
      yield* driver.publish({ level: 1 })
      yield* settle
      yield* TestClock.adjust("500 millis")
      yield* acknowledge(boiler, yield* alarmIs(boiler, "level.low", "active-unacked"))
      yield* stop
      yield* online(boiler)
      // Calm by the snapshot; what was published goes on before the offDelay has passed.
      yield* driver.publish({ level: 1 })
      yield* settle
      yield* TestClock.adjust("5 seconds")
      yield* settle
      expect(yield* alarmOf(boiler, "level.low")).toMatchObject({
        state: "active-acked",
        occurrenceId: "level.low#1.1",
        stale: false
      })
    }).pipe(onNetwork))

  it.scoped("a restart: a shelving ends by the wall clock, though nothing ran meanwhile", () =>
    Effect.gen(function*() {
      const { boiler, stop } = yield* boilerRig
      for (const alarm of ["flame", "mode"]) {
        const span = alarm === "flame" ? "5 seconds" : "6 seconds"
        yield* boiler.alarms.shelve({ alarm, for: span, by: "ann" })
      }
      yield* stop
      yield* TestClock.adjust("5 seconds")
      expect((yield* alarmOf(boiler, "mode")).shelved?.until).toBe(6_000)
      expect((yield* alarmOf(boiler, "flame")).shelved).toBeUndefined()
    }).pipe(onNetwork))
})

describe("a store in trouble", () => {
  it.scoped("fails an acknowledgement, which then is none, also after a restart", () =>
    Effect.gen(function*() {
      const { boiler, driver, stop, trouble } = yield* boilerRig
      yield* driver.publish({ pressure: 8 })
      const seen = yield* alarmIs(boiler, "pressure.high", "active-unacked")
      const { told } = yield* listen(boiler.alarms.changes)
      yield* settle
      trouble.down = true
      expect(yield* Effect.flip(acknowledge(boiler, seen))).toMatchObject({
        _tag: "StoreUnavailable",
        outcome: "unknown"
      })
      const shelve = boiler.alarms.shelve({ alarm: "pressure.high", for: "1 hour", by: "ann" })
      expect((yield* Effect.flip(shelve))._tag).toBe("StoreUnavailable")
      yield* settle
      expect(yield* alarmOf(boiler, "pressure.high")).toEqual(seen)
      expect(told.filter(({ alarm }) => alarm === "pressure.high")).toEqual([seen])
      trouble.down = false
      yield* stop
      expect(yield* alarmOf(boiler, "pressure.high")).toEqual({ ...seen, stale: true })
      const same = yield* acknowledge(boiler, seen)
      expect(same.acknowledged).toMatchObject({ by: "ann" })
    }).pipe(onNetwork))

  it.scoped("is told the newest of each alarm when it is back, and nothing is lost", () =>
    Effect.gen(function*() {
      const { boiler, driver, stop, stored, trouble } = yield* boilerRig
      trouble.down = true
      for (let i = 0; i < 20; i++) {
        yield* driver.publish({ pressure: 9 })
        yield* settle
        yield* driver.publish({ pressure: 5 })
        yield* settle
      }
      yield* driver.publish({ pressure: 8, flame: false })
      const now = yield* alarmIs(boiler, "pressure.high", "active-unacked")
      yield* TestClock.adjust("30 seconds")
      // Tried again by a growing delay, and not all the time.
      expect(trouble.asked.length).toBeLessThan(15)
      trouble.down = false
      trouble.asked.length = 0
      yield* inTime(
        "all is stored",
        Effect.map(stored("pressure.high"), (last) => last?.occurrenceId === "pressure.high#1.21")
      )
      expect(trouble.asked.map((rows) => rows.length)).toEqual([2])
      yield* stop
      expect(yield* alarmOf(boiler, "pressure.high")).toEqual({ ...now, stale: true })
    }).pipe(onNetwork))

  it.scoped("that crashes is one that did not answer, and the alarms go on", () =>
    Effect.gen(function*() {
      const { boiler, driver, stored, trouble } = yield* boilerRig
      trouble.dies = true
      yield* driver.publish({ pressure: 8 })
      const seen = yield* alarmIs(boiler, "pressure.high", "active-unacked")
      expect(yield* Effect.flip(acknowledge(boiler, seen))).toMatchObject({
        _tag: "StoreUnavailable",
        outcome: "unknown"
      })
      trouble.dies = false
      yield* inTime(
        "it is stored",
        Effect.map(stored("pressure.high"), (last) => last?.state === "active-unacked")
      )
      expect((yield* acknowledge(boiler, seen)).state).toBe("active-acked")
    }).pipe(onNetwork))

  it.scoped("is written to once more when the actor ends", () =>
    Effect.gen(function*() {
      const { boiler, driver, stop, trouble } = yield* boilerRig
      trouble.down = true
      yield* driver.publish({ pressure: 8 })
      const seen = yield* alarmIs(boiler, "pressure.high", "active-unacked")
      yield* settle
      trouble.down = false
      yield* stop
      expect(yield* alarmOf(boiler, "pressure.high")).toEqual({ ...seen, stale: true })
    }).pipe(onNetwork))

  it.scoped("holds up the end of an actor for 2 s at most, also while a write goes on", () =>
    Effect.gen(function*() {
      const { boiler, driver, stop, trouble } = yield* boilerRig
      const gate = yield* Deferred.make<void>()
      yield* Effect.addFinalizer(() => Deferred.succeed(gate, undefined))
      trouble.gate = Effect.uninterruptible(Deferred.await(gate))
      yield* driver.publish({ pressure: 8 })
      yield* alarmIs(boiler, "pressure.high", "active-unacked")
      const stopping = yield* Effect.fork(stop)
      yield* settle
      yield* TestClock.adjust("1900 millis")
      expect(stopping.unsafePoll()).toBeNull()
      yield* TestClock.adjust("100 millis")
      yield* settle
      expect(stopping.unsafePoll()).toMatchObject({ _tag: "Success" })
    }).pipe(onNetwork))

  it.scoped("whose rows cannot be read says so; the alarm begins anew, and the device runs", () =>
    Effect.gen(function*() {
      const lines: Array<string> = []
      const log = Logger.make(({ logLevel, message }) => {
        lines.push(`${logLevel.label} ${String(message)}`)
      })
      const { store } = yield* troubled
      const { fence } = yield* store.claim(device, { fence: undefined })
      yield* store.saveAlarms({ device, fence }, [
        { alarm: "flame", value: "{ torn" },
        { alarm: "level.low", value: '{"alarm":"level.low","state":"gone","stale":false}' },
        { alarm: "smoke", value: "{}" }
      ])
      const node = Effect.provide(nodeOn(store), Logger.replace(Logger.defaultLogger, log))
      const { boiler } = yield* node
      expect(yield* alarmOf(boiler, "flame")).toMatchObject({ state: "normal", stale: true })
      expect(lines.filter((line) => line.includes("alarm"))).toEqual([
        expect.stringContaining("ERROR what is stored of alarm flame cannot be read"),
        expect.stringContaining("ERROR what is stored of alarm level.low cannot be read"),
        expect.stringContaining("INFO alarm smoke is stored and no longer defined")
      ])
    }).pipe(onNetwork))
})

describe("an acknowledgement on its way to the store", () => {
  it.scoped("is not so before it is stored, and is refused where the severity rose meanwhile", () =>
    Effect.gen(function*() {
      const { boiler, driver, stop, trouble } = yield* boilerRig
      yield* driver.publish({ pressure: 8 })
      const seen = yield* alarmIs(boiler, "pressure.high", "active-unacked")
      yield* settle
      const gate = yield* Deferred.make<void>()
      trouble.gate = Deferred.await(gate)
      const asked = yield* Effect.fork(Effect.flip(acknowledge(boiler, seen)))
      yield* settle
      expect((yield* alarmOf(boiler, "pressure.high")).state).toBe("active-unacked")
      yield* driver.publish({ pressure: 9 })
      yield* alarmIs(boiler, "pressure.high", "active-unacked", (a) => a.severity === "major")
      yield* Deferred.succeed(gate, undefined)
      expect(yield* Fiber.join(asked)).toMatchObject({
        _tag: "AcknowledgementStale",
        reason: "severity-rose"
      })
      yield* settle
      yield* stop
      // Nor is it after a restart: what was stored of it is written over.
      expect(yield* alarmOf(boiler, "pressure.high")).toMatchObject({
        state: "active-unacked",
        unacknowledged: "major"
      })
    }).pipe(onNetwork))

  it.scoped("waits behind a bounded number of others, beyond which it is refused", () =>
    Effect.gen(function*() {
      const { boiler, driver, trouble } = yield* boilerRig
      yield* driver.publish({ pressure: 8 })
      const seen = yield* alarmIs(boiler, "pressure.high", "active-unacked")
      yield* settle
      const gate = yield* Deferred.make<void>()
      trouble.gate = Deferred.await(gate)
      const many = yield* Effect.forEach(
        Array.from({ length: 64 }),
        () => Effect.fork(acknowledge(boiler, seen))
      )
      yield* settle
      expect(yield* Effect.flip(acknowledge(boiler, seen))).toMatchObject({
        _tag: "StoreUnavailable",
        reason: "overloaded",
        outcome: "not-written"
      })
      yield* Deferred.succeed(gate, undefined)
      const acked = yield* Fiber.join(Fiber.all(many))
      expect(new Set(acked.map(({ state }) => state))).toEqual(new Set(["active-acked"]))
    }).pipe(onNetwork))

  it.scoped("by a node that lost the device is refused by the store, and its actor stops", () =>
    Effect.gen(function*() {
      const { boiler, driver, store } = yield* boilerRig
      yield* driver.publish({ pressure: 8 })
      const seen = yield* alarmIs(boiler, "pressure.high", "active-unacked")
      yield* settle
      const { told } = yield* listen(boiler.alarms.changes)
      const { fence } = yield* store.claim(device, { fence: undefined })
      const error = yield* Effect.flip(acknowledge(boiler, seen))
      expect(error).toMatchObject({ _tag: "Superseded", ours: 1, stored: fence })
      yield* settle
      const before = told.length
      yield* driver.publish({ pressure: 5 })
      yield* settle
      expect(told.length).toBe(before)
    }).pipe(onNetwork))
})
