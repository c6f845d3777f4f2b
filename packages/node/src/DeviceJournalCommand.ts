/** `plantd device commands`, `resolve`, `cancel`: what became of commands, and what people say. */
import { Args, Command, Options } from "@effect/cli"
import { Effect, Option, Stream } from "effect"
import * as CliOption from "./CliOption.ts"
import * as DeviceOperation from "./DeviceOperation.ts"
import * as DeviceOption from "./DeviceOption.ts"

type Surroundings = DeviceOperation.Surroundings

const idArg = DeviceOption.textArg("COMMAND-ID", "The id that was printed, or given, with it.")

const commands = (around: Surroundings) =>
  Command.make(
    "commands",
    {
      device: DeviceOption.device,
      commandId: idArg.pipe(Args.optional, Args.map(Option.getOrUndefined)),
      limit: Options.integer("limit").pipe(
        Options.withDescription("How many to show, the newest; 20 where nothing is said."),
        Options.withDefault(20)
      ),
      watch: Options.boolean("watch").pipe(
        Options.withDescription("Those under way, then each change, until Ctrl-C.")
      ),
      ...DeviceOperation.options
    },
    ({ commandId, device, limit, watch, ...given }) =>
      DeviceOperation.run(around, given, {
        device,
        acts: false,
        run: (client, output) => {
          if (commandId !== undefined) {
            return Effect.flatMap(client.Outcome({ device, commandId }), output.command)
          }
          return watch
            ? Stream.runForEach(client.WatchCommands({ device }), output.command)
            : Effect.flatMap(client.Commands({ device, limit }), output.commands)
        }
      })
  ).pipe(
    Command.withDescription(
      "Shows what became of a device's commands, or of one of them. Examples: plantd device"
        + " commands pump-1, plantd device commands pump-1 cli-1c3f9a2e00d4b7a1"
    )
  )

const resolve = (around: Surroundings) =>
  Command.make(
    "resolve",
    {
      device: DeviceOption.device,
      commandId: idArg,
      outcome: Args.choice([["succeeded", "succeeded"], ["failed", "failed"]], {
        name: "OUTCOME"
      }).pipe(Args.withDescription("What you found when you looked.")),
      by: DeviceOption.by,
      note: CliOption.text("note", "text", "How you know."),
      ...DeviceOperation.options
    },
    ({ by, commandId, device, note, outcome, ...given }) =>
      DeviceOperation.run(around, given, {
        device,
        acts: true,
        run: (client, output) =>
          Effect.flatMap(
            client.Resolve({
              device,
              commandId,
              outcome: outcome as "succeeded" | "failed",
              by,
              ...DeviceOption.given({ note })
            }),
            output.command
          )
      })
  ).pipe(
    Command.withDescription(
      "Says what became of a command of unknown outcome, after a look at the device. Example:"
        + " plantd device resolve pump-1 cli-1c3f9a2e00d4b7a1 succeeded --note 'it was primed'"
    )
  )

const cancel = (around: Surroundings) =>
  Command.make(
    "cancel",
    { device: DeviceOption.device, commandId: idArg, ...DeviceOperation.options },
    ({ commandId, device, ...given }) =>
      DeviceOperation.run(around, given, {
        device,
        acts: true,
        run: (client, output) =>
          Effect.flatMap(client.Cancel({ device, commandId }), output.command)
      })
  ).pipe(
    Command.withDescription(
      "Takes a command out of its queue where it was not sent yet, and shows where it stands."
    )
  )

/** The subcommands. */
export const make = (around: Surroundings) =>
  [
    commands(around),
    resolve(around),
    cancel(around)
  ] as const
