/**
 * Devices that are models in TypeScript, in the node's own process: the real driver engine and the
 * real device protocol between model and actor, over sockets in memory. What holds with a device
 * process (deadlines, fences, states, silence, epochs) holds here, in virtual time as in real time.
 */
import { Effect, Fiber, Layer, type Scope, type Stream } from "effect"
import type { Attributes, Commands, DeviceDefinition } from "./DeviceDefinition.ts"
import type * as Driver from "./Driver.ts"
import * as DriverStore from "./DriverStore.ts"
import { makeFork } from "./internal/foreignFiber.ts"
import * as Simulated from "./internal/simulatedDevice.ts"
import type { LinkMaker } from "./LinkPort.ts"
import type { Timing } from "./LinkState.ts"
import {
  type Direction,
  type LinkSettings,
  perfectLink,
  type SimulatedNetworkService
} from "./SimulatedNetwork.ts"
import { Transport } from "./Transport.ts"
import { zmq } from "./ZmqLink.ts"

type Members = { readonly attributes: Attributes; readonly commands: Commands }

/** The model of one device. */
export interface Model<D extends Members, H extends Driver.Handlers<D>, R> {
  /** What `Driver.serve` takes: the same handlers can serve a device process. */
  readonly handlers: H
  /**
   * What the device publishes of its own, for example readings of a model that the clock moves.
   * It goes on while the device process is killed, as the hardware does; nobody publishes it then.
   */
  readonly publish?: Stream.Stream<Driver.Readings<D["attributes"]>, never, R>
  /** How well the hardware behind it is reached; as in `Driver.Options`. */
  readonly hardware?: NonNullable<Driver.Options<R>["hardware"]>
  /** What is done when no node is heard any more. */
  readonly onSilence?: Driver.OnSilence<R>
}

/** How simulated devices are reached. */
export interface Options {
  /** How messages travel to a device and back: without delay and loss where nothing is said. */
  readonly network?: Partial<LinkSettings>
  readonly timing?: Partial<Timing>
  readonly settings?: Partial<Driver.Settings>
}

/** One simulated device, to act upon. Whatever uses it first, a link or one of these, starts it. */
export interface SimulatedDevice<D extends Members> {
  /** Publishes readings, as its driver does; a device process that was killed publishes nothing. */
  readonly publish: (readings: Driver.Readings<D["attributes"]>) => Effect.Effect<void>
  /** What its device process has counted since it started; `undefined` once it was killed. */
  readonly counters: Effect.Effect<Driver.Counters | undefined>
  /** Silence on the way, in one direction or in both: neither side is told. */
  readonly cut: (direction?: Direction) => Effect.Effect<void>
  /** Ends a cut. */
  readonly heal: Effect.Effect<void>
  /** Changes how messages travel to it and back from now on, as far as is said. */
  readonly shape: (settings: Partial<LinkSettings>) => Effect.Effect<void>
  /** Takes back what `shape` has changed: messages travel as `Options.network` says. */
  readonly unshape: Effect.Effect<void>
  /** Ends its device process as kill -9 does; the model lives on. */
  readonly kill: Effect.Effect<void>
  /** Starts its device process anew after a kill: in a new epoch, on the model as it is. */
  readonly start: Effect.Effect<void>
}

/** The simulated devices of one type. */
export interface SimulatedDevices<D extends Members> {
  /** What `toLayer` of the device takes as its `link`. */
  readonly link: (device: { readonly id: string }) => LinkMaker<never, never>
  /** The device with this id. */
  readonly device: (id: string) => SimulatedDevice<D>
}

/** In memory nothing has to leave before a socket closes: a device process ends at once. */
const settings: Partial<Driver.Settings> = { goodbyeMillis: 0 }

/**
 * Simulates the devices of a type; `model` makes the model of each id, once, when it is first used.
 * A device lives until the scope is closed and so outlives its actor: one that starts anew finds
 * the model as it was, and a device process that knows its epoch and the highest fence.
 */
export const simulated = <
  D extends Members & DeviceDefinition,
  H extends Driver.Handlers<D>,
  R = never,
  M = never
>(
  definition: D,
  model: (id: string) => Effect.Effect<Model<D, H, R>, never, M>,
  options: Options = {}
): Effect.Effect<SimulatedDevices<D>, never, Scope.Scope | Driver.NeedsOf<H> | R | M> =>
  Effect.gen(function*() {
    const scope = yield* Effect.scope
    const store = yield* Layer.build(DriverStore.memory)
    const fork = yield* makeFork<Driver.NeedsOf<H> | R | M>()
    const devices = new Map<string, Simulated.SimulatedDevice>()
    const deviceOf = (id: string): Simulated.SimulatedDevice => {
      const known = devices.get(id)
      if (known !== undefined) return known
      const device = Simulated.make({
        id,
        definition,
        // What serves a device knows no types of its own: they were checked where it was defined.
        model: model(id) as Effect.Effect<unknown> as Effect.Effect<Simulated.PlainModel>,
        network: options.network ?? {},
        settings: { ...settings, ...options.settings },
        scope,
        // Not joined: whoever waits keeps the scheduler and the clock that he has.
        within: (effect) =>
          Effect.flatMap(
            fork(Effect.provide(effect, store)),
            (fiber) => Effect.flatten(Fiber.await(fiber))
          )
      })
      devices.set(id, device)
      return device
    }
    return {
      link: ({ id }) => (owner) =>
        Effect.flatMap(
          Simulated.networkOf(deviceOf(id)),
          ({ transport }) =>
            zmq({ ...Simulated.endpoints, timing: options.timing ?? {} })(owner).pipe(
              Effect.provideService(Transport, transport),
              // It fails for endpoints that cannot be used, and these can.
              Effect.orDie
            )
        ),
      device: (id) => actionsOf(deviceOf(id))
    }
  })

const actionsOf = <D extends Members>(
  device: Simulated.SimulatedDevice
): SimulatedDevice<D> => {
  const onWay = (
    act: (network: SimulatedNetworkService, endpoint: string) => Effect.Effect<void>
  ) =>
    Effect.flatMap(Simulated.networkOf(device), (network) =>
      Effect.forEach(
        Object.values(Simulated.endpoints),
        (endpoint) => act(network, endpoint),
        { discard: true }
      ))
  return {
    publish: (readings) =>
      Effect.flatMap(
        Simulated.driverOf(device),
        (driver) => driver?.publish(readings as object) ?? Effect.void
      ),
    counters: Effect.flatMap(
      Simulated.driverOf(device),
      (driver) => driver?.counters ?? Effect.succeed(undefined)
    ),
    cut: (direction) => onWay((network, endpoint) => network.cut(endpoint, direction)),
    heal: onWay((network, endpoint) => network.heal(endpoint)),
    shape: (settings) => onWay((network, endpoint) => network.link(endpoint, settings)),
    unshape: onWay((network, endpoint) =>
      network.link(endpoint, { ...perfectLink, ...device.setup.network })
    ),
    kill: Simulated.kill(device),
    start: Simulated.start(device)
  }
}
