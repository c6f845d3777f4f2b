/**
 * A network in memory between simulated sockets: it delivers by virtual time and seeded chance, and
 * fails where it is told to. Endpoints are its places; a fault is done to a bound endpoint.
 */
import { Context, Effect, Layer, type Scope } from "effect"
import { refuseEndpoint } from "./internal/endpoint.ts"
import * as Connection from "./internal/simulatedConnection.ts"
import type { LinkSettings } from "./internal/simulatedPipe.ts"
import * as SimulatedSocket from "./internal/simulatedSocket.ts"
import * as Timeline from "./internal/timeline.ts"
import { details } from "./internal/transportDetail.ts"
import {
  type Socket,
  type SocketOptions,
  TransportError,
  type TransportService
} from "./Transport.ts"

export type { LinkSettings } from "./internal/simulatedPipe.ts"

/** A link without delay and without loss. */
export const perfectLink: LinkSettings = {
  latencyMillis: { min: 0, max: 0 },
  loss: 0,
  duplicate: 0
}

/** Which direction of a link is cut, seen from the bound socket. */
export type Direction = "both" | "to-bound" | "from-bound"

/** What a network was asked to carry, and what it did not. */
export interface NetworkStats {
  /** Connections that were made, again and again for those that were lost. */
  readonly connections: number
  /** Messages that vanished by `LinkSettings.loss`. */
  readonly lost: number
}

/** The faults of a network, and its door for sockets. */
export interface SimulatedNetworkService {
  /** Opens sockets in this network. */
  readonly transport: TransportService
  /** Changes how messages travel to and from an endpoint, from the next message on. */
  readonly link: (endpoint: string, settings: Partial<LinkSettings>) => Effect.Effect<void>
  /**
   * Silence: messages are held, and come late when the link is healed in time. A side that hears
   * nothing for three heartbeats closes the connection, and what was held is lost.
   */
  readonly cut: (endpoint: string, direction?: Direction) => Effect.Effect<void>
  /** Ends a cut. */
  readonly heal: (endpoint: string) => Effect.Effect<void>
  /** Breaks every connection of an endpoint; both sides are told, and connect anew. */
  readonly reset: (endpoint: string) => Effect.Effect<void>
  /** The bound socket dies as with its process: peers are told by the operating system. */
  readonly kill: (endpoint: string) => Effect.Effect<void>
  /** The bound socket dies as with its machine: peers are told by nobody but their heartbeats. */
  readonly powerLoss: (endpoint: string) => Effect.Effect<void>
  /** What was carried and lost so far. */
  readonly stats: Effect.Effect<NetworkStats>
}

/** The simulated network in use. */
export class SimulatedNetwork extends Context.Tag("@plantd/hardware/SimulatedNetwork")<
  SimulatedNetwork,
  SimulatedNetworkService
>() {}

const wildcardPort = /:\*$/
const firstPort = 49_152

const refuseBound = (options: SocketOptions, network: Connection.Network) =>
  network.bound.has(options.endpoint)
    ? new TransportError({
      operation: "bind",
      endpoint: options.endpoint,
      reason: "address-in-use",
      detail: details["address-in-use"]
    })
    : undefined

const nextEndpoint = (network: Connection.Network, endpoint: string): string => {
  if (!wildcardPort.test(endpoint)) return endpoint
  for (let port = firstPort;; port++) {
    const candidate = endpoint.replace(wildcardPort, `:${port}`)
    if (!network.bound.has(candidate)) return candidate
  }
}

const openIn = (network: Connection.Network, options: SocketOptions) =>
  Effect.suspend(() => {
    const bind = options.mode === "bind"
    const refused = refuseEndpoint(options) ?? (bind ? refuseBound(options, network) : undefined)
    if (refused !== undefined) return Effect.fail(refused)
    const endpoint = bind ? nextEndpoint(network, options.endpoint) : options.endpoint
    const socket = SimulatedSocket.make(options, endpoint)
    if (bind) network.bound.set(endpoint, socket)
    else Connection.connect(network, socket, 0)
    return Effect.succeed(socket)
  })

const open =
  (network: Connection.Network) =>
  (options: SocketOptions): Effect.Effect<Socket, TransportError, Scope.Scope> =>
    Effect.map(
      Effect.acquireRelease(
        openIn(network, options),
        (socket) => Effect.sync(() => Connection.close(network, socket, "told"))
      ),
      SimulatedSocket.toSocket
    )

const close = (network: Connection.Network, endpoint: string, how: "told" | "silent") =>
  Effect.sync(() => {
    const socket = network.bound.get(endpoint)
    if (socket !== undefined) Connection.close(network, socket, how)
  })

/** An empty network on the Clock and Random in use; its fiber ends with the scope. */
export const make: Effect.Effect<SimulatedNetworkService, never, Scope.Scope> = Effect.map(
  Timeline.make,
  (timeline) => {
    const network = Connection.makeNetwork(timeline, perfectLink)
    return {
      transport: { open: open(network) },
      link: (endpoint, settings) =>
        Effect.sync(() => {
          network.links.set(endpoint, { ...Connection.linkOf(network, endpoint), ...settings })
        }),
      cut: (endpoint, direction = "both") =>
        Effect.sync(() => Connection.cut(network, endpoint, direction)),
      heal: (endpoint) => Effect.sync(() => Connection.heal(network, endpoint)),
      reset: (endpoint) => Effect.sync(() => Connection.reset(network, endpoint)),
      kill: (endpoint) => close(network, endpoint, "told"),
      powerLoss: (endpoint) => close(network, endpoint, "silent"),
      stats: Effect.sync(() => ({ ...network.stats }))
    }
  }
)

/** A network of its own; share it between the transports of several virtual nodes. */
export const layer: Layer.Layer<SimulatedNetwork> = Layer.scoped(SimulatedNetwork, make)
