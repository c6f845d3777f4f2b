/** Batches over TCP: the rpc of Effect on its sockets, packed as MessagePack. */
import * as NodeSocket from "@effect/platform-node/NodeSocket"
import * as NodeSocketServer from "@effect/platform-node/NodeSocketServer"
import { Socket } from "@effect/platform/Socket"
import { SocketServer } from "@effect/platform/SocketServer"
import { Rpc, RpcClient, RpcGroup, RpcSerialization, RpcServer } from "@effect/rpc"
import { Effect, Layer, Schedule } from "effect"
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

const connectMillis = 1_000
const reconnectMillis = 100

const serve: PeerTransportService["serve"] = ({ host, port }, take) => {
  const server = RpcServer.layer(protocol, { disableTracing: true, disableFatalDefects: true })
    .pipe(
      Layer.provide(protocol.toLayer({ Post: (batch: Batch) => take(batch) })),
      Layer.provide(RpcServer.layerProtocolSocketServer),
      Layer.provide(
        Layer.scoped(SocketServer, NodeSocketServer.make({ host, port }))
      ),
      Layer.provide(RpcSerialization.layerMsgPackWith({ maxBufferSize: frameBytesMax }))
    )
  return Effect.asVoid(Layer.build(server)).pipe(
    Effect.mapError(({ cause }) =>
      new CannotListen({
        address: `${host}:${port}`,
        detail: cause instanceof Error ? cause.message : String(cause)
      })
    )
  )
}

const connect: PeerTransportService["connect"] = (address) =>
  Effect.gen(function*() {
    const split = address.lastIndexOf(":")
    const socket = yield* NodeSocket.makeNet({
      host: address.slice(0, split),
      port: Number(address.slice(split + 1)),
      openTimeout: connectMillis
    })
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
  }).pipe(
    Effect.catchAll(({ message }) => Effect.succeed<Post>(() => new PeerLost({ detail: message })))
  )

/** Batches over TCP. */
export const layer: Layer.Layer<PeerTransport> = Layer.succeed(PeerTransport, { serve, connect })
