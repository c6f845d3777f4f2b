/** The tank's device process as a child of the demo: started again when it ends unasked. */
import type { CommandExecutor } from "@effect/platform"
import type { Effect, Scope } from "effect"
import { createRequire } from "node:module"
import type * as ChildProcess from "./ChildProcess.ts"
import * as KeptProcess from "./KeptProcess.ts"

/** Where the process listens, where its water outlives it, and who hears what it says. */
export interface Options {
  readonly device: string
  readonly commands: string
  readonly telemetry: string
  readonly directory: string
  /** The pump is turned off when no node was heard for this long, in s; 3 by default. */
  readonly silence?: number
  readonly onLine: (line: string) => Effect.Effect<void>
}

/** The process of one tank. At most one is running at a time. */
export type TankProcess = KeptProcess.KeptProcess

/** Makes a process that is not started yet; it ends with the scope. */
export const make = (
  options: Options
): Effect.Effect<TankProcess, never, CommandExecutor.CommandExecutor | Scope.Scope> =>
  KeptProcess.make({ script: scriptOf(options), onLine: options.onLine })

const scriptOf = (
  { commands, device, directory, silence, telemetry }: Options
): ChildProcess.Script => ({
  script: createRequire(import.meta.url).resolve("@plantd/example-tank/tankProcess"),
  args: [
    ["--device", device],
    ["--commands", commands],
    ["--telemetry", telemetry],
    ["--state", directory],
    silence === undefined ? [] : ["--silence", String(silence)],
    ["--parent", String(process.pid)]
  ].flat()
})
