/**
 * The transport in memory: the contract of `Transport` over a `SimulatedNetwork`, for tests by
 * virtual time and for the simulation.
 */
import { Effect, Layer } from "effect"
import * as SimulatedNetwork from "./SimulatedNetwork.ts"
import { Transport } from "./Transport.ts"

/** Sockets in a network that is given, so that several nodes meet in it. */
export const layerNetwork: Layer.Layer<
  Transport,
  never,
  SimulatedNetwork.SimulatedNetwork
> = Layer.effect(
  Transport,
  Effect.map(SimulatedNetwork.SimulatedNetwork, (network) => network.transport)
)

/** Sockets in a network of their own, which is handed out too, to break it. */
export const layer: Layer.Layer<Transport | SimulatedNetwork.SimulatedNetwork> = layerNetwork.pipe(
  Layer.provideMerge(SimulatedNetwork.layer)
)
