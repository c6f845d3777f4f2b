import { describe, expect, it } from "@effect/vitest"
import { DeathWatch } from "@plantd/actors"
import { Effect, Exit, Fiber, Stream } from "effect"
import { settle } from "../hardware/peers.ts"
import { idOn, inItsTime, makeCluster, shared, untilSo } from "./nodes.ts"

const address = (id: string) => ({ type: "Keeper", id })

/** Two nodes; an actor on the first that watches one on the second, which is alive. */
const watching = Effect.gen(function*() {
  const cluster = yield* makeCluster
  const one = yield* inItsTime(cluster.start(1))
  const other = yield* inItsTime(cluster.start(2))
  yield* shared(one, other)
  const by = idOn(one)
  const of = idOn(other)
  const target = one.keeper(of)
  yield* inItsTime(target.Where())
  yield* inItsTime(one.keeper(by).Watch({ id: of }))
  yield* inItsTime(target.Where())
  expect(cluster.book.ends).toEqual([])
  const heard = (within = 3_000) =>
    Effect.gen(function*() {
      const { ends } = cluster.book
      yield* untilSo("it is heard", Effect.sync(() => ends.length > 0), within)
      // Once, and no more.
      yield* inItsTime(Effect.sleep("3 seconds"))
      expect(ends).toMatchObject([{ by, of }])
      return ends[0]?.reason
    })
  return { ...cluster, one, other, by, of, target, heard }
})

describe("a watch of an actor on another node", () => {
  it.scoped("is told once that it has stopped, whatever is lost on the way", () =>
    Effect.gen(function*() {
      const { heard, of, one, other, wires } = yield* watching
      yield* wires.next("receipt-lost", "receipt-lost", "request-lost", "receipt-lost")
      const outside = yield* Effect.fork(one.system.watch(address(of)))
      yield* inItsTime(one.keeper(of).Where())
      yield* wires.next("receipt-lost", "request-lost", "receipt-lost")
      yield* other.system.stop(address(of))
      expect(yield* heard()).toBe("stopped")
      const end = { _tag: "Terminated", address: address(of), reason: "stopped" }
      expect(yield* Fiber.join(outside)).toEqual(end)
    }))

  it.scoped("is told when it has crashed for good, and not of its restarts", () =>
    Effect.gen(function*() {
      const { book, heard, target } = yield* watching
      const crash = Effect.exit(Stream.runDrain(target.Tail({ count: 0, end: "broken" })))
      yield* inItsTime(crash)
      yield* inItsTime(target.Where())
      expect(book.ends).toEqual([])
      for (let crashes = 0; crashes < 20 && book.ends.length === 0; crashes++) {
        yield* inItsTime(crash)
      }
      expect(yield* heard()).toBe("restart-limit")
    }))

  it.scoped("is told that its node is lost, when its lease has run out", () =>
    Effect.gen(function*() {
      const { book, heard, other } = yield* watching
      yield* other.vanish
      yield* inItsTime(Effect.sleep("1 second"))
      expect(book.ends).toEqual([])
      expect(yield* heard(2_000)).toBe("node-lost")
    }))

  it.scoped("is told that it has moved, when its node stops", () =>
    Effect.gen(function*() {
      const { heard, other } = yield* watching
      yield* inItsTime(other.stop)
      expect(yield* heard()).toBe("moved")
    }))

  it.scoped("is told nothing once it is over", () =>
    Effect.gen(function*() {
      const { book, by, of, one, other, target } = yield* watching
      yield* inItsTime(one.keeper(by).Unwatch())
      const outside = yield* Effect.fork(one.system.watch(address(of)))
      yield* inItsTime(target.Where())
      yield* Fiber.interrupt(outside)
      yield* inItsTime(target.Where())
      yield* other.system.stop(address(of))
      yield* inItsTime(Effect.sleep("3 seconds"))
      yield* inItsTime(other.vanish)
      yield* inItsTime(Effect.sleep("3 seconds"))
      expect(book.ends).toEqual([])
    }))

  it.scoped("says that it is not running; in order with the messages before it", () =>
    Effect.gen(function*() {
      const { of, one, other, wires } = yield* watching
      const another = idOn(other, [of])
      const idle = yield* inItsTime(one.system.watch(address(another)))
      expect(idle).toEqual({ _tag: "Terminated", address: address(another), reason: "not-running" })
      yield* wires.next("request-lost")
      yield* one.keeper(another).Note({ entry: 1 }, { discard: true })
      const alive = yield* Effect.fork(one.system.watch(address(another)))
      yield* inItsTime(Effect.sleep("1 second"))
      expect((yield* Fiber.poll(alive))._tag).toBe("None")
      yield* other.system.stop(address(another))
      expect(yield* inItsTime(Fiber.join(alive))).toMatchObject({ reason: "stopped" })
    }))

  it.scoped("goes where its actor lives, where nobody knows yet", () =>
    Effect.gen(function*() {
      const { of, one, other } = yield* watching
      yield* inItsTime(other.stop)
      // Nothing was told of who holds its shard now; it is here, and was started by this message.
      yield* inItsTime(one.keeper(of).Where())
      const moved = yield* Effect.fork(one.system.watch(address(of)))
      yield* settle
      expect((yield* Fiber.poll(moved))._tag).toBe("None")
      yield* one.system.stop(address(of))
      expect(yield* inItsTime(Fiber.join(moved))).toMatchObject({ reason: "stopped" })
    }))

  it.scoped("is one of so many that a node may have", () =>
    Effect.gen(function*() {
      const { of, one, target } = yield* watching
      const { engine } = one.system
      const watches: Array<() => void> = []
      for (let count = 1; count < DeathWatch.watchesMax; count++) {
        watches.push(engine.watch(address(of), () => {}))
      }
      const exceeded = { defect: { _tag: "LimitExceeded", limit: "watchesMax" } }
      const oneMore = yield* inItsTime(Effect.exit(one.system.watch(address(of))))
      expect(oneMore).toMatchObject({ cause: exceeded })
      yield* inItsTime(target.Where())
      // Over, they are over there too: else it would have no room for this one.
      for (const unwatch of watches) unwatch()
      yield* inItsTime(Effect.sleep("1 second"))
      const again = yield* Effect.fork(one.system.watch(address(of)))
      yield* inItsTime(target.Where())
      yield* inItsTime(target.Where())
      expect((yield* Fiber.poll(again))._tag).toBe("None")
    }))
})

