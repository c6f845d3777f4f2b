import { describe, expect, it } from "@effect/vitest"
import { Subscription } from "@plantd/hardware"
import { type Clock, Deferred, type Duration, Effect, Fiber, Stream, TestClock } from "effect"
import { rawDriver, settle, until } from "./peers.ts"
import { makePlant, serve } from "./pump.ts"
import { clientOf, endpoints, listen, reaches, reads, simulated } from "./rig.ts"

/** A driver by hand, in session with the actor of p-1, whose flow is 1. */
const session = Effect.gen(function*() {
  const driver = yield* rawDriver
  const pump = yield* clientOf(endpoints)
  const accepted = yield* Effect.fork(driver.accept())
  yield* reaches(pump, "online")
  const hello = yield* Fiber.join(accepted)
  yield* reads(pump, "flow", (reading) => reading.quality === "good")
  return { driver, hello, pump }
})

describe("a device process that is started anew within the grace", () => {
  const anew = [
    ["after its session was seen to be gone", true],
    ["before its session was seen to be gone", false]
  ] as const
  it.scoped.each(anew)(
    "%s: nothing it said before is good when it is online",
    ([, seen]) =>
      Effect.gen(function*() {
        const { driver, hello, pump } = yield* session
        const readings = yield* listen(pump.subscribe(["flow"]))
        const links = yield* listen(pump.linkChanges)
        if (seen) {
          yield* driver.publish(driver.batch(1, [[0, 5]], { epoch: 2 }))
          yield* driver.await("HELLO")
        }
        yield* driver.answer(hello, "READY", { ...driver.ready, epoch: 2 })
        const snapshot = yield* driver.await("READ")
        yield* settle
        expect((yield* pump.link).state).toBe("online")
        expect((yield* pump.snapshot).flow).toMatchObject({
          value: 1,
          quality: "stale",
          reason: "the device process was started anew"
        })
        yield* driver.answer(snapshot, "REPLY", driver.batch(0, [[0, 7]], { epoch: 2 }))
        yield* until("all is told", Effect.sync(() => readings.told.length === 3))
        expect(readings.told).toMatchObject([
          { quality: "good" },
          { quality: "stale" },
          { value: 7, quality: "good", epoch: 2 }
        ])
        expect(links.told.map((status) => status.state)).toEqual(["online", "degraded", "online"])
      }).pipe(simulated)
  )
})

describe("a reading that was measured before it was sent", () => {
  it.scoped("is stale at once where that is longer ago than its maxAge, and says so", () =>
    Effect.gen(function*() {
      const { driver, pump } = yield* session
      const { told } = yield* listen(pump.subscribe(["flow"], { mode: "all" }))
      yield* driver.publish(driver.batch(1, [[0, 2, -3_600_000]]))
      yield* until("it is told", Effect.sync(() => told.length === 2))
      expect(told[1]).toMatchObject({
        value: 2,
        quality: "stale",
        reason: "it was measured 3600000 ms before it was sent"
      })
    }).pipe(simulated))

  it.scoped("grows stale by its own age, and not by when it came", () =>
    Effect.gen(function*() {
      const { driver, pump } = yield* session
      yield* TestClock.adjust("1 seconds")
      yield* driver.publish(driver.batch(1, [[0, 2, -1_900], [1, "L", 60_000]]))
      yield* reads(pump, "flow", (reading) => reading.value === 2)
      yield* TestClock.adjust("99 millis")
      expect((yield* pump.snapshot).flow.quality).toBe("good")
      yield* TestClock.adjust("1 millis")
      expect((yield* pump.snapshot).flow.quality).toBe("stale")
    }).pipe(simulated))
})

describe("a wall clock that is set", () => {
  it.scoped("neither hides an unchanged value that is to be told again, nor repeats one", () =>
    Effect.gen(function*() {
      const clock = yield* Effect.clock
      const wall = { offset: 0 }
      const set = Object.assign(Object.create(clock) as Clock.Clock, {
        unsafeCurrentTimeMillis: () => clock.unsafeCurrentTimeMillis() + wall.offset,
        unsafeCurrentTimeNanos: () => clock.unsafeCurrentTimeNanos(),
        sleep: (duration: Duration.Duration) => clock.sleep(duration)
      })
      const driver = yield* serve(makePlant(), endpoints)
      const pump = yield* Effect.withClock(clientOf(endpoints), set)
      yield* reads(pump, "flow", (reading) => reading.quality === "good")
      const { told } = yield* listen(pump.subscribe(["flow"]))
      wall.offset = -3_600_000
      for (let i = 0; i < 10; i++) {
        yield* TestClock.adjust("100 millis")
        yield* driver.publish({ flow: 1 })
        yield* settle
        if (i === 0) wall.offset = 3_600_000
      }
      expect(told.map((item) => Subscription.isGap(item) || item.seq)).toEqual([0, 10])
    }).pipe(simulated))
})

describe("changes of the link", () => {
  it.scoped("a slow reader gets the newest in the end, of the hardware as well", () =>
    Effect.gen(function*() {
      const { driver, hello, pump } = yield* session
      const gate = yield* Deferred.make<void>()
      const { told } = yield* listen(
        Stream.tap(
          pump.linkChanges,
          (status) => status.hardware === undefined ? Effect.void : Deferred.await(gate)
        )
      )
      for (let i = 0; i < 501; i++) {
        const hardware = i === 500 ? "down" : i % 2 === 0 ? "ok" : "degraded"
        yield* driver.answer(hello, "HEARTBEAT", { epoch: 1, seq: 0, loopLagMillis: 0, hardware })
        yield* Effect.yieldNow()
      }
      yield* until("all came", Effect.map(pump.link, (status) => status.hardware === "down"))
      yield* Deferred.succeed(gate, undefined)
      yield* until("the newest is told", Effect.sync(() => told.at(-1)?.hardware === "down"))
      expect(told.length).toBeLessThan(500)
    }).pipe(simulated))
})
