import { describe, expect, it } from "@effect/vitest"
import { type Frames, type Socket, type SocketEvent, Transport } from "@plantd/hardware/Transport"
import type { SocketOptions, SocketSettings } from "@plantd/hardware/Transport"
import * as ZmqTransport from "@plantd/hardware/ZmqTransport"
import { Cause, Duration, Effect, Exit, Fiber, Scope } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import { connect, createServer, type Server, type Socket as TcpSocket } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import * as zmq from "zeromq"

const loopback = "tcp://127.0.0.1:*"
const quick = { heartbeatMillis: 200, reconnectMillis: 10, reconnectMillisMax: 50 }

const text = (frames: Frames) => frames.map((frame) => new TextDecoder().decode(frame))
const frames = (...parts: ReadonlyArray<string>) =>
  parts.map((part) => new TextEncoder().encode(part))

const within = <A, E, R>(duration: Duration.DurationInput, effect: Effect.Effect<A, E, R>) =>
  Effect.timeoutFailCause(effect, {
    duration,
    onTimeout: () => Cause.die(`not within ${Duration.format(Duration.decode(duration))}`)
  })

const deadline = "10 seconds"

const open = (
  kind: SocketOptions["kind"],
  mode: SocketOptions["mode"],
  endpoint = loopback,
  settings: Partial<SocketSettings> = quick
) => Effect.flatMap(Transport, (transport) => transport.open({ kind, mode, endpoint, settings }))

const awaitEvent = (socket: Socket, tag: SocketEvent["_tag"]) =>
  within(deadline, Effect.repeat(socket.event, { until: (event) => event._tag === tag }))

const test = (name: string, body: () => Effect.Effect<void, unknown, Transport | Scope.Scope>) =>
  it.scopedLive(name, () => Effect.provide(body(), ZmqTransport.layer))

const portOf = (endpoint: string) => Number(endpoint.split(":").at(-1))

/** A plain TCP server that does to each connection what it is told. */
const tcpServer = (onConnection: (socket: TcpSocket) => void, port = 0) =>
  Effect.acquireRelease(
    Effect.async<{ readonly server: Server; readonly sockets: Set<TcpSocket> }, Error>((resume) => {
      const sockets = new Set<TcpSocket>()
      const server = createServer((socket) => {
        sockets.add(socket)
        socket.on("error", () => socket.destroy())
        onConnection(socket)
      })
      server.once("error", (error) => resume(Effect.fail(error)))
      server.listen(port, "127.0.0.1", () => resume(Effect.succeed({ server, sockets })))
    }),
    ({ server, sockets }) =>
      Effect.async<void>((resume) => {
        for (const socket of sockets) socket.destroy()
        server.close(() => resume(Effect.void))
      })
  )

const endpointOf = ({ server }: { readonly server: Server }) => {
  const address = server.address()
  return `tcp://127.0.0.1:${typeof address === "object" ? address?.port : 0}`
}

/** Writes bytes to a port and waits until the connection ends or they are on their way. */
const writeRaw = (port: number, bytes: Uint8Array) =>
  within(
    deadline,
    Effect.async<void>((resume) => {
      const socket = connect(port, "127.0.0.1")
      socket.resume().on("error", () => resume(Effect.void))
      socket.on("close", () => resume(Effect.void))
      socket.on("connect", () => socket.write(bytes, () => socket.end()))
      return Effect.sync(() => socket.destroy())
    })
  )

const fixture = fileURLToPath(new URL("./fixtures/zmqPeer.ts", import.meta.url))

const startPeer = (...args: ReadonlyArray<string>) =>
  Effect.acquireRelease(
    Effect.sync(() =>
      spawn(
        process.execPath,
        ["--conditions=plantd-source", "--import", "tsx", fixture, ...args],
        { stdio: ["ignore", "pipe", "inherit"] }
      )
    ),
    (child) => Effect.sync(() => child.kill("SIGKILL"))
  )

