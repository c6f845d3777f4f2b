import { describe, expect, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Option, Random, Stream } from "effect"
import { idOn, ids, inItsTime, makeCluster, type Node, shared, untilSo } from "./nodes.ts"

const two = Effect.gen(function*() {
  const cluster = yield* makeCluster
  const one = yield* inItsTime(cluster.start(1))
  const other = yield* inItsTime(cluster.start(2))
  yield* shared(one, other)
  return { ...cluster, one, other }
})

describe("an actor of a cluster", () => {
  it.scoped("lives on one node, and is reached from each", () =>
    Effect.gen(function*() {
      const { book, one, other } = yield* two
      for (const id of ids) {
        const here = one.cluster.isHere(id) ? "1" : "2"
        expect(yield* inItsTime(one.keeper(id).Where())).toBe(here)
        expect(yield* inItsTime(other.keeper(id).Where())).toBe(here)
      }
      expect(book.most).toBe(1)
      expect((yield* one.system.stats).actors + (yield* other.system.stats).actors)
        .toBe(ids.length)
    }))

  it.scoped("is told by each node to live where it does, and on the next one after a move", () =>
    Effect.gen(function*() {
      const { one, other } = yield* two
      for (const id of ids) {
        const { address, session } = (one.cluster.isHere(id) ? one : other).cluster.self
        for (const { cluster } of [one, other]) {
          const holder = Option.getOrThrow(yield* cluster.holderOf(id))
          expect(holder).toMatchObject({ address, session })
        }
      }
      const id = idOn(other)
      yield* inItsTime(other.stop)
      yield* untilSo("it has moved", Effect.sync(() => one.cluster.isHere(id)))
      const { session } = one.cluster.self
      expect(Option.getOrThrow(yield* one.cluster.holderOf(id))).toMatchObject({ session })
    }))

  it.scoped("lives on one node, also where two have the same randomness", () =>
    Effect.gen(function*() {
      const cluster = yield* makeCluster
      const started = (number: number) =>
        inItsTime(Effect.withRandom(cluster.start(number), Random.make(1)))
      const [one, other] = [yield* started(1), yield* started(2)]
      yield* shared(one, other)
      expect(one.cluster.self.session).not.toBe(other.cluster.self.session)
    }))

  it.scoped("lives where its supervisor does, where its id begins with that one's", () =>
    Effect.gen(function*() {
      const { one } = yield* two
      for (const id of ids) expect(one.cluster.isHere(`${id}/child`)).toBe(one.cluster.isHere(id))
    }))

  it.scoped("answers an ask of another node, by its own error too", () =>
    Effect.gen(function*() {
      const { book, one, other } = yield* two
      const id = idOn(other)
      const keeper = one.keeper(id)
      expect(yield* inItsTime(keeper.Note({ entry: 7 }))).toBe(1)
      expect(yield* inItsTime(Effect.flip(keeper.Refuse()))).toBe("refused")
      yield* inItsTime(keeper.Note({ entry: 8 }, { discard: true }))
      yield* untilSo("it is told", Effect.sync(() => book.notes.length === 2))
      expect(book.notes).toEqual([{ id, entry: 7, node: 2 }, { id, entry: 8, node: 2 }])
    }))

  it.scoped("says by a typed error what does not fit, and what does not leave its node", () =>
    Effect.gen(function*() {
      const { one, other } = yield* two
      const keeper = one.keeper(idOn(other))
      const half = yield* inItsTime(Effect.flip(keeper.Note({ entry: 0.5 })))
      expect(half).toMatchObject({ _tag: "MessageInvalid", part: "payload" })
      const wrong = yield* inItsTime(Effect.flip(keeper.Wrong()))
      expect(wrong).toMatchObject({ _tag: "MessageInvalid", part: "answer" })
    }))

  it.scoped("is unknown to have handled what its asker did not wait for", () =>
    Effect.gen(function*() {
      const { one, other } = yield* two
      const keeper = one.keeper(idOn(other))
      const slow = keeper.Slow({ millis: 5_000 }, { timeout: "1 second" })
      const error = yield* inItsTime(Effect.flip(slow))
      expect(error).toMatchObject({ _tag: "AskTimeout", outcome: "unknown" })
    }))
})

