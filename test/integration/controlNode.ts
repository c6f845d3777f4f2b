/**
 * A node for tests, as a process of its own: a pump with its driver, and a control socket. It says
 * on standard output when it is ready, and when a command has begun.
 */
import * as NodeContext from "@effect/platform-node/NodeContext"
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
import { ControlSocket } from "@plantd/node"
import { Console, Effect, Layer, Schema, Stream } from "effect"

const [name = "test-node", endpoint] = process.argv.slice(2)

const Pump = Device.make("Pump", {
  config: Schema.Struct({ commands: Schema.String, telemetry: Schema.String }),
  attributes: {
    flow: Attribute.number({ unit: "L/s", range: [0, 10], maxAge: "2 seconds" }),
    speed: Attribute.number({
      unit: "rpm",
      range: [0, 3_000],
      access: "read-write",
      alarm: { high: 2_000 }
    }),
    label: Attribute.string({ access: "read-write" })
  },
  commands: {
    prime: Command.make({
      payload: { seconds: Schema.Number },
      success: Schema.Boolean,
      effect: "pulse",
      timeout: "1 second"
    }),
    flush: Command.make({ effect: "pulse", timeout: "60 seconds" })
  }
})

const driver = Effect.gen(function*() {
  const plant = { speed: 0, label: "P-1" }
  const served = yield* Driver.serve(Pump, {
    read: {
      flow: Effect.sync(() => plant.speed / 1_000),
      speed: Effect.sync(() => plant.speed),
      label: Effect.sync(() => plant.label)
    },
    write: {
      speed: (speed) => Effect.sync(() => void (plant.speed = speed)),
      label: (label) => Effect.sync(() => void (plant.label = label))
    },
    commands: {
      // Longer than the command may take: what became of it, nobody can tell.
      prime: ({ seconds }) => seconds > 10 ? Effect.never : Effect.succeed(seconds > 1),
      flush: () => Effect.zipRight(Console.log("flushing"), Effect.never)
    }
  }, { device: "pump-1", commands: "tcp://127.0.0.1:*", telemetry: "tcp://127.0.0.1:*" })
  const publish = Effect.suspend(() =>
    served.publish({ flow: plant.speed / 1_000, speed: plant.speed })
  )
  yield* Effect.forkScoped(Effect.forever(Effect.zipRight(publish, Effect.sleep("100 millis"))))
  return served.endpoints
})

const node = Layer.unwrapScoped(Effect.map(driver, (endpoints) =>
  Layer.mergeAll(
    Pump.toLayer({ config: () => endpoints, link: ({ config }) => Link.zmq(config) }),
    ControlSocket.layer({ node: name, devices: [{ type: Pump, ids: ["pump-1"] }], endpoint })
  ))).pipe(
    Layer.provideMerge(Layer.merge(ActorSystem.layer, DeviceStore.layerMemory)),
    Layer.provide([ZmqTransport.layer, DriverStore.memory])
  )

const ready = Effect.gen(function*() {
  const pump = (yield* Pump.client)("pump-1")
  yield* Stream.runHead(Stream.filter(pump.linkChanges, ({ state }) => state === "online"))
  yield* Console.log("ready")
})

Effect.zipRight(ready, Effect.never).pipe(
  Effect.provide(Layer.provide(node, NodeContext.layer)),
  NodeRuntime.runMain()
)