const firstLine = (child: ChildProcess) =>
  within(
    deadline,
    Effect.async<string>((resume) => {
      createInterface({ input: child.stdout! }).once("line", (line) => resume(Effect.succeed(line)))
    })
  )

const exitCode = (child: ChildProcess) =>
  Effect.async<number | null>((resume) => {
    child.once("exit", (code) => resume(Effect.succeed(code)))
  })

describe("ZmqTransport", () => {
  test("a port that another program has is refused by name", () =>
    Effect.gen(function*() {
      const endpoint = endpointOf(yield* tcpServer(() => {}))
      const error = yield* Effect.flip(open("router", "bind", endpoint))
      expect(error).toMatchObject({ operation: "bind", endpoint, reason: "address-in-use" })
      expect(error.message).toContain(endpoint)
    }))

  test("an address that the machine does not have is refused", () =>
    Effect.gen(function*() {
      const transport = yield* Transport
      const error = yield* Effect.flip(transport.open({
        kind: "router",
        mode: "bind",
        endpoint: "tcp://203.0.113.7:5555",
        allowRemote: true
      }))
      expect(error).toMatchObject({ reason: "invalid-endpoint" })
      expect(error.detail).toContain("this machine has no such address")
    }))

  test("the port is free at the moment at which the scope is closed", () =>
    Effect.gen(function*() {
      for (let i = 0; i < 20; i++) {
        const { endpoint } = yield* Effect.scoped(open("router", "bind"))
        const next = new zmq.Router({ linger: 0 })
        next.bindSync(endpoint)
        next.close()
        expect(next.closed).toBe(true)
      }
    }))

  test("messages travel over a Unix domain socket", () =>
    Effect.gen(function*() {
      const endpoint = `ipc://${join(tmpdir(), `plantd-${process.pid}.sock`)}`
      const router = yield* open("router", "bind", endpoint)
      const dealer = yield* open("dealer", "connect", endpoint)
      yield* awaitEvent(dealer, "Connected")
      yield* dealer.send(frames("hello"))
      expect(text(yield* within(deadline, router.receive)).slice(1)).toEqual(["hello"])
    }))

  test("garbage on the port neither stops the socket nor those who speak properly", () =>
    Effect.gen(function*() {
      const router = yield* open("router", "bind")
      const port = portOf(router.endpoint)
      yield* writeRaw(port, new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n"))
      yield* writeRaw(port, new Uint8Array(100_000).fill(0xff))
      yield* writeRaw(port, Uint8Array.from({ length: 10_000 }, (_, i) => (i * 7_919) % 256))
      yield* writeRaw(port, Uint8Array.of(0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 0, 0x4e))
      const dealer = yield* open("dealer", "connect", router.endpoint)
      yield* awaitEvent(dealer, "Connected")
      yield* dealer.send(frames("proper"))
      const proper = Effect.repeat(router.receive, { until: (got) => text(got)[1] === "proper" })
      expect(text(yield* within(deadline, proper))[1]).toBe("proper")
    }))

  test("a connecting socket that met another program comes back when the real peer is there", () =>
    Effect.gen(function*() {
      const answer = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"
      const scope = yield* Scope.make()
      const http = yield* Scope.extend(tcpServer((socket) => socket.write(answer)), scope)
      const dealer = yield* open("dealer", "connect", endpointOf(http), {
        ...quick,
        handshakeMillis: 100
      })
      const met = Effect.suspend(() => http.sockets.size >= 1 ? Effect.void : Effect.fail("none"))
      yield* within(deadline, Effect.retry(Effect.delay(met, "10 millis"), { times: 900 }))
      yield* Scope.close(scope, Exit.void)
      const router = yield* open("router", "bind", dealer.endpoint)
      yield* awaitEvent(dealer, "Connected")
      yield* dealer.send(frames("found"))
      const found = Effect.repeat(router.receive, { until: (got) => text(got)[1] === "found" })
      expect(text(yield* within(deadline, found))[1]).toBe("found")
    }))

  test("a peer that says nothing at all is not taken for connected", () =>
    Effect.gen(function*() {
      const silent = yield* tcpServer(() => {})
      const dealer = yield* open("dealer", "connect", endpointOf(silent), {
        ...quick,
        handshakeMillis: 100
      })
      const twice = Effect.suspend(() =>
        silent.sockets.size >= 2 ? Effect.void : Effect.fail("few")
      )
      yield* within(deadline, Effect.retry(Effect.delay(twice, "10 millis"), { times: 900 }))
      expect((yield* Effect.flip(dealer.send(frames("x")))).reason).toBe("would-block")
    }))

  test("a peer process that is killed is told as Disconnected within a second", () =>
    Effect.gen(function*() {
      const child = yield* startPeer("serve")
      const dealer = yield* open("dealer", "connect", yield* firstLine(child))
      yield* awaitEvent(dealer, "Connected")
      yield* dealer.send(frames("echo"))
      expect(text(yield* within(deadline, dealer.receive))).toEqual(["echo"])
      child.kill("SIGKILL")
      const event = yield* within("1 seconds", dealer.event)
      expect(event).toEqual({ _tag: "Disconnected", endpoint: dealer.endpoint })
      expect((yield* Effect.flip(dealer.send(frames("x")))).reason).toBe("would-block")
    }))

  test("a peer process that is frozen is told as Disconnected by its missing heartbeats", () =>
    Effect.gen(function*() {
      const child = yield* startPeer("serve")
      const dealer = yield* open("dealer", "connect", yield* firstLine(child))
      yield* awaitEvent(dealer, "Connected")
      child.kill("SIGSTOP")
      const event = yield* within("3 seconds", dealer.event)
      expect(event._tag).toBe("Disconnected")
    }))

  test("a process ends by itself once its sockets are closed", () =>
    Effect.gen(function*() {
      const child = yield* startPeer("leave")
      const code = yield* Effect.fork(exitCode(child))
      expect(yield* firstLine(child)).toBe("left")
      expect(yield* within("2 seconds", Fiber.join(code))).toBe(0)
    }))

  test("a socket can be closed while messages come in and go out", () =>
    Effect.gen(function*() {
      const router = yield* open("router", "bind")
      const scope = yield* Scope.make()
      const dealer = yield* Scope.extend(open("dealer", "connect", router.endpoint), scope)
      yield* awaitEvent(dealer, "Connected")
      const echo = yield* Effect.fork(Effect.forever(
        Effect.flatMap(router.receive, (got) => Effect.ignore(router.send(got)))
      ))
      const receiving = yield* Effect.fork(Effect.flip(Effect.forever(dealer.receive)))
      const sending = yield* Effect.fork(Effect.flip(
        Effect.forever(Effect.retry(dealer.send(frames("x")), {
          while: (error) => error.reason === "would-block"
        }))
      ))
      yield* within(deadline, dealer.event.pipe(Effect.timeoutOption("20 millis")))
      yield* Scope.close(scope, Exit.void)
      expect((yield* within(deadline, Fiber.join(receiving))).reason).toBe("closed")
      expect((yield* within(deadline, Fiber.join(sending))).reason).toBe("closed")
      yield* Fiber.interrupt(echo)
    }))

  test("a tight loop of sends leaves the event loop its turns", () =>
    Effect.gen(function*() {
      const pub = yield* open("pub", "bind")
      let sent = 0
      const turned = yield* Effect.fork(Effect.async<number>((resume) => {
        setTimeout(() => resume(Effect.succeed(sent)), 1)
      }))
      yield* Effect.yieldNow()
      // Not forever, which gives up its turn in each round by itself.
      const loop = yield* Effect.fork(Effect.whileLoop({
        while: () => true,
        body: () => pub.send(frames("t", "x")),
        step: () => sent++
      }))
      expect(yield* within(deadline, Fiber.join(turned))).toBeLessThan(50_000)
      yield* Fiber.interrupt(loop)
    }))
})
