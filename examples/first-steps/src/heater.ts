// node --conditions=plantd-source --import tsx examples/first-steps/src/heater.ts
/** A heater: its definition, its device process, and a node that reads and sets it over ZeroMQ. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { ActorSystem } from "@plantd/actors"
import {
  Attribute,
  Command,
  Device,
  DeviceStore,
  Driver,
  DriverStore,
  Link,
  ZmqTransport
} from "@plantd/hardware"
import { Console, Effect, Layer, Schema, Stream } from "effect"

const Heater = Device.make("Heater", {
  config: Schema.Struct({ commands: Schema.String, telemetry: Schema.String }),
  attributes: {
    temperature: Attribute.number({ unit: "°C", range: [0, 300], maxAge: "2 seconds" }),
    power: Attribute.number({ unit: "W", range: [0, 500], access: "read-write" })
  },
  commands: { off: Command.make({ effect: "set", lane: "emergency" }) }
})

/** The device's side; in a plant it is a process of its own, beside the hardware. */
const driver = Effect.gen(function*() {
  let power = 0
  const set = (value: number) => Effect.sync(() => void (power = value))
  const handlers = {
    read: { temperature: Effect.sync(() => 20 + power / 5), power: Effect.sync(() => power) },
    write: { power: set },
    commands: { off: () => set(0) }
  }
  const port = { commands: "tcp://127.0.0.1:*", telemetry: "tcp://127.0.0.1:*" }
  return (yield* Driver.serve(Heater, handlers, { device: "heater-1", ...port })).endpoints
})

/** The node's side; the device answers for itself, and every answer says what is known. */
const operator = Effect.gen(function*() {
  const heater = (yield* Heater.client)("heater-1")
  yield* Stream.runHead(Stream.filter(heater.linkChanges, ({ state }) => state === "online"))
  yield* heater.write.power(200)
  const { quality, unit, value } = yield* heater.read.temperature
  yield* Console.log(`${value} ${unit}, ${quality}`)
  const refused = yield* Effect.flip(heater.write.power(9_000))
  yield* Console.log(refused.message)
  yield* heater.off()
})

/** Its actors, and what they must not forget: in memory here, in a plant `SqlDeviceStore`. */
const node = Layer.merge(ActorSystem.layer, DeviceStore.layerMemory)

const main = Effect.gen(function*() {
  const endpoints = yield* driver
  const HeaterLive = Heater.toLayer({
    config: () => endpoints,
    link: ({ config }) => Link.zmq(config)
  })
  yield* Effect.provide(operator, Layer.provideMerge(HeaterLive, node))
})
const adapters = Layer.merge(ZmqTransport.layer, DriverStore.memory)
NodeRuntime.runMain(Effect.provide(Effect.scoped(main), adapters))
