/** Links, which join device actors to their devices: the port, and what implements it. */
export * from "./LinkPort.ts"
export {
  type Model as SimulatedModel,
  type Options as SimulatedOptions,
  simulated,
  type SimulatedDevice,
  type SimulatedDevices
} from "./SimulatedLink.ts"
export { type Options as ZmqOptions, zmq } from "./ZmqLink.ts"
