/** `plantd device alarms`, `ack`, `shelve`, `unshelve`: what people see of alarms, and do. */
import { Args, Command, Options } from "@effect/cli"
import { Alarm } from "@plantd/core"
import { Effect, Option, Stream } from "effect"
import * as CliOption from "./CliOption.ts"
import * as DeviceOperation from "./DeviceOperation.ts"
import * as DeviceOption from "./DeviceOption.ts"

type Surroundings = DeviceOperation.Surroundings

const alarmArg = DeviceOption.textArg("ALARM", "The alarm, as plantd device alarms shows it.")

/** How long an alarm is shelved where nothing is said, in milliseconds. */
const shelveMillis = 1_800_000

const alarms = (around: Surroundings) =>
  Command.make(
    "alarms",
    {
      device: DeviceOption.device.pipe(Args.optional, Args.map(Option.getOrUndefined)),
      all: Options.boolean("all").pipe(
        Options.withDescription("Those that are normal, too.")
      ),
      watch: Options.boolean("watch").pipe(
        Options.withDescription("Where they stand, then each change, until Ctrl-C.")
      ),
      ...DeviceOperation.options
    },
    ({ all, device, watch, ...given }) =>
      DeviceOperation.run(around, given, {
        device: device ?? "",
        acts: false,
        run: (client, output) => {
          const asked = DeviceOption.given({ device })
          return watch
            ? Stream.runForEach(
              client.WatchAlarms(asked),
              ({ device, ...alarm }) => output.alarm(device, alarm)
            )
            : Effect.flatMap(client.Alarms(asked), (alarms) => output.alarms(alarms, { all }))
        }
      })
  ).pipe(
    Command.withDescription(
      "Shows the alarms of a device, or of all. Examples: plantd device alarms,"
        + " plantd device alarms tank-1 --watch"
    )
  )

const ack = (around: Surroundings) =>
  Command.make(
    "ack",
    {
      device: DeviceOption.device,
      alarm: alarmArg,
      occurrenceId: DeviceOption.textArg("OCCURRENCE", "The occurrence that you saw."),
      severity: Args.choice(Alarm.Severity.literals.map((word) => [word, word] as const), {
        name: "SEVERITY"
      }).pipe(Args.withDescription("The severity that you saw.")),
      by: DeviceOption.by,
      ...DeviceOperation.options
    },
    ({ alarm, by, device, occurrenceId, severity, ...given }) =>
      DeviceOperation.run(around, given, {
        device,
        acts: true,
        run: (client, output) =>
          Effect.flatMap(
            client.Acknowledge({ device, alarm, occurrenceId, severity, by }),
            (instance) => output.alarm(device, instance)
          )
      })
  ).pipe(
    Command.withDescription(
      "Acknowledges an alarm as you saw it: a newer occurrence, or one that became graver, is"
        + " not acknowledged. Example: plantd device ack tank-1 level1.high level1.high#3.1 minor"
    )
  )

const shelve = (around: Surroundings) =>
  Command.make(
    "shelve",
    {
      device: DeviceOption.device,
      alarm: alarmArg,
      for: CliOption.span("for", "For how long, a day at most; 30m where nothing is said.").pipe(
        CliOption.orElse(() => shelveMillis)
      ),
      by: DeviceOption.by,
      reason: CliOption.text("reason", "text", "Why."),
      ...DeviceOperation.options
    },
    ({ alarm, by, device, for: forMillis, reason, ...given }) =>
      DeviceOperation.run(around, given, {
        device,
        acts: true,
        run: (client, output) =>
          Effect.flatMap(
            client.Shelve({ device, alarm, forMillis, by, ...DeviceOption.given({ reason }) }),
            (instance) => output.alarm(device, instance)
          )
      })
  ).pipe(
    Command.withDescription(
      "Takes an alarm off the screens for a time. Example: plantd device shelve tank-1"
        + " level1.high --for 30m --reason 'the sensor is changed'"
    )
  )

const unshelve = (around: Surroundings) =>
  Command.make(
    "unshelve",
    {
      device: DeviceOption.device,
      alarm: alarmArg,
      by: DeviceOption.by,
      ...DeviceOperation.options
    },
    ({ alarm, by, device, ...given }) =>
      DeviceOperation.run(around, given, {
        device,
        acts: true,
        run: (client, output) =>
          Effect.flatMap(
            client.Unshelve({ device, alarm, by }),
            (instance) => output.alarm(device, instance)
          )
      })
  ).pipe(Command.withDescription("Puts a shelved alarm back on the screens."))

/** The subcommands. */
export const make = (around: Surroundings) =>
  [
    alarms(around),
    ack(around),
    shelve(around),
    unshelve(around)
  ] as const
