import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { idOn, ids, inItsTime, makeCluster, shared, untilSo } from "./nodes.ts"

const two = Effect.gen(function*() {
  const cluster = yield* makeCluster
  const one = yield* inItsTime(cluster.start(1))
  const other = yield* inItsTime(cluster.start(2))
  yield* shared(one, other)
  return { ...cluster, one, other }
})

describe("a node", () => {
  it.scoped("whose store is away for less than its lease keeps its actors", () =>
    Effect.gen(function*() {
      const { book, one, other } = yield* two
      const id = idOn(other)
      yield* inItsTime(one.keeper(id).Where())
      yield* inItsTime(one.keeper(idOn(one)).Watch({ id }))
      yield* other.lock
      yield* inItsTime(Effect.sleep("1500 millis"))
      yield* other.unlock
      yield* inItsTime(Effect.sleep("3 seconds"))
      expect(book.ends).toEqual([])
      expect(yield* inItsTime(one.keeper(id).Where())).toBe("2")
    }))

  it.scoped("whose store is away for longer stops its actors before its lease ends", () =>
    Effect.gen(function*() {
      const { one, other } = yield* two
      const id = idOn(other)
      yield* inItsTime(other.keeper(id).Where())
      yield* other.lock
      const took = yield* untilSo(
        "its actors have ended",
        Effect.map(other.system.stats, ({ actors }) => actors === 0)
      )
      expect(took).toBeLessThan(2_000)
      yield* untilSo("another has them", Effect.sync(() => one.cluster.isHere(id)))
      yield* other.unlock
      yield* shared(one, other)
    }))

  it.scoped("keeps, takes and gives shards also where each call of the store takes 400 ms", () =>
    Effect.gen(function*() {
      const { book, one, other, start } = yield* two
      yield* other.slow(400)
      const slow = one.keeper(idOn(other)).Slow({ millis: 4_000 })
      expect(yield* inItsTime(slow)).toBeUndefined()
      yield* one.stop.pipe(inItsTime)
      yield* untilSo("it holds all", Effect.sync(() => ids.every(other.cluster.isHere)))
      const third = yield* inItsTime(start(3))
      yield* shared(other, third)
      for (const id of ids) yield* inItsTime(third.keeper(id).Where())
      expect(book.most).toBe(1)
    }))
})
