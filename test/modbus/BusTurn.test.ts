import { describe, expect, it } from "@effect/vitest"
import { BusTurn } from "@plantd/example-modbus"
import { Deferred, Effect, Exit, Fiber } from "effect"
import { settle } from "../hardware/peers.ts"

/** A bus that is taken, and a list of what came after. */
const busy = Effect.gen(function*() {
  const turn = yield* BusTurn.make
  const order: Array<string> = []
  const gate = yield* Deferred.make<void>()
  yield* Effect.fork(turn.use("read", Deferred.await(gate)))
  yield* settle
  const wait = (lane: BusTurn.BusLane, name: string) =>
    Effect.fork(turn.use(lane, Effect.sync(() => order.push(name))))
  return { turn, order, wait, free: Deferred.succeed(gate, undefined) }
})

describe("turns on a bus", () => {
  it.effect("come to emergencies first, then to writes, then to reads, in order", () =>
    Effect.gen(function*() {
      const { free, order, wait } = yield* busy
      for (
        const [lane, name] of [
          ["read", "r1"],
          ["write", "w1"],
          ["read", "r2"],
          ["emergency", "e1"],
          ["write", "w2"]
        ] as const
      ) {
        yield* wait(lane, name)
        yield* settle
      }
      expect(order).toEqual([])
      yield* free
      yield* settle
      expect(order).toEqual(["e1", "w1", "w2", "r1", "r2"])
    }))

  it.effect("are one at a time, and go on after a failure", () =>
    Effect.gen(function*() {
      const turn = yield* BusTurn.make
      let running = 0
      let most = 0
      const use = (n: number) =>
        turn.use(
          "write",
          Effect.suspend(() => {
            most = Math.max(most, ++running)
            return Effect.zipRight(
              Effect.yieldNow(),
              Effect.suspend(() => {
                running--
                return n % 2 === 0 ? Effect.fail("no") : Effect.dieMessage("worse")
              })
            )
          })
        )
      const exits = yield* Effect.forEach(
        [1, 2, 3, 4],
        (n) => Effect.exit(use(n)),
        { concurrency: "unbounded" }
      )
      expect(exits.every(Exit.isFailure)).toBe(true)
      expect(most).toBe(1)
      expect(yield* turn.use("read", Effect.succeed("free"))).toBe("free")
    }))

  it.effect("pass by those who do not wait any more", () =>
    Effect.gen(function*() {
      const { free, order, turn, wait } = yield* busy
      const gone = yield* wait("write", "gone")
      yield* settle
      yield* wait("read", "next")
      yield* settle
      yield* Fiber.interrupt(gone)
      yield* free
      yield* settle
      expect(order).toEqual(["next"])
      const late = yield* Effect.fork(turn.use("read", Effect.never))
      yield* settle
      const waiting = yield* wait("emergency", "stop")
      yield* settle
      // Its turn comes and its interruption with it: no turn is lost.
      yield* Effect.all([Fiber.interruptFork(late), Fiber.interruptFork(waiting)])
      yield* settle
      expect(yield* turn.use("read", Effect.succeed("free"))).toBe("free")
    }))
})
