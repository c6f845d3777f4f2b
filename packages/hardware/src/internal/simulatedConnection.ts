/**
 * How simulated sockets come together and apart: connecting and reconnecting, what a cut does and
 * when heartbeats notice it, and who is told of an end. Plain code over a `Timeline`.
 */
import * as Pipe from "./simulatedPipe.ts"
import * as SimulatedSocket from "./simulatedSocket.ts"
import type { End } from "./simulatedSocket.ts"
import type { Timeline } from "./timeline.ts"

type Socket = SimulatedSocket.SimulatedSocket

/** Heartbeats that may stay unanswered: the same three that `ZmqTransport` asks of libzmq. */
const heartbeatsMissedMax = 3

/** Two ends, and the endpoint that its link and its cuts are known by. */
interface Connection {
  readonly endpoint: string
  readonly bound: End
  readonly connected: End
}

interface Cut {
  readonly toBound: boolean
  readonly fromBound: boolean
}

/** The places, links and faults of one network. */
export interface Network {
  readonly timeline: Timeline
  readonly perfect: Pipe.LinkSettings
  readonly bound: Map<string, Socket>
  readonly links: Map<string, Pipe.LinkSettings>
  readonly cuts: Map<string, Cut>
  readonly connections: Set<Connection>
  readonly stats: { connections: number; lost: number }
}

/** A network without sockets; `perfect` is the link of an endpoint that was not given another. */
export const makeNetwork = (timeline: Timeline, perfect: Pipe.LinkSettings): Network => ({
  timeline,
  perfect,
  bound: new Map(),
  links: new Map(),
  cuts: new Map(),
  connections: new Set(),
  stats: { connections: 0, lost: 0 }
})

/** How messages travel to and from an endpoint. */
export const linkOf = (network: Network, endpoint: string): Pipe.LinkSettings =>
  network.links.get(endpoint) ?? network.perfect

const later = (network: Network, millis: number, callback: () => void): void => {
  // At once where nothing delays it, so that a perfect network needs no step of the clock.
  if (millis <= 0) return callback()
  network.timeline.at(network.timeline.now() + millis, callback)
}

const travel = (network: Network, endpoint: string, callback: () => void): void =>
  later(network, Pipe.latencyOf(linkOf(network, endpoint), network.timeline), callback)

const peerOf = ({ bound, connected }: Connection, end: End): End =>
  end === bound ? connected : bound

/** Whether what goes to this end is held. */
const isDeaf = (network: Network, connection: Connection, end: End): boolean => {
  const cut = network.cuts.get(connection.endpoint)
  if (cut === undefined) return false
  return end === connection.bound ? cut.toBound : cut.fromBound
}

/** This side takes the connection for ended; a connecting socket tries again. */
const putDown = (network: Network, connection: Connection, end: End): void => {
  if (!end.up) return
  end.up = false
  end.out.clear()
  const { socket } = end
  socket.ends.delete(end)
  if (!peerOf(connection, end).up) network.connections.delete(connection)
  if (socket.closed) return
  socket.events.offer({ _tag: "Disconnected", endpoint: socket.endpoint })
  if (end === connection.connected) reconnect(network, socket, 0)
}

const heartbeatTimeout = (end: End) => heartbeatsMissedMax * end.socket.settings.heartbeatMillis

/** A side that hears nothing any more notices by its heartbeats, unless it is healed before. */
const awaitSilence = (network: Network, connection: Connection, end: End): void => {
  const cut = network.cuts.get(connection.endpoint)
  later(network, heartbeatTimeout(end), () => {
    const still = !peerOf(connection, end).up || network.cuts.get(connection.endpoint) === cut
    if (end.up && still) hangUp(network, connection, end)
  })
}

/** One side closes; the other is told by the network where that way is open, else by silence. */
const hangUp = (network: Network, connection: Connection, end: End): void => {
  const peer = peerOf(connection, end)
  putDown(network, connection, end)
  if (!peer.up) return
  if (isDeaf(network, connection, peer)) return awaitSilence(network, connection, peer)
  travel(network, connection.endpoint, () => putDown(network, connection, peer))
}

const makeEnd = (socket: Socket, out: Pipe.Pipe): End => ({
  socket,
  peerId: SimulatedSocket.nextPeerId(socket),
  out,
  up: false,
  topics: []
})

