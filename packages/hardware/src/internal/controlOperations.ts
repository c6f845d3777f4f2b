/** The operations of a node's control: from names and texts to calls of its devices' clients. */
import { type ActorError, ActorSystem } from "@plantd/actors"
import type { Reading } from "@plantd/core"
import { Clock, Duration, Effect, Either, ParseResult, type Schema, Stream } from "effect"
import { maxAgeMillis } from "../Attribute.ts"
import { readTimeoutMillis } from "../Device.ts"
import { type DeviceDefinition, stateAttribute } from "../DeviceDefinition.ts"
import { type CommandError, CommandRejected, type SubscribersFull } from "../DeviceError.ts"
import * as Control from "../NodeControl.ts"
import type { Gap, Mode } from "../Subscription.ts"
import { askMarginMillis } from "./deviceCommands.ts"
import { deviceActor, type DeviceStatus } from "./deviceProtocol.ts"
import { argumentsOf, attributeValue, payloadOf } from "./givenValue.ts"
import { nearest } from "./nearest.ts"

/** A type of device, as far as its control needs to know it. */
export type DeviceType = DeviceDefinition & {
  readonly client: Effect.Effect<(id: string) => unknown, never, ActorSystem>
}

/** Devices of one type that a node has. */
export interface Served {
  readonly type: DeviceType
  readonly ids: ReadonlyArray<string>
}

/** How long a list waits for a device that says nothing, in milliseconds. */
const listTimeoutMillis = 2_000

/** How many devices are asked at a time for a list. */
const listConcurrency = 16

type Asked<A, E> = Effect.Effect<A, E | ActorError.AskError>

interface CallOptions {
  readonly timeout?: Duration.DurationInput
}

/** The client of a device, without its types. */
interface DeviceClient {
  readonly write: {
    readonly [name: string]: (value: unknown, options: CallOptions) => Asked<void, CommandError>
  }
  readonly subscribe: (
    attributes: ReadonlyArray<string>,
    options: { readonly mode: Mode }
  ) => Stream.Stream<Gap | Reading.Reading, SubscribersFull | ActorError.AskError>
  readonly snapshot: Asked<{ readonly [name: string]: Reading.Reading }, never>
  readonly link: Asked<DeviceStatus, never>
}

type Invocation = (...args: ReadonlyArray<unknown>) => Asked<unknown, CommandError>

/** One device of the node. */
interface Place {
  readonly id: string
  readonly definition: DeviceDefinition
  readonly client: DeviceClient
  readonly read: (
    attributes: ReadonlyArray<string>,
    timeoutMillis: number
  ) => ReturnType<ReadOf>
}

type ReadOf = ReturnType<Effect.Effect.Success<ReturnType<typeof deviceActor>["client"]>>["Read"]

/** The handlers of `NodeControl` for the devices of a node. */
export const operations = Effect.fnUntraced(function*(
  node: string,
  served: ReadonlyArray<Served>
) {
  const system = yield* ActorSystem
  const startedAt = yield* Clock.currentTimeMillis
  const places = yield* placesOf(served)
  const at = (device: string) => {
    const place = places.get(device)
    if (place !== undefined) return Effect.succeed(place)
    const devices = [...places.keys()]
    const near = nearest(device, devices)
    return Effect.fail(
      new Control.DeviceUnknown({
        node,
        device,
        devices,
        ...near === undefined ? {} : { nearest: near }
      })
    )
  }
  return Control.NodeControl.of({
    Node: () =>
      Effect.map(Effect.zip(system.stats, Clock.currentTimeMillis), ([stats, now]) => ({
        node,
        startedAt,
        now,
        devices: places.size,
        actors: stats.actors,
        messages: stats.messages,
        restarts: stats.restarts,
        deadLetters: stats.deadLetters
      })),
    ListDevices: () => Effect.forEach(places.values(), summary, { concurrency: listConcurrency }),
    Describe: ({ device }) => Effect.map(at(device), describe),
    Read: (asked) => Effect.flatMap(at(asked.device), (place) => read(place, asked)),
    Write: (asked) => Effect.flatMap(at(asked.device), (place) => write(place, asked)),
    Call: (asked) => Effect.flatMap(at(asked.device), (place) => call(place, asked)),
    Watch: (asked) =>
      Stream.unwrap(Effect.flatMap(at(asked.device), (place) => watch(place, asked)))
  })
})

