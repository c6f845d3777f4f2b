import { describe, expect, it } from "@effect/vitest"
import { DriverStore, type Link, Subscription, ZmqTransport } from "@plantd/hardware"
import { Deferred, Effect, Exit, Fiber, Stream } from "effect"
import { makePlant, serve } from "./pump.ts"
import { clientOf, type endpoints, type PumpClient } from "./rig.ts"

describe("over real sockets", () => {
  const live = Effect.provide([ZmqTransport.layer, DriverStore.memory])
  const online = (pump: PumpClient, state: Link.LinkStatus["state"]) =>
    pump.linkChanges.pipe(
      Stream.filter((status) => status.state === state),
      Stream.runHead,
      Effect.timeoutFail({
        duration: "8 seconds",
        onTimeout: () => `the link was not ${state} in time`
      })
    )

  it.scopedLive("a device is read, written, commanded and subscribed to", () =>
    Effect.gen(function*() {
      const plant = makePlant()
      const driver = yield* serve(plant)
      const pump = yield* clientOf(driver.endpoints)
      yield* online(pump, "online")
      expect((yield* pump.read.flow).value).toBe(1)
      yield* pump.write.speed(1_200)
      expect(plant.speed).toBe(1_200)
      expect(yield* pump.prime({ seconds: 3 })).toBe(true)
      const seen = yield* Effect.fork(
        pump.subscribe(["flow"]).pipe(
          Stream.takeUntil((item) => !Subscription.isGap(item) && item.value === 2),
          Stream.runDrain,
          Effect.timeout("5 seconds")
        )
      )
      yield* driver.publish({ flow: 2 })
      expect(Exit.isSuccess(yield* Fiber.await(seen))).toBe(true)
    }).pipe(live))

  it.scopedLive("a device process that ends says goodbye; its successor is found", () =>
    Effect.gen(function*() {
      const ended = yield* Deferred.make<void>()
      const started = yield* Deferred.make<typeof endpoints>()
      const first = yield* Effect.fork(Effect.scoped(Effect.gen(function*() {
        const { endpoints } = yield* serve(makePlant(), { goodbyeMillis: 50 })
        yield* Deferred.succeed(started, endpoints)
        yield* Deferred.await(ended)
      })))
      const place = yield* Deferred.await(started)
      const pump = yield* clientOf(place)
      yield* online(pump, "online")
      yield* Deferred.succeed(ended, undefined)
      yield* Fiber.join(first)
      const lost = yield* online(pump, "lost")
      expect(lost).toMatchObject({
        value: { reason: "the device process said goodbye (the driver ends)" }
      })
      yield* serve({ ...makePlant(), flow: 6 }, place)
      yield* online(pump, "online")
      expect(yield* pump.read.flow).toMatchObject({ value: 6, epoch: 2 })
    }).pipe(live))
})
