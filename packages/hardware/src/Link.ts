/** Links, which join device actors to their devices: the port, and what implements it. */
export * from "./LinkPort.ts"
export {
  mock,
  type MockDevice,
  type MockDevices,
  type MockRequest,
  type Options as MockOptions
} from "./MockLink.ts"
export {
  type Model as SimulatedModel,
  type Options as SimulatedOptions,
  simulated,
  type SimulatedDevice,
  type SimulatedDevices
} from "./SimulatedLink.ts"
export { type Options as ZmqOptions, zmq } from "./ZmqLink.ts"
