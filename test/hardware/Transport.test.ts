import { describe, expect, it } from "@effect/vitest"
import {
  type Frames,
  type Socket,
  type SocketOptions,
  type SocketSettings,
  Transport,
  TransportError
} from "@plantd/hardware/Transport"
import * as ZmqTransport from "@plantd/hardware/ZmqTransport"
import { Cause, Effect, Exit, Fiber, type Layer, Scope } from "effect"

/** How a promise of the contract is waited for: in real time, or by moving the virtual clock. */
interface Harness {
  readonly name: string
  readonly layer: Layer.Layer<Transport>
  readonly within: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  readonly test: (
    name: string,
    body: () => Effect.Effect<void, unknown, Transport | Scope.Scope>
  ) => void
}

const deadline = "10 seconds"

const zmq: Harness = {
  name: "ZmqTransport",
  layer: ZmqTransport.layer,
  within: (effect) =>
    Effect.timeoutFailCause(effect, {
      duration: deadline,
      onTimeout: () => Cause.die(`not within ${deadline}`)
    }),
  test: (name, body) => {
    it.scopedLive(name, () => Effect.provide(body(), ZmqTransport.layer))
  }
}

const text = (frames: Frames) => frames.map((frame) => new TextDecoder().decode(frame))
const frames = (...parts: ReadonlyArray<string>) =>
  parts.map((part) => new TextEncoder().encode(part))

const open = (options: SocketOptions) =>
  Effect.flatMap(Transport, (transport) => transport.open(options))

const loopback = "tcp://127.0.0.1:*"

type Kinds = readonly [SocketOptions["kind"], SocketOptions["kind"]]

describe.each([zmq])("$name keeps the contract of Transport:", ({ test, within }) => {
  const awaitEvent = (socket: Socket, tag: "Connected" | "Disconnected") =>
    within(Effect.repeat(socket.event, { until: (event) => event._tag === tag }))

  /** A bound and a connected socket that know each other. */
  const pair = (
    [bound, connected]: Kinds,
    options: {
      readonly topics?: ReadonlyArray<string>
      readonly bound?: Partial<SocketSettings>
      readonly connected?: Partial<SocketSettings>
    } = {}
  ) =>
    Effect.gen(function*() {
      const server = yield* open({
        kind: bound,
        mode: "bind",
        endpoint: loopback,
        settings: options.bound ?? {}
      })
      const client = yield* open({
        kind: connected,
        mode: "connect",
        endpoint: server.endpoint,
        topics: options.topics ?? [],
        settings: options.connected ?? {}
      })
      yield* awaitEvent(client, "Connected")
      yield* awaitEvent(server, "Connected")
      return [server, client] as const
    })

  /** Publishes until the subscription has arrived at the publisher. */
  const awaitSubscription = (pub: Socket, sub: Socket, topic: string) =>
    Effect.gen(function*() {
      const first = yield* Effect.fork(sub.receive)
      yield* within(
        Effect.zipRight(pub.send(frames(topic, "warm-up")), Effect.sleep("5 millis")).pipe(
          Effect.repeat({
            until: () => Effect.map(Fiber.poll(first), (exit) => exit._tag === "Some")
          })
        )
      )
      yield* pub.send(frames(topic, "ready"))
      yield* within(Effect.repeat(sub.receive, { until: (got) => text(got)[1] === "ready" }))
    })

  test("a dealer's message reaches the router with the peer's id in front, and the answer returns", () =>
    Effect.gen(function*() {
      const [router, dealer] = yield* pair(["router", "dealer"])
      yield* dealer.send(frames("a", "", "c"))
      const [id, ...rest] = yield* within(router.receive)
      expect(text(rest)).toEqual(["a", "", "c"])
      yield* router.send([id!, ...frames("x", "y")])
      expect(text(yield* within(dealer.receive))).toEqual(["x", "y"])
    }))

  test("messages arrive in the order in which they were sent", () =>
    Effect.gen(function*() {
      const [router, dealer] = yield* pair(["router", "dealer"])
      for (let i = 0; i < 300; i++) yield* dealer.send(frames(String(i)))
      for (let i = 0; i < 300; i++) {
        expect(text((yield* within(router.receive)).slice(1))).toEqual([String(i)])
      }
    }))

  test("a subscriber receives the topics it asked for, by prefix, and no other", () =>
    Effect.gen(function*() {
      const [pub, sub] = yield* pair(["pub", "sub"], { topics: ["pump"] })
      yield* awaitSubscription(pub, sub, "pump")
      yield* pub.send(frames("valve", "1"))
      yield* pub.send(frames("pump-1", "2"))
      expect(text(yield* within(sub.receive))).toEqual(["pump-1", "2"])
    }))

  test("a dealer without a connection refuses a message at once", () =>
    Effect.gen(function*() {
      const dealer = yield* open({
        kind: "dealer",
        mode: "connect",
        endpoint: "tcp://127.0.0.1:45999"
      })
      const error = yield* Effect.flip(dealer.send(frames("hello")))
      expect(error).toBeInstanceOf(TransportError)
      expect(error.reason).toBe("would-block")
      expect(error.message).toContain("tcp://127.0.0.1:45999")
    }))

  test("a router refuses a message to a peer that it does not know", () =>
    Effect.gen(function*() {
      const router = yield* open({ kind: "router", mode: "bind", endpoint: loopback })
      const error = yield* Effect.flip(router.send(frames("nobody", "hello")))
      expect(error.reason).toBe("no-peer")
    }))

  test("an endpoint in use is refused by name", () =>
    Effect.gen(function*() {
      const { endpoint } = yield* open({ kind: "router", mode: "bind", endpoint: loopback })
      const error = yield* Effect.flip(open({ kind: "pub", mode: "bind", endpoint }))
      expect(error).toMatchObject({ operation: "bind", endpoint, reason: "address-in-use" })
      expect(error.message).toContain("another socket or process has it")
    }))

  test("an endpoint can be bound again as soon as its scope is closed", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const first = yield* Scope.extend(
        open({ kind: "router", mode: "bind", endpoint: loopback }),
        scope
      )
      yield* Scope.close(scope, Exit.void)
      const second = yield* open({ kind: "router", mode: "bind", endpoint: first.endpoint })
      expect(second.endpoint).toBe(first.endpoint)
    }))

  test("a receive that waits fails with closed when the scope is closed", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const socket = yield* Scope.extend(
        open({ kind: "router", mode: "bind", endpoint: loopback }),
        scope
      )
      const waiting = yield* Effect.fork(Effect.flip(socket.receive))
      yield* Effect.yieldNow()
      yield* Scope.close(scope, Exit.void)
      expect((yield* within(Fiber.join(waiting))).reason).toBe("closed")
      expect((yield* Effect.flip(socket.receive)).reason).toBe("closed")
      expect((yield* Effect.flip(socket.send(frames("a", "b")))).reason).toBe("closed")
    }))
})
