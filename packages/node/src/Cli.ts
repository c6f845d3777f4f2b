/** The `plantd` command: its subcommands, their options, and what is said of wrong ones. */
import { CliConfig, Command, Options, ValidationError } from "@effect/cli"
import { Console, Data, Effect, Logger, LogLevel } from "effect"
import * as BrokenOff from "./BrokenOff.ts"
import * as CliOption from "./CliOption.ts"
import * as ClusterCommand from "./ClusterCommand.ts"
import * as ClusterDemo from "./ClusterDemo.ts"
import * as Demo from "./Demo.ts"
import * as DemoOutput from "./DemoOutput.ts"
import type * as DemoRun from "./DemoRun.ts"
import { chaosForMillisMin } from "./DemoScript.ts"
import * as DeviceCommand from "./DeviceCommand.ts"
import * as DriverCommand from "./DriverCommand.ts"
import * as HelpText from "./HelpText.ts"
import * as NodeCommand from "./NodeCommand.ts"
import * as Progress from "./Progress.ts"
import * as SimulateCommand from "./SimulateCommand.ts"
import * as Span from "./Span.ts"
import * as StandardOutput from "./StandardOutput.ts"

/** The command line was wrong and nothing was done; the message says what, and what is expected. */
export class UsageError extends Data.TaggedError("UsageError")<{ readonly message: string }> {}

const forOption = CliOption.span(
  "for",
  `How long to run: ${Span.expected}. Without it: until Ctrl-C.`
)

const jsonOption = Options.boolean("json").pipe(
  Options.withDescription("One JSON object per second on standard output, the last a summary.")
)

const chaosOption = Options.boolean("chaos").pipe(
  Options.withDescription(
    "Kills the tank process with SIGKILL in the middle, and restarts it; with --nodes, the node"
      + " that runs the controller instead."
  )
)

const nodesOption = CliOption.whole("nodes", {
  description: `Runs it on so many node processes, 1 to ${ClusterDemo.nodesMax}, which share one`
    + " SQLite file: the controller moves when its node is lost. Without it: on one node, in this"
    + " process.",
  min: 1,
  max: ClusterDemo.nodesMax
})

const outputOf = (asJson: boolean): DemoOutput.DemoOutput => {
  if (asJson) return DemoOutput.json(StandardOutput.write)
  return StandardOutput.isTerminal
    ? DemoOutput.live(StandardOutput.write, StandardOutput.columns)
    : DemoOutput.lines(StandardOutput.write)
}

/** What is wrong with options that are each fine by itself; nothing where they fit. */
const demoFault = (
  { chaos, for: forMillis, nodes }: {
    readonly chaos: boolean
    readonly for: number | undefined
    readonly nodes: number | undefined
  }
): string | undefined => {
  if (!chaos) return undefined
  if (forMillis !== undefined && forMillis < chaosForMillisMin) {
    const least = `${chaosForMillisMin / 1_000}s`
    return `--for: with --chaos at least ${least}, else it cannot recover`
  }
  return nodes !== undefined && nodes < ClusterDemo.nodesForChaosMin
    ? `--nodes: with --chaos at least ${ClusterDemo.nodesForChaosMin}, else nobody takes over`
    : undefined
}

const demoOn = (console: Console.Console) =>
  Command.make(
    "demo",
    { for: forOption, json: jsonOption, chaos: chaosOption, nodes: nodesOption },
    (given): Effect.Effect<void, UsageError | DemoRun.DemoError, Demo.Needs> => {
      const wrong = demoFault(given)
      if (wrong !== undefined) return Effect.fail(new UsageError({ message: wrong }))
      const { chaos, nodes } = given
      const options = { forMillis: given.for, chaos, output: outputOf(given.json) }
      const demo = nodes === undefined ? Demo.run(options) : ClusterDemo.run({ ...options, nodes })
      const run = Effect.withConsole(demo, console)
      // The live view shows what is logged as events; a log line would tear it.
      const isLive = StandardOutput.isTerminal && !given.json
      return isLive ? Logger.withMinimumLogLevel(run, LogLevel.None) : run
    }
  ).pipe(
    Command.withDescription(
      "Controls the level of two simulated tanks, in another process, over ZeroMQ."
    )
  )

/** Where an operator of devices sees and hears. */
const operator = { write: StandardOutput.write, onBrokenOff: BrokenOff.tell }

/** The command, whose subcommands log to this console. */
const plantdOn = (console: Console.Console) =>
  Command.make("plantd").pipe(
    Command.withDescription("An actor-model distributed runtime for control systems."),
    Command.withSubcommands([
      demoOn(console),
      DeviceCommand.make(operator),
      DriverCommand.make(StandardOutput.write),
      NodeCommand.make(console),
      ClusterCommand.make(StandardOutput.write),
      SimulateCommand.make({ ...operator, progress: Progress.standardError })
    ])
  )

/** Each says what is wrong with a command line of its command. */
const faults = [DeviceCommand.fault, DriverCommand.fault, NodeCommand.fault, ClusterCommand.fault]

/** The options that need a value; the library calls them unknown when the value is missing. */
const valued = [
  "--for",
  "--nodes",
  ...DeviceCommand.valued,
  ...DriverCommand.valued,
  ...NodeCommand.valued,
  ...ClusterCommand.valued,
  ...SimulateCommand.valued
]

/** How wide help is on a terminal of a width: a line of a book, where that fits. */
export const helpColumns = (columns: number): number => Math.max(60, Math.min(100, columns))

/**
 * Runs the command line `args`, without the name of the program. A wrong one fails with a
 * `UsageError` whose message is meant for standard error; help goes to standard output.
 */
export const run = (args: ReadonlyArray<string>, version: string) =>
  Effect.gen(function*() {
    const console = yield* Effect.console
    const held: Array<string> = []
    const hold = (...texts: ReadonlyArray<unknown>) => void held.push(texts.join(" "))
    const holding: Console.Console = {
      ...console,
      log: (...texts) => Effect.sync(() => hold(...texts)),
      error: (...texts) => Effect.sync(() => hold(...texts)),
      unsafe: { ...console.unsafe, log: hold, error: hold }
    }
    const cli = Command.run(plantdOn(console), { name: "plantd", version })
    yield* Effect.withConsole(cli(["node", "plantd", ...args]), holding).pipe(
      Effect.provide(CliConfig.layer({ showBuiltIns: false })),
      Effect.catchIf(ValidationError.isValidationError, () => {
        const told = held.splice(0).join(" ").replaceAll(/\s+/g, " ").trim()
        const last = args.at(-1) ?? ""
        const message = valued.includes(last)
          ? `${last}: a value is missing`
          : faults.map((fault) => fault(args)).find((said) => said !== undefined) ?? told
        return Effect.fail(new UsageError({ message: `${message}; --help shows what there is` }))
      })
    )
    if (held.length > 0) {
      yield* Console.log(HelpText.fit(HelpText.whole(held.join("\n"), args), {
        columns: helpColumns(StandardOutput.columns()),
        coloured: StandardOutput.isTerminal && process.env["NO_COLOR"] === undefined
      }))
    }
  })
