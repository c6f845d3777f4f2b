/**
 * One run of a simulated cluster: virtual nodes run the real actors, cluster and durable delivery
 * in one process, over simulated wires, storage, clocks and order, all of which follow from a seed.
 */
import { DurableStore, MessageStore, ReminderStore, RememberedStore } from "@plantd/actors"
import { type ClusterSystem, LeaseStore } from "@plantd/cluster"
import { DeviceStore } from "@plantd/hardware"
import { Cause, Effect, Exit, Layer, Scope } from "effect"
import { deviceKinds, type Plan, planOf, type Swarm } from "./Faults.ts"
import { Chaos, type FaultyDevice } from "./internal/chaos.ts"
import { Checks, type Violation } from "./internal/checks.ts"
import { guard, type Times } from "./internal/guard.ts"
import { type LifeEvent, Lives } from "./internal/lives.ts"
import { beginning, type Machine } from "./internal/machine.ts"
import { Network } from "./internal/network.ts"
import { Peers } from "./internal/peers.ts"
import { type Sim, simOf } from "./internal/sim.ts"
import { Site, type Surroundings } from "./internal/site.ts"
import { Storage } from "./internal/storage.ts"
import { type Event, World } from "./internal/world.ts"
import type { Bug } from "./Planted.ts"

export type { FaultyDevice } from "./internal/chaos.ts"
export type { Violation } from "./internal/checks.ts"
export type { Start } from "./internal/lives.ts"
export type { Call, Sim, SimNode } from "./internal/sim.ts"
export type { Surroundings } from "./internal/site.ts"
export type { Event } from "./internal/world.ts"

/** What is simulated. */
export interface Options<P> {
  /** How many nodes there are: 3 where nothing is said. */
  readonly nodes?: number
  /** What they run; a function is given what stands behind the devices. */
  readonly actors: ActorsLayer | ((plant: P) => ActorsLayer)
  /** What stands behind the devices, on a machine of its own, such as `Link.simulated`. */
  readonly plant?: Effect.Effect<P, never, Scope.Scope>
  /** The devices of the plant that faults are done to, in the order of their numbers. */
  readonly devices?: (plant: P) => ReadonlyArray<FaultyDevice>
  /** Faults during the workload: a plan, or a swarm from which each seed draws one. */
  readonly faults?: Plan | Swarm
  /** A bug in each node, to show that it is found. */
  readonly planted?: Bug
  /** The settings of all nodes. 32 shards where nothing is said. */
  readonly settings?: ClusterSystem.NodeSettings
}

/** The actors of a node. */
export type ActorsLayer = Layer.Layer<never, unknown, Surroundings>

/** What became of a run. */
export interface Report {
  readonly seed: number
  readonly verdict: "passed" | "failed"
  readonly violation: Violation | undefined
  /** How long it lasted, in virtual milliseconds. */
  readonly virtualMillis: number
  readonly steps: number
  /** How many things happened that are traced. */
  readonly eventCount: number
  /** The last of them. */
  readonly events: ReadonlyArray<Event>
  readonly plan: Plan
  /** Which of the things that are to happen in some runs have. */
  readonly sometimes: ReadonlyMap<string, boolean>
  /** The same for two runs that are the same. */
  readonly traceHash: string
}

/** The longest that a workload may last, in virtual milliseconds. */
const workloadMaxMillis = 600_000

/** The longest that nodes may take to start, or to come back, in virtual milliseconds. */
const startMaxMillis = 60_000

/** Runs a workload on a simulated cluster, once. Plain code: it ends before it returns. */
export const run = <P, E>(
  seed: number,
  options: Options<P>,
  workload: (sim: Sim<P>) => Effect.Effect<unknown, E>
): Report => guard(seed, (times) => new Run(seed, options, workload, times).report())

const allOfDevices = ({ kinds }: Swarm): boolean =>
  kinds.length > 0 && kinds.every((kind) => deviceKinds.includes(kind))

const isSwarm = (faults: Plan | Swarm): faults is Swarm => "_tag" in faults

class Run<P, E> {
  private readonly seed: number
  private readonly options: Options<P>
  private readonly workload: (sim: Sim<P>) => Effect.Effect<unknown, E>
  private readonly world: World
  private readonly network: Network
  private readonly peers: Peers
  private readonly storage: Storage
  private readonly checks = new Checks()
  private plan: Plan

  constructor(
    seed: number,
    options: Options<P>,
    workload: (sim: Sim<P>) => Effect.Effect<unknown, E>,
    times: Times
  ) {
    this.seed = seed
    this.options = options
    this.workload = workload
    const world = new World(seed)
    this.world = world
    times.wall = () => world.current?.clock.unsafeCurrentTimeMillis() ?? beginning + world.now
    times.steady = () => world.now
    this.network = new Network(this.world)
    this.peers = new Peers(this.world, this.network)
    this.storage = new Storage(this.world, this.network)
    const { devices, faults = [] } = options
    if (isSwarm(faults) && devices === undefined && allOfDevices(faults)) {
      throw new RangeError(
        "Simulation: all kinds of faults are of devices, and `devices` says of none: name them, as"
          + ' devices: (plant) => [plant.device("p-1")]'
      )
    }
    this.plan = isSwarm(faults) ? [] : faults
  }

