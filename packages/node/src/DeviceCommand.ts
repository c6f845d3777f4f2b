/** `plantd device`: its subcommands, and what they take of the command line. */
import { Args, Command, HelpDoc, Options } from "@effect/cli"
import { Effect, Either, Stream } from "effect"
import * as DeviceAlarmCommand from "./DeviceAlarmCommand.ts"
import * as DeviceArguments from "./DeviceArguments.ts"
import type * as DeviceFailure from "./DeviceFailure.ts"
import * as DeviceJournalCommand from "./DeviceJournalCommand.ts"
import * as DeviceOperation from "./DeviceOperation.ts"
import * as DeviceOption from "./DeviceOption.ts"
import type { DeviceOutput } from "./DeviceOutput.ts"
import * as DeviceServiceCommand from "./DeviceServiceCommand.ts"

type Surroundings = DeviceOperation.Surroundings

/** The options that need a value. */
export { valued } from "./DeviceOption.ts"

/** The subcommands. */
const names = [
  ["list", "describe", "read", "write", "call", "watch"],
  ["alarms", "ack", "shelve", "unshelve"],
  ["commands", "resolve", "cancel"],
  ["acquire", "release", "deactivate", "activate"]
].flat()

/** What is wrong with a command line whose subcommand is none; nothing where another fault is. */
export const fault = ([command, name]: ReadonlyArray<string>): string | undefined =>
  command !== "device" || name === undefined || name.startsWith("-") || names.includes(name)
    ? undefined
    : `there is no plantd device ${name}, only ${names.join(", ")}`

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
    { device: DeviceOption.device, ...DeviceOperation.options },
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
      device: DeviceOption.device,
      attributes: DeviceOption.attributes,
      known: knownOption,
      timeout: DeviceOption.timeout,
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
              ...DeviceOption.given({ timeoutMillis: given.timeout })
            },
            DeviceOption.waitFor(given.timeout)
          ).pipe(Effect.flatMap(output.readings))
      })
  ).pipe(
    Command.withDescription(
      "Asks a device for values; each comes with its quality and its age. Examples: plantd"
        + " device read tank-1, plantd device read tank-1 level1 level2 --known"
    )
  )

/** What every command carries. */
const commandOptions = {
  timeout: DeviceOption.timeout,
  commandId: DeviceOption.commandId,
  session: DeviceOption.session,
  ...DeviceOperation.options
}

interface GivenCommand extends DeviceOperation.Given {
  readonly device: string
  readonly timeout: number | undefined
  readonly commandId: string | undefined
  readonly session: string | undefined
}

/** Runs what acts on a device, under an id that is known before anything is sent. */
const act = (
  around: Surroundings,
  given: GivenCommand,
  send: (
    client: DeviceOperation.Client,
    carried: {
      readonly device: string
      readonly commandId: string
      readonly session?: string
      readonly timeoutMillis?: number
    },
    output: DeviceOutput
  ) => Effect.Effect<void, DeviceFailure.Failed>
) =>
  Effect.gen(function*() {
    const { device, session, timeout } = given
    const commandId = given.commandId ?? (yield* DeviceOption.newCommandId)
    const carried = {
      device,
      commandId,
      ...DeviceOption.given({ session, timeoutMillis: timeout })
    }
    yield* DeviceOperation.run(around, given, {
      device,
      commandId,
      acts: true,
      run: (client, output) => send(client, carried, output)
    })
  })

const doneBy = ({ commandId, device }: {
  readonly device: string
  readonly commandId: string
}) => ({ device, commandId })

const write = (around: Surroundings) =>
  Command.make(
    "write",
    {
      device: DeviceOption.device,
      attribute: DeviceOption.textArg("ATTRIBUTE", "An attribute that may be written."),
      value: DeviceOption.textArg("VALUE", "A number without its unit, true or false, or a text."),
      ...commandOptions
    },
    ({ attribute, value, ...given }) =>
      act(around, given, (client, carried, output) =>
        client.Write(
          { ...carried, attribute, given: { text: value } },
          DeviceOption.waitFor(given.timeout)
        ).pipe(Effect.zipRight(output.written({ ...doneBy(carried), attribute, value }))))
  ).pipe(
    Command.withDescription(
      "Sets an attribute of a device. Example: plantd device write tank-1 valveOpening 40"
    )
  )

const call = (around: Surroundings) =>
  Command.make(
    "call",
    {
      device: DeviceOption.device,
      command: DeviceOption.textArg("COMMAND", "A command, as plantd device describe shows it."),
      fields: DeviceOption.textArg(
        "ARGUMENT",
        "name=value for each argument, or all of them as one JSON object."
      ).pipe(
        Args.repeated,
        Args.mapEffect((given) => Either.mapLeft(DeviceArguments.parse(given), HelpDoc.p))
      ),
      ...commandOptions
    },
    ({ command, fields, ...given }) =>
      act(around, given, (client, carried, output) =>
        client.Call(
          { ...carried, command, given: fields },
          DeviceOption.waitFor(given.timeout)
        ).pipe(
          Effect.flatMap(({ result }) =>
            output.called({ ...doneBy(carried), command, ...DeviceOption.given({ result }) })
          )
        ))
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
    {
      device: DeviceOption.device,
      attributes: DeviceOption.attributes,
      all: allOption,
      ...DeviceOperation.options
    },
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
      watch(around),
      ...DeviceAlarmCommand.make(around),
      ...DeviceJournalCommand.make(around),
      ...DeviceServiceCommand.make(around)
    ])
  )
