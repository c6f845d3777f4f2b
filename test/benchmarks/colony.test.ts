import { expect, it } from "@effect/vitest"
import { type Founder, idleBytes, spawns } from "@plantd/benchmarks/peers/colony"
import { Effect, TestClock } from "effect"

it.effect("an actor is spawned when it has handled its message, and setting up takes no time", () =>
  Effect.gen(function*() {
    const founded: Array<number> = []
    const found: Founder = (onAdd) =>
      Effect.sync(() => {
        founded.push(0)
        return {
          ready: Effect.zipRight(TestClock.adjust("1 hour"), Effect.sync(onAdd)),
          wake: () =>
            Effect.gen(function*() {
              founded[founded.length - 1]! += 1
              yield* TestClock.adjust("2 millis")
              onAdd()
            })
        }
      })
    expect(yield* spawns(found, 10)(50)).toBeCloseTo(10 / 0.02, 6)
    expect(founded).toEqual([10, 10, 10])
  }))

it.live("colonies are measured until the last actor answers, and end before the next begins", () =>
  Effect.gen(function*() {
    const log: Array<string> = []
    const found: Founder = (onAdd) =>
      Effect.acquireRelease(
        Effect.succeed({
          ready: Effect.void,
          wake: (id: string) =>
            Effect.forkDaemon(Effect.delay(
              Effect.sync(() => {
                log.push(id)
                onAdd()
              }),
              "5 millis"
            ))
        }),
        () => Effect.sync(() => log.push("ended"))
      )
    const perSecond = yield* spawns(found, 2)(1)
    expect(perSecond).toBeLessThan(2 / 0.005)
    expect(log).toEqual(["counter-0", "counter-1", "ended"])
  }))

it.live("idle bytes are what is kept per actor, without the garbage that starting it left", () =>
  Effect.gen(function*() {
    const kept: Array<Float64Array> = []
    const garbage: Array<Float64Array> = []
    const thousandBytes = () => new Float64Array(125)
    const found: Founder = (onAdd) =>
      Effect.succeed({
        ready: Effect.void,
        wake: () =>
          Effect.sync(() => {
            kept.push(thousandBytes())
            garbage[0] = thousandBytes()
            onAdd()
          })
      })
    const bytes = yield* idleBytes(found, 100)(100)
    expect(kept).toHaveLength(10_000)
    expect(bytes).toBeGreaterThan(1_000)
    expect(bytes).toBeLessThan(1_500)
  }))
