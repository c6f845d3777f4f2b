/**
 * TCP between the nodes of a cluster: both ends prove that they know its secret, and nobody between
 * them can read or change what passes. TLS 1.2 with a pre-shared key (RFC 4279), new keys for each
 * connection (RFC 5489), ChaCha20-Poly1305 (RFC 7905); Node has pre-shared keys up to 1.2 alone.
 */
import * as NodeSocket from "@effect/platform-node/NodeSocket"
import { type Socket, SocketGenericError } from "@effect/platform/Socket"
import { SocketServer, SocketServerError } from "@effect/platform/SocketServer"
import { Monotonic } from "@plantd/core"
import { type Cause, Effect, FiberSet, Redacted, type Scope } from "effect"
import type { Socket as TcpSocket } from "node:net"
import * as tls from "node:tls"

/** Where a node listens, or is reached. */
export interface Endpoint {
  readonly host: string
  readonly port: number
}

/** Connections of others that a node has at a time; more are closed at once. */
export const connectionsMax = 1_024

/** Those among them that have not proven themselves; for one more the oldest is cut. */
export const unprovenMax = 256

/** Within this time a connection is made, and proven. */
export const handshakeMillis = 1_000

/** When a node stops, others have so long to take what is on its way. */
const closeMillis = 1_000

/** Between two lines of the log about those who were not taken. */
const sayEveryMillis = 10_000

const identity = "plantd"

const sealed = {
  minVersion: "TLSv1.2",
  maxVersion: "TLSv1.2",
  ciphers: "ECDHE-PSK-CHACHA20-POLY1305"
} as const

/** So long after the last word the system asks whether a node that has proven itself is there. */
const keepAliveMillis = 30_000

const keyOf = (secret: Redacted.Redacted): Uint8Array => Buffer.from(Redacted.value(secret), "hex")

/** A connection to a node, made when it is run. */
export const dial = ({ host, port }: Endpoint, secret: Redacted.Redacted): Effect.Effect<Socket> =>
  NodeSocket.fromDuplex(
    Effect.acquireRelease(
      Effect.sync(() =>
        tls.connect({
          ...sealed,
          host,
          port,
          pskCallback: () => ({ psk: keyOf(secret), identity }),
          // There are no certificates: who knows the secret is a node.
          checkServerIdentity: () => undefined
        }).setNoDelay(true)
      ),
      // What has not been answered by now is of no use to anybody.
      (socket) => Effect.sync(() => socket.destroy())
    ).pipe(Effect.flatMap(proven)),
    { openTimeout: handshakeMillis }
  )

const proven = (socket: tls.TLSSocket): Effect.Effect<tls.TLSSocket, SocketGenericError> =>
  Effect.async((resume) => {
    socket.once("secureConnect", () => resume(Effect.succeed(socket)))
    socket.on("error", (cause) => resume(new SocketGenericError({ reason: "Open", cause })))
  })

/** Listens until the scope closes. Only who has proven that he is a node is handled. */
export const listen = (
  { host, port }: Endpoint,
  secret: Redacted.Redacted
): Effect.Effect<SocketServer["Type"], SocketServerError, Scope.Scope> =>
  Effect.gen(function*() {
    const server = new SecuredServer(secret, yield* watchman)
    yield* Effect.acquireRelease(server.open({ host, port }), () => server.close)
    return SocketServer.of({
      address: { _tag: "TcpAddress", hostname: host, port },
      run: (handler) => server.run(handler)
    })
  })

/** Takes connections, and hands on those that have proven themselves. */
class SecuredServer {
  private readonly server: tls.Server
  private readonly watchman: Watchman
  private readonly connections = new Set<TcpSocket>()
  /** By where they come from, the oldest first. */
  private readonly unproven = new Map<string, TcpSocket>()
  /** Proven before anybody handled them. */
  private early: Array<tls.TLSSocket> = []
  private handle = (socket: tls.TLSSocket): void => void this.early.push(socket)

  constructor(secret: Redacted.Redacted, watchman: Watchman) {
    this.watchman = watchman
    this.server = tls.createServer({
      ...sealed,
      handshakeTimeout: handshakeMillis,
      // Batches are made above: what is written is to go.
      noDelay: true,
      // One that has lost its power would count for ever.
      keepAlive: true,
      keepAliveInitialDelay: keepAliveMillis,
      pskCallback: (_, name) => name === identity ? keyOf(secret) : null
    })
    this.server.maxConnections = connectionsMax
    this.server.on("drop", () => watchman.troubled(`there are ${connectionsMax} already`))
    this.server.on("connection", (socket: TcpSocket) => this.arrived(socket))
    this.server.on("tlsClientError", (error, socket) => {
      watchman.turnedAway(error, socket.remoteAddress)
      // Node leaves one open that has not proven itself in its time.
      socket.destroy()
    })
    this.server.on("secureConnection", (socket) => {
      this.unproven.delete(originOf(socket))
      this.handle(socket)
    })
  }

