import { describe, expect, it } from "@effect/vitest"
import type { Alarm } from "@plantd/core"
import { Subscription } from "@plantd/hardware"
import { Deferred, Effect, Logger, Metric, Stream, TestClock } from "effect"
import { acknowledge, alarmIs, boilerRig, nodeOn, onNetwork, troubled } from "./alarmRig.ts"
import { settle, until } from "./peers.ts"
import { listen } from "./rig.ts"

describe("those who are told", () => {
  it.scoped("get where all alarms stand, then each change", () =>
    Effect.gen(function*() {
      const { boiler, driver } = yield* boilerRig
      const { told } = yield* listen(boiler.alarms.changes)
      yield* until("all are told", Effect.sync(() => told.length === 6))
      expect(told.map(({ alarm }) => alarm)).toEqual(
        ["flame", "level.low", "mode", "pressure.high", "link", "unresolved"]
      )
      yield* driver.publish({ pressure: 8 })
      yield* until("it is told", Effect.sync(() => told.length === 7))
      expect(told[6]).toMatchObject({ alarm: "pressure.high", state: "active-unacked" })
      yield* acknowledge(boiler, told[6] as Alarm.Instance)
      yield* until("it is told", Effect.sync(() => told.length === 8))
      expect(told[7]).toMatchObject({ alarm: "pressure.high", state: "active-acked" })
    }).pipe(onNetwork))

  it.scoped("get the newest of each alarm where they are slow, and no more than that", () =>
    Effect.gen(function*() {
      const { boiler, driver } = yield* boilerRig
      const gate = yield* Deferred.make<void>()
      const told: Array<Alarm.Instance> = []
      const take = (alarm: Alarm.Instance) =>
        Effect.zipRight(Deferred.await(gate), Effect.sync(() => told.push(alarm)))
      yield* Effect.forkScoped(Stream.runForEach(boiler.alarms.changes, take))
      for (let i = 0; i < 100; i++) {
        yield* settle
        yield* driver.publish({ pressure: i % 2 === 0 ? 9 : 5 })
      }
      yield* settle
      yield* Deferred.succeed(gate, undefined)
      yield* until(
        "the newest is told",
        Effect.sync(() =>
          told.some((alarm) =>
            alarm.occurrenceId === "pressure.high#1.50"
            && alarm.state === "cleared-unacked"
          )
        )
      )
      expect(told.length).toBeLessThan(40)
    }).pipe(onNetwork))

  it.scoped("are as many as the device can serve, and no more", () =>
    Effect.gen(function*() {
      const { store } = yield* troubled
      const { boiler } = yield* nodeOn(store, { subscribersMax: 1 })
      yield* listen(boiler.alarms.changes)
      expect(yield* Effect.flip(Stream.runDrain(boiler.alarms.changes))).toMatchObject({
        _tag: "SubscribersFull",
        subscribersMax: 1
      })
    }).pipe(onNetwork))
})

describe("a reading that changes an alarm", () => {
  it.scoped("is told though it is within the deadband", () =>
    Effect.gen(function*() {
      const { boiler, driver } = yield* boilerRig
      yield* driver.publish({ pressure: 7.5 })
      const { told } = yield* listen(boiler.subscribe(["pressure"], { mode: "all" }))
      yield* driver.publish({ pressure: 7.9 })
      yield* driver.publish({ pressure: 8.1 })
      yield* driver.publish({ pressure: 8.2 })
      yield* driver.publish({ pressure: 7.2 })
      yield* until("all is told", Effect.sync(() => told.length === 3))
      expect(told.map((item) => Subscription.isGap(item) || item.value)).toEqual([7.5, 8.1, 7.2])
    }).pipe(onNetwork))

  it.scoped("by its delay is told then, and once", () =>
    Effect.gen(function*() {
      const { boiler, driver } = yield* boilerRig
      yield* driver.publish({ level: 2.5 })
      const { told } = yield* listen(boiler.subscribe(["level"], { mode: "all" }))
      yield* driver.publish({ level: 1.9 })
      yield* settle
      expect(told.length).toBe(1)
      yield* TestClock.adjust("500 millis")
      yield* until("it is told", Effect.sync(() => told.length === 2))
      expect(told[1]).toMatchObject({ value: 1.9 })
      yield* driver.publish({ level: 1.8 })
      yield* settle
      expect(told.length).toBe(2)
    }).pipe(onNetwork))
})

describe("alarms are said", () => {
  it.scoped("in the log, raised as warnings and the rest as news, and not for each flutter", () =>
    Effect.gen(function*() {
      const lines: Array<string> = []
      const log = Logger.make(({ logLevel, message }) => {
        if (String(message).startsWith("alarm")) lines.push(`${logLevel.label} ${String(message)}`)
      })
      yield* Effect.gen(function*() {
        const { boiler, driver } = yield* boilerRig
        yield* driver.publish({ pressure: 8.2 })
        yield* acknowledge(boiler, yield* alarmIs(boiler, "pressure.high", "active-unacked"))
        yield* driver.publish({ pressure: 9 })
        yield* driver.publish({ pressure: 5 })
        for (let i = 0; i < 10; i++) yield* driver.publish({ pressure: i % 2 === 0 ? 8 : 5 })
        yield* settle
        expect(lines).toEqual([
          "WARN alarm pressure.high is raised (minor): the value is 8.2, and the limits are at"
          + " least 8 bar (minor), 9 bar (major)",
          "INFO alarm pressure.high was acknowledged by ann",
          "WARN alarm pressure.high is raised (major): the value is 9, and the limits are at least"
          + " 8 bar (minor), 9 bar (major)",
          "INFO alarm pressure.high is cleared"
        ])
        yield* boiler.alarms.shelve({ alarm: "pressure.high", for: "1 minutes", by: "ben" })
        yield* TestClock.adjust("10 seconds")
        yield* driver.publish({ pressure: 8 })
        yield* alarmIs(boiler, "pressure.high", "active-unacked")
        yield* settle
        expect(lines.slice(4)).toEqual([
          "INFO alarm pressure.high was shelved by ben",
          expect.stringMatching(
            /^INFO alarm pressure.high is raised .* \(and 5 more of its kind\)$/
          )
        ])
      }).pipe(Effect.provide(Logger.replace(Logger.defaultLogger, log)))
    }).pipe(onNetwork))

  it.scoped("as metrics: those active, those that wait, and occurrences by severity", () =>
    Effect.gen(function*() {
      const { boiler, driver } = yield* boilerRig
      const before = yield* count("plantd_device_alarms_raised_total", "minor")
      yield* driver.publish({ pressure: 8, mode: "manual" })
      const seen = yield* alarmIs(boiler, "pressure.high", "active-unacked")
      expect(yield* count("plantd_device_alarms_active")).toBe(2)
      expect(yield* count("plantd_device_alarms_unacknowledged")).toBe(1)
      expect(yield* count("plantd_device_alarms_raised_total", "minor")).toBe(before + 1)
      yield* acknowledge(boiler, seen)
      expect(yield* count("plantd_device_alarms_unacknowledged")).toBe(0)
    }).pipe(onNetwork))
})

/** What a metric of the boiler shows. */
const count = (name: string, severity?: string) =>
  Effect.map(Metric.snapshot, (pairs) => {
    const found = pairs.find(({ metricKey }) =>
      metricKey.name === name
      && metricKey.tags.some(({ key, value }) => key === "device" && value === "b-1")
      && (severity === undefined || metricKey.tags.some((tag) => tag.value === severity))
    )?.metricState as { readonly value?: number; readonly count?: number } | undefined
    return found?.value ?? found?.count ?? 0
  })
