/** `plantd device acquire`, `release`, `deactivate`, `activate`: who may command a device. */
import { Command } from "@effect/cli"
import { Effect } from "effect"
import * as CliOption from "./CliOption.ts"
import * as DeviceOperation from "./DeviceOperation.ts"
import * as DeviceOption from "./DeviceOption.ts"

type Surroundings = DeviceOperation.Surroundings

const sessionArg = DeviceOption.textArg("SESSION", "A name for your session, to give --session.")

/** How long a session operates a device where nothing is said, in milliseconds. */
const leaseMillis = 600_000

const acquire = (around: Surroundings) =>
  Command.make(
    "acquire",
    {
      device: DeviceOption.device,
      session: sessionArg,
      for: CliOption.span("for", "For how long, an hour at most; 10m where nothing is said.").pipe(
        CliOption.orElse(() => leaseMillis)
      ),
      ...DeviceOperation.options
    },
    ({ device, for: ttlMillis, session, ...given }) =>
      DeviceOperation.run(around, given, {
        device,
        acts: true,
        run: (client, output) =>
          Effect.flatMap(
            client.Acquire({ device, session, ttlMillis }),
            (lease) => output.leased({ device, ...lease })
          )
      })
  ).pipe(
    Command.withDescription(
      "Takes a device for a session: the commands of others are refused, but for emergencies."
        + " Example: plantd device acquire pump-1 anna --for 30m"
    )
  )

const release = (around: Surroundings) =>
  Command.make(
    "release",
    { device: DeviceOption.device, session: sessionArg, ...DeviceOperation.options },
    ({ device, session, ...given }) =>
      DeviceOperation.run(around, given, {
        device,
        acts: true,
        run: (client, output) =>
          Effect.zipRight(client.Release({ device, session }), output.leased({ device, session }))
      })
  ).pipe(Command.withDescription("Gives a device back that a session has taken."))

const deactivate = (around: Surroundings) =>
  Command.make(
    "deactivate",
    {
      device: DeviceOption.device,
      by: DeviceOption.by,
      reason: CliOption.text("reason", "text", "Why."),
      ...DeviceOperation.options
    },
    ({ by, device, reason, ...given }) =>
      DeviceOperation.run(around, given, {
        device,
        acts: true,
        run: (client, output) =>
          Effect.flatMap(
            client.Deactivate({ device, by, ...DeviceOption.given({ reason }) }),
            (lifecycle) => output.serviced(device, lifecycle)
          )
      })
  ).pipe(
    Command.withDescription(
      "Takes a device out of service: it is read still, and only emergency commands are sent."
        + " Example: plantd device deactivate pump-1 --reason 'the seal is changed'"
    )
  )

const activate = (around: Surroundings) =>
  Command.make(
    "activate",
    { device: DeviceOption.device, by: DeviceOption.by, ...DeviceOperation.options },
    ({ by, device, ...given }) =>
      DeviceOperation.run(around, given, {
        device,
        acts: true,
        run: (client, output) =>
          Effect.flatMap(
            client.Activate({ device, by }),
            (lifecycle) => output.serviced(device, lifecycle)
          )
      })
  ).pipe(Command.withDescription("Puts a device back into service."))

/** The subcommands. */
export const make = (around: Surroundings) =>
  [
    acquire(around),
    release(around),
    deactivate(around),
    activate(around)
  ] as const