  /** Begins to listen. What goes wrong afterwards is said, and the next connection is taken. */
  open(endpoint: Endpoint): Effect.Effect<void, SocketServerError> {
    return Effect.async((resume) => {
      const fail = (cause: Error) => resume(new SocketServerError({ reason: "Open", cause }))
      this.server.once("error", fail)
      this.server.listen(endpoint, () => {
        this.server.on("error", ({ message }) => this.watchman.troubled(message)).off("error", fail)
        resume(Effect.void)
      })
    })
  }

  /** Closes all connections, at the latest after a while. */
  readonly close: Effect.Effect<void> = Effect.async<void>((resume) => {
    this.server.close(() => resume(Effect.void))
    this.unproven.forEach((socket) => socket.destroy())
  }).pipe(
    Effect.interruptible,
    Effect.timeoutOption(closeMillis),
    Effect.zipRight(Effect.sync(() => this.connections.forEach((socket) => socket.destroy())))
  )

  /** Handles those who have proven themselves, until it is interrupted. */
  run<A, E, R>(
    handler: (socket: Socket) => Effect.Effect<A, E, R>
  ): Effect.Effect<never, never, R> {
    return Effect.scoped(Effect.gen(this, function*() {
      const run = yield* FiberSet.makeRuntime<R>()
      const early = this.early
      yield* Effect.acquireRelease(
        Effect.sync(() => {
          this.early = []
          this.handle = (socket) =>
            void run(Effect.catchAllCause(Effect.flatMap(accepted(socket), handler), ended))
        }),
        () => Effect.sync(() => (this.handle = (socket) => void socket.destroy()))
      )
      early.forEach((socket) => this.handle(socket))
      return yield* Effect.never
    }))
  }

  private arrived(socket: TcpSocket): void {
    const { connections, unproven } = this
    // It has gone already.
    if (socket.remoteAddress === undefined) return void socket.destroy()
    const origin = originOf(socket)
    connections.add(socket)
    unproven.set(origin, socket)
    socket.once("close", () => {
      connections.delete(socket)
      if (unproven.get(origin) === socket) unproven.delete(origin)
    })
    for (const [origin, oldest] of unproven) {
      if (unproven.size <= unprovenMax) break
      unproven.delete(origin)
      oldest.destroy()
    }
  }
}

const originOf = ({ localAddress, remoteAddress, remotePort }: TcpSocket): string =>
  `${remoteAddress} ${remotePort} ${localAddress}`

const accepted = (socket: tls.TLSSocket): Effect.Effect<Socket> =>
  NodeSocket.fromDuplex(
    Effect.acquireRelease(
      Effect.sync(() => {
        // Also when nobody reads it any more.
        socket.on("error", () => undefined)
        return socket
      }),
      () => Effect.sync(() => socket.destroySoon())
    )
  )

const ended = (cause: Cause.Cause<unknown>): Effect.Effect<void> =>
  Effect.logDebug("a connection of a node has ended", cause)

/** Says what goes on at the door, and not each time. */
interface Watchman {
  readonly turnedAway: (error: NodeJS.ErrnoException, from: string | undefined) => void
  readonly troubled: (detail: string) => void
}

const watchman: Effect.Effect<Watchman, never, Scope.Scope> = Effect.gen(function*() {
  const clock = yield* Effect.clock
  const run = yield* FiberSet.makeRuntime()
  const seldom = (): (say: (times: number) => Effect.Effect<void>) => void => {
    let times = 0
    let quietUntil = -Infinity
    return (say) => {
      times++
      const now = Monotonic.millis(clock)
      if (now < quietUntil) return
      quietUntil = now + sayEveryMillis
      run(say(times))
    }
  }
  const [strangers, troubles] = [seldom(), seldom()]
  return {
    turnedAway: ({ code, message: detail }, from) => {
      // A node that stops, or has waited for too long, hangs up as well.
      if (from === undefined || code === "ECONNRESET") {
        return void run(Effect.logDebug("somebody hung up before he had proven himself"))
      }
      const what = code === "ERR_TLS_HANDSHAKE_TIMEOUT"
        ? "did not in time prove"
        : "could not prove"
      strangers((refused) =>
        Effect.annotateLogs(
          Effect.logWarning(`${from} ${what} that it is a node of this cluster`),
          { detail, refused }
        )
      )
    },
    troubled: (detail) =>
      troubles((refused) =>
        Effect.annotateLogs(Effect.logError("a connection was not taken"), { detail, refused })
      )
  }
})
