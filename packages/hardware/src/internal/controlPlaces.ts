/** The devices of a node by their ids, as its control sees them: clients without types. */
import type { ActorError, ActorSystem } from "@plantd/actors"
import type { Reading } from "@plantd/core"
import { type Duration, Effect, type Stream } from "effect"
import type { Alarms } from "../DeviceAlarm.ts"
import type { Journal, Ownership, Service } from "../DeviceClient.ts"
import type { DeviceDefinition } from "../DeviceDefinition.ts"
import type { CommandError, SubscribersFull } from "../DeviceError.ts"
import * as Control from "../NodeControl.ts"
import type { Gap, Mode } from "../Subscription.ts"
import { askMarginMillis } from "./deviceCommands.ts"
import { deviceActor, type DeviceStatus } from "./deviceProtocol.ts"
import { NearestName } from "@plantd/core"

/** A type of device, as far as its control needs to know it. */
export type DeviceType = DeviceDefinition & {
  readonly client: Effect.Effect<(id: string) => unknown, never, ActorSystem>
}

/** Devices of one type that a node has. */
export interface Served {
  readonly type: DeviceType
  readonly ids: ReadonlyArray<string>
}

type Asked<A, E> = Effect.Effect<A, E | ActorError.AskError>

/** How a command or a write is sent, as `Device.CallOptions` says. */
export interface CallOptions {
  readonly timeout?: Duration.DurationInput
  readonly commandId?: string
  readonly session?: string
}

/** The client of a device, without its types. */
export interface DeviceClient {
  readonly write: {
    readonly [name: string]: (value: unknown, options: CallOptions) => Asked<void, CommandError>
  }
  readonly subscribe: (
    attributes: ReadonlyArray<string>,
    options: { readonly mode: Mode }
  ) => Stream.Stream<Gap | Reading.Reading, SubscribersFull | ActorError.AskError>
  readonly snapshot: Asked<{ readonly [name: string]: Reading.Reading }, never>
  readonly link: Asked<DeviceStatus, never>
  readonly alarms: Alarms
  readonly journal: Journal
  readonly lease: Ownership
  readonly lifecycle: Service
}

/** The method of a command. */
export type Invocation = (...args: ReadonlyArray<unknown>) => Asked<unknown, CommandError>

/** One device of the node. */
export interface Place {
  readonly id: string
  readonly definition: DeviceDefinition
  readonly client: DeviceClient
  readonly read: (
    attributes: ReadonlyArray<string>,
    timeoutMillis: number
  ) => ReturnType<ReadOf>
}

type ReadOf = ReturnType<Effect.Effect.Success<ReturnType<typeof deviceActor>["client"]>>["Read"]

/** The devices by id. */
export const placesOf = (served: ReadonlyArray<Served>) =>
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

/** Fails: the device has no attribute of this name. */
export const unknownAttribute = (place: Place, name: string) =>
  unknownMember(place, { kind: "attribute", name, names: place.definition.order })

/** Fails: the device, or its command, has nothing of this name. */
export const unknownMember = (
  place: Place,
  { kind, name, names, of }: {
    readonly kind: Control.MemberUnknown["kind"]
    readonly name: string
    readonly names: ReadonlyArray<string>
    readonly of?: string
  }
) => {
  const near = NearestName.of(name, names)
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

/** What a record has under a name that comes from outside; `constructor` is none of its own. */
export const own = <A>(record: { readonly [name: string]: A }, name: string): A | undefined =>
  Object.hasOwn(record, name) ? record[name] : undefined
