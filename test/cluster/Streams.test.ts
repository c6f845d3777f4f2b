import { describe, expect, it } from "@effect/vitest"
import type { ClusterSystem } from "@plantd/cluster"
import { Chunk, Effect, Fiber, Option, Stream } from "effect"
import { settle } from "../hardware/peers.ts"
import { idOn, inItsTime, makeCluster, shared, untilSo } from "./nodes.ts"

const two = (settings: ClusterSystem.NodeSettings = {}) =>
  Effect.gen(function*() {
    const cluster = yield* makeCluster
    const one = yield* inItsTime(cluster.start(1, settings))
    const other = yield* inItsTime(cluster.start(2, settings))
    yield* shared(one, other)
    const id = idOn(other)
    return { ...cluster, one, other, id, keeper: one.keeper(id) }
  })

const upTo = (count: number) => Array.from({ length: count }, (_, index) => BigInt(index + 1))

/** Reads a stream, and keeps what it gave. */
const reading = <E>(stream: Stream.Stream<bigint, E>) =>
  Effect.gen(function*() {
    const seen: Array<bigint> = []
    const fiber = yield* Effect.fork(
      Effect.flip(Stream.runForEach(stream, (value) => Effect.sync(() => seen.push(value))))
    )
    return { seen, end: inItsTime(Fiber.join(fiber)), fiber }
  })

const address = (id: string) => ({ type: "Keeper", id })

