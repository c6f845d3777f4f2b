/** What runs as a second node: the packages as published, as in the process that measures. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Effect, Layer, Logger, LogLevel } from "effect"
import { register } from "node:module"

register("../compiled.ts", import.meta.url)

// Whoever started it is gone: nobody is left to measure.
process.on("disconnect", () => process.exit(0))

const [, , kind, filename = "", port = ""] = process.argv
const place = { filename, port: Number(port) }

const up = Layer.effectDiscard(Effect.sync(() => void process.send?.("up")))

const toStandardError = Logger.replace(
  Logger.defaultLogger,
  Logger.withConsoleError(Logger.logfmtLogger)
)

const run = <A, E>(node: Layer.Layer<A, E>): void =>
  NodeRuntime.runMain(
    Layer.launch(Layer.provide(up, node)).pipe(
      Effect.provide(toStandardError),
      Logger.withMinimumLogLevel(LogLevel.Error)
    ),
    { disablePrettyLogger: true }
  )

// Each alone: neither loads the code of the other.
if (kind === "plantd") run((await import("./plantdNode.ts")).node(place))
else run((await import("../peers/effectCluster.ts")).node(place))
