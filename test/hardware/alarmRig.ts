/** A boiler with alarms, its driver, and its actor on a store that can be in trouble. */
import { ActorSystem, DurableError } from "@plantd/actors"
import type { Alarm } from "@plantd/core"
import {
  Attribute,
  Device,
  DeviceStore,
  type DeviceStoreService,
  Driver,
  DriverStore,
  Link,
  SimulatedTransport
} from "@plantd/hardware"
import { Context, Effect, Layer, Schema } from "effect"
import { commands, telemetry, until } from "./peers.ts"

export const Boiler = Device.make("Boiler", {
  config: Schema.Struct({ commands: Schema.String, telemetry: Schema.String }),
  attributes: {
    pressure: Attribute.number({
      unit: "bar",
      range: [0, 10],
      deadband: { absolute: 2 },
      alarm: { high: 8, highHigh: 9, hysteresis: 0.5 }
    }),
    level: Attribute.number({
      unit: "m",
      deadband: { absolute: 1 },
      maxAge: "1 hour",
      alarm: { low: 2, onDelay: "500 millis", offDelay: "1 seconds" }
    }),
    flame: Attribute.boolean({ alarm: { when: false, severity: "critical", latching: true } }),
    mode: Attribute.string({
      values: ["auto", "manual", "jammed"],
      alarm: { when: ["manual", "jammed"], severity: "info", needsAck: false }
    }),
    note: Attribute.string()
  }
})

/** What a boiler is that needs no attention. */
export const calm = { pressure: 5, level: 5, flame: true, mode: "auto" as const, note: "" }

export const serveBoiler = Driver.serve(Boiler, {
  read: {
    pressure: Effect.succeed(calm.pressure),
    level: Effect.succeed(calm.level),
    flame: Effect.succeed(calm.flame),
    mode: Effect.succeed(calm.mode),
    note: Effect.succeed(calm.note)
  }
}, { device: "b-1", commands, telemetry, settings: { goodbyeMillis: 0 } })

export const onNetwork = Effect.provide([SimulatedTransport.layer, DriverStore.memory])

/** A store whose writes of alarms fail while it is down, and wait while `gate` does. */
export const troubled = Effect.gen(function*() {
  const open: Effect.Effect<void> = Effect.void
  const context = yield* Layer.build(DeviceStore.layerMemory)
  const memory = Context.get(context, DeviceStore)
  const trouble = {
    down: false,
    dies: false,
    gate: open,
    /** What it was asked to store, also where it did not. */
    asked: [] as Array<ReadonlyArray<{ readonly alarm: string; readonly value: string }>>
  }
  const store: DeviceStoreService = {
    ...memory,
    saveAlarms: (holder, alarms) =>
      Effect.suspend(() => {
        trouble.asked.push(alarms)
        if (trouble.dies) return Effect.dieMessage("a bug in the store")
        const failure = new DurableError.StoreUnavailable({
          reason: "connection",
          outcome: "unknown",
          detail: "the cable is out"
        })
        return Effect.zipRight(
          trouble.gate,
          Effect.suspend(() =>
            trouble.down ? Effect.fail(failure) : memory.saveAlarms(holder, alarms)
          )
        )
      })
  }
  /** What stands in it of an alarm of b-1. */
  const stored = (alarm: string) =>
    Effect.suspend(() => {
      const last = trouble.asked.flat().filter((row) => row.alarm === alarm).at(-1)
      return Effect.succeed(
        last === undefined ? undefined : JSON.parse(last.value) as Alarm.Instance
      )
    })
  return { store, memory, trouble, stored }
})

const link = ({ config }: { readonly config: typeof Boiler.config.Type }) => Link.zmq(config)

/** The actor of b-1 in a system of its own, which lives until the scope closes. */
export const nodeOn = (store: DeviceStoreService, settings: Partial<Device.Settings> = {}) =>
  Effect.gen(function*() {
    const context = yield* Layer.build(
      Boiler.toLayer({ link, config: () => ({ commands, telemetry }), settings }).pipe(
        Layer.provideMerge(Layer.merge(ActorSystem.layer, Layer.succeed(DeviceStore, store)))
      )
    )
    const clients = yield* Effect.provide(Boiler.client, context)
    const system = Context.get(context, ActorSystem)
    return { boiler: clients("b-1"), stop: system.stop({ type: "Boiler", id: "b-1" }) }
  })

export type BoilerClient = Effect.Effect.Success<ReturnType<typeof nodeOn>>["boiler"]

/** Where an alarm stands. */
export const alarmOf = (boiler: BoilerClient, alarm: string) =>
  Effect.map(boiler.alarms.list, (all) => {
    const found = all.find((instance) => instance.alarm === alarm)
    if (found === undefined) throw new Error(`there is no alarm ${alarm}`)
    return found
  })

/** Waits until an alarm is as it should be, without time passing. */
export const alarmIs = (
  boiler: BoilerClient,
  alarm: string,
  state: Alarm.State,
  holds: (instance: Alarm.Instance) => boolean = () => true
) =>
  until(
    `${alarm} is ${state}`,
    Effect.map(
      alarmOf(boiler, alarm),
      (instance) => instance.state === state && holds(instance) && instance
    )
  )

/** A boiler, online and calm. */
export const boilerRig = Effect.gen(function*() {
  const { store, ...rest } = yield* troubled
  const driver = yield* serveBoiler
  const node = yield* nodeOn(store)
  yield* online(node.boiler)
  return { ...rest, ...node, store, driver }
})

/** Waits until the boiler is online, and all its values are known. */
export const online = (boiler: BoilerClient) =>
  until(
    "the boiler is online",
    Effect.map(boiler.alarms.list, (all) =>
      all.every(({ alarm, stale }) => !stale || alarm === "unresolved"))
  )

/** Acknowledges an alarm as it is seen. */
export const acknowledge = (boiler: BoilerClient, seen: Alarm.Instance, by = "ann") =>
  boiler.alarms.acknowledge({
    alarm: seen.alarm,
    occurrenceId: seen.occurrenceId ?? "none",
    severity: seen.unacknowledged ?? "info",
    by
  })
