/** `plantd driver`: its subcommand, what it takes of the command line, and what it tells. */
import { Args, Command, HelpDoc, Options } from "@effect/cli"
import { DriverCheck, type Transport, ZmqTransport } from "@plantd/hardware"
import { Data, Effect } from "effect"
import * as CliOption from "./CliOption.ts"
import * as DriverView from "./DriverView.ts"

/** The options that need a value. */
export const valued = ["--telemetry", "--device", "--attribute", "--fence", "--limit"]

/** What is wrong with a command line whose subcommand is none; nothing where another fault is. */
export const fault = ([command, name]: ReadonlyArray<string>): string | undefined =>
  command !== "driver" || name === undefined || name.startsWith("-") || name === "check"
    ? undefined
    : `there is no plantd driver ${name}, only check`

/** Rules do not hold; they were told where they were found. */
export class DriverFaulty extends Data.TaggedError("DriverFaulty")<{ readonly message: string }> {}

/** Writes text to standard output, or to what stands for it. */
export type Write = (text: string) => Effect.Effect<void>

/** The errors of a check. */
export type Failure = DriverFaulty | DriverCheck.DriverCheckError | Transport.TransportError

const endpointForm = /^(tcp:\/\/[^\s:/]+:\d{1,5}|tcp:\/\/\[[^\s\]]+\]:\d{1,5}|ipc:\/\/\S+)$/

const endpointArg = Args.text({ name: "ENDPOINT" }).pipe(
  Args.withDescription("Where the driver takes commands, for example tcp://127.0.0.1:5701."),
  Args.mapEffect((text) =>
    endpointForm.test(text)
      ? Effect.succeed(text)
      : Effect.fail(HelpDoc.p(`expected tcp://HOST:PORT or ipc://PATH, got ${text}`))
  )
)

const options = {
  endpoint: endpointArg,
  telemetry: CliOption.text(
    "telemetry",
    "endpoint",
    "Where it publishes its readings; else what it tells itself."
  ),
  device: CliOption.text("device", "id", "The device that is meant: another one is left alone."),
  attribute: CliOption.text("attribute", "name", "What to write; else one that has bounds."),
  fence: Options.integer("fence").pipe(
    Options.withDescription("The fence to begin with, where the driver does not tell its own."),
    Options.withDefault(0)
  ),
  limit: CliOption.span("limit", "How long each rule may take, for example 30s; else 10s."),
  json: Options.boolean("json").pipe(
    Options.withDescription("One JSON object a line on standard output, the last a summary.")
  )
}

const check = (write: Write) =>
  Command.make("check", options, (given): Effect.Effect<void, Failure> => {
    const view = given.json ? DriverView.json : DriverView.text
    const told = (text: string) => write(`${text}\n`)
    const { attribute, device, endpoint, fence, limit, telemetry } = given
    return DriverCheck.run({
      commands: endpoint,
      fence,
      ...(telemetry === undefined ? {} : { telemetry }),
      ...(device === undefined ? {} : { device }),
      ...(attribute === undefined ? {} : { attribute }),
      ...(limit === undefined ? {} : { ruleMillis: limit }),
      onFinding: (finding) => told(view.finding(finding))
    }).pipe(
      Effect.tap((report) => told(view.summary(report))),
      Effect.flatMap((report) => faultyOf(report)),
      Effect.provide(ZmqTransport.layer)
    )
  }).pipe(
    Command.withDescription(
      "Checks a device process in any language against the device protocol. It acts: it writes an"
        + " attribute and sets it back, and raises the fence of the driver by two; it invokes no"
        + " command. Example: plantd driver check tcp://127.0.0.1:5701 --attribute speed"
    )
  )

const faultyOf = ({ findings }: DriverCheck.Report): Effect.Effect<void, DriverFaulty> => {
  const failed = findings.filter(({ result }) => result._tag === "Failed")
  return failed.length === 0 ? Effect.void : Effect.fail(
    new DriverFaulty({
      message: `the driver breaks ${failed.map(({ id }) => id).join(", ")}`
    })
  )
}

/** The command, whose findings are written so. */
export const make = (write: Write) =>
  Command.make("driver").pipe(
    Command.withDescription("Looks at device processes, for those who write them."),
    Command.withSubcommands([check(write)])
  )