describe("a stream from an actor on another node", () => {
  it.scoped("comes in order and complete, whatever is lost on its way", () =>
    Effect.gen(function*() {
      const { book, keeper, wires } = yield* two({ streamWindow: 16 })
      for (let fault = 0; fault < 40; fault++) {
        yield* wires.next(fault % 2 === 0 ? "receipt-lost" : "request-lost")
      }
      const all = yield* inItsTime(Stream.runCollect(keeper.Tail({ count: 300, end: "done" })))
      expect(Chunk.toReadonlyArray(all)).toEqual(upTo(300))
      expect(book).toMatchObject({ made: 300, closed: 1 })
    }))

  it.scoped("is asked for in order with other messages of its reader", () =>
    Effect.gen(function*() {
      const { book, keeper, wires } = yield* two()
      yield* wires.next("request-lost")
      yield* keeper.Note({ entry: 1 }, { discard: true })
      yield* settle
      const { fiber } = yield* reading(keeper.Tail({ count: 5, end: "open" }))
      yield* settle
      yield* keeper.Note({ entry: 2 }, { discard: true })
      yield* untilSo("all are told", Effect.sync(() => book.notes.length === 3))
      expect(book.notes.map(({ entry }) => entry)).toEqual([1, -5, 2])
      yield* Fiber.interrupt(fiber)
    }))

  it.scoped("is made no faster than it is read", () =>
    Effect.gen(function*() {
      const { book, keeper } = yield* two({ streamWindow: 8 })
      const pull = yield* Stream.toPull(keeper.Tail({ count: 30, end: "done" }))
      let read = 0
      for (;;) {
        const next = yield* inItsTime(Effect.either(pull))
        // A second in which nobody reads.
        yield* inItsTime(Effect.sleep("1 second"))
        if (next._tag === "Left") {
          expect(next.left).toEqual(Option.none())
          break
        }
        read += next.right.length
        expect(book.made).toBeLessThanOrEqual(read + 8)
        if (read < 22) expect(book.closed).toBe(0)
      }
      expect({ read, ...book }).toMatchObject({ read: 30, made: 30, closed: 1 })
    }))

  it.scoped("ends by its own error, after its values", () =>
    Effect.gen(function*() {
      const { keeper } = yield* two()
      const { end, seen } = yield* reading(keeper.Tail({ count: 3, end: "spent" }))
      expect(yield* end).toBe("spent")
      expect(seen).toEqual(upTo(3))
    }))

  it.scoped("ends by a typed error where a value does not fit", () =>
    Effect.gen(function*() {
      const { book, keeper } = yield* two()
      const { end, seen } = yield* reading(keeper.Tail({ count: 3, end: "unfit" }))
      expect(yield* end).toMatchObject({ _tag: "MessageInvalid", part: "answer", tag: "Tail" })
      expect(seen).toEqual(upTo(3))
      expect(book.closed).toBe(1)
    }))

  it.scoped("ends by the crash of its actor, whichever stream of it has broken", () =>
    Effect.gen(function*() {
      const { id, keeper } = yield* two()
      const standing = yield* reading(keeper.Tail({ count: 2, end: "open" }))
      yield* untilSo("it is read", Effect.sync(() => standing.seen.length === 2))
      const broken = yield* reading(keeper.Tail({ count: 1, end: "broken" }))
      const crashed = { _tag: "ActorCrashed", address: address(id), tag: "Tail" }
      expect(yield* broken.end).toMatchObject(crashed)
      expect(yield* standing.end).toMatchObject(crashed)
      expect([standing.seen, broken.seen]).toEqual([upTo(2), upTo(1)])
    }))

  it.scoped("ends when its actor is stopped, and when it moves away", () =>
    Effect.gen(function*() {
      const { book, id, keeper, other } = yield* two()
      const first = yield* reading(keeper.Tail({ count: 2, end: "open" }))
      yield* untilSo("it is read", Effect.sync(() => first.seen.length === 2))
      yield* other.system.stop(address(id))
      expect(yield* first.end).toMatchObject({ _tag: "ActorStopped", reason: "stopped" })
      const second = yield* reading(keeper.Tail({ count: 2, end: "open" }))
      yield* untilSo("it is read", Effect.sync(() => second.seen.length === 2))
      yield* inItsTime(other.stop)
      expect(yield* second.end).toMatchObject({ _tag: "ActorStopped", reason: "moved" })
      expect(book.closed).toBe(2)
    }))

  it.scoped("is interrupted there when its reader stops", () =>
    Effect.gen(function*() {
      const { book, keeper } = yield* two({ streamWindow: 8 })
      const open = keeper.Tail({ count: 1_000, end: "open" })
      const some = yield* inItsTime(Stream.runCollect(Stream.take(open, 3)))
      expect(Chunk.toReadonlyArray(some)).toEqual(upTo(3))
      yield* untilSo("it is closed", Effect.sync(() => book.closed === 1))
      expect(book.made).toBeLessThanOrEqual(16)
      const { fiber, seen } = yield* reading(keeper.Tail({ count: 2, end: "open" }))
      yield* untilSo("it is read", Effect.sync(() => seen.length === 2))
      yield* Fiber.interrupt(fiber)
      yield* untilSo("it is closed", Effect.sync(() => book.closed === 2))
    }))

  it.scoped("ends as unknown when its node is lost; and there, when its reader's is", () =>
    Effect.gen(function*() {
      const { book, id, keeper, one, other } = yield* two()
      const there = yield* reading(keeper.Tail({ count: 2, end: "open" }))
      yield* untilSo("it is read", Effect.sync(() => there.seen.length === 2))
      const mine = idOn(one)
      const here = yield* reading(other.keeper(mine).Tail({ count: 2, end: "open" }))
      yield* untilSo("it is read", Effect.sync(() => here.seen.length === 2))
      expect(book.closed).toBe(0)
      yield* other.vanish
      const lost = { _tag: "DeliveryUnknown", address: address(id), tag: "Tail" }
      expect(yield* there.end).toMatchObject(lost)
      // One by the loss of its reader; the other by that of its own lease.
      yield* untilSo("both are closed", Effect.sync(() => book.closed === 2))
    }))

  it.scoped("is refused beyond so many at a time, and taken again when one has ended", () =>
    Effect.gen(function*() {
      const { book, keeper } = yield* two({ streamsMax: 1 })
      const first = yield* reading(keeper.Tail({ count: 2, end: "open" }))
      yield* untilSo("it is read", Effect.sync(() => first.seen.length === 2))
      const second = yield* reading(keeper.Tail({ count: 2, end: "done" }))
      expect(yield* second.end).toMatchObject({ _tag: "NotDelivered" })
      expect(book.notes.length).toBe(1)
      yield* Fiber.interrupt(first.fiber)
      yield* untilSo("it is closed", Effect.sync(() => book.closed === 1))
      for (const count of [2, 3]) {
        const all = yield* inItsTime(Stream.runCollect(keeper.Tail({ count, end: "done" })))
        expect(all.length).toBe(count)
      }
    }))

  it.scoped("is not disturbed by what is no letter, or of no stream", () =>
    Effect.gen(function*() {
      const { keeper, one, other, wires } = yield* two()
      const { fiber, seen } = yield* reading(keeper.Tail({ count: 2, end: "open" }))
      yield* untilSo("it is read", Effect.sync(() => seen.length === 2))
      const garbage = (number: number): ReadonlyArray<unknown> => [
        [5],
        [6, number, []],
        [6, number, "1"],
        [7, number],
        [8, number, 0],
        [8, number, -1],
        [8, number, Number.NaN],
        [8, number, 1e9],
        [9, number],
        [9, number, "Keeper", ""],
        [10, number],
        [10, number, "tired"],
        [10, number, "stopped"],
        [12, number]
      ]
      const ofNothing = [[5, 99], [6, 99, ["1"]], [7, 99, 0, null], [8, 99, 1], [11, 99], [], null]
      const letters = [...[1, 2, 3, 4, 5].flatMap(garbage), ...ofNothing]
      yield* inItsTime(wires.slip(one.address, other.address, letters))
      yield* inItsTime(wires.slip(other.address, one.address, letters))
      expect((yield* Fiber.poll(fiber))._tag).toBe("None")
      expect(seen).toEqual(upTo(2))
    }))
})
