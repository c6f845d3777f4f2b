/** `plantd device`: its subcommands, and what they take of the command line. */
import { Args, Command, HelpDoc, Options } from "@effect/cli"
import { Effect, Either, Stream } from "effect"
import * as CliOption from "./CliOption.ts"
import * as DeviceArguments from "./DeviceArguments.ts"
import * as DeviceOperation from "./DeviceOperation.ts"

type Surroundings = DeviceOperation.Surroundings

/** The options that need a value. */
export const valued = ["--control", "--node", "--timeout"]

/** The subcommands. */
const names = ["list", "describe", "read", "write", "call", "watch"]

/** What is wrong with a command line whose subcommand is none; nothing where another fault is. */
export const fault = ([command, name]: ReadonlyArray<string>): string | undefined =>
  command !== "device" || name === undefined || name.startsWith("-") || names.includes(name)
    ? undefined
    : `there is no plantd device ${name}, only ${names.join(", ")}`

/** How much longer than the device its operator waits, in milliseconds. */
const waitMarginMillis = 2_000

/** How long an operator waits where the device alone decides, in milliseconds. */
const waitMillisMax = 3_600_000

const timeout = CliOption.span(
  "timeout",
  "How long the device may take, for example 10s; else as long as is declared."
)

const waitOf = (timeoutMillis: number | undefined) => ({
  timeout: timeoutMillis === undefined ? waitMillisMax : timeoutMillis + waitMarginMillis
})

const within = (timeoutMillis: number | undefined) =>
  timeoutMillis === undefined ? {} : { timeoutMillis }

/** A text that is no mistyped option. */
const textArg = (name: string, description: string) =>
  Args.text({ name }).pipe(
    Args.withDescription(description),
    Args.mapEffect((text) =>
      text.startsWith("--")
        ? Effect.fail(HelpDoc.p(`unknown option ${text}`))
        : Effect.succeed(text)
    )
  )

const deviceArg = textArg("DEVICE", "The id of a device, as plantd device list shows it.")

const attributesArg = textArg("ATTRIBUTE", "An attribute; all of them where none is named.").pipe(
  Args.repeated
)

const list = (around: Surroundings) =>
  Command.make("list", DeviceOperation.options, (given) =>
    DeviceOperation.run(around, given, {
      device: "",
      acts: false,
      run: (client, output) => Effect.flatMap(client.ListDevices(), output.devices)
    })).pipe(
      Command.withDescription(
        "Lists the devices of a running node: how each is reached, and its state."
      )
    )

const describe = (around: Surroundings) =>
  Command.make(
    "describe",
    { device: deviceArg, ...DeviceOperation.options },
    (given) =>
      DeviceOperation.run(around, given, {
        device: given.device,
        acts: false,
        run: (client, output) =>
          Effect.flatMap(client.Describe({ device: given.device }), output.description)
      })
  ).pipe(
    Command.withDescription(
      "Shows what a device has: attributes, commands with their arguments, states."
    )
  )

const knownOption = Options.boolean("known").pipe(
  Options.withDescription("What the node knows already, without asking the device.")
)

const read = (around: Surroundings) =>
  Command.make(
    "read",
    {
      device: deviceArg,
      attributes: attributesArg,
      known: knownOption,
      timeout,
      ...DeviceOperation.options
    },
    (given) =>
      DeviceOperation.run(around, given, {
        device: given.device,
        acts: false,
        run: (client, output) =>
          client.Read(
            {
              device: given.device,
              attributes: given.attributes,
              known: given.known,
              ...within(given.timeout)
            },
            waitOf(given.timeout)
          ).pipe(Effect.flatMap(output.readings))
      })
  ).pipe(
    Command.withDescription(
      "Asks a device for values; each comes with its quality and its age. Examples: plantd"
        + " device read tank-1, plantd device read tank-1 level1 level2 --known"
    )
  )

const write = (around: Surroundings) =>
  Command.make(
    "write",
    {
      device: deviceArg,
      attribute: textArg("ATTRIBUTE", "An attribute that may be written."),
      value: textArg("VALUE", "A number without its unit, true or false, or a text."),
      timeout,
      ...DeviceOperation.options
    },
    (given) =>
      DeviceOperation.run(around, given, {
        device: given.device,
        acts: true,
        run: (client, output) =>
          client.Write(
            {
              device: given.device,
              attribute: given.attribute,
              given: { text: given.value },
              ...within(given.timeout)
            },
            waitOf(given.timeout)
          ).pipe(Effect.zipRight(output.written(given)))
      })
  ).pipe(
    Command.withDescription(
      "Sets an attribute of a device. Example: plantd device write tank-1 valveOpening 40"
    )
  )

const call = (around: Surroundings) =>
  Command.make(
    "call",
    {
      device: deviceArg,
      command: textArg("COMMAND", "A command, as plantd device describe shows it."),
      given: textArg("ARGUMENT", "name=value for each argument, or all of them as one JSON object.")
        .pipe(
          Args.repeated,
          Args.mapEffect((given) => Either.mapLeft(DeviceArguments.parse(given), HelpDoc.p))
        ),
      timeout,
      ...DeviceOperation.options
    },
    (given) =>
      DeviceOperation.run(around, given, {
        device: given.device,
        acts: true,
        run: (client, output) =>
          client.Call(
            {
              device: given.device,
              command: given.command,
              given: given.given,
              ...within(given.timeout)
            },
            waitOf(given.timeout)
          ).pipe(
            Effect.flatMap(({ result }) =>
              output.called({
                device: given.device,
                command: given.command,
                ...result === undefined ? {} : { result }
              })
            )
          )
      })
  ).pipe(
    Command.withDescription(
      "Has a device carry out a command. Examples: plantd device call tank-1 stop,"
        + " plantd device call pump-1 prime seconds=3,"
        + " plantd device call pump-1 prime '{\"seconds\": 3}'"
    )
  )

const allOption = Options.boolean("all").pipe(
  Options.withDescription("Every reading, with a mark where some are missing; else the latest.")
)

const watch = (around: Surroundings) =>
  Command.make(
    "watch",
    { device: deviceArg, attributes: attributesArg, all: allOption, ...DeviceOperation.options },
    (given) =>
      DeviceOperation.run(around, given, {
        device: given.device,
        acts: false,
        run: (client, output) =>
          Stream.runForEach(
            client.Watch({
              device: given.device,
              attributes: given.attributes,
              mode: given.all ? "all" : "latest"
            }),
            output.watched
          )
      })
  ).pipe(
    Command.withDescription(
      "Shows readings as they come, until Ctrl-C. Examples: plantd device watch tank-1"
        + " level1 level2, plantd device watch tank-1 --json"
    )
  )

/** The command, for an operator in these surroundings. */
export const make = (around: Surroundings) =>
  Command.make("device").pipe(
    Command.withDescription(
      "Operates the devices of a node that runs on this machine. Examples: plantd device"
        + " list, plantd device read tank-1"
    ),
    Command.withSubcommands([
      list(around),
      describe(around),
      read(around),
      write(around),
      call(around),
      watch(around)
    ])
  )
