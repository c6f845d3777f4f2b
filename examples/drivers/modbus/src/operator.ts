// npm run example -- examples/drivers/modbus/src/operator.ts
/** A node that works the pump of the example map through its driver, as the README shows. */
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { ActorSystem } from "@plantd/actors"
import { DeviceStore, Link, ZmqTransport } from "@plantd/hardware"
import { Console, Effect, Layer, Logger, LogLevel, Stream } from "effect"
import { fileURLToPath } from "node:url"
import * as ModbusClient from "./ModbusClient.ts"
import { deviceOf } from "./ModbusDevice.ts"
import { defaults } from "./ModbusOptions.ts"
import * as RegisterMap from "./RegisterMap.ts"

const [
  file = fileURLToPath(new URL("../maps/pump.json", import.meta.url)),
  commands = defaults.commands,
  telemetry = defaults.telemetry
] = process.argv.slice(2)

const operator = (map: RegisterMap.RegisterMap) =>
  Effect.gen(function*() {
    const pump = (yield* ModbusClient.of(deviceOf(map)))(map.device)
    yield* Stream.runHead(Stream.filter(pump.linkChanges, ({ state }) => state === "online"))
    yield* pump.write("running", true)
    yield* pump.write("speed", 1_500)
    const flowing = Stream.filter(
      pump.subscribe(["flow"]),
      (told) => "value" in told && told.quality === "good" && Number(told.value) > 0
    )
    yield* Stream.runForEach(Stream.take(flowing, 1), (told) =>
      "value" in told
        ? Console.log(`flow ${told.value} ${told.unit}, ${told.quality}`)
        : Effect.void)
    const refused = yield* Effect.flip(pump.write("speed", 9_000))
    yield* Console.log(refused.message)
    yield* pump.invoke("dose", { liters: 20 })
    yield* pump.invoke("stop", {})
    const { value } = yield* pump.read("running")
    yield* Console.log(value === false ? "stopped" : "still running")
  })

const main = Effect.gen(function*() {
  const map = yield* RegisterMap.load(file)
  const PumpLive = deviceOf(map).toLayer({
    link: ({ config }) => Link.zmq(config),
    config: () => ({ commands, telemetry })
  })
  // In memory here; in a plant `SqlDeviceStore`.
  const node = Layer.merge(ActorSystem.layer, DeviceStore.layerMemory)
  yield* Effect.provide(operator(map), Layer.provideMerge(PumpLive, node))
})

main.pipe(
  Effect.scoped,
  Effect.provide(Layer.merge(ZmqTransport.layer, NodeContext.layer)),
  Logger.withMinimumLogLevel(LogLevel.Warning),
  NodeRuntime.runMain
)
