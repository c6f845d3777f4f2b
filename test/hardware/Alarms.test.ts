import { describe, expect, it } from "@effect/vitest"
import { Alarm } from "@plantd/core"
import { DeviceAlarm } from "@plantd/hardware"
import { type Clock, type Duration, Effect, Exit, Scope, TestClock } from "effect"
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
import { inTime, settle } from "./peers.ts"

describe("an alarm of a number", () => {
  it.scoped("is raised when a reading is at its limit, and says what, when and by what value", () =>
    Effect.gen(function*() {
      const { boiler, driver } = yield* boilerRig
      expect(yield* alarmOf(boiler, "pressure.high")).toEqual({
        alarm: "pressure.high",
        state: "normal",
        stale: false
      })
      yield* TestClock.adjust("5 seconds")
      yield* driver.publish({ pressure: 8 })
      expect(yield* alarmIs(boiler, "pressure.high", "active-unacked")).toEqual({
        alarm: "pressure.high",
        state: "active-unacked",
        severity: "minor",
        unacknowledged: "minor",
        occurrenceId: "pressure.high#1.1",
        limit: "high",
        value: 8,
        stale: false,
        raisedAt: 5_000
      })
    }).pipe(onNetwork))

  it.scoped("holds until the value is back by more than the hysteresis", () =>
    Effect.gen(function*() {
      const { boiler, driver } = yield* boilerRig
      yield* driver.publish({ pressure: 8 })
      yield* driver.publish({ pressure: 7.5 })
      yield* settle
      yield* alarmIs(boiler, "pressure.high", "active-unacked")
      yield* driver.publish({ pressure: 7.4 })
      yield* alarmIs(boiler, "pressure.high", "cleared-unacked")
    }).pipe(onNetwork))

  it.scoped("counts after its onDelay, and no longer counts after its offDelay", () =>
    Effect.gen(function*() {
      const { boiler, driver } = yield* boilerRig
      yield* driver.publish({ level: 1 })
      yield* settle
      yield* TestClock.adjust("499 millis")
      yield* settle
      expect((yield* alarmOf(boiler, "level.low")).state).toBe("normal")
      yield* TestClock.adjust("1 millis")
      yield* alarmIs(boiler, "level.low", "active-unacked")
      yield* driver.publish({ level: 3 })
      yield* settle
      yield* TestClock.adjust("999 millis")
      yield* settle
      expect((yield* alarmOf(boiler, "level.low")).state).toBe("active-unacked")
      yield* TestClock.adjust("1 millis")
      yield* alarmIs(boiler, "level.low", "cleared-unacked")
    }).pipe(onNetwork))

  it.scoped("is not raised by what lasts less than its onDelay", () =>
    Effect.gen(function*() {
      const { boiler, driver } = yield* boilerRig
      for (let i = 0; i < 5; i++) {
        yield* driver.publish({ level: 1 })
        yield* settle
        yield* TestClock.adjust("400 millis")
        yield* driver.publish({ level: 3 })
        yield* settle
        yield* TestClock.adjust("400 millis")
      }
      expect((yield* alarmOf(boiler, "level.low")).occurrenceId).toBeUndefined()
    }).pipe(onNetwork))

  it.scoped("is raised by a value that is out of its range, and not cleared by one", () =>
    Effect.gen(function*() {
      const { boiler, driver } = yield* boilerRig
      yield* driver.publish({ pressure: 12 })
      yield* alarmIs(boiler, "pressure.high", "active-unacked", (alarm) => !alarm.stale)
      yield* driver.publish({ pressure: -1 })
      const held = yield* alarmIs(boiler, "pressure.high", "active-unacked", (alarm) => alarm.stale)
      expect(held).toMatchObject({ severity: "major", limit: "highHigh" })
    }).pipe(onNetwork))
})

describe("an alarm of a value", () => {
  it.scoped("is there while the value is one of some; latched, till it is acknowledged", () =>
    Effect.gen(function*() {
      const { boiler, driver } = yield* boilerRig
      yield* driver.publish({ flame: false })
      yield* alarmIs(boiler, "flame", "active-unacked", ({ severity }) => severity === "critical")
      yield* driver.publish({ flame: true })
      const latched = yield* alarmIs(boiler, "flame", "active-unacked", (a) => a.value === true)
      expect((yield* acknowledge(boiler, latched)).state).toBe("normal")
    }).pipe(onNetwork))

  it.scoped("that needs no acknowledgement waits for none", () =>
    Effect.gen(function*() {
      const { boiler, driver } = yield* boilerRig
      yield* driver.publish({ mode: "manual" })
      yield* alarmIs(boiler, "mode", "active-acked")
      yield* driver.publish({ mode: "auto" })
      yield* alarmIs(boiler, "mode", "normal", (alarm) => alarm.clearedAt === 0)
    }).pipe(onNetwork))
})

