/**
 * Several devices of one type, asked as one: what the client of a device offers, for all of them,
 * with a report of each. One device's trouble neither hides another's answer nor outlasts its own
 * deadline.
 */
import type { ActorError, ActorSystem } from "@plantd/actors"
import { Cause, Effect, Option, Schema } from "effect"
import type { ReadingOf, ValueOf } from "./Attribute.ts"
import type { CallOptions, Client } from "./Device.ts"
import type { DeviceCommand, Lane } from "./DeviceCommand.ts"
import type { Attributes, Commands, DeviceDefinition } from "./DeviceDefinition.ts"
import type { CommandError, ReadError } from "./DeviceError.ts"
import type { WritableOf } from "./Driver.ts"
import {
  CallCrashed,
  type GroupReport,
  isUnknown,
  make as report,
  type Outcome
} from "./GroupReport.ts"

/** How a group asks. */
export interface Options {
  /**
   * How many devices are asked at a time, at most; 16 where nothing is said. The next one is asked
   * when one of them has answered, or at its deadline. Commands of the emergency lane are sent to
   * all at once.
   */
  readonly concurrency?: number
}

/** How a command or a write is sent to each device; ids and epochs are each device's own. */
export type GroupCallOptions = Omit<CallOptions, "commandId" | "expectedEpoch">

/** Devices that are asked at a time where nothing is said. */
export const concurrencyDefault = 16

/** The most devices of one group. */
export const devicesMax = 4_096

/** A group cannot be made of these ids. */
export class GroupInvalid extends Schema.TaggedError<GroupInvalid>()("GroupInvalid", {
  /** The type of the devices. */
  type: Schema.String,
  detail: Schema.String
}) {
  override get message(): string {
    return `a group of ${this.type} cannot be made: ${this.detail}`
  }
}

/** What came of each device that was asked. */
export type Reported<A, E> = Effect.Effect<GroupReport<A, E | ActorError.AskError | CallCrashed>>

type Member<A extends Attributes, K extends keyof A> = K extends string ? ReadingOf<K, A[K]> : never

type Invocation<C extends DeviceCommand> = keyof Schema.Schema.Type<C["payload"]> extends never
  ? (options?: GroupCallOptions) => Reported<Schema.Schema.Type<C["success"]>, CommandError>
  : (
    payload: Schema.Schema.Type<C["payload"]>,
    options?: GroupCallOptions
  ) => Reported<Schema.Schema.Type<C["success"]>, CommandError>

/** Talks to several devices: members as of the client of one. No member ever fails. */
export type DeviceGroup<A extends Attributes, C extends Commands> =
  & {
    /** Asks the devices themselves for the value of an attribute. */
    readonly read: { readonly [K in keyof A]: Reported<Member<A, K>, ReadError> }
    /** Sets an attribute of each, to the same value. */
    readonly write: {
      readonly [K in WritableOf<A>]: (
        value: ValueOf<A[K]>,
        options?: GroupCallOptions
      ) => Reported<void, CommandError>
    }
    /** The newest readings of each that the node knows, without asking the devices. */
    readonly snapshot: Reported<{ readonly [K in keyof A]: Member<A, K> }, never>
  }
  & { readonly [K in keyof C]: Invocation<C[K]> }

/** What a group is made of: a `Device`. */
interface GroupOf<A extends Attributes, C extends Commands> {
  readonly name: string
  readonly attributes: A
  readonly commands: C
  readonly order: ReadonlyArray<keyof A & string>
  readonly client: Effect.Effect<(id: string) => Client<A, C>, never, ActorSystem>
}

/**
 * Makes a group of the devices with these ids, in this order. An id that is there twice is refused,
 * since its device would be commanded twice; so is a group of none, which would always succeed.
 */