describe("a node that was taken for lost, and comes back", () => {
  it.scoped("hears that its streams and watches are over, and is reached as before", () =>
    Effect.gen(function*() {
      const { book, by, of, one, other, target, wires } = yield* watching
      const mine = other.keeper(by)
      const stream = yield* Effect.fork(
        Effect.exit(Stream.runDrain(mine.Tail({ count: 2, end: "open" })))
      )
      const watch = yield* Effect.fork(other.system.watch(address(by)))
      yield* untilSo("it is read", Effect.sync(() => book.made === 2))
      yield* inItsTime(mine.Where())
      yield* other.lock
      yield* untilSo("its lease is over", Effect.sync(() => one.cluster.isHere(of)))
      expect(book.closed).toBe(1)
      const late = [[0, "Keeper", by, "Note", { entry: 1 }]]
      const refused = yield* inItsTime(Effect.flip(wires.slip(other.address, one.address, late)))
      expect(refused).toMatchObject({ _tag: "WrongSession" })
      expect(book.notes.filter(({ entry }) => entry > 0)).toEqual([])
      yield* other.unlock
      yield* shared(one, other)
      expect(yield* inItsTime(Fiber.join(watch))).toMatchObject({ reason: "node-lost" })
      const lost = { cause: { error: { _tag: "DeliveryUnknown" } } }
      expect(yield* inItsTime(Fiber.join(stream))).toMatchObject(lost)
      for (let turn = 0; turn < 3; turn++) {
        expect(yield* inItsTime(Effect.exit(one.keeper(idOn(other)).Where())))
          .toEqual(Exit.succeed("2"))
        expect(yield* inItsTime(Effect.exit(other.keeper(idOn(one)).Where())))
          .toEqual(Exit.succeed("1"))
      }
      expect(yield* inItsTime(Effect.exit(target.Where()))).toMatchObject({ _tag: "Success" })
      expect(book.most).toBe(1)
    }))
})
