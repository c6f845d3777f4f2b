/** A simulated device without its types: a model, a network of its own, and a device process. */
import { Effect, ExecutionStrategy, Exit, Scope, Stream } from "effect"
import type { DeviceDefinition } from "../DeviceDefinition.ts"
import * as Driver from "../Driver.ts"
import type { DriverStore, DriverStoreError } from "../DriverStore.ts"
import * as SimulatedNetwork from "../SimulatedNetwork.ts"
import { Transport, type TransportError } from "../Transport.ts"
import { checkHandlers, type PlainHandlers } from "./driverHandlers.ts"

/** The endpoints of every simulated device, each in a network of its own. */
export const endpoints = {
  commands: "ipc://simulated-commands",
  telemetry: "ipc://simulated-telemetry"
} as const

/** A model; whatever services it needs are in the fiber that runs it. */
export interface PlainModel {
  readonly handlers: Driver.Handlers<DeviceDefinition>
  readonly publish?: Stream.Stream<Driver.Readings<DeviceDefinition["attributes"]>>
  readonly hardware?: NonNullable<Driver.Options<never>["hardware"]>
  readonly onSilence?: Driver.OnSilence<never>
}

/** What a simulated device is made from. */
export interface Setup {
  readonly id: string
  readonly definition: DeviceDefinition
  readonly model: Effect.Effect<PlainModel>
  readonly network: Partial<SimulatedNetwork.LinkSettings>
  readonly settings: Partial<Driver.Settings>
  /** It lives until this is closed. */
  readonly scope: Scope.Scope
  /** Runs in a fiber of the plant: nothing is inherited from whichever actor came first. */
  readonly within: <A>(effect: Effect.Effect<A, never, DriverStore>) => Effect.Effect<A>
}

interface Installed {
  readonly model: PlainModel
  readonly network: SimulatedNetwork.SimulatedNetworkService
}

interface Process {
  readonly driver: Driver.Driver<DeviceDefinition>
  readonly scope: Scope.CloseableScope
}

/** A model behind its network, and its device process while there is one. */
export interface SimulatedDevice {
  readonly setup: Setup
  /** The one permit to install, start and kill. */
  readonly turn: Effect.Semaphore
  installed: Installed | undefined
  process: Process | undefined
}

/** A device that nobody has used yet: its model is not made either. */
export const make = (setup: Setup): SimulatedDevice => ({
  setup,
  turn: Effect.unsafeMakeSemaphore(1),
  installed: undefined,
  process: undefined
})

/** The network of a device. The first use makes the model, and starts the device process. */
export const networkOf = (
  device: SimulatedDevice
): Effect.Effect<SimulatedNetwork.SimulatedNetworkService> =>
  Effect.map(inTurn(device, installed(device)), ({ network }) => network)

/** The driver of a device; `undefined` once its process was killed. */
export const driverOf = (
  device: SimulatedDevice
): Effect.Effect<Driver.Driver<DeviceDefinition> | undefined> =>
  Effect.map(inTurn(device, installed(device)), () => device.process?.driver)

/** Ends the device process: its sockets die first, so that it cannot say goodbye. */
export const kill = (device: SimulatedDevice): Effect.Effect<void> =>
  inTurn(
    device,
    Effect.gen(function*() {
      const { network } = yield* installed(device)
      const { process } = device
      if (process === undefined) return
      device.process = undefined
      for (const endpoint of Object.values(endpoints)) yield* network.kill(endpoint)
      yield* Scope.close(process.scope, Exit.void)
    })
  )

/** Starts the device process where there is none. */
export const start = (device: SimulatedDevice): Effect.Effect<void> =>
  inTurn(
    device,
    Effect.flatMap(
      installed(device),
      (found) => device.process === undefined ? spawn(device, found) : Effect.void
    )
  )

const inTurn = <A>(
  device: SimulatedDevice,
  effect: Effect.Effect<A, never, DriverStore>
): Effect.Effect<A> => device.setup.within(device.turn.withPermits(1)(effect))

const installed = (device: SimulatedDevice): Effect.Effect<Installed, never, DriverStore> =>
  Effect.suspend(() => {
    const { installed, setup } = device
    if (installed !== undefined) return Effect.succeed(installed)
    return Effect.gen(function*() {
      const model = yield* setup.model
      // What an author can have done wrong shows before anything is opened.
      checkHandlers(setup.definition, model.handlers as PlainHandlers)
      const network = yield* Scope.extend(SimulatedNetwork.make, setup.scope)
      for (const endpoint of Object.values(endpoints)) yield* network.link(endpoint, setup.network)
      const made: Installed = { model, network }
      yield* spawn(device, made)
      device.installed = made
      if (model.publish !== undefined) {
        yield* Effect.forkIn(publishAll(device, model.publish), setup.scope)
      }
      return made
    })
  })

const spawn = (
  device: SimulatedDevice,
  { model, network }: Installed
): Effect.Effect<void, never, DriverStore> =>
  Effect.gen(function*() {
    const { definition, id, settings } = device.setup
    const scope = yield* Scope.fork(device.setup.scope, ExecutionStrategy.sequential)
    const { handlers, publish: _, ...rest } = model
    const served = Driver.serve(
      definition,
      handlers,
      { ...rest, ...endpoints, device: id, settings }
    ) as Served
    device.process = yield* served.pipe(
      Effect.map((driver): Process => ({ driver, scope })),
      Scope.extend(scope),
      Effect.provideService(Transport, network.transport),
      // Endpoints in memory that are free can be bound, and a store in memory gives epochs.
      Effect.orDie,
      Effect.onError((cause) => Scope.close(scope, Exit.failCause(cause)))
    )
  })

// What handlers need is there already: see `PlainModel`.
type Served = Effect.Effect<
  Driver.Driver<DeviceDefinition>,
  TransportError | DriverStoreError,
  Transport | DriverStore | Scope.Scope
>

// The model goes on while there is no device process: then nobody publishes what it does.
const publishAll = (
  device: SimulatedDevice,
  readings: NonNullable<PlainModel["publish"]>
): Effect.Effect<void> =>
  Stream.runForEach(
    readings,
    (some) => device.process?.driver.publish(some) ?? Effect.void
  ).pipe(
    Effect.catchAllCause((cause) =>
      Effect.annotateLogs(
        Effect.logError("the readings of the model ended, since it crashed", cause),
        { device: device.setup.id }
      )
    )
  )
