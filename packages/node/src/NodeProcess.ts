/** A node of a cluster as a child of the demo: `plantd node start`, kept running. */
import type { CommandExecutor } from "@effect/platform"
import type { Effect, Scope } from "effect"
import { createRequire } from "node:module"
import type * as ChildProcess from "./ChildProcess.ts"
import * as KeptProcess from "./KeptProcess.ts"
import * as NodeConfig from "./NodeConfig.ts"

/** How the node is configured, what its modules read, and who hears what it says. */
export interface Options {
  readonly config: NodeConfig.NodeConfig
  readonly environment: Readonly<Record<string, string>>
  readonly onLine: (line: string) => Effect.Effect<void>
}

/** Makes a process that is not started yet; it ends with the scope. */
export const make = (
  { config, environment, onLine }: Options
): Effect.Effect<
  KeptProcess.KeptProcess,
  never,
  CommandExecutor.CommandExecutor | Scope.Scope
> => KeptProcess.make({ script: scriptOf(config, environment), onLine })

const scriptOf = (
  config: NodeConfig.NodeConfig,
  environment: Options["environment"]
): ChildProcess.Script => ({
  script: createRequire(import.meta.url).resolve("@plantd/node/main"),
  args: ["node", "start", ...NodeConfig.argumentsOf(config)],
  environment
})
