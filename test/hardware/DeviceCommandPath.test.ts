import { describe, expect, it } from "@effect/vitest"
import { Driver } from "@plantd/hardware"
import { type Clock, Deferred, Duration, Effect, Fiber, TestClock } from "effect"
import { rawDriver, settle } from "./peers.ts"
import { handlersOf, makePlant, Pump, serve } from "./pump.ts"
import { clientOf, endpoints, reaches, simulated } from "./rig.ts"

const turns = (count: number) => Effect.replicateEffect(Effect.yieldNow(), count)

/** More reads than one link has waiting at a time. */
const readsStalled = 1_100

describe("the way of a command", () => {
  it.scoped("an emergency command is sent however many reads wait for a stalled device", () =>
    Effect.gen(function*() {
      const driver = yield* rawDriver
      const pump = yield* clientOf(endpoints)
      const accepted = yield* Effect.fork(driver.accept())
      yield* reaches(pump, "online")
      yield* Fiber.join(accepted)
      const flow = Effect.fork(pump.read.flow)
      yield* Effect.replicateEffect(flow, readsStalled, { discard: true })
      yield* settle
      const write = yield* Effect.flip(pump.write.speed(1))
      expect(write).toMatchObject({ _tag: "DeviceUnavailable" })
      expect(write.message).toContain("1024 requests wait for an answer already (requestsMax)")
      const stop = yield* Effect.fork(pump.stop())
      yield* driver.answer(yield* driver.await("INVOKE"), "REPLY", { result: null })
      yield* Fiber.join(stop)
    }).pipe(simulated))

  it.scoped("what is told to be expired is never begun, however close its turn comes to it", () =>
    Effect.gen(function*() {
      const clock = yield* Effect.clock
      const ring = { opens: yield* Deferred.make<void>(), turnsLater: 0 }
      // A timer may ring a little before its time, as Node's do; the device answers meanwhile.
      const early = Object.assign(Object.create(clock) as Clock.Clock, {
        unsafeCurrentTimeMillis: () => clock.unsafeCurrentTimeMillis(),
        unsafeCurrentTimeNanos: () => clock.unsafeCurrentTimeNanos(),
        sleep: (duration: Duration.Duration) =>
          Duration.toMillis(duration) === 777
            ? clock.sleep(Duration.millis(776)).pipe(
              Effect.zipRight(Deferred.succeed(ring.opens, undefined)),
              Effect.zipRight(turns(ring.turnsLater))
            )
            : clock.sleep(duration)
      })
      const plant = makePlant()
      yield* serve(plant, endpoints)
      const pump = yield* Effect.withClock(clientOf(endpoints), early)
      yield* reaches(pump, "online")
      const ends = new Set<string>()
      for (; ring.turnsLater < 30; ring.turnsLater++) {
        ring.opens = yield* Deferred.make<void>()
        plant.gate = Deferred.await(ring.opens)
        const first = yield* Effect.fork(pump.write.speed(1))
        yield* settle
        plant.gate = Effect.void
        const second = yield* Effect.fork(
          Effect.either(pump.write.speed(2, { timeout: "777 millis" }))
        )
        yield* settle
        yield* TestClock.adjust("776 millis")
        yield* Fiber.join(first)
        const told = yield* Fiber.join(second)
        yield* settle
        expect([ring.turnsLater, plant.speed]).toEqual([
          ring.turnsLater,
          told._tag === "Right" ? 2 : 1
        ])
        ends.add(told._tag)
      }
      expect(ends).toEqual(new Set(["Left", "Right"]))
    }).pipe(simulated))
})

describe("a second try that the device refuses", () => {
  it.scoped("leaves the first one as unknown as it was", () =>
    Effect.gen(function*() {
      const driver = yield* rawDriver
      const pump = yield* clientOf(endpoints)
      const accepted = yield* Effect.fork(driver.accept())
      yield* reaches(pump, "online")
      yield* Fiber.join(accepted)
      const write = yield* Effect.fork(
        Effect.flip(pump.write.speed(7, { timeout: "1 second", commandId: "w-1" }))
      )
      yield* driver.await("WRITE")
      yield* TestClock.adjust("500 millis")
      const look = yield* driver.await("READ")
      yield* driver.answer(look, "REPLY", driver.batch(0, [[3, 0]]))
      const second = yield* driver.await("WRITE")
      expect(second.request.body).toMatchObject({ commandId: "w-1", value: 7 })
      yield* driver.answer(second, "ERROR", { code: "state", message: "not now" })
      const error = yield* Fiber.join(write)
      expect(error).toMatchObject({ _tag: "OutcomeUnknown", commandId: "w-1" })
      expect(error.message).toContain("sent again, the device process refused it: not now")
    }).pipe(simulated))
})

describe("the result of a command", () => {
  it.scoped("a result that is not what the definition says is no failure of the command", () =>
    Effect.gen(function*() {
      const driver = yield* rawDriver
      const pump = yield* clientOf(endpoints)
      const accepted = yield* Effect.fork(driver.accept())
      yield* reaches(pump, "online")
      yield* Fiber.join(accepted)
      const prime = yield* Effect.fork(pump.prime({ seconds: 3 }))
      yield* driver.answer(yield* driver.await("INVOKE"), "REPLY", { result: "perhaps" })
      const error = yield* Effect.flip(Fiber.join(prime))
      expect(error).toMatchObject({ _tag: "ResultInvalid", operation: "prime" })
      expect(error.message).toMatch(
        /^p-1: prime was carried out, but its result is not what the definition says: result: /
      )
    }).pipe(simulated))

  it.scoped("nor is a result that the device process itself cannot tell", () =>
    Effect.gen(function*() {
      const plant = makePlant()
      const handlers = handlersOf(plant)
      const prime = () => Effect.as(Effect.sync(() => plant.primed++), "yes" as unknown as boolean)
      yield* Driver.serve(
        Pump,
        { ...handlers, commands: { ...handlers.commands, prime } },
        { device: "p-1", ...endpoints }
      )
      const pump = yield* clientOf(endpoints)
      yield* reaches(pump, "online")
      expect(yield* Effect.flip(pump.prime({ seconds: 3 }))).toMatchObject({
        _tag: "ResultInvalid",
        detail: 'result: Expected boolean, actual "yes"'
      })
      expect(plant.primed).toBe(1)
    }).pipe(simulated))
})
