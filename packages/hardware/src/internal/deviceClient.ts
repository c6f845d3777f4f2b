/** The client of one device, without its types: from the definition to calls of its actor. */
import type { Reading } from "@plantd/core"
import { Duration, Effect, ParseResult, type Schema } from "effect"
import type { DeviceCommand } from "../DeviceCommand.ts"
import type { DeviceDefinition } from "../DeviceDefinition.ts"
import { CommandRejected, ResultInvalid } from "../DeviceError.ts"
import { capacityDefault, type Mode } from "../Subscription.ts"
import { askMarginMillis } from "./deviceCommands.ts"
import type { DeviceActor } from "./deviceProtocol.ts"

/** How long a read of the device may take, in milliseconds. */
export const readTimeoutMillis = 2_000

/** How long a write may take where nothing is said, in milliseconds. */
export const writeTimeoutMillis = 5_000

type ActorClient = ReturnType<Effect.Effect.Success<DeviceActor["client"]>>

interface CallOptions {
  readonly timeout?: Duration.DurationInput
}

interface SubscribeOptions {
  readonly mode?: Mode
  readonly capacity?: number
}

/** Makes the client of the device with this id. */
export const clientOf = (definition: DeviceDefinition, id: string, actor: ActorClient) => {
  const { attributes } = definition
  const read: Record<string, Effect.Effect<Reading.Reading, unknown>> = {}
  const write: Record<string, unknown> = {}
  for (const attribute of definition.order) {
    read[attribute] = Effect.map(
      actor.Read(
        { attributes: [attribute], timeoutMillis: readTimeoutMillis },
        { timeout: readTimeoutMillis + askMarginMillis }
      ),
      ([reading]) => reading as Reading.Reading
    )
    if (attributes[attribute]?.access === "read-write") {
      write[attribute] = (value: unknown, options?: CallOptions) => {
        const timeoutMillis = Duration.toMillis(options?.timeout ?? writeTimeoutMillis)
        return actor.Write(
          { attribute, value, timeoutMillis },
          { timeout: timeoutMillis + askMarginMillis }
        )
      }
    }
  }
  return {
    ...commandsOf(definition, id, actor),
    read,
    write,
    subscribe: (names: ReadonlyArray<string>, options?: SubscribeOptions) =>
      actor.Subscribe({
        attributes: names,
        mode: options?.mode ?? "latest",
        capacity: options?.capacity ?? capacityDefault
      }),
    snapshot: Effect.map(
      actor.Snapshot(),
      (readings) => Object.fromEntries(readings.map((reading) => [reading.attribute, reading]))
    ),
    link: actor.Status(),
    linkChanges: actor.StatusChanges()
  }
}

const commandsOf = (definition: DeviceDefinition, id: string, actor: ActorClient) =>
  Object.fromEntries(
    Object.entries(definition.commands).map(([name, command]) => {
      const call = callOf({ device: id, operation: name }, command, actor)
      return [
        name,
        command.takesPayload ? call : (options?: CallOptions) => call(undefined, options)
      ]
    })
  )

const callOf = (
  of: { readonly device: string; readonly operation: string },
  command: DeviceCommand,
  actor: ActorClient
) => {
  const encode = ParseResult.encodeUnknown(command.payload as Schema.Schema<unknown>)
  const decode = ParseResult.decodeUnknown(command.success as Schema.Schema<unknown>)
  const encoded = (payload: unknown) =>
    command.takesPayload
      ? Effect.mapError(encode(payload), (issue) =>
        new CommandRejected({ ...of, reason: "validation", detail: explain("payload", issue) }))
      : Effect.succeed(null)
  return (payload: unknown, options?: CallOptions) => {
    const timeoutMillis = Duration.toMillis(options?.timeout ?? command.timeout)
    return encoded(payload).pipe(
      Effect.flatMap((plain) =>
        actor.Invoke(
          { command: of.operation, payload: plain, timeoutMillis },
          { timeout: timeoutMillis + askMarginMillis }
        )
      ),
      Effect.flatMap(({ commandId, result }) =>
        // A command without a result answers null.
        Effect.mapError(decode(result ?? nothing(command)), (issue) =>
          new ResultInvalid({ ...of, commandId, detail: explain("result", issue) }))
      )
    )
  }
}

// JSON and MessagePack have no `undefined`: a result of nothing travels as null.
const nothing = (command: DeviceCommand): null | undefined =>
  command.success.ast._tag === "VoidKeyword" || command.success.ast._tag === "UndefinedKeyword"
    ? undefined
    : null

const explain = (what: string, issue: ParseResult.ParseIssue): string => {
  const first = ParseResult.ArrayFormatter.formatIssueSync(issue)[0]
  return `${[what, ...first?.path ?? []].join(".")}: ${first?.message ?? "invalid"}`
}
