/** `plantd node`: starts a node of a cluster. */
import { Command, Options } from "@effect/cli"
import type { FileSystem } from "@effect/platform"
import { Config, type Console, Effect, Layer, Logger, LogLevel } from "effect"
import * as CliOption from "./CliOption.ts"
import * as ClusterNode from "./ClusterNode.ts"
import * as NodeConfig from "./NodeConfig.ts"

/** The options that need a value. */
export const valued = [
  "--config",
  ...NodeConfig.keys.map(NodeConfig.flagOf)
]

/** What is wrong with a command line whose subcommand is none; nothing where another fault is. */
export const fault = ([command, name]: ReadonlyArray<string>): string | undefined =>
  command !== "node" || name === undefined || name.startsWith("-") || name === "start"
    ? undefined
    : `there is no plantd node ${name}, only start`

const whole = (name: string, description: string) =>
  Options.integer(name).pipe(
    Options.withDescription(description),
    Options.optional,
    Options.map((given) => given._tag === "Some" ? given.value : undefined)
  )

/** The file of the configuration; `PLANTD_CONFIG` is its name in the environment. */
export const fileOption = Options.file("config").pipe(
  Options.withDescription("A YAML file; flags and PLANTD_* override what it says."),
  Options.withFallbackConfig(Config.string("PLANTD_CONFIG")),
  Options.optional,
  Options.map((given) => given._tag === "Some" ? given.value : undefined)
)

const { defaults } = NodeConfig

/** Where the node keeps what it must. */
export const storageOption = CliOption.text(
  "storage",
  "database",
  `A file of SQLite, or postgres://USER@HOST/NAME; else ${defaults.storage}.`
)

const options = {
  config: fileOption,
  name: CliOption.text("name", "name", "What it is called in its log, and by --node."),
  host: CliOption.text(
    "host",
    "host",
    `By which other nodes reach it; else ${defaults.host}, for nodes of this machine alone.`
  ),
  port: whole("port", `By which other nodes reach it; else ${defaults.port}.`),
  listenHost: CliOption.text("listen-host", "host", "What it listens on; else its host."),
  listenPort: whole("listen-port", "The port that it listens on; else its port."),
  weight: whole(
    "weight",
    "How many shards it has, relative to others; 0 runs no actors. Else 1, 0 without modules."
  ),
  storage: storageOption,
  shards: whole("shards", `Into how many parts actors are divided; else ${defaults.shards}.`),
  lease: CliOption.text("lease", "span", `After which silence it is replaced; ${defaults.lease}.`),
  refresh: CliOption.text("refresh", "span", "How often its lease is renewed."),
  handoff: CliOption.text("handoff", "span", "How long the actors of a shard may take to move."),
  drain: CliOption.text("drain", "span", "How long it may take to give all away when it stops."),
  modules: Options.text("modules").pipe(
    Options.withDescription("A module whose default export is the layer of its actors."),
    Options.repeated,
    Options.map((given) => given.length === 0 ? undefined : given)
  )
}

const startOn = (console: Console.Console) =>
  Command.make(
    "start",
    options,
    ({ config: file, ...flags }): Effect.Effect<
      void,
      ClusterNode.StartError | NodeConfig.ConfigInvalid,
      FileSystem.FileSystem
    > =>
      NodeConfig.load({ file, environment: process.env, flags }).pipe(
        Effect.flatMap((config) => Layer.launch(ClusterNode.layer(config))),
        Logger.withMinimumLogLevel(LogLevel.Info),
        Effect.withConsole(console)
      )
  ).pipe(
    Command.withDescription(
      "Runs a node until SIGTERM or Ctrl-C; then it gives its actors to the others, and ends."
    )
  )

/** `plantd node`, whose log goes to this console. */
export const make = (console: Console.Console) =>
  Command.make("node").pipe(
    Command.withDescription(
      "Nodes of a cluster: the same command with other ports, on one database."
    ),
    Command.withSubcommands([startOn(console)])
  )