describe("a message between nodes", () => {
  it.scoped("is handled once, where its receipt is lost, and comes where it is lost itself", () =>
    Effect.gen(function*() {
      const { book, one, other, wires } = yield* two
      const keeper = one.keeper(idOn(other))
      for (let entry = 0; entry < 10; entry++) {
        yield* wires.next(entry % 2 === 0 ? "receipt-lost" : "request-lost")
        yield* inItsTime(keeper.Note({ entry }))
      }
      expect(book.notes.map(({ entry }) => entry)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    }))

  it.scoped("keeps its order among those of its sender, also where its actor moves", () =>
    Effect.gen(function*() {
      const { book, one, other, start } = yield* two
      const id = idOn(other)
      const keeper = one.keeper(id)
      const count = 400
      const sending = yield* Effect.fork(
        Effect.forEach(
          Array.from({ length: count }, (_, entry) => entry),
          (entry) =>
            Effect.zipRight(keeper.Note({ entry }, { discard: true }), Effect.sleep("5 millis")),
          { discard: true }
        )
      )
      yield* untilSo("some are told", Effect.sync(() => book.notes.length > 20))
      const third = yield* inItsTime(start(3))
      yield* inItsTime(other.stop)
      yield* untilSo("all are told", Effect.sync(() => book.notes.length === count))
      yield* Fiber.join(sending)
      expect(book.notes.map(({ entry }) => entry)).toEqual(
        Array.from({ length: count }, (_, entry) => entry)
      )
      expect(new Set(book.notes.map(({ node }) => node)).size).toBeGreaterThan(1)
      expect([one, third].some(({ cluster }) => cluster.isHere(id))).toBe(true)
      expect(book.most).toBe(1)
    }))
})

/** Asks all actors, again and again, and keeps every failure. */
const askAll = (node: Node, failures: Array<unknown>) =>
  Effect.forever(
    Effect.forEach(ids, (id) =>
      Effect.tapErrorCause(
        node.keeper(id).Slow({ millis: 5 }),
        (cause) => Effect.sync(() => failures.push(cause))
      ))
  )

describe("a node", () => {
  it.scoped("that joins takes its share, and no ask fails by it", () =>
    Effect.gen(function*() {
      const { book, start } = yield* makeCluster
      const one = yield* inItsTime(start(1))
      yield* untilSo("it holds all", Effect.sync(() => ids.every(one.cluster.isHere)))
      const failures: Array<unknown> = []
      const asking = yield* Effect.fork(askAll(one, failures))
      const other = yield* inItsTime(start(2))
      yield* shared(one, other)
      expect(yield* inItsTime(one.keeper(idOn(other)).Where())).toBe("2")
      yield* Fiber.interrupt(asking)
      expect(failures).toEqual([])
      expect(book.most).toBe(1)
    }))

  it.scoped("that stops hands its actors over, and no ask fails by it", () =>
    Effect.gen(function*() {
      const { book, one, other } = yield* two
      const failures: Array<unknown> = []
      const asking = yield* Effect.fork(askAll(one, failures))
      yield* untilSo("some live there", Effect.map(other.system.stats, ({ actors }) => actors > 5))
      yield* inItsTime(other.stop)
      yield* untilSo("one holds all", Effect.sync(() => ids.every(one.cluster.isHere)))
      for (const id of ids) expect(yield* inItsTime(one.keeper(id).Where())).toBe("1")
      yield* Fiber.interrupt(asking)
      expect(failures).toEqual([])
      expect(book.most).toBe(1)
    }))

  it.scoped("is told to have joined, to drain and to have left, or to be lost", () =>
    Effect.gen(function*() {
      const { one, other, start } = yield* two
      const told: Array<string> = []
      yield* Effect.fork(
        Stream.runForEach(
          one.cluster.events,
          ({ _tag, node }) => Effect.sync(() => told.push(`${_tag} ${node.address}`))
        )
      )
      const third = yield* inItsTime(start(3))
      yield* shared(one, other, third)
      yield* inItsTime(third.stop)
      yield* other.vanish
      yield* untilSo("it is lost", Effect.sync(() => told.includes(`Lost ${other.address}`)))
      expect(told.filter((event) => !event.startsWith("ShardsMoved"))).toEqual([
        `Joined ${third.address}`,
        `Draining ${third.address}`,
        `Left ${third.address}`,
        `Lost ${other.address}`
      ])
    }))

  it.scoped("that vanishes is replaced when its lease is over, and what it had is unknown", () =>
    Effect.gen(function*() {
      const { one, other, wires } = yield* two
      const id = idOn(other)
      yield* inItsTime(one.keeper(id).Where())
      const having = yield* Effect.fork(
        Effect.exit(one.keeper(id).Slow({ millis: 60_000 }, { timeout: "1 minute" }))
      )
      yield* untilSo("it is there", Effect.map(other.system.stats, ({ messages }) => messages > 1))
      const unknown = { _tag: "DeliveryUnknown", address: { type: "Keeper", id } }
      const batches = yield* wires.batches
      yield* other.vanish
      const ask = Effect.exit(one.keeper(id).Where(undefined, { timeout: "9 seconds" }))
      const first = yield* Effect.fork(ask)
      yield* untilSo("it is posted", Effect.map(wires.batches, (count) => count > batches))
      let answer: Exit.Exit<string, unknown> | undefined
      yield* Effect.fork(Effect.map(ask, (exit) => (answer = exit)))
      const took = yield* untilSo("it answers", Effect.sync(() => answer !== undefined))
      expect(took).toBeLessThan(3_000)
      // What was not posted yet goes to the new holder; of what was, nobody knows.
      expect(answer).toEqual(Exit.succeed("1"))
      expect(yield* inItsTime(Fiber.join(first))).toMatchObject({ cause: { error: unknown } })
      const end = yield* inItsTime(Fiber.join(having))
      expect(end).toMatchObject({ cause: { error: unknown } })
    }))
})
