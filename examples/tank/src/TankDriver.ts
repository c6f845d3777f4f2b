/** The rig's side of the device protocol: answers nodes from the simulator, publishes readings. */
import type { FileSystem } from "@effect/platform"
import * as Path from "@effect/platform/Path"
import { Driver, type DriverStore, type Transport } from "@plantd/hardware"
import { Duration, Effect, Schedule, type Scope, Stream } from "effect"
import { Tank } from "./Tank.ts"
import * as TankModel from "./TankModel.ts"
import * as TankSimulator from "./TankSimulator.ts"
import * as TankStore from "./TankStore.ts"

/** All readings are published this often, in ms: 20 Hz. */
export const publishMillis = 50

/** The pump is turned off when no node was heard for this long, in ms, unless told otherwise. */
export const silenceMillis = 3_000

/** Where and as what a rig is served. */
export interface TankDriverOptions {
  readonly device: string
  /** The endpoints to bind: `tcp://host:port`. */
  readonly commands: string
  readonly telemetry: string
  /** The pump is turned off when no node was heard for this long, in s. */
  readonly silence?: number
  readonly settings?: Partial<Driver.Settings>
}

/** The driver of a tank that serves. */
export type TankDriver = Driver.Driver<typeof Tank>

/** Serves a rig until the scope is closed. Fails where an endpoint cannot be bound. */
export const serve = (
  rig: TankSimulator.TankSimulator,
  options: TankDriverOptions
): Effect.Effect<
  TankDriver,
  Transport.TransportError | DriverStore.DriverStoreError,
  Transport.Transport | DriverStore.DriverStore | Scope.Scope
> =>
  Effect.gen(function*() {
    const driver = yield* Driver.serve(Tank, handlers(rig), {
      ...options,
      onSilence: { after: silenceOf(options), run: rig.tell({ pumpSpeed: 0 }) }
    })
    const publish = Effect.flatMap(rig.view, driver.publish)
    const period = Schedule.fixed(Duration.millis(publishMillis))
    yield* Effect.forkScoped(Effect.repeat(publish, period))
    return driver
  })

/** A rig as a model for `Link.simulated`: the same handlers, readings and safe state. */
export const model = (
  rig: TankSimulator.TankSimulator,
  options: Pick<TankDriverOptions, "silence"> = {}
) => ({
  handlers: handlers(rig),
  publish: Stream.repeatEffectWithSchedule(
    rig.view,
    Schedule.fixed(Duration.millis(publishMillis))
  ),
  onSilence: { after: silenceOf(options), run: rig.tell({ pumpSpeed: 0 }) }
})

const silenceOf = ({ silence }: Pick<TankDriverOptions, "silence">): Duration.Duration =>
  silence === undefined ? Duration.millis(silenceMillis) : Duration.seconds(silence)

/** A rig whose water is kept in a directory, and where the sensors' noise begins. */
export interface TankProcessOptions extends TankDriverOptions {
  readonly seed: number
  readonly directory: string
}

/**
 * Serves a rig that goes on where the last one in its directory was ended or killed. The file is
 * written only once the endpoints are ours: a second process of this rig leaves it alone.
 */
export const start = (
  options: TankProcessOptions
): Effect.Effect<
  TankDriver,
  Transport.TransportError | DriverStore.DriverStoreError | TankStore.StateFileError,
  | Transport.Transport
  | DriverStore.DriverStore
  | FileSystem.FileSystem
  | Path.Path
  | Scope.Scope
> =>
  Effect.gen(function*() {
    const path = yield* Path.Path
    const file = path.join(options.directory, TankStore.fileOf(options.device))
    const from = yield* TankStore.load(file, TankModel.standard)
    const rig = yield* TankSimulator.make({ seed: options.seed, from })
    const driver = yield* serve(rig, options)
    yield* TankSimulator.keep(rig, file)
    return driver
  })

const handlers = (rig: TankSimulator.TankSimulator) => ({
  read: {
    level1: Effect.map(rig.view, (view) => view.level1),
    level2: Effect.map(rig.view, (view) => view.level2),
    pumpSpeed: Effect.map(rig.view, (view) => view.pumpSpeed),
    valveOpening: Effect.map(rig.view, (view) => view.valveOpening),
    inflow: Effect.map(rig.view, (view) => view.inflow),
    outflow: Effect.map(rig.view, (view) => view.outflow),
    state: Effect.map(rig.view, (view) => view.state)
  },
  write: {
    pumpSpeed: (value: number) => refusing(rig.tell({ pumpSpeed: value })),
    valveOpening: (value: number) => refusing(rig.tell({ valveOpening: value }))
  },
  commands: {
    stop: () => rig.stop,
    release: () => rig.release
  }
})

const refusing = (
  told: Effect.Effect<void, TankSimulator.RigStopped>
): Effect.Effect<void, Driver.Refusal> =>
  Effect.catchTag(told, "RigStopped", (error) => Driver.refuse("state", error.message))
