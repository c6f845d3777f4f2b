import { describe, expect, it } from "@effect/vitest"
import { type LinkSettings, SimulatedNetwork } from "@plantd/hardware/SimulatedNetwork"
import * as SimulatedTransport from "@plantd/hardware/SimulatedTransport"
import {
  eventsMax,
  type Frames,
  type Socket,
  type SocketEvent,
  type SocketSettings,
  Transport
} from "@plantd/hardware/Transport"
import { Effect, Fiber, Option, Random, type Scope, TestClock } from "effect"

const text = (frames: Frames) => frames.map((frame) => new TextDecoder().decode(frame))
const frames = (...parts: ReadonlyArray<string>) =>
  parts.map((part) => new TextEncoder().encode(part))

const endpoint = "tcp://127.0.0.1:5555"
const heartbeatMillis = 100
const settings = { heartbeatMillis, reconnectMillis: 50, reconnectMillisMax: 200 }

const bind = Effect.flatMap(
  Transport,
  (transport) => transport.open({ kind: "router", mode: "bind", endpoint, settings })
)
const connect = (own: Partial<SocketSettings> = {}) =>
  Effect.flatMap(
    Transport,
    (transport) =>
      transport.open({
        kind: "dealer",
        mode: "connect",
        endpoint,
        settings: { ...settings, ...own }
      })
  )

const turns = Effect.repeatN(Effect.yieldNow(), 20)

/** What an effect that may wait has given so far, without moving the clock. */
const poll = <A, E>(fiber: Fiber.RuntimeFiber<A, E>) =>
  Effect.zipRight(turns, Effect.map(Fiber.poll(fiber), Option.isSome))

/** All that can be taken now, without moving the clock. */
const drain = <A, E>(take: Effect.Effect<A, E>) =>
  Effect.gen(function*() {
    const taken: Array<A> = []
    for (;;) {
      const fiber = yield* Effect.fork(take)
      if (!(yield* poll(fiber))) {
        yield* Fiber.interrupt(fiber)
        return taken
      }
      taken.push(yield* Fiber.join(fiber))
    }
  })

const words = (socket: Socket) =>
  Effect.map(drain(socket.receive), (messages) => messages.map((message) => text(message).at(-1)))

const tags = (socket: Socket) =>
  Effect.map(
    drain(socket.event),
    (events: ReadonlyArray<SocketEvent>) => events.map((event) => event._tag)
  )

const sendAll = (socket: Socket, count: number) =>
  Effect.forEach(
    Array.from({ length: count }, (_, i) => String(i)),
    (word) => socket.send(frames(word)),
    { discard: true }
  )

const numbers = (count: number) => Array.from({ length: count }, (_, i) => String(i))

const test = (
  name: string,
  body: () => Effect.Effect<void, unknown, Transport | SimulatedNetwork | Scope.Scope>
) => it.scoped(name, () => Effect.provide(body(), SimulatedTransport.layer))

/** A connected pair whose first events are read, and the network between the two. */
const world = (link: Partial<LinkSettings> = {}) =>
  Effect.gen(function*() {
    const network = yield* SimulatedNetwork
    const router = yield* bind
    const dealer = yield* connect()
    expect(yield* tags(router)).toEqual(["Connected"])
    expect(yield* tags(dealer)).toEqual(["Connected"])
    yield* network.link(endpoint, link)
    return { network, router, dealer }
  })

