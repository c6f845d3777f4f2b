import { describe, expect, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { ids, idOn, inItsTime, makeCluster, type Node, shared, untilSo } from "./nodes.ts"

const two = Effect.gen(function*() {
  const cluster = yield* makeCluster
  const [first, second] = yield* inItsTime(Effect.all([cluster.start(7_001), cluster.start(7_002)]))
  yield* shared(first, second)
  const entriesOf = (id: string) =>
    cluster.book.notes.flatMap((note) => note.id === id ? [note.entry] : [])
  return { ...cluster, first, second, entriesOf }
})

const record = (from: Node, id: string, entries: ReadonlyArray<number>, millis = 0) =>
  Effect.forEach(entries, (entry) => from.keeper(id).Record({ entry, millis }, { discard: true }))

describe("durable messages between nodes", () => {
  it.scoped("are handled where their actor lives, once, in order, and answered", () =>
    Effect.gen(function*() {
      const { book, entriesOf, first, second } = yield* two
      const id = idOn(second)
      yield* inItsTime(record(first, id, [1, 2, 3]))
      yield* inItsTime(first.keeper(id).Record({ entry: 4, millis: 0 }))
      expect(entriesOf(id)).toEqual([1, 2, 3, 4])
      expect(new Set(book.notes.map(({ node }) => node))).toEqual(new Set([7_002]))
    }))

  it.scoped("that wait for a node which is lost are handled by its successor, in order", () =>
    Effect.gen(function*() {
      const { entriesOf, first, second } = yield* two
      const id = idOn(second)
      yield* inItsTime(record(first, id, [1, 2, 3], 300))
      const asking = yield* Effect.fork(
        first.keeper(id).Record({ entry: 4, millis: 0 }, { timeout: "30 seconds" })
      )
      yield* untilSo("the first is handled", Effect.sync(() => entriesOf(id).length > 0))
      yield* second.vanish
      yield* inItsTime(Fiber.join(asking))
      // The one at hand may have been handled by both.
      expect([...new Set(entriesOf(id))]).toEqual([1, 2, 3, 4])
      expect(entriesOf(id).length).toBeLessThanOrEqual(6)
    }))

  it.scoped("are handled by a successor of whom nobody asks anything", () =>
    Effect.gen(function*() {
      const { entriesOf, first, second } = yield* two
      const id = idOn(second)
      yield* inItsTime(record(first, id, [1, 2], 1_000))
      yield* second.vanish
      yield* untilSo("both are handled", Effect.sync(() => new Set(entriesOf(id)).size === 2))
    }))

  it.scoped("move with their actor when a node stops: none is handled twice, or overtaken", () =>
    Effect.gen(function*() {
      const { entriesOf, first, second } = yield* two
      const there = ids.filter(second.cluster.isHere).slice(0, 4)
      const wanted = Array.from({ length: 40 }, (_, index) => index)
      const sending = yield* Effect.fork(
        Effect.forEach(there, (id) => record(first, id, wanted, 20), { concurrency: 4 })
      )
      yield* untilSo(
        "some are handled",
        Effect.sync(() => there.every((id) => entriesOf(id).length > 5))
      )
      yield* inItsTime(second.stop)
      yield* inItsTime(Fiber.join(sending))
      yield* untilSo(
        "all are handled",
        Effect.sync(() => there.every((id) => entriesOf(id).length >= wanted.length))
      )
      for (const id of there) expect(entriesOf(id)).toEqual(wanted)
    }))

  it.scoped("are refused by a node that cannot store them, and stored by others meanwhile", () =>
    Effect.gen(function*() {
      const { entriesOf, first, second } = yield* two
      const id = idOn(first)
      yield* second.lock
      const refused = yield* inItsTime(
        Effect.flip(second.keeper(id).Record({ entry: 1, millis: 0 }))
      )
      expect(refused).toMatchObject({ _tag: "NotDelivered" })
      yield* inItsTime(first.keeper(id).Record({ entry: 2, millis: 0 }))
      expect(entriesOf(id)).toEqual([2])
    }))
})