describe("an acknowledgement", () => {
  it.scoped("names what was seen, and says who acknowledged it when", () =>
    Effect.gen(function*() {
      const { boiler, driver } = yield* boilerRig
      yield* driver.publish({ pressure: 8 })
      const seen = yield* alarmIs(boiler, "pressure.high", "active-unacked")
      yield* TestClock.adjust("1 seconds")
      const acked = yield* acknowledge(boiler, seen)
      expect(acked).toMatchObject({
        state: "active-acked",
        acknowledged: { by: "ann", at: 1_000, severity: "minor" }
      })
      expect(yield* alarmOf(boiler, "pressure.high")).toEqual(acked)
      expect(yield* acknowledge(boiler, seen, "ben")).toEqual(acked)
    }).pipe(onNetwork))

  it.scoped("by a screen that did not see the severity rise is refused, and told what is so", () =>
    Effect.gen(function*() {
      const { boiler, driver } = yield* boilerRig
      yield* driver.publish({ pressure: 8 })
      const seen = yield* alarmIs(boiler, "pressure.high", "active-unacked")
      yield* driver.publish({ pressure: 9 })
      const now = yield* alarmIs(boiler, "pressure.high", "active-unacked", graver)
      expect(now.occurrenceId).toBe(seen.occurrenceId)
      const error = yield* Effect.flip(acknowledge(boiler, seen))
      expect(error).toMatchObject({
        _tag: "AcknowledgementStale",
        reason: "severity-rose",
        seen: { occurrenceId: "pressure.high#1.1", severity: "minor" },
        now
      })
      expect(error.message).toContain("severity minor was seen, and major waits; look at it again")
      expect(yield* alarmOf(boiler, "pressure.high")).toEqual(now)
      expect((yield* acknowledge(boiler, now)).state).toBe("active-acked")
    }).pipe(onNetwork))

  it.scoped("by a screen that shows a former occurrence does not touch the newer one", () =>
    Effect.gen(function*() {
      const { boiler, driver } = yield* boilerRig
      yield* driver.publish({ pressure: 8 })
      const seen = yield* alarmIs(boiler, "pressure.high", "active-unacked")
      yield* driver.publish({ pressure: 5 })
      yield* driver.publish({ pressure: 8 })
      const now = yield* alarmIs(
        boiler,
        "pressure.high",
        "active-unacked",
        (alarm) => alarm.occurrenceId === "pressure.high#1.2"
      )
      expect(yield* Effect.flip(acknowledge(boiler, seen))).toMatchObject({
        _tag: "AcknowledgementStale",
        reason: "other-occurrence",
        now
      })
      expect(yield* alarmOf(boiler, "pressure.high")).toEqual(now)
    }).pipe(onNetwork))

  it.scoped("is asked for again when the severity rises after it", () =>
    Effect.gen(function*() {
      const { boiler, driver } = yield* boilerRig
      yield* driver.publish({ pressure: 8 })
      yield* acknowledge(boiler, yield* alarmIs(boiler, "pressure.high", "active-unacked"))
      yield* driver.publish({ pressure: 9 })
      yield* alarmIs(boiler, "pressure.high", "active-unacked", graver)
    }).pipe(onNetwork))

  it.scoped("of an alarm that the device does not have names those that it has", () =>
    Effect.gen(function*() {
      const { boiler } = yield* boilerRig
      const error = yield* Effect.flip(boiler.alarms.unshelve({ alarm: "presure.high", by: "ann" }))
      expect(error.message).toContain('no alarm "presure.high"; it has flame, level.low, mode, pre')
    }).pipe(onNetwork))
})

const graver = (alarm: Alarm.Instance) => alarm.severity === "major"

describe("shelving", () => {
  it.scoped("takes an alarm off the screens until its end; its state goes on all the same", () =>
    Effect.gen(function*() {
      const { boiler, driver } = yield* boilerRig
      const shelved = yield* boiler.alarms.shelve({
        alarm: "pressure.high",
        for: "20 seconds",
        by: "ann",
        reason: "the gauge is being calibrated"
      })
      expect(shelved.shelved).toEqual({
        by: "ann",
        at: 0,
        until: 20_000,
        reason: "the gauge is being calibrated"
      })
      yield* driver.publish({ pressure: 9 })
      const raised = yield* alarmIs(boiler, "pressure.high", "active-unacked")
      expect(Alarm.isAnnunciated(raised)).toBe(false)
      yield* TestClock.adjust("19 seconds")
      yield* settle
      expect((yield* alarmOf(boiler, "pressure.high")).shelved).toBeDefined()
      yield* TestClock.adjust("1 seconds")
      const open = yield* alarmIs(boiler, "pressure.high", "active-unacked", Alarm.isAnnunciated)
      expect(open.occurrenceId).toBe(raised.occurrenceId)
    }).pipe(onNetwork))

  it.scoped("can be ended before its time, and is bounded", () =>
    Effect.gen(function*() {
      const { boiler } = yield* boilerRig
      const what = { alarm: "flame", by: "ann" }
      yield* boiler.alarms.shelve({ ...what, for: "1 minutes" })
      expect((yield* boiler.alarms.unshelve(what)).shelved).toBeUndefined()
      for (const span of [0, DeviceAlarm.shelveMillisMax + 1, Infinity, Number.NaN]) {
        const error = yield* Effect.flip(boiler.alarms.shelve({ ...what, for: span }))
        expect(error._tag).toBe("ShelvingInvalid")
      }
      expect((yield* alarmOf(boiler, "flame")).shelved).toBeUndefined()
    }).pipe(onNetwork))
})

