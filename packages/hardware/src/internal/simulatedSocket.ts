/**
 * A socket in memory with ZeroMQ's meaning: which connection a message goes to, what a receiver
 * accepts, and what its owner is told. Plain code; the network joins sockets by connections.
 */
import { Effect } from "effect"
import {
  eventsMax,
  type Frames,
  type Socket,
  type SocketEvent,
  type SocketOptions,
  type SocketSettings,
  TransportError
} from "../Transport.ts"
import { refuseFrames, settingsOf } from "./endpoint.ts"
import * as Inbox from "./inbox.ts"
import type { Pipe } from "./simulatedPipe.ts"
import { details, onlyReceives, onlySends } from "./transportDetail.ts"
import { droppedFrames, increment } from "./transportMetrics.ts"

/** One socket's end of a connection. */
export interface End {
  readonly socket: SimulatedSocket
  /** The routing id under which a router knows the peer. */
  readonly peerId: Uint8Array
  /** Towards the peer. */
  readonly out: Pipe
  /** This side believes that the connection lives. */
  up: boolean
  /** The topics that the peer is known to want. */
  topics: ReadonlyArray<Uint8Array>
}

/** The state of a socket, shared by its owner's operations and by the network. */
export interface SimulatedSocket {
  readonly options: SocketOptions
  readonly settings: SocketSettings
  readonly endpoint: string
  readonly ends: Set<End>
  readonly inbox: Inbox.Inbox<Frames, TransportError>
  readonly events: Inbox.Inbox<SocketEvent, never>
  /** Pipes that wait for room in the inbox. */
  readonly stalled: Set<Pipe>
  closed: boolean
  nextPeer: number
}

/** An open socket without connections. */
export const make = (options: SocketOptions, endpoint: string): SimulatedSocket => {
  const settings = settingsOf(options)
  return {
    options,
    settings,
    endpoint,
    ends: new Set(),
    inbox: Inbox.make({ capacity: settings.receiveQueueMax, name: `receive ${endpoint}` }),
    events: Inbox.make({ capacity: eventsMax, name: `event ${endpoint}` }),
    stalled: new Set(),
    closed: false,
    nextPeer: 1
  }
}

const partners: Record<SocketOptions["kind"], ReadonlyArray<SocketOptions["kind"]>> = {
  dealer: ["router", "dealer"],
  router: ["dealer", "router"],
  pub: ["sub"],
  sub: ["pub"]
}

/** Whether the two patterns understand each other; elsewise their handshake fails. */
export const understands = (a: SimulatedSocket, b: SimulatedSocket): boolean =>
  partners[a.options.kind].includes(b.options.kind)

/** A routing id as libzmq makes them: a zero, then a number of 32 bits. */
export const nextPeerId = (socket: SimulatedSocket): Uint8Array => {
  const id = new Uint8Array(5)
  new DataView(id.buffer).setUint32(1, socket.nextPeer++)
  return id
}

const wakeStalled = (socket: SimulatedSocket): void => {
  const pipes = [...socket.stalled]
  socket.stalled.clear()
  for (const pipe of pipes) pipe.drain()
}

/** What became of a message at its receiver. */
export type Delivery = "taken" | "no-room" | "oversized"

/** Takes a message that `pipe` brought to this end. */
export const accept = (end: End, frames: Frames, pipe: Pipe): Delivery => {
  const { inbox, options, settings, stalled } = end.socket
  if (!end.up) return "taken"
  if (frames.some((frame) => frame.length > settings.frameBytesMax)) return "oversized"
  if (frames.length > settings.framesMax) {
    increment(droppedFrames)
    return "taken"
  }
  if (options.kind === "pub") return "taken"
  if (inbox.isFull()) {
    if (stalled.size === 0) inbox.onRoom(() => wakeStalled(end.socket))
    stalled.add(pipe)
    return "no-room"
  }
  inbox.offer(options.kind === "router" ? [end.peerId, ...frames] : frames)
  return "taken"
}

const key = (id: Uint8Array) => id.join()

/** The topics that a socket asks its publishers for. */
export const topicsOf = ({ options: { topics = [] } }: SimulatedSocket) =>
  topics.map((topic) => new TextEncoder().encode(topic))

const startsWith = (frame: Uint8Array, prefix: Uint8Array) =>
  prefix.every((byte, index) => frame[index] === byte)

const wants = (end: End, topic: Uint8Array) =>
  end.topics.some((prefix) => startsWith(topic, prefix))

type Refusal = readonly [TransportError["reason"], string]

const wouldBlock: Refusal = ["would-block", details["would-block"]]
const noPeer: Refusal = ["no-peer", details["no-peer"]]
const closedRefusal: Refusal = ["closed", details.closed]

const sendToAny = (socket: SimulatedSocket, frames: Frames): Refusal | undefined => {
  for (const end of socket.ends) {
    if (!end.up || !end.out.hasRoom()) continue
    // Last in the order from now on, as a dealer serves its peers in turn.
    socket.ends.delete(end)
    socket.ends.add(end)
    end.out.push(frames)
    return undefined
  }
  return wouldBlock
}

const sendToOne = (socket: SimulatedSocket, frames: Frames): Refusal | undefined => {
  const id = key(frames[0]!)
  for (const end of socket.ends) {
    if (!end.up || key(end.peerId) !== id) continue
    return end.out.push(frames.slice(1)) ? undefined : wouldBlock
  }
  return noPeer
}

const sendToAll = (socket: SimulatedSocket, frames: Frames): undefined => {
  for (const end of socket.ends) {
    if (end.up && wants(end, frames[0]!)) end.out.push(frames)
  }
}

const trySend = (socket: SimulatedSocket, frames: Frames): Refusal | undefined => {
  if (socket.closed) return closedRefusal
  const { kind } = socket.options
  if (kind === "sub") return ["failed", onlyReceives]
  const refused = refuseFrames(frames, socket.settings, kind === "router" ? 1 : 0)
  if (refused !== undefined) return ["invalid-message", refused]
  if (kind === "dealer") return sendToAny(socket, frames)
  return kind === "router" ? sendToOne(socket, frames) : sendToAll(socket, frames)
}

const errorOf = (
  { endpoint }: SimulatedSocket,
  operation: TransportError["operation"],
  [reason, detail]: Refusal
) => new TransportError({ operation, endpoint, reason, detail })

/** Ends what its owner waits for. */
export const end = (socket: SimulatedSocket): void => {
  socket.closed = true
  socket.inbox.end(Effect.fail(errorOf(socket, "receive", closedRefusal)))
  socket.events.end(Inbox.silence)
}

/** What the owner of the socket holds. */
export const toSocket = (socket: SimulatedSocket): Socket => ({
  endpoint: socket.endpoint,
  send: (frames) =>
    Effect.suspend(() => {
      const refusal = trySend(socket, frames)
      return refusal === undefined ? Effect.void : Effect.fail(errorOf(socket, "send", refusal))
    }),
  receive: socket.options.kind === "pub"
    ? Effect.fail(
      errorOf(socket, "receive", ["failed", onlySends])
    )
    : socket.inbox.take,
  event: socket.events.take
})
