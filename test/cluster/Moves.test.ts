import { describe, expect, it, vi } from "@effect/vitest"
import type { DeadLetter } from "@plantd/actors"
import { Effect, Fiber, Stream } from "effect"
import { settle } from "../hardware/peers.ts"
import { idOn, ids, inItsTime, makeCluster, type Node, shared, untilSo } from "./nodes.ts"

// Virtual time, but much of it, in small steps.
vi.setConfig({ testTimeout: 120_000 })

const quick = { handoff: "200 millis" } as const

const three = Effect.gen(function*() {
  const cluster = yield* makeCluster
  const [one, two, third] = [
    yield* inItsTime(cluster.start(1, quick)),
    yield* inItsTime(cluster.start(2, quick)),
    yield* inItsTime(cluster.start(3, quick))
  ]
  yield* shared(one, two, third)
  const id = idOn(two)
  // Longer than a handoff, and than an actor may take to stop.
  yield* Effect.fork(Effect.ignore(third.keeper(id).Slow({ millis: 60_000 })))
  yield* settle
  return { ...cluster, one, two, third, id }
})

/** How many notes a sender has sent before the actor moves, and in all. */
const before = 20
const count = 60

/** Notes of one sender, asks and tells, each begun before the next, from one to before another. */
const notes = (node: Node, id: string, [first, end]: readonly [first: number, end: number]) =>
  Effect.forEach(
    Array.from({ length: end - first }, (_, index) => first + index),
    (entry) => {
      const note = entry % 3 === 0
        ? node.keeper(id).Note({ entry }, { timeout: "1 minute" })
        : node.keeper(id).Note({ entry }, { discard: true })
      return Effect.zipLeft(Effect.forkScoped(note), Effect.sleep("50 millis"))
    }
  )

/** The entries of one sender, in the order in which they were noted. */
const noted = (all: ReadonlyArray<{ readonly entry: number }>, first: number) =>
  all.map(({ entry }) => entry - first).filter((entry) => entry >= 0 && entry < count)

const inOrder = Array.from({ length: count }, (_, entry) => entry)

describe("what an actor has not handled when it moves", () => {
  it.scoped.each(
    [
      ["the node that it leaves", ["two"]],
      ["the node that it comes to, and one beside", ["one", "third"]]
    ] as const
  )(
    "is handled where it lives then, before what came after, from %s",
    ([, from]) =>
      Effect.gen(function*() {
        const { book, id, ...nodes } = yield* three
        const senders = from.map((name, index) => ({ node: nodes[name], first: index * count }))
        const sent = (begin: number, end: number) =>
          Effect.forEach(
            senders,
            ({ first, node }) => notes(node, id, [first + begin, first + end]),
            { concurrency: "unbounded" }
          )
        const early = yield* inItsTime(sent(0, before))
        yield* Effect.forkScoped(from[0] === "two" ? nodes.two.cluster.drain : nodes.two.stop)
        const late = yield* inItsTime(sent(before, count))
        yield* inItsTime(Fiber.join(Fiber.all([...early, ...late].flat())))
        const all = senders.length * count
        yield* untilSo("all are noted", Effect.sync(() => book.notes.length === all))
        for (const { first } of senders) expect(noted(book.notes, first)).toEqual(inOrder)
        expect(book.notes.every(({ node }) => node !== 2)).toBe(true)
        expect(book.most).toBe(1)
      })
  )

  it.scoped("is handled by the next node, where a node has told it itself, and stops", () =>
    Effect.gen(function*() {
      const { book, id, two } = yield* three
      const entries = inOrder.slice(0, before)
      for (const entry of entries) yield* two.keeper(id).Note({ entry }, { discard: true })
      yield* inItsTime(two.stop)
      yield* untilSo("all are noted", Effect.sync(() => book.notes.length === before))
      expect(noted(book.notes, 0)).toEqual(entries)
    }))

  it.scoped("is refused where it comes back after later ones were sent on", () =>
    Effect.gen(function*() {
      const { book, id, third, two, wires } = yield* three
      const letters: Array<DeadLetter.DeadLetter> = []
      yield* Effect.fork(
        Stream.runForEach(third.system.events, (event) =>
          Effect.sync(() => {
            if (event._tag === "DeadLetter") letters.push(event)
          }))
      )
      const early = yield* inItsTime(notes(third, id, [0, before]))
      // Nobody hears it; it knows who holds what all the same.
      yield* wires.cut(two.address)
      yield* Effect.fork(two.cluster.drain)
      yield* untilSo("it has moved", Effect.sync(() => !two.cluster.isHere(id)))
      yield* inItsTime(notes(third, id, [before, count]))
      yield* untilSo("what came later is noted", Effect.sync(() => book.notes.length > 0))
      yield* wires.heal(two.address)
      for (const [entry, fiber] of early.entries()) {
        if (entry % 3 !== 0) yield* inItsTime(Fiber.join(fiber))
        else {
          const error = yield* inItsTime(Effect.flip(Fiber.join(fiber)))
          expect(error).toMatchObject({ _tag: "NotDelivered" })
          expect(String(error)).toContain("given back after later ones")
        }
      }
      // The first of the later ones was on its way there already.
      expect(noted(book.notes, 0)).toEqual(inOrder.slice(before + 1))
      const tells = inOrder.slice(0, before + 1).filter((entry) => entry % 3 !== 0)
      expect(letters.map(({ reason }) => reason)).toEqual(tells.map(() => "undelivered"))
    }))
})

