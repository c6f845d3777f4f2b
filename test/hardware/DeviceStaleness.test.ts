import { describe, expect, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { rawDriver, settle, until } from "./peers.ts"
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