export const make = <A extends Attributes, C extends Commands>(
  device: GroupOf<A, C>,
  ids: ReadonlyArray<string>,
  options: Options = {}
): Effect.Effect<DeviceGroup<A, C>, GroupInvalid, ActorSystem> => {
  const concurrency = options.concurrency ?? concurrencyDefault
  const fault = faultOf(ids, concurrency)
  if (fault !== undefined) {
    return Effect.fail(new GroupInvalid({ type: device.name, detail: fault }))
  }
  // A group knows no types of its own: they are those of its device.
  const definition = device as unknown as DeviceDefinition
  return Effect.map(device.client, (clientOf) => {
    const clients = ids.map((id): Named => ({ id, client: clientOf(id) as unknown as Plain }))
    return groupOf(definition, { clients, concurrency })
  })
}

const faultOf = (ids: ReadonlyArray<string>, concurrency: number): string | undefined => {
  if (ids.length === 0) return "it has no devices"
  if (ids.length > devicesMax) return `it has ${ids.length} devices, at most ${devicesMax}`
  const once = new Set(ids)
  if (once.size < ids.length) {
    const twice = [...once].filter((id) => ids.indexOf(id) !== ids.lastIndexOf(id))
    return `named twice: ${twice.join(", ")}; name each device once`
  }
  return Number.isSafeInteger(concurrency) && concurrency >= 1
    ? undefined
    : `concurrency: expected a whole number of at least 1, got ${concurrency}`
}

type Call = Effect.Effect<unknown, unknown>
type Method = (...given: ReadonlyArray<unknown>) => Call

/** A client without its types: its members by name, commands among them. */
interface Plain extends Record<string, unknown> {
  readonly read: Readonly<Record<string, Call>>
  readonly write: Readonly<Record<string, Method>>
  readonly snapshot: Call
}

interface Named {
  readonly id: string
  readonly client: Plain
}

interface Members {
  readonly clients: ReadonlyArray<Named>
  readonly concurrency: number
}

const groupOf = (definition: DeviceDefinition, members: Members) => {
  const { attributes, commands, order } = definition
  const read: Record<string, Effect.Effect<unknown>> = {}
  const write: Record<string, unknown> = {}
  for (const name of order) {
    const operation = `read.${name}`
    read[name] = ask(members, { operation }, (client) => client.read[name] as Call)
    if (attributes[name]?.access === "read") continue
    write[name] = act(members, { operation: `write.${name}` }, (client) => client.write[name])
  }
  const invoke = Object.entries(commands).map(([name, { lane }]) => [
    name,
    act(members, { operation: name, lane }, (client) => client[name])
  ])
  return {
    ...Object.fromEntries(invoke),
    read,
    write,
    snapshot: ask(members, { operation: "snapshot" }, (client) => client.snapshot)
  }
}

interface Asked {
  readonly operation: string
  readonly lane?: Lane
  /** Whether it can change something. */
  readonly acts?: boolean
}

const act =
  (members: Members, asked: Asked, method: (client: Plain) => unknown): Method => (...given) =>
    ask(members, { ...asked, acts: true }, (client) => (method(client) as Method)(...given))

const ask = (members: Members, asked: Asked, call: (client: Plain) => Call) =>
  Effect.map(
    Effect.forEach(
      members.clients,
      ({ client, id }) => outcomeOf(id, asked, Effect.suspend(() => call(client))),
      { concurrency: asked.lane === "emergency" ? "unbounded" : members.concurrency }
    ),
    (outcomes) => report(asked.operation, outcomes)
  )

// A defect in one call must not hide what became of the others.
const outcomeOf = (
  device: string,
  { acts, operation }: Asked,
  call: Call
): Effect.Effect<Outcome<unknown, unknown>> =>
  Effect.matchCause(call, {
    onSuccess: (value): Outcome<unknown, unknown> => ({ _tag: "Succeeded", device, value }),
    onFailure: (cause) => {
      const error = Option.getOrElse(Cause.failureOption(cause), () => {
        const detail = String(Cause.squash(cause))
        return new CallCrashed({ device, operation, detail })
      })
      return { _tag: acts === true && isUnknown(error) ? "Unknown" : "Failed", device, error }
    }
  })
