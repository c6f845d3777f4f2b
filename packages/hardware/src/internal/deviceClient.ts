/** The client of one device, without its types: from the definition to calls of its actor. */
import { Identifier, type Reading } from "@plantd/core"
import { Duration, Effect, ParseResult, Random, Schema } from "effect"
import type { DeviceCommand } from "../DeviceCommand.ts"
import type { DeviceDefinition } from "../DeviceDefinition.ts"
import { CommandRejected, ResultInvalid } from "../DeviceError.ts"
import { capacityDefault, type Mode } from "../Subscription.ts"
import { writeName } from "./commandLook.ts"
import { askMarginMillis } from "./deviceCommands.ts"
import type { DeviceActor } from "./deviceProtocol.ts"

/** How long a read of the device may take, in milliseconds. */
export const readTimeoutMillis = 2_000

/** How long a write may take where nothing is said, in milliseconds. */
export const writeTimeoutMillis = 5_000

type ActorClient = ReturnType<Effect.Effect.Success<DeviceActor["client"]>>

interface CallOptions {
  readonly timeout?: Duration.DurationInput
  readonly commandId?: string
  readonly session?: string
  readonly expectedEpoch?: number
}

const newCommandId = Effect.map(
  Effect.all([Random.nextIntBetween(0, 2 ** 32), Random.nextIntBetween(0, 2 ** 32)]),
  (parts) => parts.map((part) => part.toString(16).padStart(8, "0")).join("")
)

const isCommandId = Schema.is(Identifier.CommandId)

/** What every command carries: an id of its own, unless its asker gave one. */
const commandOf = (of: Of, options: CallOptions | undefined, timeoutMillis: number) => {
  const { commandId, expectedEpoch, session } = options ?? {}
  const more = {
    timeoutMillis,
    ...(session === undefined ? {} : { session }),
    ...(expectedEpoch === undefined ? {} : { expectedEpoch })
  }
  if (commandId === undefined) {
    return Effect.map(newCommandId, (id) => ({
      ...more,
      commandId: Identifier.CommandId.make(id),
      fresh: true
    }))
  }
  return isCommandId(commandId)
    ? Effect.succeed({ ...more, commandId, fresh: false })
    : Effect.fail(
      new CommandRejected({
        ...of,
        reason: "validation",
        detail: "commandId: expected 1 to 128 of letters, digits and ._:/-, the first a letter or"
          + " digit"
      })
    )
}

interface Of {
  readonly device: string
  readonly operation: string
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
        const of = { device: id, operation: writeName(attribute) }
        return Effect.flatMap(
          commandOf(of, options, timeoutMillis),
          (given) =>
            actor.Write(
              { ...given, attribute, value },
              { timeout: timeoutMillis + askMarginMillis }
            )
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
    alarms: alarmsOf(actor),
    journal: journalOf(actor),
    lease: leaseOf(actor),
    lifecycle: lifecycleOf(actor),
    linkChanges: actor.StatusChanges()
  }
}

const alarmsOf = (actor: ActorClient) => ({
  list: actor.Alarms(),
  changes: actor.AlarmChanges(),
  acknowledge: (seen: Parameters<ActorClient["Acknowledge"]>[0]) => actor.Acknowledge(seen),
  shelve: (
    { for: span, ...what }: {
      readonly alarm: string
      readonly for: Duration.DurationInput
      readonly by: string
      readonly reason?: string
    }
  ) => actor.Shelve({ ...what, forMillis: Duration.toMillis(span) }),
  unshelve: (what: { readonly alarm: string; readonly by: string }) => actor.Unshelve(what)
})

/** How many commands a history shows where nothing is said. */
export const historyDefault = 100

const journalOf = (actor: ActorClient) => ({
  outcome: (commandId: string) => actor.CommandOutcome({ commandId }),
  history: (page?: { readonly limit?: number; readonly before?: string }) =>
    actor.CommandHistory({ ...page, limit: page?.limit ?? historyDefault }),
  changes: actor.CommandChanges(),
  resolve: (given: Parameters<ActorClient["ResolveCommand"]>[0]) => actor.ResolveCommand(given),
  cancel: (commandId: string) => actor.CancelCommand({ commandId })
})

const leaseOf = (actor: ActorClient) => ({
  acquire: ({ session, ttl }: { readonly session: string; readonly ttl: Duration.DurationInput }) =>
    actor.AcquireLease({ session, ttlMillis: Duration.toMillis(ttl) }),
  release: ({ session }: { readonly session: string }) => actor.ReleaseLease({ session }),
  holder: Effect.map(actor.LeaseHolder(), (lease) => lease ?? undefined)
})

const lifecycleOf = (actor: ActorClient) => ({
  state: actor.Lifecycle(),
  deactivate: (given: { readonly by: string; readonly reason?: string }) => actor.Deactivate(given),
  activate: ({ by }: { readonly by: string }) => actor.Activate({ by })
})

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
  of: Of,
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
        Effect.flatMap(
          commandOf(of, options, timeoutMillis),
          (given) =>
            actor.Invoke(
              { ...given, command: of.operation, payload: plain },
              { timeout: timeoutMillis + askMarginMillis }
            )
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
