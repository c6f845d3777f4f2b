import { describe, expect } from "@effect/vitest"
import {
  type Frames,
  type Socket,
  type SocketOptions,
  type SocketSettings,
  Transport,
  TransportError
} from "@plantd/hardware/Transport"
import { Cause, Effect, Exit, Fiber, Metric, Option, Scope } from "effect"
import { simulated, zmq } from "./transports.ts"

const text = (frames: Frames) => frames.map((frame) => new TextDecoder().decode(frame))
const frames = (...parts: ReadonlyArray<string>) =>
  parts.map((part) => new TextEncoder().encode(part))

const open = (options: SocketOptions) =>
  Effect.flatMap(Transport, (transport) => transport.open(options))

const loopback = "tcp://127.0.0.1:*"

const droppedCount = Effect.map(
  Metric.value(Metric.tagged(
    Metric.counter("plantd_transport_dropped_total", {
      description: "Messages that a transport threw away, by reason",
      incremental: true
    }),
    "reason",
    "frames-max"
  )),
  ({ count }) => count
)

type Kinds = readonly [SocketOptions["kind"], SocketOptions["kind"]]

describe.each([zmq, simulated])("$name keeps the contract of Transport:", ({ test, within }) => {
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

  /** Publishes until the subscriber has received the mark, which shows that it listens by now. */
  const publishUntil = (pub: Socket, sub: Socket, topic: string, mark: string) =>
    Effect.gen(function*() {
      const missed: Array<string> = []
      const marked = yield* Effect.fork(Effect.repeat(sub.receive, {
        while: (got) => {
          const [, word = ""] = text(got)
          if (word !== mark) missed.push(word)
          return word !== mark
        }
      }))
      const publish = Effect.zipRight(pub.send(frames(topic, mark)), Effect.sleep("5 millis"))
      yield* within(Effect.raceFirst(Effect.forever(publish), Fiber.join(marked)))
      return missed
    })

  /** Takes what marks are left, up to a message that is none. */
  const receivePast = (sub: Socket, mark: string) =>
    within(Effect.repeat(sub.receive, { while: (got) => text(got)[1] === mark }))

  test("a dealer's message reaches the router with the peer's id, and the answer returns", () =>
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
      yield* publishUntil(pub, sub, "pump", "mark")
      yield* pub.send(frames("valve", "1"))
      yield* pub.send(frames("pump-1", "2"))
      expect(text(yield* receivePast(sub, "mark"))).toEqual(["pump-1", "2"])
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
      let endpoint = loopback
      for (let i = 0; i < 50; i++) {
        const bound = yield* Effect.scoped(open({ kind: "router", mode: "bind", endpoint }))
        if (i > 0) expect(bound.endpoint).toBe(endpoint)
        endpoint = bound.endpoint
      }
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

  test("a subscriber without topics receives nothing", () =>
    Effect.gen(function*() {
      const [pub, sub] = yield* pair(["pub", "sub"], { topics: [] })
      const other = yield* open({
        kind: "sub",
        mode: "connect",
        endpoint: pub.endpoint,
        topics: [""]
      })
      const waiting = yield* Effect.fork(sub.receive)
      yield* publishUntil(pub, other, "any", "mark")
      expect(yield* Fiber.poll(waiting)).toEqual(Option.none())
      yield* Fiber.interrupt(waiting)
    }))

  test("a publisher without subscribers never fails", () =>
    Effect.gen(function*() {
      const pub = yield* open({ kind: "pub", mode: "bind", endpoint: loopback })
      for (let i = 0; i < 1_000; i++) yield* pub.send(frames("topic", String(i)))
      expect(pub.endpoint).not.toContain("*")
    }))

  test("a publisher drops what a slow subscriber has no room for, and never fails", () =>
    Effect.gen(function*() {
      const small = { sendQueueMax: 4, receiveQueueMax: 4 }
      const [pub, sub] = yield* pair(["pub", "sub"], {
        topics: ["t"],
        bound: small,
        connected: small
      })
      yield* publishUntil(pub, sub, "t", "start")
      const sent = 2_000
      const padding = "x".repeat(65_536)
      for (let i = 0; i < sent; i++) yield* pub.send(frames("t", String(i), padding))
      const received = yield* publishUntil(pub, sub, "t", "end")
      const numbers = received.filter((word) => word !== "start").map(Number)
      expect(numbers.length).toBeGreaterThan(0)
      expect(numbers.length).toBeLessThan(sent)
      expect(numbers).toEqual(numbers.toSorted((a, b) => a - b))
    }))

  test("a dealer whose peer does not read is refused in the end, and loses nothing", () =>
    Effect.gen(function*() {
      const [router, dealer] = yield* pair(["router", "dealer"], {
        bound: { receiveQueueMax: 4 },
        connected: { sendQueueMax: 4 }
      })
      const padding = "x".repeat(65_536)
      let sent = 0
      let refusals = 0
      // Until nothing more fits anywhere on the way, however long it is.
      const fill = Effect.matchEffect(
        Effect.suspend(() => dealer.send(frames(String(sent), padding))),
        {
          onSuccess: () => Effect.sync(() => (sent++, refusals = 0)),
          onFailure: (error) => {
            expect(error.reason).toBe("would-block")
            refusals++
            return Effect.sleep("10 millis")
          }
        }
      )
      yield* within(Effect.repeat(fill, { until: () => refusals === 5 }))
      expect(sent).toBeGreaterThanOrEqual(4)
      for (let i = 0; i < sent; i++) {
        expect(text(yield* within(router.receive))[1]).toBe(String(i))
      }
    }))

  test("a message that the peer would refuse is not sent", () =>
    Effect.gen(function*() {
      const limits = { framesMax: 2, frameBytesMax: 512 }
      const longest = "x".repeat(512)
      const [router, dealer] = yield* pair(["router", "dealer"], { connected: limits })
      const refusal = (message: Frames) => Effect.map(Effect.flip(dealer.send(message)), String)
      expect(yield* refusal([])).toContain("a message without frames")
      expect(yield* refusal(frames("1", "2", "3"))).toContain("3 frames; at most 2")
      expect(yield* refusal(frames(longest + "x"))).toContain("a frame of 513 bytes; at most 512")
      const alone = yield* Effect.flip(router.send(frames("id")))
      expect(alone).toMatchObject({ reason: "invalid-message", endpoint: router.endpoint })
      yield* dealer.send(frames(longest, "2"))
      expect(text(yield* within(router.receive)).slice(1)).toEqual([longest, "2"])
    }))

  test("a message with too many frames is counted and dropped, and the next one arrives", () =>
    Effect.gen(function*() {
      const [router, dealer] = yield* pair(["router", "dealer"], { bound: { framesMax: 2 } })
      const before = yield* droppedCount
      yield* dealer.send(frames("1", "2", "3"))
      yield* dealer.send(frames("a", "b"))
      expect(text(yield* within(router.receive)).slice(1)).toEqual(["a", "b"])
      expect((yield* droppedCount) - before).toBe(1)
    }))

  test("a sender of too long a frame is disconnected, and heard when reconnected", () =>
    Effect.gen(function*() {
      const [router, dealer] = yield* pair(["router", "dealer"], { bound: { frameBytesMax: 512 } })
      yield* dealer.send(frames("x".repeat(513)))
      yield* awaitEvent(router, "Disconnected")
      yield* awaitEvent(dealer, "Disconnected")
      yield* awaitEvent(dealer, "Connected")
      yield* dealer.send(frames("short"))
      expect(text(yield* within(router.receive)).slice(1)).toEqual(["short"])
    }))

  test("a connecting socket that was sent too long a frame disconnects, and connects anew", () =>
    Effect.gen(function*() {
      const [pub, sub] = yield* pair(["pub", "sub"], {
        topics: ["t"],
        connected: { frameBytesMax: 512, reconnectMillis: 10, reconnectMillisMax: 50 }
      })
      yield* publishUntil(pub, sub, "t", "start")
      yield* pub.send(frames("t", "x".repeat(513)))
      yield* awaitEvent(sub, "Disconnected")
      yield* awaitEvent(sub, "Connected")
      yield* publishUntil(pub, sub, "t", "again")
    }))

  test("a receive that is interrupted again and again loses no message", () =>
    Effect.gen(function*() {
      const [router, dealer] = yield* pair(["router", "dealer"])
      const count = 500
      const send = Effect.gen(function*() {
        for (let i = 0; i < count; i++) {
          yield* dealer.send(frames(String(i)))
          // Now a burst, now a pause, so that some receivers find a message and some wait.
          for (let pause = i % 7; pause > 0; pause--) yield* Effect.yieldNow()
        }
      })
      const sending = yield* Effect.fork(send)
      const got: Array<string> = []
      let interrupted = 0
      while (got.length < count) {
        const fiber = yield* Effect.fork(router.receive)
        yield* Effect.yieldNow()
        const exit = yield* Fiber.interrupt(fiber)
        if (Exit.isSuccess(exit)) got.push(text(exit.value)[1]!)
        else if (++interrupted % 10 === 0) got.push(text(yield* within(router.receive))[1]!)
      }
      yield* within(Fiber.join(sending))
      expect(interrupted).toBeGreaterThan(0)
      expect(got).toEqual(Array.from({ length: count }, (_, i) => String(i)))
    }))

  test("a receiver that is paused between any two steps misses no message", () =>
    Effect.gen(function*() {
      const [router, dealer] = yield* pair(["router", "dealer"])
      const repeat = <E, R>(times: number, body: () => Effect.Effect<unknown, E, R>) => {
        let done = 0
        return Effect.whileLoop({ while: () => done < times, body, step: () => done++ })
      }
      const rounds = 5
      // So many steps before each receive that the pause, due after 25, comes at another one.
      for (let steps = 0; steps < 30; steps++) {
        const answer = Effect.flatMap(router.receive, router.send)
        const answering = yield* Effect.fork(
          repeat(rounds, () => Effect.zipRight(repeat(steps, () => Effect.void), answer)).pipe(
            Effect.withMaxOpsBeforeYield(25)
          )
        )
        yield* within(
          repeat(rounds, () => Effect.zipRight(dealer.send(frames("ask")), dealer.receive))
        )
        yield* within(Fiber.join(answering))
      }
      expect(yield* Effect.isSuccess(dealer.send(frames("still there")))).toBe(true)
    }))

  test("a second fiber that receives at the same time dies with the reason", () =>
    Effect.gen(function*() {
      const router = yield* open({ kind: "router", mode: "bind", endpoint: loopback })
      const first = yield* Effect.fork(router.receive)
      yield* Effect.yieldNow()
      const exit = yield* within(Effect.exit(router.receive))
      expect(String(exit)).toContain("a second fiber waits; only one may at a time")
      expect(yield* Fiber.poll(first)).toEqual(Option.none())
      yield* Fiber.interrupt(first)
    }))

  test("a dealer that connected first finds the router that binds later, and again", () =>
    Effect.gen(function*() {
      const free = yield* Effect.scoped(open({ kind: "router", mode: "bind", endpoint: loopback }))
      const dealer = yield* open({
        kind: "dealer",
        mode: "connect",
        endpoint: free.endpoint,
        settings: { reconnectMillis: 10, reconnectMillisMax: 50 }
      })
      for (const word of ["first", "second"]) {
        yield* Effect.scoped(Effect.gen(function*() {
          const router = yield* open({ kind: "router", mode: "bind", endpoint: free.endpoint })
          yield* awaitEvent(dealer, "Connected")
          yield* dealer.send(frames(word))
          expect(text(yield* within(router.receive)).slice(1)).toEqual([word])
        }))
        yield* awaitEvent(dealer, "Disconnected")
        expect((yield* Effect.flip(dealer.send(frames("late")))).reason).toBe("would-block")
      }
    }))

  test("a router learns no-peer of a dealer that has gone", () =>
    Effect.gen(function*() {
      const router = yield* open({ kind: "router", mode: "bind", endpoint: loopback })
      const id = yield* Effect.scoped(Effect.gen(function*() {
        const dealer = yield* open({ kind: "dealer", mode: "connect", endpoint: router.endpoint })
        yield* awaitEvent(dealer, "Connected")
        yield* dealer.send(frames("hello"))
        return (yield* within(router.receive))[0]!
      }))
      yield* awaitEvent(router, "Disconnected")
      const gone = yield* within(
        Effect.repeat(Effect.flip(router.send([id, ...frames("answer")])), {
          until: (error) => error.reason === "no-peer"
        })
      )
      expect(gone.message).toContain("no peer with this routing id is connected")
    }))

  test("a router tells two dealers apart", () =>
    Effect.gen(function*() {
      const [router, one] = yield* pair(["router", "dealer"])
      const two = yield* open({ kind: "dealer", mode: "connect", endpoint: router.endpoint })
      yield* awaitEvent(two, "Connected")
      for (const [dealer, word] of [[one, "1"], [two, "2"]] as const) {
        yield* dealer.send(frames(word))
        yield* router.send(yield* within(router.receive))
        expect(text(yield* within(dealer.receive))).toEqual([word])
      }
    }))

  test("a socket says which direction it does not have", () =>
    Effect.gen(function*() {
      const [pub, sub] = yield* pair(["pub", "sub"])
      expect((yield* Effect.flip(pub.receive)).message).toContain("a pub socket only sends")
      expect((yield* Effect.flip(sub.send(frames("x")))).message)
        .toContain("a sub socket only receives")
    }))

  test("an endpoint that cannot be used is refused with the way out", () =>
    Effect.gen(function*() {
      const detail = (mode: SocketOptions["mode"], endpoint: string) =>
        Effect.map(Effect.flip(open({ kind: "router", mode, endpoint })), (error) => {
          expect(error).toMatchObject({ operation: mode, endpoint, reason: "invalid-endpoint" })
          return error.detail
        })
      expect(yield* detail("bind", "inproc://a")).toContain("only tcp:// and ipc://")
      expect(yield* detail("connect", "tcp://here")).toContain("tcp://host:port, for example")
      expect(yield* detail("connect", "tcp://127.0.0.1:*")).toContain("give the port")
      expect(yield* detail("connect", "tcp://*:5555")).toContain("give the name or address")
      expect(yield* detail("bind", "tcp://127.0.0.1:0")).toContain("not between 1 and 65535")
      expect(yield* detail("bind", "tcp://127.0.0.1:65536")).toContain("not between 1 and 65535")
      expect(yield* detail("bind", `ipc://${"x".repeat(108)}`)).toContain("108 bytes long")
      expect(yield* detail("bind", "ipc://")).toContain("0 bytes long")
      expect(yield* detail("bind", "tcp://0.0.0.0:5555")).toContain("allowRemote: true")
      expect(yield* detail("bind", "tcp://*:*")).toContain("bind 127.0.0.1")
    }))

  test("allowRemote binds where other machines can reach it", () =>
    Effect.gen(function*() {
      const socket = yield* open({
        kind: "router",
        mode: "bind",
        endpoint: "tcp://0.0.0.0:*",
        allowRemote: true
      })
      expect(socket.endpoint).toMatch(/^tcp:\/\/0\.0\.0\.0:\d+$/)
    }))

  test("a setting that would remove a bound is a programmer's error", () =>
    Effect.gen(function*() {
      const refusal = (settings: Partial<SocketSettings>) =>
        Effect.map(
          Effect.sandbox(open({ kind: "router", mode: "bind", endpoint: loopback, settings })).pipe(
            Effect.flip
          ),
          (cause) => Cause.isDie(cause) ? Cause.pretty(cause) : ""
        )
      expect(yield* refusal({ receiveQueueMax: 0 }))
        .toContain("setting receiveQueueMax must be a whole number of at least 1")
      expect(yield* refusal({ heartbeatMillis: 0.5 })).toContain("setting heartbeatMillis must be")
      expect(yield* refusal({ frameBytesMax: 100 }))
        .toContain("setting frameBytesMax must be a whole number of at least 512")
    }))

  test("events of a closed socket are waited for without end", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const opened = open({ kind: "pub", mode: "bind", endpoint: loopback })
      const socket = yield* Scope.extend(opened, scope)
      const waiting = yield* Effect.fork(socket.event)
      yield* Effect.yieldNow()
      yield* Scope.close(scope, Exit.void)
      yield* Effect.yieldNow()
      expect(yield* Fiber.poll(waiting)).toEqual(Option.none())
      yield* Fiber.interrupt(waiting)
    }))
})
