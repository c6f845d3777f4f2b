#!/usr/bin/env node
/** The entry of the `plantd` command: adapters, signals and exit codes. */
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Cause, Console, Effect, Exit, Layer, Logger, LogLevel, Option } from "effect"
import { readFileSync } from "node:fs"
import * as BrokenOff from "./BrokenOff.ts"
import * as Cli from "./Cli.ts"
import { DeviceFailure } from "./DeviceFailure.ts"
import * as StandardOutput from "./StandardOutput.ts"

const { version } = JSON.parse(
  readFileSync(new URL("../package.json", import.meta.url), "utf8")
) as { readonly version: string }

// Standard output is for what was asked for; the log goes to standard error.
const log = Logger.replace(Logger.defaultLogger, Logger.withConsoleError(Logger.logfmtLogger))

/**
 * 0 for success and Ctrl-C, 2 for a wrong command line, 3 for an outcome that nobody knows, 1 for
 * all else that failed.
 */
const exitCode = (exit: Exit.Exit<unknown, unknown>): number => {
  if (Exit.isSuccess(exit)) return 0
  if (Cause.isInterruptedOnly(exit.cause)) return BrokenOff.exitCode() ?? 0
  const error = Option.getOrUndefined(Cause.failureOption(exit.cause))
  if (error instanceof DeviceFailure) return error.exitCode
  return error instanceof Cli.UsageError ? 2 : 1
}

Cli.run(process.argv.slice(2), version).pipe(
  Effect.raceFirst(StandardOutput.readerGone),
  Effect.tapError((error) => Console.error(`plantd: ${error.message}`)),
  Effect.tapDefect((cause) => Effect.logFatal("plantd met a defect", cause)),
  Logger.withMinimumLogLevel(LogLevel.Warning),
  Effect.provide(Layer.merge(log, NodeContext.layer)),
  NodeRuntime.runMain({
    disableErrorReporting: true,
    disablePrettyLogger: true,
    teardown: (exit, onExit) => onExit(exitCode(exit))
  })
)
