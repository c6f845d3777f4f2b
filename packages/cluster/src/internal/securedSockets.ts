/**
 * TCP between the nodes of a cluster: both ends prove that they know its secret, and nobody between
 * them can read or change what passes. TLS 1.2 with a pre-shared key (RFC 4279), new keys for each
 * connection (RFC 5489), ChaCha20-Poly1305 (RFC 7905); Node has pre-shared keys up to 1.2 alone.
 */
import * as NodeSocket from "@effect/platform-node/NodeSocket"
import { type Socket, SocketGenericError } from "@effect/platform/Socket"
import { SocketServer, SocketServerError } from "@effect/platform/SocketServer"
import { Effect, FiberSet, Redacted, type Scope } from "effect"
import type { Socket as TcpSocket } from "node:net"
import * as tls from "node:tls"

/** Where a node listens, or is reached. */
export interface Endpoint {
  readonly host: string
  readonly port: number
}

/** Connections of others that a node has at a time, proven or not; more are closed at once. */
export const connectionsMax = 1_024

/** Within this time a connection is made, and proven. */
export const handshakeMillis = 1_000

/** When a node stops, others have so long to take what is on its way. */
const closeMillis = 1_000

/** Between two lines of the log about those who could not prove that they are nodes. */
const strangersEveryMillis = 10_000

const identity = "plantd"

const sealed = {
  minVersion: "TLSv1.2",
  maxVersion: "TLSv1.2",
  ciphers: "ECDHE-PSK-CHACHA20-POLY1305",
  // Batches are made above: what is written is to go.
  noDelay: true
} as const

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
        })
      ),
      (socket) => Effect.sync(() => socket.destroySoon())
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
    const server = serverOf(secret, yield* strangers)
    yield* Effect.acquireRelease(listening(server, { host, port }), ({ connections }) =>
      closed(server, connections))
    return SocketServer.of({
      address: { _tag: "TcpAddress", hostname: host, port },
      run: (handler) =>
        handled(server, handler)
    })
  })

type TurnedAway = (from: string, error: Error) => void

const serverOf = (secret: Redacted.Redacted, turnedAway: TurnedAway): tls.Server => {
  const server = tls.createServer({
    ...sealed,
    handshakeTimeout: handshakeMillis,
    pskCallback: (_, name) => name === identity ? keyOf(secret) : null
  })
  server.maxConnections = connectionsMax
  server.on("tlsClientError", (error, socket) => {
    turnedAway(socket.remoteAddress ?? "an unknown address", error)
    // Node leaves one open that has not proven itself in its time.
    socket.destroy()
  })
  return server
}

/** Gives all connections that are open, proven or not. */
const listening = (
  server: tls.Server,
  endpoint: Endpoint
): Effect.Effect<{ readonly connections: ReadonlySet<TcpSocket> }, SocketServerError> =>
  Effect.async((resume) => {
    const connections = new Set<TcpSocket>()
    server.on("connection", (socket: TcpSocket) => {
      connections.add(socket)
      socket.once("close", () => connections.delete(socket))
    })
    const fail = (cause: Error) => resume(new SocketServerError({ reason: "Open", cause }))
    server.once("error", fail)
    server.listen(endpoint, () => {
      server.off("error", fail)
      resume(Effect.succeed({ connections }))
    })
  })

const closed = (server: tls.Server, connections: ReadonlySet<TcpSocket>): Effect.Effect<void> => {
  const close = Effect.async<void>((resume) => {
    server.close(() => resume(Effect.void))
  })
  const cut = Effect.sync(() => connections.forEach((socket) => socket.destroy()))
  return Effect.zipRight(Effect.timeoutOption(Effect.interruptible(close), closeMillis), cut)
}

const handled = <R, E, _>(
  server: tls.Server,
  handler: (socket: Socket) => Effect.Effect<_, E, R>
): Effect.Effect<never, SocketServerError, R> =>
  Effect.scoped(
    Effect.flatMap(FiberSet.makeRuntime<R>(), (run) =>
      Effect.async<never, SocketServerError>((resume) => {
        const handle = (socket: tls.TLSSocket) => {
          run(
            Effect.catchAllCause(
              Effect.flatMap(accepted(socket), handler),
              (cause) =>
                Effect.logDebug("a connection of a node has ended", cause)
            )
          )
        }
        const fail = (cause: Error) => resume(new SocketServerError({ reason: "Unknown", cause }))
        server.on("secureConnection", handle).on("error", fail)
        return Effect.sync(() => server.off("secureConnection", handle).off("error", fail))
      }))
  )

const accepted = (socket: tls.TLSSocket): Effect.Effect<Socket> =>
  NodeSocket.fromDuplex(
    Effect.acquireRelease(
      Effect.succeed(socket),
      () => Effect.sync(() => socket.destroySoon())
    )
  )

/** Says who was turned away, and not each time. */
const strangers: Effect.Effect<TurnedAway, never, Scope.Scope> = Effect.gen(function*() {
  const clock = yield* Effect.clock
  const run = yield* FiberSet.makeRuntime()
  let count = 0
  let quietUntil = -Infinity
  return (from, error) => {
    count++
    const now = clock.unsafeCurrentTimeMillis()
    if (now < quietUntil) return
    quietUntil = now + strangersEveryMillis
    run(Effect.annotateLogs(
      Effect.logWarning(`${from} could not prove that it is a node of this cluster`),
      { detail: error.message, refused: count }
    ))
  }
})
