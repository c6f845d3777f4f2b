// node --conditions=plantd-source --import tsx examples/tank/src/tankProcess.ts
/** The operating-system process of a rig: options, adapters, signals and exit codes. */
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { DriverStore, ZmqTransport } from "@plantd/hardware"
import { Console, Effect, Either, Layer, Logger } from "effect"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parentGone } from "./ParentProcess.ts"
import * as TankDriver from "./TankDriver.ts"
import * as TankOptions from "./TankOptions.ts"

/** Read at once: whoever starts this process may end as soon as it serves. */
const startedBy = process.ppid

const layersOf = (directory: string) =>
  Layer.mergeAll(
    ZmqTransport.layer,
    Layer.provide(DriverStore.file(directory), NodeContext.layer),
    NodeContext.layer
  )

const serve = (options: TankOptions.TankOptions): Effect.Effect<void, Fault> => {
  const directory = options.state ?? join(tmpdir(), "plantd-tank")
  return Effect.gen(function*() {
    const driver = yield* TankDriver.start({ ...options, directory })
    const { commands, telemetry } = driver.endpoints
    yield* Console.log(`${driver.device}: commands on ${commands}, telemetry on ${telemetry}`)
    yield* options.detached ? Effect.never : parentGone(options.parent ?? startedBy)
    yield* Effect.logInfo("the process that started this one has ended; so does this one")
  }).pipe(
    Effect.scoped,
    Effect.provide(layersOf(directory))
  )
}

/** What ends the process with exit code 1: one line says it all. */
interface Fault {
  readonly message: string
}

const run: Effect.Effect<void, Fault> = Either.match(TankOptions.parse(process.argv.slice(2)), {
  onLeft: (wrong) => Effect.fail({ message: `${wrong}; --help shows the options` }),
  onRight: (command) =>
    command._tag === "Help" ? Console.log(TankOptions.usage) : serve(command.options)
})

// Standard output is for the one line that says where the rig is served; the log goes beside it.
const log = Logger.replace(
  Logger.defaultLogger,
  Logger.withConsoleError(Logger.logfmtLogger)
)

run.pipe(
  Effect.tapError(({ message }) => Console.error(`tank: ${message.replaceAll(/\s+/g, " ")}`)),
  Effect.tapDefect((cause) => Effect.logFatal("the rig's process met a defect", cause)),
  Effect.provide(log),
  NodeRuntime.runMain({ disableErrorReporting: true, disablePrettyLogger: true })
)
