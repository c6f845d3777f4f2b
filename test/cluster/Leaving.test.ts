import { describe, expect, it } from "@effect/vitest"
import { Clock, Effect, Fiber } from "effect"
import { idOn, ids, inItsTime, makeCluster, shared, untilSo } from "./nodes.ts"

describe("a node that leaves", () => {
  it.scoped("brings its last answers to those who wait for them, also where one gets lost", () =>
    Effect.gen(function*() {
      const { book, start, wires } = yield* makeCluster
      const [first, second] = yield* inItsTime(Effect.all([start(7_001), start(7_002)]))
      yield* shared(first, second)
      const id = idOn(second)
      const asking = yield* Effect.fork(first.keeper(id).Slow({ millis: 1_000 }))
      yield* untilSo("it is handled", Effect.sync(() => book.alive.get(id) === 1))
      // Those with its answer are lost.
      yield* wires.next("request-lost", "request-lost", "request-lost", "request-lost")
      const stopping = yield* Effect.fork(second.stop)
      yield* inItsTime(Fiber.join(stopping))
      expect(yield* inItsTime(Effect.exit(Fiber.join(asking)))).toMatchObject({ _tag: "Success" })
    }))

  it.scoped("ends its actors in good order, also where its drain was broken off before", () =>
    Effect.gen(function*() {
      const { book, start } = yield* makeCluster
      const [first, second] = yield* inItsTime(Effect.all([start(7_001), start(7_002)]))
      yield* shared(first, second)
      const id = idOn(second)
      yield* Effect.fork(Effect.exit(first.keeper(id).Slow({ millis: 60_000 })))
      yield* untilSo("it is handled", Effect.sync(() => book.alive.get(id) === 1))
      const draining = yield* Effect.fork(second.cluster.drain)
      yield* inItsTime(Effect.sleep("100 millis"))
      yield* Fiber.interrupt(draining)
      yield* inItsTime(second.stop)
      expect(book.alive.get(id)).toBe(0)
    }))

  it.scoped("has given an ask back that runs elsewhere, although no receipt of it ever came", () =>
    Effect.gen(function*() {
      const { book, start, wires } = yield* makeCluster
      const [first, second] = yield* inItsTime(
        Effect.all([start(7_001), start(7_002, { drain: "10 seconds", handoff: "200 millis" })])
      )
      yield* shared(first, second)
      const id = idOn(second)
      yield* wires.slow(60_000, second.address)
      const slow = (millis: number) => first.keeper(id).Slow({ millis }, { timeout: "30 seconds" })
      // In one batch: the second one waits in the mailbox, moves, and outlasts the node that left.
      const asking = yield* Effect.fork(
        Effect.all([Effect.exit(slow(3_000)), Effect.exit(slow(6_000))], { concurrency: 2 })
      )
      yield* untilSo("it is handled", Effect.sync(() => book.alive.get(id) === 1))
      yield* inItsTime(second.stop)
      const [, moved] = yield* inItsTime(Fiber.join(asking))
      expect(moved).toMatchObject({ _tag: "Success" })
    }))

  it.scoped.each([
    { others: "are there", least: 500, most: 1_500 },
    { others: "are long gone", least: 0, most: 450 }
  ])(
    "goes on answering for a moment, where others $others",
    ({ least, most, others }) =>
      Effect.gen(function*() {
        const { start } = yield* makeCluster
        const [first, second] = yield* inItsTime(Effect.all([start(7_001), start(7_002)]))
        yield* shared(first, second)
        if (others === "are long gone") {
          yield* second.vanish
          yield* untilSo("all is here", Effect.sync(() => ids.every(first.cluster.isHere)))
        }
        const began = yield* Clock.currentTimeMillis
        yield* inItsTime(first.stop)
        const took = (yield* Clock.currentTimeMillis) - began
        expect(took).toBeGreaterThanOrEqual(least)
        expect(took).toBeLessThanOrEqual(most)
      })
  )

  it.scoped.each([
    { view: 150, receipt: 0 },
    { view: 15, receipt: 40 },
    { view: 80, receipt: 20 }
  ])(
    "fails no ask of a node whose view of it is %o ms late",
    ({ receipt, view }) =>
      Effect.gen(function*() {
        const { start, wires } = yield* makeCluster
        const nodes = yield* inItsTime(Effect.all([start(7_001), start(7_002), start(7_003)]))
        const [first, second] = nodes
        yield* shared(...nodes)
        const there = ids.filter(second.cluster.isHere)
        yield* first.slow(view)
        yield* wires.slow(receipt)
        const failures: Array<unknown> = []
        const asking = yield* Effect.fork(
          Effect.forever(
            Effect.forEach(there, (id) =>
              Effect.zipRight(
                Effect.forkDaemon(
                  Effect.tapError(
                    first.keeper(id).Where(undefined, { timeout: "20 seconds" }),
                    (error) => Effect.sync(() => failures.push(error))
                  )
                ),
                Effect.sleep("5 millis")
              ))
          )
        )
        yield* inItsTime(Effect.sleep("1 second"))
        yield* inItsTime(second.stop)
        yield* inItsTime(Effect.sleep("3 seconds"))
        yield* Fiber.interrupt(asking)
        expect(yield* inItsTime(first.keeper(there[0] ?? "").Where())).not.toBe("7002")
        expect(failures).toEqual([])
      })
  )
})
