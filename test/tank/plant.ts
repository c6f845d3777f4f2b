/** A plant in memory for tests: a rig behind its driver, a node with actors, a clock to turn. */
import { ActorSystem, DurableStore } from "@plantd/actors"
import type { Backoff } from "@plantd/core"
import {
  LevelController,
  Tank,
  TankDriver,
  TankModel,
  TankSimulator,
  type TankStore
} from "@plantd/example-tank"
import { DeviceStore, DriverStore, Link } from "@plantd/hardware"
import { SimulatedNetwork } from "@plantd/hardware/SimulatedNetwork"
import * as SimulatedTransport from "@plantd/hardware/SimulatedTransport"
import { type Context, Effect, Exit, Layer, type Option, Scope, TestClock } from "effect"

export const endpoints = {
  commands: "tcp://127.0.0.1:5801",
  telemetry: "tcp://127.0.0.1:5802"
}

export const device = "tank-1"

/** Without chance, so that a settling time is the same in every run. */
const retry: Backoff.Backoff = { min: 100, max: 2_000, factor: 2, jitter: 0 }

/** What the tests of one file share: the network, and the memory of device processes. */
export const plantLayer = Layer.merge(SimulatedTransport.layer, DriverStore.memory)

export interface Rig {
  readonly simulator: TankSimulator.TankSimulator
  readonly driver: TankDriver.TankDriver
  /** Ends the device process as SIGKILL does: no goodbye, connections closed by the system. */
  readonly kill: Effect.Effect<void>
}

/** The rig at rest with the level of tank 2 at 0.3 m. */
export const atRest: TankStore.Kept = {
  state: TankModel.step(
    TankModel.standard,
    { ...TankModel.empty(1), level1: 0.375, level2: 0.3, pumpSpeed: 45, valveOpening: 50 },
    { pumpSpeed: 45.1, valveOpening: 50 },
    30
  ),
  stopped: false
}

/** Starts a device process: a rig and its driver. */
export const startRig = (options: {
  readonly seed?: number
  readonly from?: Option.Option<TankStore.Kept>
} = {}) =>
  Effect.gen(function*() {
    const outer = yield* Effect.scope
    const network = yield* SimulatedNetwork
    const scope = yield* Scope.fork(outer, { _tag: "Sequential" })
    const simulator = yield* TankSimulator.make({ seed: 1, ...options })
    // Virtual time stands still at the end of a test: nobody could wait for a goodbye to leave.
    const driver = yield* Scope.extend(
      TankDriver.serve(simulator, { device, ...endpoints, settings: { goodbyeMillis: 0 } }),
      scope
    )
    return {
      simulator,
      driver,
      kill: network.kill(endpoints.commands).pipe(
        Effect.zipRight(network.kill(endpoints.telemetry)),
        Effect.zipRight(Effect.forkDaemon(Scope.close(scope, Exit.void))),
        Effect.asVoid
      )
    } satisfies Rig
  })

export const nodeLayer = (
  options: LevelController.LevelControllerOptions = { setpoint: 0.3 },
  store?: DurableStore["Type"]
) =>
  Layer.mergeAll(
    Tank.Tank.toLayer({
      link: ({ config }) => Link.zmq({ ...config, timing: { retry } }),
      config: () => endpoints
    }),
    store === undefined
      ? LevelController.layer(options)
      : Layer.provide(
        LevelController.layerDurable(options),
        Layer.succeed(DurableStore, store)
      )
  ).pipe(Layer.provideMerge(Layer.merge(ActorSystem.layer, DeviceStore.layerMemory)))

/** Starts a node with the actors of tank and controller, and gives their clients. */
export const startNode = (
  options?: LevelController.LevelControllerOptions,
  store?: DurableStore["Type"]
) =>
  Effect.gen(function*() {
    const context: Context.Context<ActorSystem> = yield* Layer.build(nodeLayer(options, store))
    const tank = yield* Effect.provide(Tank.Tank.client, context)
    const controller = yield* Effect.provide(LevelController.LevelController.client, context)
    const system = yield* Effect.provide(ActorSystem, context)
    return { tank: tank(device), controller: controller(device), system }
  })

/** A node whose controller keeps its setpoint in this store. */
export const startNodeOn = (store: DurableStore["Type"]) => startNode(undefined, store)

/** Lets virtual time pass in steps of the telemetry's period. */
export const pass = (seconds: number): Effect.Effect<void> =>
  Effect.repeatN(
    TestClock.adjust(TankDriver.publishMillis),
    Math.round(seconds * 1_000 / TankDriver.publishMillis) - 1
  )

/** How far the measured level is from the setpoint, in % of it. */
export const errorPercent = (status: LevelController.LevelStatus): number =>
  status.level === null
    ? Number.POSITIVE_INFINITY
    : Math.abs(status.level - status.setpoint) / status.setpoint * 100
