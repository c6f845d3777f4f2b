/** One operation on a running node: found, connected, run, and told what came of it. */
import { Options } from "@effect/cli"
import type * as FileSystem from "@effect/platform/FileSystem"
import { ZmqTransport } from "@plantd/hardware"
import { Config, Effect, Option } from "effect"
import * as CliOption from "./CliOption.ts"
import * as ControlSocket from "./ControlSocket.ts"
import * as DeviceFailure from "./DeviceFailure.ts"
import * as DeviceOutput from "./DeviceOutput.ts"

/** What an operation needs of the system it runs on. */
export type Needs = FileSystem.FileSystem

/** The options of every operation. */
export const options = {
  json: Options.boolean("json").pipe(
    Options.withDescription("One JSON object a line on standard output, also for an error.")
  ),
  node: CliOption.text(
    "node",
    "name",
    "The node, by its name or process id, where several of yours run."
  ),
  control: Options.text("control").pipe(
    Options.withPseudoName("endpoint"),
    Options.withDescription(
      "The control socket itself, for example tcp://127.0.0.1:5600; or by PLANTD_CONTROL."
    ),
    Options.withFallbackConfig(Config.string("PLANTD_CONTROL")),
    Options.optional,
    Options.map(Option.getOrUndefined)
  )
}

/** What was given of them. */
export interface Given extends ControlSocket.Choice {
  readonly json: boolean
}

/** The client of the node that is operated. */
export type Client = ControlSocket.Connection["client"]

/** What is to be done. */
export interface Operation<R> extends DeviceFailure.Operation {
  readonly run: (
    client: Client,
    output: DeviceOutput.DeviceOutput
  ) => Effect.Effect<void, DeviceFailure.Failed, R>
}

/** Where an operator sees and hears. */
export interface Surroundings {
  readonly write: DeviceOutput.Write
  /** Told where an operator breaks off what acts: that it did no harm would be a lie. */
  readonly onBrokenOff: (failure: DeviceFailure.DeviceFailure) => Effect.Effect<void>
}

/** Runs an operation on the node that is meant, and tells what came of it. */
export const run = <R = never>(
  around: Surroundings,
  given: Given,
  operation: Operation<R>
): Effect.Effect<void, DeviceFailure.DeviceFailure, Needs | R> => {
  const output = given.json ? DeviceOutput.json(around.write) : DeviceOutput.text(around.write)
  const asked = (client: Client) =>
    operation.acts
      ? Effect.onInterrupt(operation.run(client, output), () => {
        const failure = DeviceFailure.interrupted(operation)
        return Effect.zipRight(output.failed(failure), around.onBrokenOff(failure))
      })
      : operation.run(client, output)
  return ControlSocket.connect(given).pipe(
    // What cannot be connected to was asked nothing.
    Effect.mapError((error) => DeviceFailure.of(error, { ...operation, acts: false })),
    Effect.flatMap(({ client }) =>
      Effect.mapError(asked(client), (error) => DeviceFailure.of(error, operation))
    ),
    Effect.tapError(output.failed),
    Effect.scoped,
    Effect.provide(ZmqTransport.layer)
  )
}