/** Whether a request is a command of the emergency lane of one of these devices. */
export const isEmergency = (served: ReadonlyArray<Served>) => {
  const types = new Map(served.flatMap(({ ids, type }) => ids.map((id) => [id, type] as const)))
  return ({ payload, tag }: { readonly tag: string; readonly payload: unknown }): boolean => {
    if (tag !== "Call") return false
    const { command, device } = payload as Control.Payload<"Call">
    return own(types.get(device)?.commands ?? {}, command)?.lane === "emergency"
  }
}

const placesOf = (served: ReadonlyArray<Served>) =>
  Effect.map(
    Effect.forEach(served, ({ ids, type }) =>
      Effect.map(Effect.zip(type.client, deviceActor(type.name).client), ([client, actor]) =>
        ids.map((id): readonly [string, Place] => [id, {
          id,
          definition: type,
          client: client(id) as DeviceClient,
          read: (attributes, timeoutMillis) =>
            actor(id).Read(
              { attributes, timeoutMillis },
              { timeout: timeoutMillis + askMarginMillis }
            )
        }]))),
    (places) =>
      new Map(places.flat())
  )

const summary = ({ client, definition, id }: Place): Effect.Effect<Control.DeviceSummary> => {
  const of = { device: id, type: definition.name }
  return Effect.zip(client.link, client.snapshot, { concurrent: true }).pipe(
    Effect.map(([link, readings]) => {
      const state = definition.states.length === 0 ? undefined : readings[stateAttribute]
      return { ...of, link, ...state === undefined ? {} : { state } }
    }),
    Effect.timeoutFail({
      duration: listTimeoutMillis,
      onTimeout: () => new Error(`its actor said nothing within ${listTimeoutMillis} ms`)
    }),
    Effect.catchAll((error) => Effect.succeed({ ...of, trouble: error.message }))
  )
}

const describe = ({ definition, id }: Place): Control.DeviceDetail => {
  const { attributes, commands, description, name, states } = definition
  return {
    device: id,
    type: name,
    states,
    attributes: mapValues(attributes, (attribute, key) => {
      const maxAge = maxAgeMillis(attribute)
      const deadband = attribute.type === "number" ? attribute.deadband?.absolute : undefined
      return {
        ...description.attributes[key]!,
        ...maxAge === Infinity ? {} : { maxAgeMillis: maxAge },
        ...deadband === undefined ? {} : { deadband }
      }
    }),
    commands: mapValues(commands, (command, key) => ({
      ...description.commands[key]!,
      arguments: argumentsOf(command),
      timeoutMillis: Duration.toMillis(command.timeout)
    }))
  }
}

const read = (place: Place, asked: Control.Payload<"Read">) =>
  Effect.flatMap(attributesOf(place, asked.attributes), (names) =>
    asked.known
      ? Effect.map(place.client.snapshot, (readings) => names.map((name) => readings[name]!))
      : place.read(names, asked.timeoutMillis ?? readTimeoutMillis))

const watch = (place: Place, asked: Control.Payload<"Watch">) =>
  Effect.map(
    attributesOf(place, asked.attributes),
    (names) => place.client.subscribe(names, { mode: asked.mode })
  )

