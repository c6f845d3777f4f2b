// node --conditions=plantd-source --import tsx examples/drivers/modbus/src/modbusProcess.ts
/** The operating-system process of a driver: options, adapters, signals and exit codes. */
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { DriverStore, ZmqTransport } from "@plantd/hardware"
import { Console, Effect, Either, Layer, Logger } from "effect"
import { homedir } from "node:os"
import { join } from "node:path"
import * as AttributeCodec from "./AttributeCodec.ts"
import * as ModbusDriver from "./ModbusDriver.ts"
import * as ModbusOptions from "./ModbusOptions.ts"
import * as ModbusTcp from "./ModbusTcp.ts"
import { describe, plan } from "./ReadPlan.ts"
import * as RegisterMap from "./RegisterMap.ts"

/** What ends the process with exit code 1: one line says it all. */
interface Fault {
  readonly message: string
}

const serve = (options: ModbusOptions.ModbusOptions): Effect.Effect<void, Fault> =>
  Effect.gen(function*() {
    const map = yield* RegisterMap.load(options.map)
    const driver = yield* ModbusDriver.serve({ ...map, ...options.target }, options)
    const { commands, telemetry } = driver.endpoints
    yield* Console.log(`${driver.device}: commands on ${commands}, telemetry on ${telemetry}`)
    return yield* Effect.never
  }).pipe(
    Effect.scoped,
    Effect.provide(layersOf(options.state ?? stateDirectory()))
  )

const layersOf = (directory: string) =>
  Layer.mergeAll(
    ModbusTcp.layer,
    ZmqTransport.layer,
    Layer.provide(DriverStore.file(directory), NodeContext.layer),
    NodeContext.layer
  )

// Not a folder for temporary files: a fence that is forgotten no longer keeps a former node out.
const stateDirectory = () =>
  join(process.env["XDG_STATE_HOME"] ?? join(homedir(), ".local", "state"), "plantd-modbus")

const check = (file: string): Effect.Effect<void, Fault> =>
  Effect.gen(function*() {
    const map = yield* RegisterMap.load(file)
    const requests = plan(Object.values(map.attributes).map(AttributeCodec.spanOf), map.gapMax)
    const commands = Object.keys(map.commands)
    yield* Console.log(`${file} is well:
  device      ${map.device}, a ${map.type}, at ${map.host}:${map.port}, unit ${map.unitId}
  attributes  ${Object.keys(map.attributes).join(", ")}
  commands    ${commands.length === 0 ? "none" : commands.join(", ")}
  requests    ${requests.map(describe).join(", ")}; each ${map.pollMillis} ms`)
  }).pipe(Effect.provide(NodeContext.layer))

const run: Effect.Effect<void, Fault> = Either.match(ModbusOptions.parse(process.argv.slice(2)), {
  onLeft: (wrong) => Effect.fail({ message: `${wrong}; --help shows the options` }),
  onRight: (command) => {
    switch (command._tag) {
      case "Help":
        return Console.log(ModbusOptions.usage)
      case "Check":
        return check(command.map)
      case "Serve":
        return serve(command.options)
    }
  }
})

// Standard output is for the one line that says where the driver serves; the log goes beside it.
const log = Logger.replace(
  Logger.defaultLogger,
  Logger.withConsoleError(Logger.logfmtLogger)
)

run.pipe(
  Effect.tapError(({ message }) => Console.error(`modbus: ${message.replaceAll(/\s+/g, " ")}`)),
  Effect.tapDefect((cause) => Effect.logFatal("the driver's process met a defect", cause)),
  Effect.provide(log),
  NodeRuntime.runMain({ disableErrorReporting: true, disablePrettyLogger: true })
)
