/** A Modbus device of variables behind the port to the network: slow, silent or gone as told. */
import { ModbusConnection, type ReadPlan } from "@plantd/example-modbus"
import { Deferred, Effect, Layer } from "effect"

/** What was asked of the device, in order. */
export type Asked =
  | { readonly read: string }
  | { readonly write: string; readonly values: ReadonlyArray<number> }

/** The device, and what is made of it. */
export const makePlc = () => {
  const places = new Map<string, number>()
  const key = (table: string, address: number) => `${table} ${address}`
  const plc = {
    /** Every request that reached the device. */
    asked: [] as Array<Asked>,
    connections: 0,
    /** Those that stand now. */
    open: new Set<Deferred.Deferred<string>>(),
    /** What a connection waits for, or fails with. */
    accepts: Effect.void as Effect.Effect<void, ModbusConnection.ConnectFailed>,
    /** What a reply waits for, or is instead of what was asked for; by the place. */
    replies: (() => Effect.void) as (
      place: string
    ) => Effect.Effect<void, ModbusConnection.RequestError>,
    get: (table: ReadPlan.Table, address: number) => places.get(key(table, address)) ?? 0,
    set: (table: ReadPlan.Table, address: number, value: number) =>
      void places.set(key(table, address), value),
    /** Closes all connections, as a device does that is turned off. */
    cut: (reason: string) =>
      Effect.forEach([...plc.open], (closed) => Deferred.succeed(closed, reason), {
        discard: true
      })
  }
  return plc
}

/** A device that `makePlc` made. */
export type Plc = ReturnType<typeof makePlc>

/** The network, at whose every address is this device. */
export const networkOf = (plc: Plc): Layer.Layer<ModbusConnection.ModbusNetwork> =>
  Layer.succeed(ModbusConnection.ModbusNetwork, {
    connect: () =>
      Effect.gen(function*() {
        plc.connections++
        yield* plc.accepts
        const closed = yield* Deferred.make<string>()
        plc.open.add(closed)
        yield* Effect.addFinalizer(() =>
          Effect.zipRight(
            Effect.sync(() => plc.open.delete(closed)),
            Deferred.succeed(closed, "closed by us")
          )
        )
        const cut = Effect.flatMap(
          Deferred.await(closed),
          (detail) => Effect.fail(new ModbusConnection.NoReply({ why: "closed", detail }))
        )
        const reply = (place: string) => Effect.raceFirst(plc.replies(place), cut)
        return {
          closed: Deferred.await(closed),
          read: ({ address, count, table }) => {
            const place = `${table} ${address}${count === 1 ? "" : `-${address + count - 1}`}`
            plc.asked.push({ read: place })
            return Effect.map(
              reply(place),
              () => Array.from({ length: count }, (_, n) => plc.get(table, address + n))
            )
          },
          // It acts when it is asked; its reply may come late or not at all.
          write: ({ address, table, values }) => {
            plc.asked.push({ write: `${table} ${address}`, values })
            values.forEach((value, n) => plc.set(table, address + n, value))
            return reply(`${table} ${address}`)
          }
        }
      })
  })

/** The writes that reached the device. */
export const writesOf = (plc: Plc) => plc.asked.filter((asked) => "write" in asked)
