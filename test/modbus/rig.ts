/** A node, the driver of a Modbus device, and the device as variables, all in one process. */
import { ModbusClient, ModbusDevice, ModbusDriver, type RegisterMap } from "@plantd/example-modbus"
import { DriverStore, Link, SimulatedTransport } from "@plantd/hardware"
import { Effect, Layer, Logger, TestClock } from "effect"
import { commands, telemetry, until } from "../hardware/peers.ts"
import { runtime } from "../hardware/rig.ts"
import { pumpMap } from "./maps.ts"
import { makePlc, networkOf, type Plc } from "./plc.ts"

const endpoints = { commands, telemetry }

export const simulated = Effect.provide([
  SimulatedTransport.layer,
  DriverStore.memory,
  Logger.replace(Logger.defaultLogger, Logger.none)
])

/** The driver over a device of variables. */
export const serve = (map: RegisterMap.RegisterMap, plc: Plc) =>
  Effect.provide(
    ModbusDriver.serve(map, { ...endpoints, settings: { goodbyeMillis: 0 } }),
    networkOf(plc)
  )

/** A node with the device of the same map, and the driver, over a device of variables. */
export const rigFor = (plc: Plc, change: object = {}) =>
  Effect.gen(function*() {
    const map = pumpMap(change)
    const driver = yield* serve(map, plc)
    const device = ModbusDevice.deviceOf(map)
    const layer = device.toLayer({
      link: ({ config }) => Link.zmq(config),
      config: () => endpoints
    })
    const context = yield* Layer.build(Layer.provideMerge(layer, runtime))
    const pump = (yield* Effect.provide(ModbusClient.of(device), context))("p-1")
    yield* until("the link is online", Effect.map(pump.link, ({ state }) => state === "online"))
    return { driver, plc, pump }
  })

export const rig = Effect.suspend(() => rigFor(makePlc()))

type Pump = Effect.Effect.Success<typeof rig>["pump"]

/** Waits, while virtual time passes, until the node was told of this state. */
export const hardware = (pump: Pump, expected: string) =>
  until(
    `the hardware is ${expected}`,
    Effect.zipRight(
      TestClock.adjust("500 millis"),
      Effect.map(pump.link, (status) => status.hardware === expected)
    )
  )
