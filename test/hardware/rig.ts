/** A pump, its driver and its actor in one process, for tests of all of them together. */
import { ActorSystem } from "@plantd/actors"
import { DeviceStore, DriverStore, type Link, SimulatedTransport } from "@plantd/hardware"
import { Effect, Layer, Stream } from "effect"
import { commands, telemetry, until } from "./peers.ts"
import { makePlant, type Plant, Pump, pumpLayer, serve } from "./pump.ts"

export const endpoints = { commands, telemetry }

/** What device actors need of a node. */
export const runtime = Layer.merge(ActorSystem.layer, DeviceStore.layerMemory)
export const simulated = Effect.provide([SimulatedTransport.layer, DriverStore.memory])

export type PumpClient = ReturnType<Effect.Effect.Success<typeof Pump.client>>

/** A client of p-1 whose actor lives until the scope closes. */
export const clientOf = (given: Pick<typeof endpoints, "commands" | "telemetry">) =>
  Effect.gen(function*() {
    const context = yield* Layer.build(
      pumpLayer(given).pipe(Layer.provideMerge(runtime))
    )
    const pump = yield* Effect.provide(Pump.client, context)
    return pump("p-1")
  })

export const reaches = (pump: PumpClient, state: Link.LinkStatus["state"]) =>
  until(
    `the link is ${state}`,
    Effect.map(pump.link, (status) => status.state === state && status)
  )

/** Waits until a reading that the node knows fulfils a condition. */
export const reads = <K extends "flow" | "speed" | "label" | "leaking" | "state">(
  pump: PumpClient,
  attribute: K,
  holds: (reading: { value: unknown; quality: string; seq: number }) => boolean
) =>
  until(
    `${attribute} is as it should be`,
    Effect.map(pump.snapshot, (all) => holds(all[attribute]) && all[attribute])
  )

export const rigFor = (plant: Plant) =>
  Effect.gen(function*() {
    const driver = yield* serve(plant, endpoints)
    const pump = yield* clientOf(endpoints)
    yield* reaches(pump, "online")
    yield* reads(pump, "flow", (reading) => reading.quality === "good")
    return { plant, driver, pump }
  })

export const rig = Effect.suspend(() => rigFor(makePlant()))

/** A subscriber that remembers what it was told. */
export const listen = <A, E>(stream: Stream.Stream<A, E>) =>
  Effect.gen(function*() {
    const told: Array<A> = []
    const fiber = yield* Effect.forkScoped(
      Stream.runForEach(stream, (item) => Effect.sync(() => told.push(item)))
    )
    yield* until("the subscription stands", Effect.sync(() => told.length > 0))
    return { told, fiber }
  })