/** The way of a sender's messages to the end that `to` names, once the connection is made. */
const pipeFrom = (
  network: Network,
  sender: Socket,
  to: () => readonly [Connection, End]
): Pipe.Pipe => {
  const pipe: Pipe.Pipe = Pipe.make({
    timeline: network.timeline,
    capacity: sender.settings.sendQueueMax,
    link: () => linkOf(network, to()[0].endpoint),
    isHeld: () => !to()[1].up || isDeaf(network, ...to()),
    deliver: (frames) => {
      const [connection, end] = to()
      const delivery = SimulatedSocket.accept(end, frames, pipe)
      if (delivery === "oversized") hangUp(network, connection, end)
      return delivery !== "no-room"
    },
    onLost: () => {
      network.stats.lost++
    }
  })
  return pipe
}

const putUp = (network: Network, connection: Connection, end: End): void => {
  const { socket } = end
  end.up = true
  socket.ends.add(end)
  socket.events.offer({ _tag: "Connected", endpoint: socket.endpoint })
  const peer = peerOf(connection, end)
  // The subscriptions go to the peer as the first thing on the new connection.
  travel(network, connection.endpoint, () => {
    peer.topics = SimulatedSocket.topicsOf(socket)
  })
  peer.out.drain()
}

const join = (network: Network, bound: Socket, connected: Socket): void => {
  const connection: Connection = {
    endpoint: bound.endpoint,
    bound: makeEnd(bound, pipeFrom(network, bound, () => [connection, connection.connected])),
    connected: makeEnd(
      connected,
      pipeFrom(network, connected, () => [connection, connection.bound])
    )
  }
  network.connections.add(connection)
  network.stats.connections++
  putUp(network, connection, connection.bound)
  travel(network, connection.endpoint, () => {
    if (connected.closed) return hangUp(network, connection, connection.bound)
    if (!connection.bound.up) return reconnect(network, connected, 0)
    putUp(network, connection, connection.connected)
  })
}

const reconnect = (network: Network, socket: Socket, attempt: number): void => {
  const { reconnectMillis, reconnectMillisMax } = socket.settings
  const millis = Math.min(
    reconnectMillis * 2 ** attempt,
    Math.max(reconnectMillis, reconnectMillisMax)
  )
  later(network, millis, () => connect(network, socket, attempt + 1))
}

/** Tries to reach what is bound, again and again until the socket closes. */
export const connect = (network: Network, socket: Socket, attempt: number): void =>
  travel(network, socket.endpoint, () => {
    if (socket.closed) return
    const bound = network.bound.get(socket.endpoint)
    const reachable = bound !== undefined && !network.cuts.has(socket.endpoint)
    if (reachable && SimulatedSocket.understands(bound, socket)) return join(network, bound, socket)
    reconnect(network, socket, attempt)
  })

const connectionsOf = (network: Network, endpoint: string): ReadonlyArray<Connection> =>
  [...network.connections].filter((connection) => connection.endpoint === endpoint)

/** Holds messages in one direction or both, until `heal`. */
export const cut = (
  network: Network,
  endpoint: string,
  direction: "both" | "to-bound" | "from-bound"
): void => {
  network.cuts.set(endpoint, {
    toBound: direction !== "from-bound",
    fromBound: direction !== "to-bound"
  })
  for (const connection of connectionsOf(network, endpoint)) {
    for (const end of [connection.bound, connection.connected]) {
      if (isDeaf(network, connection, end)) awaitSilence(network, connection, end)
    }
  }
}

/** Ends a cut: what was held on living connections is delivered. */
export const heal = (network: Network, endpoint: string): void => {
  network.cuts.delete(endpoint)
  for (const { bound, connected } of connectionsOf(network, endpoint)) {
    bound.out.drain()
    connected.out.drain()
  }
}

/** Breaks all connections; both sides know at once. */
export const reset = (network: Network, endpoint: string): void => {
  for (const connection of connectionsOf(network, endpoint)) {
    putDown(network, connection, connection.bound)
    putDown(network, connection, connection.connected)
  }
}

/** Ends a socket: its peers are told by the network, or only by the silence that follows. */
export const close = (network: Network, socket: Socket, how: "told" | "silent"): void => {
  if (socket.closed) return
  SimulatedSocket.end(socket)
  if (network.bound.get(socket.endpoint) === socket) network.bound.delete(socket.endpoint)
  for (const connection of network.connections) {
    const own = [connection.bound, connection.connected].find((end) => end.socket === socket)
    if (own === undefined) continue
    if (how === "told") hangUp(network, connection, own)
    else {
      putDown(network, connection, own)
      awaitSilence(network, connection, peerOf(connection, own))
    }
  }
}