describe("SimulatedNetwork", () => {
  test("a perfect link delivers without a step of the clock", () =>
    Effect.gen(function*() {
      const { dealer, router } = yield* world()
      yield* sendAll(dealer, 3)
      expect(yield* words(router)).toEqual(numbers(3))
    }))

  test("a message arrives after the latency and not before", () =>
    Effect.gen(function*() {
      const { dealer, router } = yield* world({ latencyMillis: { min: 30, max: 30 } })
      yield* dealer.send(frames("late"))
      yield* TestClock.adjust("29 millis")
      expect(yield* words(router)).toEqual([])
      yield* TestClock.adjust("1 millis")
      expect(yield* words(router)).toEqual(["late"])
    }))

  test("a connection takes the latency to be made, and to be told of", () =>
    Effect.gen(function*() {
      const network = yield* SimulatedNetwork
      yield* network.link(endpoint, { latencyMillis: { min: 10, max: 10 } })
      const router = yield* bind
      const dealer = yield* connect()
      expect(yield* tags(router)).toEqual([])
      yield* TestClock.adjust("10 millis")
      expect(yield* tags(router)).toEqual(["Connected"])
      expect(yield* tags(dealer)).toEqual([])
      yield* TestClock.adjust("10 millis")
      expect(yield* tags(dealer)).toEqual(["Connected"])
      yield* network.kill(endpoint)
      expect(yield* tags(dealer)).toEqual([])
      yield* TestClock.adjust("10 millis")
      expect(yield* tags(dealer)).toEqual(["Disconnected"])
    }))

  test("the order of a connection is kept whatever the latency of each message", () =>
    Effect.gen(function*() {
      const { dealer, router } = yield* world({ latencyMillis: { min: 0, max: 50 } })
      yield* sendAll(dealer, 200)
      yield* TestClock.adjust("50 millis")
      expect(yield* words(router)).toEqual(numbers(200))
    }))

  test("lost messages vanish whole, are counted, and the others keep their order", () =>
    Effect.gen(function*() {
      const { dealer, network, router } = yield* world({ loss: 0.3 })
      yield* sendAll(dealer, 500)
      const received = yield* words(router)
      expect(received.length).toBeGreaterThan(250)
      expect(received.length).toBeLessThan(450)
      expect(received).toEqual(numbers(500).filter((word) => received.includes(word)))
      expect((yield* network.stats).lost).toBe(500 - received.length)
    }))

  test("a duplicated message arrives twice in a row", () =>
    Effect.gen(function*() {
      const { dealer, router } = yield* world({ duplicate: 1 })
      yield* sendAll(dealer, 2)
      expect(yield* words(router)).toEqual(["0", "0", "1", "1"])
    }))

  test("what is held by a short cut comes late, in order, on the same connection", () =>
    Effect.gen(function*() {
      const { dealer, network, router } = yield* world()
      yield* network.cut(endpoint)
      yield* sendAll(dealer, 3)
      yield* TestClock.adjust(3 * heartbeatMillis - 1)
      expect(yield* words(router)).toEqual([])
      yield* network.heal(endpoint)
      expect(yield* words(router)).toEqual(numbers(3))
      yield* TestClock.adjust("1 seconds")
      expect(yield* tags(dealer)).toEqual([])
      expect(yield* tags(router)).toEqual([])
    }))

  test("a cut of three heartbeats ends the connection, and what was held is lost", () =>
    Effect.gen(function*() {
      const { dealer, network, router } = yield* world()
      yield* network.cut(endpoint)
      yield* sendAll(dealer, 3)
      yield* TestClock.adjust(3 * heartbeatMillis)
      expect(yield* tags(dealer)).toEqual(["Disconnected"])
      expect(yield* tags(router)).toEqual(["Disconnected"])
      expect((yield* Effect.flip(dealer.send(frames("x")))).reason).toBe("would-block")
      yield* TestClock.adjust("1 seconds")
      yield* network.heal(endpoint)
      yield* TestClock.adjust("200 millis")
      expect(yield* tags(dealer)).toEqual(["Connected"])
      expect(yield* words(router)).toEqual([])
    }))

  test("a cut in one direction lets the other through until heartbeats end it", () =>
    Effect.gen(function*() {
      const { dealer, network, router } = yield* world()
      yield* dealer.send(frames("hello"))
      const [id] = (yield* router.receive) as [Uint8Array]
      yield* network.cut(endpoint, "to-bound")
      yield* dealer.send(frames("held"))
      yield* router.send([id, ...frames("through")])
      expect(yield* words(dealer)).toEqual(["through"])
      expect(yield* words(router)).toEqual([])
      yield* TestClock.adjust(3 * heartbeatMillis)
      expect(yield* tags(router)).toEqual(["Disconnected"])
      expect(yield* tags(dealer)).toEqual(["Disconnected"])
    }))

  test("a cut from the bound side holds the answers alone", () =>
    Effect.gen(function*() {
      const { dealer, network, router } = yield* world()
      yield* network.cut(endpoint, "from-bound")
      yield* dealer.send(frames("hello"))
      yield* router.send(yield* router.receive)
      expect(yield* words(dealer)).toEqual([])
      yield* network.heal(endpoint)
      expect(yield* words(dealer)).toEqual(["hello"])
    }))

  test("a second cut starts the silence anew", () =>
    Effect.gen(function*() {
      const { dealer, network } = yield* world()
      yield* network.cut(endpoint)
      yield* TestClock.adjust(2 * heartbeatMillis)
      yield* network.heal(endpoint)
      yield* network.cut(endpoint)
      yield* TestClock.adjust(2 * heartbeatMillis)
      expect(yield* tags(dealer)).toEqual([])
      yield* TestClock.adjust(heartbeatMillis)
      expect(yield* tags(dealer)).toEqual(["Disconnected"])
    }))

  test("a reset is told to both sides at once, and the connecting side comes back", () =>
    Effect.gen(function*() {
      const { dealer, network, router } = yield* world()
      yield* network.reset(endpoint)
      expect(yield* tags(router)).toEqual(["Disconnected"])
      expect(yield* tags(dealer)).toEqual(["Disconnected"])
      yield* TestClock.adjust("50 millis")
      expect(yield* tags(router)).toEqual(["Connected"])
      expect(yield* tags(dealer)).toEqual(["Connected"])
      expect((yield* network.stats).connections).toBe(2)
    }))

  test("a killed socket is closed, its peers are told, and its endpoint is free", () =>
    Effect.gen(function*() {
      const { dealer, network, router } = yield* world()
      yield* network.kill(endpoint)
      expect((yield* Effect.flip(router.receive)).reason).toBe("closed")
      expect(yield* tags(dealer)).toEqual(["Disconnected"])
      const next = yield* bind
      yield* TestClock.adjust("1 seconds")
      expect(yield* tags(dealer)).toEqual(["Connected"])
      yield* dealer.send(frames("again"))
      expect(yield* words(next)).toEqual(["again"])
    }))

  test("a power loss is told by nobody: the peer sends into the void for three heartbeats", () =>
    Effect.gen(function*() {
      const { dealer, network } = yield* world()
      yield* network.powerLoss(endpoint)
      yield* dealer.send(frames("into the void"))
      yield* TestClock.adjust(3 * heartbeatMillis - 1)
      expect(yield* tags(dealer)).toEqual([])
      yield* TestClock.adjust("1 millis")
      expect(yield* tags(dealer)).toEqual(["Disconnected"])
    }))

  test("attempts to reconnect come at growing intervals up to the longest", () =>
    Effect.gen(function*() {
      const dealer = yield* connect()
      yield* TestClock.adjust(50 + 100 + 200 + 199)
      yield* bind
      expect(yield* tags(dealer)).toEqual([])
      yield* TestClock.adjust("1 millis")
      expect(yield* tags(dealer)).toEqual(["Connected"])
    }))

  test("patterns that do not understand each other never connect", () =>
    Effect.gen(function*() {
      yield* bind
      const transport = yield* Transport
      const sub = yield* transport.open({ kind: "sub", mode: "connect", endpoint, settings })
      yield* TestClock.adjust("2 seconds")
      expect(yield* tags(sub)).toEqual([])
    }))

  test("a dealer serves its peers in turn", () =>
    Effect.gen(function*() {
      const transport = yield* Transport
      const dealer = yield* transport.open({ kind: "dealer", mode: "bind", endpoint, settings })
      const one = yield* connect()
      const two = yield* connect()
      yield* sendAll(dealer, 4)
      expect(yield* words(one)).toEqual(["0", "2"])
      expect(yield* words(two)).toEqual(["1", "3"])
    }))

  test("the newest events are kept and the oldest forgotten", () =>
    Effect.gen(function*() {
      const { dealer, network } = yield* world()
      for (let i = 0; i < eventsMax; i++) {
        yield* network.reset(endpoint)
        yield* TestClock.adjust("50 millis")
      }
      yield* network.reset(endpoint)
      const seen = yield* tags(dealer)
      expect(seen.length).toBe(eventsMax)
      expect(seen.at(-1)).toBe("Disconnected")
    }))

  it.scoped("one seed gives one run, another seed another", () => {
    const run = (seed: number) =>
      Effect.gen(function*() {
        const { dealer, router } = yield* world({
          latencyMillis: { min: 0, max: 40 },
          loss: 0.2,
          duplicate: 0.2
        })
        const log: Array<string> = []
        for (let i = 0; i < 30; i++) {
          yield* dealer.send(frames(String(i)))
          yield* TestClock.adjust("2 millis")
          log.push((yield* words(router)).join())
        }
        return log
      }).pipe(
        Effect.provide(SimulatedTransport.layer),
        Effect.scoped,
        Effect.withRandom(Random.make(seed))
      )
    return Effect.gen(function*() {
      const first = yield* run(7)
      expect(yield* run(7)).toEqual(first)
      expect(yield* run(8)).not.toEqual(first)
    })
  })
})