type Send = (keeper: ReturnType<Node["keeper"]>) => Effect.Effect<unknown, unknown>

const tell: Send = (keeper) => keeper.Note({ entry: 0 }, { discard: true })

/** By then all nodes have seen what the store says. */
const seen = inItsTime(Effect.sleep("1 second"))

/** A client, a node whose actors are all at something and have a message, and a guest to come. */
const visited = (send: Send) =>
  Effect.gen(function*() {
    const { book, start, wires } = yield* makeCluster
    const client = yield* inItsTime(start(1, { ...quick, weight: 0 }))
    const node = yield* inItsTime(start(2, quick))
    const alone = untilSo("it holds all", Effect.sync(() => ids.every(node.cluster.isHere)))
    yield* alone
    for (const id of ids) {
      yield* Effect.fork(Effect.ignore(client.keeper(id).Slow({ millis: 60_000 })))
    }
    const sent = yield* Effect.forEach(ids, (id) => Effect.fork(send(client.keeper(id))))
    yield* settle
    /** Some of the actors go to the guest; gives the id of one. */
    const visit = Effect.gen(function*() {
      const guest = yield* inItsTime(start(3, quick))
      yield* shared(node, guest)
      const leave = inItsTime(guest.stop).pipe(Effect.zipRight(alone), Effect.zipRight(seen))
      return { moved: idOn(guest), stayed: idOn(node), leave }
    })
    return { book, client, node, sent, visit, wires }
  })

/** The lease of a node ends for a while: others give its links up, and it sends by new ones. */
const relinked = (node: Node) =>
  Effect.gen(function*() {
    yield* node.lock
    yield* inItsTime(Effect.sleep("4 seconds"))
    yield* node.unlock
    yield* seen
    yield* node.keeper("new").Note({ entry: 0 })
  })

