/**
 * The port between plantd and message sockets: the four ZeroMQ patterns that links use, with the
 * same frames over real sockets (`ZmqTransport`) and in memory (`SimulatedTransport`).
 */
import { Context, type Effect, Schema, type Scope } from "effect"

/** One message: one to `framesMax` frames, sent and received whole or not at all. */
export type Frames = ReadonlyArray<Uint8Array>

/** The pattern of a socket, with ZeroMQ's meaning (RFC 28/REQREP and 29/PUBSUB). */
export type SocketKind = "dealer" | "router" | "pub" | "sub"

/** What a socket tells of its connections; `endpoint` is the one that was bound or connected. */
export type SocketEvent =
  | { readonly _tag: "Connected"; readonly endpoint: string }
  | { readonly _tag: "Disconnected"; readonly endpoint: string }

/** The bounds and timings of one socket; each has a default in `socketDefaults`. */
export interface SocketSettings {
  /** Messages that wait on their way out before `send` fails with `would-block`. */
  readonly sendQueueMax: number
  /** Messages of one peer that wait unread; beyond it the transport stops taking from that peer. */
  readonly receiveQueueMax: number
  /** A longer frame is never received: its sender is disconnected. In bytes, at least 512. */
  readonly frameBytesMax: number
  /**
   * A received message with more frames than this is counted and dropped. A routing id, which a
   * `router` puts in front, does not count.
   */
  readonly framesMax: number
  /** Between two transport-level heartbeats, in milliseconds; unanswered for three: closed. */
  readonly heartbeatMillis: number
  /** A peer that has not introduced itself after this many milliseconds is disconnected. */
  readonly handshakeMillis: number
  /** Between two attempts to reconnect: from the first to the longest, in milliseconds. */
  readonly reconnectMillis: number
  readonly reconnectMillisMax: number
}

/** Small queues, since an old command that waits is a danger; 1 MiB frames; 1 s heartbeats. */
export const socketDefaults: SocketSettings = {
  sendQueueMax: 1_000,
  receiveQueueMax: 1_000,
  frameBytesMax: 1_048_576,
  framesMax: 16,
  heartbeatMillis: 1_000,
  handshakeMillis: 5_000,
  reconnectMillis: 100,
  reconnectMillisMax: 2_000
}

/** Events of one socket that wait unread; beyond it the oldest is forgotten. */
export const eventsMax = 64

/** A socket could not be opened, or a message could not be handed over. Nothing was sent. */
export class TransportError extends Schema.TaggedError<TransportError>()("TransportError", {
  operation: Schema.Literal("bind", "connect", "send", "receive"),
  endpoint: Schema.String,
  reason: Schema.Literal(
    "address-in-use",
    "invalid-endpoint",
    "invalid-message",
    "would-block",
    "no-peer",
    "closed",
    "failed"
  ),
  detail: Schema.String
}) {
  override get message(): string {
    return `${this.operation} ${this.endpoint}: ${this.detail} (${this.reason})`
  }
}

/** How a socket is opened: the driver's side binds, the node's side connects. */
export interface SocketOptions {
  readonly kind: SocketKind
  readonly mode: "bind" | "connect"
  /**
   * `tcp://host:port` or `ipc://path`; bound with port `*` the system chooses one: see
   * `Socket.endpoint`.
   */
  readonly endpoint: string
  /**
   * Allows to bind where other machines can reach the socket. Peers are not authenticated, so
   * whoever reaches it may command the device: without this only loopback and ipc are accepted.
   */
  readonly allowRemote?: boolean
  /** For `sub`: the topic prefixes to receive; none receives nothing. */
  readonly topics?: ReadonlyArray<string>
  readonly settings?: Partial<SocketSettings>
}

/**
 * An open socket. A `router` receives the peer's routing id as the first frame and sends by it; a
 * message to an unknown peer fails with `no-peer`. A `dealer` without a live connection fails with
 * `would-block`: messages are never kept for a peer that may come later.
 */
export interface Socket {
  /** The endpoint in use; with the real port where the system chose it. */
  readonly endpoint: string
  /**
   * Hands a message to the transport, at once or not at all; the frames must not be changed
   * afterwards. A `pub` never fails for want of subscribers: a message that a subscriber has no
   * room for is dropped for it alone. A message without frames, with more than `framesMax`, or
   * with a frame above `frameBytesMax` fails with `invalid-message`, as its peer would refuse it.
   */
  readonly send: (frames: Frames) => Effect.Effect<void, TransportError>
  /**
   * Waits for the next message; interrupted while waiting it takes none. One caller at a time.
   * Fails with `closed` once the socket's scope is closed.
   */
  readonly receive: Effect.Effect<Frames, TransportError>
  /**
   * Waits for the next change of a connection; the newest `eventsMax` are kept. `Connected` is
   * told when both sides know each other: a `dealer` can send from then on. One caller at a time;
   * waits for ever once the socket is closed.
   */
  readonly event: Effect.Effect<SocketEvent>
}

/** Opens sockets. Each is closed with its scope, and what it had not sent yet is discarded. */
export interface TransportService {
  readonly open: (
    options: SocketOptions
  ) => Effect.Effect<Socket, TransportError, Scope.Scope>
}

/** The transport in use: real or simulated. */
export class Transport extends Context.Tag("@plantd/hardware/Transport")<
  Transport,
  TransportService
>() {}
