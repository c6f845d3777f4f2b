/**
 * The client of a device whose members are known when the program runs: as the client of any
 * device, with its members by name.
 */
import type { ActorError, ActorSystem } from "@plantd/actors"
import type { Device, DeviceError } from "@plantd/hardware"
import { Effect } from "effect"
import type { Value } from "./AttributeCodec.ts"
import type { ModbusDevice } from "./ModbusDevice.ts"

type Client = ReturnType<Effect.Effect.Success<ModbusDevice["client"]>>

type Told = Effect.Effect<unknown, DeviceError.CommandError | ActorError.AskError>

type Write = (value: Value, options?: Device.CallOptions) => Told

type Invoke = (...given: ReadonlyArray<unknown>) => Told

/** A client of one device. A name that the map does not have is a programmer's error, and dies. */
export interface ModbusClient extends
  Pick<
    Client,
    "subscribe" | "snapshot" | "link" | "linkChanges" | "alarms" | "journal" | "lease" | "lifecycle"
  >
{
  readonly read: (attribute: string) => Client["read"][string]
  readonly write: (attribute: string, value: Value, options?: Device.CallOptions) => Told
  /** `payload` is `{}` for a command that is given nothing. */
  readonly invoke: (
    command: string,
    payload: { readonly [field: string]: Value },
    options?: Device.CallOptions
  ) => Told
}

/** Gives clients by the device's id. */
export const of = (
  device: ModbusDevice
): Effect.Effect<(id: string) => ModbusClient, never, ActorSystem> =>
  Effect.map(device.client, (clientOf) => (id) => {
    const client = clientOf(id)
    const { alarms, journal, lease, lifecycle, link, linkChanges, snapshot, subscribe } = client
    const writes: { readonly [name: string]: Write } = client.write
    // Beside its own members a client has the commands of its device.
    const commands = client as { readonly [name: string]: unknown } as {
      readonly [name: string]: Invoke
    }
    return {
      alarms,
      journal,
      lease,
      lifecycle,
      link,
      linkChanges,
      snapshot,
      subscribe,
      read: (attribute) =>
        Effect.suspend(() => member(client.read, attribute, "attribute to read")),
      write: (attribute, value, options) =>
        Effect.suspend(() => member(writes, attribute, "attribute to write")(value, options)),
      invoke: (command, payload, options) =>
        Effect.suspend(() => {
          const declared = member(device.commands, command, "command")
          const call = member(commands, command, "command")
          return declared.takesPayload ? call(payload, options) : call(options)
        })
    }
  })

const member = <A>(members: { readonly [name: string]: A }, name: string, what: string): A => {
  const found = Object.hasOwn(members, name) ? members[name] : undefined
  if (found === undefined) throw new TypeError(`the device has no ${what} ${JSON.stringify(name)}`)
  return found
}