describe("a node that has given messages back, and has their shard again", () => {
  it.scoped.each(["the same link", "a new link"])(
    "takes no later ones by %s before their sender knows of that",
    (link) =>
      Effect.gen(function*() {
        const { client, node, visit, wires } = yield* visited(tell)
        if (link === "a new link") yield* relinked(client)
        yield* wires.cut(client.address)
        const { leave, moved, stayed } = yield* visit
        yield* leave
        const told = (id: string) => [0, 99, "Keeper", id, "Note", { entry: 99 }]
        const letters = [moved, stayed].map(told)
        const { elsewhere } = yield* wires.slip(client.address, node.address, letters)
        expect(elsewhere).toEqual([0])
      })
  )

  it.scoped.each(["the same link", "a new link"])(
    "is sent no later ones by %s before it has said what it gives back",
    (link) =>
      Effect.gen(function*() {
        const { book, client, node, visit, wires } = yield* visited(tell)
        if (link === "a new link") yield* relinked(client)
        yield* wires.cut(node.address)
        const { leave, moved } = yield* visit
        yield* inItsTime(notes(client, moved, [1, 10]))
        const entries = Effect.sync(() =>
          book.notes.filter(({ id }) => id === moved).map(({ entry }) => entry)
        )
        yield* untilSo("the guest has some", Effect.map(entries, ({ length }) => length > 0))
        yield* leave
        yield* inItsTime(notes(client, moved, [10, 20]))
        yield* wires.heal(node.address)
        yield* untilSo("all are noted", Effect.map(entries, (all) => all.at(-1) === 19))
        // The oldest came back after others had gone to the guest.
        expect(yield* entries).toEqual(inOrder.slice(1, 20))
      })
  )

  it.scoped("loses none silently, where its links are given up meanwhile", () =>
    Effect.gen(function*() {
      const { book, client, node, wires } = yield* visited(tell)
      yield* wires.cut(node.address)
      yield* node.lock
      yield* inItsTime(Effect.sleep("4 seconds"))
      yield* wires.heal(node.address)
      yield* inItsTime(Effect.sleep("1 second"))
      yield* node.unlock
      yield* inItsTime(Effect.sleep("10 seconds"))
      const dead = yield* Effect.forEach([client, node], ({ system }) => system.stats)
      const letters = dead.reduce((sum, { deadLetters }) => sum + deadLetters, 0)
      expect(book.notes.length + letters).toBe(ids.length)
    }))

  it.scoped("takes later ones, where what it has given back was given up before", () =>
    Effect.gen(function*() {
      const ask: Send = (keeper) => keeper.Note({ entry: 0 }, { timeout: "1 minute" })
      const { client, sent, visit, wires } = yield* visited(ask)
      yield* wires.cut(client.address)
      yield* Fiber.interruptAll(sent)
      const { leave, moved } = yield* visit
      yield* leave
      yield* wires.heal(client.address)
      expect(yield* inItsTime(client.keeper(moved).Note({ entry: 1 }))).toBe(1)
    }))

  it.scoped("gives back what came by a link that was given up, too", () =>
    Effect.gen(function*() {
      const both: Send = (keeper) =>
        Effect.zipRight(tell(keeper), keeper.Note({ entry: 1 }, { discard: true }))
      const { book, client, visit } = yield* visited(both)
      yield* relinked(client)
      const { moved } = yield* visit
      const notes = Effect.sync(() => book.notes.filter(({ id }) => id === moved))
      yield* untilSo("both are noted", Effect.map(notes, (all) => all.at(-1)?.entry === 1))
      expect((yield* notes).map(({ entry, node }) => [entry, node])).toEqual([[0, 3], [1, 3]])
    }))

  it.scoped("is not believed to have given back what it was not sent", () =>
    Effect.gen(function*() {
      const { book, client, node, visit, wires } = yield* visited(tell)
      const { leave, moved } = yield* visit
      yield* leave
      const before = book.notes.length
      const orders = [Number.NaN, 1e300, -1, 0.5, Number.MAX_SAFE_INTEGER]
      const letters = orders.map((order) => [12, order, "Keeper", moved, "Note", { entry: 5 }])
      yield* wires.slip(node.address, client.address, letters)
      yield* client.keeper(moved).Note({ entry: 6 }, { discard: true })
      yield* untilSo("it is noted", Effect.sync(() => book.notes.length > before))
      expect(book.notes.slice(before)).toEqual([{ id: moved, entry: 6, node: 2 }])
    }))
})
