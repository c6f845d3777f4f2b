/** The operations of a node's control: from names and texts to calls of its devices' clients. */
import { ActorSystem } from "@plantd/actors"
import { Clock, Effect, Either, ParseResult, type Schema, Stream } from "effect"
import { readTimeoutMillis } from "../Device.ts"
import { CommandRejected } from "../DeviceError.ts"
import * as Control from "../NodeControl.ts"
import { alarmsOf, describe, listConcurrency, summary } from "./controlDescriptions.ts"
import {
  type CallOptions,
  type Invocation,
  own,
  type Place,
  placesOf,
  type Served,
  unknownAttribute,
  unknownMember
} from "./controlPlaces.ts"
import { argumentsOf, attributeValue, payloadOf } from "./givenValue.ts"
import { NearestName } from "@plantd/core"

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
    const near = NearestName.of(device, devices)
    return Effect.fail(
      new Control.DeviceUnknown({
        node,
        device,
        devices,
        ...near === undefined ? {} : { nearest: near }
      })
    )
  }
  const on: On = (asked, use) => Effect.flatMap(at(asked.device), use)
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
    Describe: (asked) => on(asked, (place) => Effect.succeed(describe(place))),
    Read: (asked) => on(asked, (place) => read(place, asked)),
    Write: (asked) => on(asked, (place) => write(place, asked)),
    Call: (asked) => on(asked, (place) => call(place, asked)),
    Watch: (asked) => Stream.unwrap(on(asked, (place) => watch(place, asked))),
    Alarms: ({ device }) =>
      device === undefined
        ? Effect.forEach(places.values(), alarmsOf, { concurrency: listConcurrency })
        : on({ device }, (place) => Effect.map(alarmsOf(place), Array.of)),
    WatchAlarms: ({ device }) =>
      device === undefined
        ? Stream.mergeAll([...places.values()].map(alarmChanges), { concurrency: "unbounded" })
        : Stream.unwrap(on({ device }, (place) => Effect.succeed(alarmChanges(place)))),
    ...alarms(on),
    ...journal(on),
    ...service(on)
  })
})

/** Finds the device that is meant, and asks it. */
type On = <A, E, R>(
  asked: { readonly device: string },
  use: (place: Place) => Effect.Effect<A, E, R>
) => Effect.Effect<A, E | Control.DeviceUnknown, R>

const alarmChanges = ({ client, id }: Place) =>
  Stream.map(client.alarms.changes, (instance) => ({ device: id, ...instance }))

const alarms = (on: On) => {
  const onAlarm = <A, E, R>(
    asked: { readonly device: string; readonly alarm: string },
    use: (place: Place) => Effect.Effect<A, E, R>
  ) =>
    on(asked, (place): Effect.Effect<A, E | Control.MemberUnknown, R> => {
      const names = place.definition.alarms.map(({ id }) => id)
      return names.includes(asked.alarm)
        ? use(place)
        : unknownMember(place, { kind: "alarm", name: asked.alarm, names })
    })
  return {
    Acknowledge: (asked: Control.Payload<"Acknowledge">) =>
      onAlarm(asked, ({ client }) => client.alarms.acknowledge(asked)),
    Shelve: ({ forMillis, ...asked }: Control.Payload<"Shelve">) =>
      onAlarm(asked, ({ client }) => client.alarms.shelve({ ...asked, for: forMillis })),
    Unshelve: (asked: Control.Payload<"Unshelve">) =>
      onAlarm(asked, ({ client }) => client.alarms.unshelve(asked))
  }
}

const journal = (on: On) => ({
  Commands: (asked: Control.Payload<"Commands">) =>
    on(asked, ({ client }) => client.journal.history(asked)),
  Outcome: (asked: Control.Payload<"Outcome">) =>
    on(asked, ({ client }) => client.journal.outcome(asked.commandId)),
  WatchCommands: (asked: Control.Payload<"WatchCommands">) =>
    Stream.unwrap(on(asked, ({ client }) => Effect.succeed(client.journal.changes))),
  Resolve: (asked: Control.Payload<"Resolve">) =>
    on(asked, ({ client }) => client.journal.resolve(asked)),
  Cancel: (asked: Control.Payload<"Cancel">) =>
    on(asked, ({ client }) => client.journal.cancel(asked.commandId))
})

const service = (on: On) => ({
  Acquire: (asked: Control.Payload<"Acquire">) =>
    on(
      asked,
      ({ client }) => client.lease.acquire({ session: asked.session, ttl: asked.ttlMillis })
    ),
  Release: (asked: Control.Payload<"Release">) =>
    on(asked, ({ client }) => client.lease.release(asked)),
  Deactivate: (asked: Control.Payload<"Deactivate">) =>
    on(asked, ({ client }) => client.lifecycle.deactivate(asked)),
  Activate: (asked: Control.Payload<"Activate">) =>
    on(asked, ({ client }) => client.lifecycle.activate(asked))
})

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
  { commandId, session, timeoutMillis }: {
    readonly timeoutMillis?: number
    readonly commandId?: string
    readonly session?: string
  }
): CallOptions => ({
  ...timeoutMillis === undefined ? {} : { timeout: timeoutMillis },
  ...commandId === undefined ? {} : { commandId },
  ...session === undefined ? {} : { session }
})

const attributesOf = (place: Place, asked: ReadonlyArray<string>) => {
  const { attributes, order } = place.definition
  const stranger = asked.find((name) => own(attributes, name) === undefined)
  if (stranger !== undefined) return unknownAttribute(place, stranger)
  return Effect.succeed(asked.length === 0 ? order : [...new Set(asked)])
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

/** Whether a request is a command of the emergency lane of one of these devices. */
export const isEmergency = (served: ReadonlyArray<Served>) => {
  const types = new Map(served.flatMap(({ ids, type }) => ids.map((id) => [id, type] as const)))
  return ({ payload, tag }: { readonly tag: string; readonly payload: unknown }): boolean => {
    if (tag !== "Call") return false
    const { command, device } = payload as Control.Payload<"Call">
    return own(types.get(device)?.commands ?? {}, command)?.lane === "emergency"
  }
}