describe("the alarm of the link", () => {
  it.scoped("is raised when the link is lost; the others are held as stale, none is cleared", () =>
    Effect.gen(function*() {
      const { store } = yield* troubled
      const { boiler, driver, drop } = yield* cut(store)
      yield* driver.publish({ pressure: 9, level: 1 })
      yield* alarmIs(boiler, "pressure.high", "active-unacked", graver)
      yield* drop
      yield* inTime(
        "the link is lost",
        Effect.map(alarmOf(boiler, "link"), ({ state }) => state === "active-unacked")
      )
      expect(yield* alarmOf(boiler, "link")).toMatchObject({ severity: "major", stale: false })
      yield* TestClock.adjust("10 seconds")
      expect(yield* alarmOf(boiler, "pressure.high")).toMatchObject({
        state: "active-unacked",
        severity: "major",
        stale: true
      })
      // Its limit was passed for a moment before: nobody knows whether it went on.
      expect(yield* alarmOf(boiler, "level.low")).toMatchObject({ state: "normal", stale: true })
      expect((yield* alarmOf(boiler, "flame")).stale).toBe(true)
    }).pipe(onNetwork))

  it.scoped("clears when the link is there again, and the others go on from what is then so", () =>
    Effect.gen(function*() {
      const { store } = yield* troubled
      const { boiler, driver, drop, serve } = yield* cut(store)
      yield* driver.publish({ pressure: 9 })
      const raised = yield* alarmIs(boiler, "pressure.high", "active-unacked", graver)
      yield* drop
      yield* inTime(
        "the link is lost",
        Effect.map(alarmOf(boiler, "link"), ({ state }) => state === "active-unacked")
      )
      yield* serve
      yield* inTime(
        "the link is there again",
        Effect.map(alarmOf(boiler, "link"), ({ state }) => state === "cleared-unacked")
      )
      // The boiler is calm again, as its driver reads it.
      const cleared = yield* alarmIs(boiler, "pressure.high", "cleared-unacked")
      expect(cleared).toMatchObject({ occurrenceId: raised.occurrenceId, stale: false })
    }).pipe(onNetwork))

  it.scoped("is raised where no link comes about at all", () =>
    Effect.gen(function*() {
      const { store } = yield* troubled
      const { boiler } = yield* nodeOn(store)
      expect(yield* alarmOf(boiler, "link")).toMatchObject({ state: "normal", stale: true })
      yield* TestClock.adjust("9 seconds")
      expect((yield* alarmOf(boiler, "link")).state).toBe("normal")
      yield* TestClock.adjust("1 seconds")
      yield* alarmIs(boiler, "link", "active-unacked")
    }).pipe(onNetwork))
})

/** A boiler whose driver can be ended, and served again. */
const cut = (store: Parameters<typeof nodeOn>[0]) =>
  Effect.gen(function*() {
    const serving = Effect.gen(function*() {
      const scope = yield* Scope.make()
      const driver = yield* Scope.extend(serveBoiler, scope)
      return { driver, scope }
    })
    const { driver, scope } = yield* serving
    const { boiler } = yield* nodeOn(store)
    yield* online(boiler)
    return { boiler, driver, drop: Scope.close(scope, Exit.void), serve: serving }
  })

describe("a wall clock that is set", () => {
  it.scoped("moves the end of a shelving, which is noticed within a minute, and no delay", () =>
    Effect.gen(function*() {
      const clock = yield* Effect.clock
      const wall = { offset: 0 }
      const set = Object.assign(Object.create(clock) as Clock.Clock, {
        unsafeCurrentTimeMillis: () => clock.unsafeCurrentTimeMillis() + wall.offset,
        unsafeCurrentTimeNanos: () => clock.unsafeCurrentTimeNanos(),
        sleep: (duration: Duration.Duration) => clock.sleep(duration)
      })
      const { store } = yield* troubled
      const driver = yield* serveBoiler
      const { boiler } = yield* Effect.withClock(nodeOn(store), set)
      yield* online(boiler)
      yield* boiler.alarms.shelve({ alarm: "flame", for: "1 hour", by: "ann" })
      yield* driver.publish({ level: 1 })
      yield* settle
      wall.offset = 3_600_000
      yield* TestClock.adjust("400 millis")
      yield* settle
      expect((yield* alarmOf(boiler, "level.low")).state).toBe("normal")
      yield* TestClock.adjust("100 millis")
      yield* alarmIs(boiler, "level.low", "active-unacked")
      yield* inTime(
        "the shelving is over",
        Effect.map(alarmOf(boiler, "flame"), ({ shelved }) => shelved === undefined)
      )
    }).pipe(onNetwork))
})
