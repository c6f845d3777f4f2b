/**
 * Batches over TCP: the rpc of Effect, packed as MessagePack, on sockets whose ends prove that they
 * are of the cluster.
 */
import { Socket } from "@effect/platform/Socket"
import { SocketServer } from "@effect/platform/SocketServer"
import type { DurableError } from "@plantd/actors"
import { Rpc, RpcClient, RpcGroup, RpcSerialization, RpcServer } from "@effect/rpc"
import { Effect, Layer, type Redacted, Schedule } from "effect"
import { dial, listen } from "./internal/securedSockets.ts"
import { LeaseStore } from "./LeaseStore.ts"
import {
  Batch,
  CannotListen,
  PeerLost,
  PeerTransport,
  type PeerTransportService,
  type Post,
  Receipt,
  WrongSession
} from "./PeerTransport.ts"

/** The most bytes of one frame; a peer that sends more is cut off. */
export const frameBytesMax = 67_108_864

const protocol = RpcGroup.make(
  Rpc.make("Post", { payload: Batch, success: Receipt, error: WrongSession })
)

const reconnectMillis = 100

type Serve = PeerTransportService["serve"]

const serve = (secret: Redacted.Redacted): Serve => ({ host, port }, take) => {
  const server = RpcServer.layer(protocol, { disableTracing: true, disableFatalDefects: true })
    .pipe(
      Layer.provide(protocol.toLayer({ Post: (batch: Batch) => take(batch) })),
      Layer.provide(RpcServer.layerProtocolSocketServer),
      Layer.provide(Layer.scoped(SocketServer, listen({ host, port }, secret))),
      Layer.provide(RpcSerialization.layerMsgPackWith({ maxBufferSize: frameBytesMax }))
    )
  return Effect.asVoid(Layer.build(server)).pipe(
    Effect.mapError(({ cause }) =>
      new CannotListen({
        address: `${host}:${port}`,
        detail: detailOf(cause)
      })
    )
  )
}

/** What the system says, and the way out. */
const detailOf = (cause: unknown): string => {
  if (!(cause instanceof Error)) return String(cause)
  const code = "code" in cause ? cause.code : undefined
  if (code === "EADDRINUSE") {
    return "EADDRINUSE: another process has this port, a node perhaps; choose another port"
  }
  return code === "EADDRNOTAVAIL"
    ? "EADDRNOTAVAIL: this machine does not have the address"
    : cause.message
}

type Connect = PeerTransportService["connect"]

const connect = (secret: Redacted.Redacted): Connect => (address) =>
  Effect.gen(function*() {
    const split = address.lastIndexOf(":")
    const endpoint = { host: address.slice(0, split), port: Number(address.slice(split + 1)) }
    const socket = yield* dial(endpoint, secret)
    const sockets = yield* RpcClient.makeProtocolSocket({
      retrySchedule: Schedule.spaced(reconnectMillis)
    }).pipe(
      Effect.provideService(Socket, socket),
      Effect.provide(RpcSerialization.layerMsgPackWith({ maxBufferSize: frameBytesMax }))
    )
    const client = yield* RpcClient.make(protocol, { disableTracing: true }).pipe(
      Effect.provideService(RpcClient.Protocol, sockets)
    )
    const post: Post = (batch) =>
      Effect.catchTag(
        client.Post(batch),
        "RpcClientError",
        (error) => new PeerLost({ detail: error.message })
      )
    return post
  })

/** Batches over TCP, between the nodes that share the store of leases: they share its secret. */
export const layer: Layer.Layer<PeerTransport, DurableError.StoreUnavailable, LeaseStore> = Layer
  .effect(
    PeerTransport,
    Effect.gen(function*() {
      const secret = yield* (yield* LeaseStore).secret
      return { serve: serve(secret), connect: connect(secret) }
    })
  )