const write = (place: Place, asked: Control.Payload<"Write">) =>
  Effect.gen(function*() {
    const { attribute: name, given } = asked
    const attribute = own(place.definition.attributes, name)
    if (attribute === undefined) return yield* unknownAttribute(place, name)
    const invalid = (detail: string) => rejected(place, `write.${name}`, detail)
    const send = own(place.client.write, name)
    if (send === undefined) return yield* invalid("it can be read only")
    const value = yield* Either.mapLeft(attributeValue(attribute, given), invalid)
    yield* send(value, optionsOf(asked))
  })

const call = (place: Place, asked: Control.Payload<"Call">) =>
  Effect.gen(function*() {
    const { command: name, given } = asked
    const command = own(place.definition.commands, name)
    if (command === undefined) {
      const names = Object.keys(place.definition.commands)
      return yield* unknownMember(place, { kind: "command", name, names })
    }
    const invalid = (detail: string) => rejected(place, name, detail)
    const names = argumentsOf(command).map((argument) => argument.name)
    const plain = given === undefined ? {} : "text" in given
      ? payloadOf(command, given.text)
      : given.value
    const excess = typeof plain === "object" && plain !== null
      ? Object.keys(plain).find((key) => !names.includes(key))
      : undefined
    if (excess !== undefined) {
      return yield* unknownMember(place, { kind: "argument", name: excess, names, of: name })
    }
    const payload = yield* Effect.mapError(
      ParseResult.decodeUnknown(command.payload as Schema.Schema<unknown>)(plain),
      (issue) => invalid(explain(issue))
    )
    const invoke = (place.client as unknown as Record<string, Invocation>)[name]!
    const options = optionsOf(asked)
    const success = yield* command.takesPayload ? invoke(payload, options) : invoke(options)
    // It was decoded by the same schema a moment ago.
    const result = yield* Effect.orDie(
      ParseResult.encodeUnknown(command.success as Schema.Schema<unknown>)(success)
    )
    return result === undefined ? {} : { result }
  })

const optionsOf = (
  { timeoutMillis }: { readonly timeoutMillis?: number }
): CallOptions => timeoutMillis === undefined ? {} : { timeout: timeoutMillis }

const attributesOf = (place: Place, asked: ReadonlyArray<string>) => {
  const { attributes, order } = place.definition
  const stranger = asked.find((name) => own(attributes, name) === undefined)
  if (stranger !== undefined) return unknownAttribute(place, stranger)
  return Effect.succeed(asked.length === 0 ? order : [...new Set(asked)])
}

const unknownAttribute = (place: Place, name: string) =>
  unknownMember(place, { kind: "attribute", name, names: place.definition.order })

const unknownMember = (
  place: Place,
  { kind, name, names, of }: {
    readonly kind: Control.MemberUnknown["kind"]
    readonly name: string
    readonly names: ReadonlyArray<string>
    readonly of?: string
  }
) => {
  const near = nearest(name, names)
  return Effect.fail(
    new Control.MemberUnknown({
      device: place.id,
      of: of ?? place.definition.name,
      kind,
      name,
      names,
      ...near === undefined ? {} : { nearest: near }
    })
  )
}

const rejected = ({ id }: Place, operation: string, detail: string) =>
  new CommandRejected({
    device: id,
    operation,
    reason: "validation",
    detail
  })

const explain = (issue: ParseResult.ParseIssue): string => {
  const first = ParseResult.ArrayFormatter.formatIssueSync(issue)[0]
  const path = first?.path.join(".") ?? ""
  return `${path === "" ? "its arguments" : path}: ${first?.message ?? "invalid"}`
}

// Names come from outside: `constructor` is none of an object's own.
const own = <A>(record: { readonly [name: string]: A }, name: string): A | undefined =>
  Object.hasOwn(record, name) ? record[name] : undefined

const mapValues = <A, B>(
  record: { readonly [name: string]: A },
  map: (value: A, name: string) => B
): { readonly [name: string]: B } =>
  Object.fromEntries(Object.entries(record).map(([name, value]) => [name, map(value, name)]))