  report(): Report {
    const { checks, world } = this
    try {
      this.play()
    } catch (error) {
      const detail = error instanceof Error ? error.stack ?? error.message : String(error)
      checks.violate({ check: "the simulation itself", detail, at: world.now })
    }
    return {
      seed: this.seed,
      verdict: checks.violation === undefined ? "passed" : "failed",
      violation: checks.violation,
      virtualMillis: Math.round(world.now),
      steps: world.steps,
      eventCount: world.eventCount,
      events: world.events,
      plan: this.plan,
      sometimes: checks.sometimes,
      traceHash: world.hash
    }
  }

  private play(): void {
    const { checks, network, options, peers, storage, world } = this
    const stores = this.on(storage.machine, "the storage", Layer.build(allStores))
    const plantMachine = world.machine("plant")
    const plant = options.plant === undefined
      ? undefined as P
      : this.on(plantMachine, "the plant", options.plant)
    const { actors } = options
    const lives = new Lives()
    const ground = {
      world,
      network,
      peers,
      storage,
      stores,
      settings: { shards: 32, ...options.settings },
      bug: options.planted,
      actors: typeof actors === "function" ? actors(plant) : actors,
      onActor: (machine: Machine, event: LifeEvent) => {
        const { _tag, address: { id, type } } = event
        world.note(machine.name, "actor", `${_tag} ${type}/${id}`)
        lives.hear(machine, event, world.now)
      },
      onTrouble: (detail: string) => world.note("world", "trouble", detail)
    }
    const sites = Array.from(
      { length: options.nodes ?? 3 },
      (_, index) => new Site(ground, `node-${index}`, 1)
    )
    const tester = new Site(ground, "tester", 0)
    for (const site of [...sites, tester]) site.start()
    const all = [...sites, tester]
    const names = all.map(({ name }) => name)
    const devices = options.devices?.(plant) ?? []
    const { faults = [] } = options
    if (isSwarm(faults)) {
      const counts = { nodes: sites.length, devices: devices.length }
      this.plan = planOf(faults, this.seed, counts)
    }
    const atPlant = (effect: Effect.Effect<void>) => void plantMachine.fork(effect)
    const targets = { world, network, peers, storage, sites, devices, atPlant, names }
    const chaos = new Chaos(targets)
    this.wait("all nodes have joined", () => all.every(({ isReady }) => isReady))
    this.wait("all shards are held", () => shardsHeld(sites))
    world.onStep = (machine) => {
      // What the storage does changes nothing that checks can see before a node hears of it.
      if (machine !== storage.machine) checks.look(world.now)
    }
    const sim = simOf({ world, sites, chaos, tester, plant, checks, lives, seed: this.seed })
    chaos.schedule(this.plan)
    this.work(tester, sim)
    chaos.healAll()
    this.conclude(sites)
    for (const { name, state } of all) world.note(name, "node", state)
  }

  private work(tester: Site, sim: Sim<P>): void {
    const { checks, world } = this
    const { machine } = tester
    if (machine === undefined) return
    const fiber = machine.fork(Effect.exit(Effect.suspend(() => this.workload(sim))))
    const ended = () => fiber.unsafePoll() !== null || checks.violation !== undefined
    if (!world.runUntil(ended, world.now + workloadMaxMillis)) {
      checks.violate({ check: "the workload ends", detail: "it goes on and on", at: world.now })
      return
    }
    const exit = fiber.unsafePoll()
    if (exit === null || Exit.isFailure(exit) || Exit.isSuccess(exit.value)) return
    const detail = Cause.pretty(exit.value.cause)
    checks.violate({ check: "the workload succeeds", detail, at: world.now })
  }

  /** After the faults: nodes come back, and what is to hold in the end does. */
  private conclude(sites: ReadonlyArray<Site>): void {
    const { checks, world } = this
    if (checks.violation !== undefined) return
    this.wait("all nodes are back", () => sites.every(({ isReady }) => isReady))
    for (const { holds, name, withinMillis } of checks.eventual) {
      const done = () => checks.violation !== undefined || holds()
      if (!world.runUntil(done, world.now + withinMillis)) {
        const detail = `it does not hold ${withinMillis} ms after all faults`
        checks.violate({ check: name, detail, at: world.now })
      }
    }
  }

  private wait(what: string, holds: () => boolean): void {
    const { checks, world } = this
    if (checks.violation !== undefined) return
    if (world.runUntil(holds, world.now + startMaxMillis)) return
    const detail = `not within ${startMaxMillis} ms`
    checks.violate({ check: what, detail, at: world.now })
    throw new Error(`${what}: ${detail}`)
  }

  /** Builds something on a machine, where it stays. */
  private on<A>(machine: Machine, what: string, effect: Effect.Effect<A, never, Scope.Scope>): A {
    const fiber = machine.fork(
      Effect.flatMap(Scope.make(), (scope) => Scope.extend(effect, scope))
    )
    this.wait(`${what} is there`, () => fiber.unsafePoll() !== null)
    const exit = fiber.unsafePoll()
    if (exit !== null && Exit.isSuccess(exit)) return exit.value
    throw new Error(`${what}: ${exit === null ? "" : Cause.pretty(exit.cause)}`)
  }
}

const allStores = Layer.mergeAll(
  LeaseStore.layerMemory,
  DurableStore.layerMemory,
  RememberedStore.layerMemory,
  DeviceStore.layerMemory,
  Layer.provideMerge(MessageStore.layerMemory, ReminderStore.layerMemory)
)

const probes = Array.from({ length: 64 }, (_, index) => `probe-${index}`)

const shardsHeld = (sites: ReadonlyArray<Site>): boolean =>
  probes.every((id) => sites.some((site) => site.isHere(id)))
  && sites.every((site) => probes.some((id) => site.isHere(id)))
