/** Does what a plan of faults says, and ends it. */
import { Effect } from "effect"
import type { Fault, Plan } from "../Faults.ts"
import { textOf } from "../Faults.ts"
import { cancel, type Entry } from "./agenda.ts"
import { Holds } from "./holds.ts"
import type { Network } from "./network.ts"
import type { Peers } from "./peers.ts"
import type { Site } from "./site.ts"
import type { Storage } from "./storage.ts"
import type { World } from "./world.ts"

/** How messages of a device travel, as far as a fault changes it. */
interface Shape {
  readonly latencyMillis?: { readonly min: number; readonly max: number }
  readonly loss?: number
  readonly duplicate?: number
}

/** A device that faults can be done to: one of `Link.simulated` is. */
export interface FaultyDevice {
  readonly cut: () => Effect.Effect<void>
  readonly heal: Effect.Effect<void>
  readonly shape: (settings: Shape) => Effect.Effect<void>
  /** Takes back what `shape` has changed: messages travel as they were set up to. */
  readonly unshape: Effect.Effect<void>
  readonly kill: Effect.Effect<void>
  readonly start: Effect.Effect<void>
}

/** What faults are done to. */
export interface Targets {
  readonly world: World
  readonly network: Network
  readonly peers: Peers
  readonly storage: Storage
  /** Nodes that run actors. */
  readonly sites: ReadonlyArray<Site>
  /** Devices, in the order in which faults number them. */
  readonly devices: ReadonlyArray<FaultyDevice>
  /** Does something where the devices are. */
  readonly atPlant: (effect: Effect.Effect<void>) => void
  /** The names of all machines beside storage. */
  readonly names: ReadonlyArray<string>
}

/** The longest that a message is slowed by, in milliseconds, and the least. */
const slow = { min: 200, max: 800 }

/** By how much more the storage is slowed: a write may come long after its node was lost. */
const storageSlowness = 5

/** The farthest that a clock is off. */
const skewMaxMillis = 3_600_000

/** How messages of a device travel while a fault lasts. */
const shapes = {
  "device.delay": { latencyMillis: { min: 50, max: 500 } },
  "device.drop": { loss: 0.3 },
  "device.duplicate": { duplicate: 0.5 }
} satisfies Record<string, Shape>

/** Ends what a fault does. */
type End = () => void

const nothing: End = () => undefined

/** A way of messages, from one machine to another, by their names. */
type Way = readonly [from: string, to: string]

/** The faults of one run: those that are to come, and those that last. */
export class Chaos {
  private readonly targets: Targets
  private readonly holds = new Holds()
  private readonly coming = new Set<Entry>()
  private readonly lasting = new Map<Entry, End>()
  /** What is done to a device is done one after the other. */
  private readonly turns: ReadonlyArray<Effect.Semaphore>

  constructor(targets: Targets) {
    this.targets = targets
    this.turns = targets.devices.map(() => Effect.unsafeMakeSemaphore(1))
  }

  /** Schedules the faults of a plan, from now on. */
  schedule(plan: Plan): void {
    const { world } = this.targets
    for (const fault of plan) {
      const entry = world.after(fault.atMillis, undefined, () => {
        this.coming.delete(entry)
        const isDone = this.begin(fault)
        world.note("world", "fault", isDone ? textOf(fault) : `${textOf(fault)}: no such target`)
      })
      this.coming.add(entry)
    }
  }

  /** Does a fault now, for as long as it lasts; says whether there is what it is done to. */
  begin(fault: Fault): boolean {
    const end = fault.kind.startsWith("device.") ? this.atDevice(fault) : this.atNode(fault)
    if (end === undefined) return false
    const entry = this.targets.world.after(fault.forMillis, undefined, () => {
      this.lasting.delete(entry)
      end()
    })
    this.lasting.set(entry, end)
    return true
  }

  /** Ends every fault, leaves out those that are to come, and starts what is down. */
  healAll(): void {
    const { devices, sites } = this.targets
    for (const entry of this.coming) cancel(entry)
    this.coming.clear()
    for (const [entry, end] of this.lasting) {
      cancel(entry)
      end()
    }
    this.lasting.clear()
    for (const [number, { heal, start, unshape }] of devices.entries()) {
      this.inTurn(number, Effect.zipRight(Effect.zipRight(heal, unshape), start))
    }
    for (const site of sites) site.start()
  }

  private atNode(fault: Fault): End | undefined {
    const { network, peers, sites } = this.targets
    const site = sites[fault.node]
    const other = sites[fault.other]
    if (site === undefined) return undefined
    const strong = slow.min + fault.strength * (slow.max - slow.min)
    switch (fault.kind) {
      case "kill":
        site.kill()
        return this.down(site)
      case "powerLoss":
        site.losePower()
        return this.down(site)
      case "stop":
        site.stop()
        return this.down(site)
      case "pause":
        return this.pause(site)
      case "isolate":
        return this.isolate(site)
      case "partition":
      case "partitionOneWay":
      case "slow": {
        if (other === undefined || other === site) return undefined
        const there: Way = [site.name, other.name]
        if (fault.kind === "partitionOneWay") return this.cut([there])
        const ways = [there, [other.name, site.name] as const]
        if (fault.kind === "partition") return this.cut(ways)
        return together(
          ways.map(([from, to]) =>
            this.holds.hold(
              `slow ${from}>${to}`,
              strong,
              (all) => network.slow(from, to, all.at(-1) ?? 0)
            )
          )
        )
      }
      case "resetConnections":
        if (site.machine !== undefined) peers.reset(site.machine)
        return nothing
      case "clockSkew":
        return this.skew(site, Math.round((fault.strength * 2 - 1) * skewMaxMillis))
      default:
        return this.atStorage(fault, { site, strong })
    }
  }

  /** A fault of the storage, or of all nodes. */
  private atStorage(
    { kind }: Fault,
    { site, strong }: { readonly site: Site; readonly strong: number }
  ): End | undefined {
    const { storage: { machine, trouble }, world } = this.targets
    const whole = (set: (lasts: boolean) => void) =>
      this.holds.hold(kind, undefined, ({ length }) => set(length > 0))
    switch (kind) {
      case "storage.cut":
        return this.cut([[site.name, machine.name], [machine.name, site.name]])
      case "storage.slow":
        return this.holds.hold(kind, strong * storageSlowness, (all) => {
          trouble.slowMillis = all.at(-1) ?? 0
        })
      case "storage.loseReply":
        return whole((lasts) => void (trouble.losesReplies = lasts))
      case "storage.full":
        return whole((lasts) => void (trouble.full = lasts))
      case "buggify":
        return whole((lasts) => void (world.rarities.active = lasts))
      default:
        return undefined
    }
  }

  private atDevice({ kind, node }: Fault): End | undefined {
    const device = this.targets.devices[node]
    if (device === undefined) return undefined
    // By what holds when it is done: no order of what comes at one time leaves anything behind.
    const hold = <A>(what: string, done: A, act: (all: ReadonlyArray<A>) => Effect.Effect<void>) =>
      this.holds.hold(
        `${what} ${node}`,
        done,
        (all) => this.inTurn(node, Effect.suspend(() => act(all)))
      )
    switch (kind) {
      case "device.disconnect":
        return hold(kind, true, ({ length }) => length > 0 ? device.cut() : device.heal)
      case "device.restart":
        return hold(kind, true, ({ length }) => length > 0 ? device.kill : device.start)
      case "device.delay":
      case "device.drop":
      case "device.duplicate":
        return hold<Shape>(
          "device.shape",
          shapes[kind],
          (all) =>
            Effect.zipRight(
              device.unshape,
              Effect.forEach([...all], device.shape, { discard: true })
            )
        )
      default:
        return undefined
    }
  }

  private inTurn(device: number, effect: Effect.Effect<void>): void {
    const turn = this.turns[device]
    if (turn !== undefined) this.targets.atPlant(turn.withPermits(1)(effect))
  }

  private down(site: Site): End {
    return this.holds.hold(`down ${site.name}`, true, ({ length }) => {
      if (length === 0) site.start()
    })
  }

  private pause({ machine }: Site): End {
    if (machine === undefined) return nothing
    return this.holds.hold(`pause ${machine.name}/${machine.run}`, true, ({ length }) => {
      if (length > 0) machine.pause()
      else machine.resume()
    })
  }

  /** Later runs of the node have the clock that the one before had. */
  private skew(site: Site, millis: number): End {
    return this.holds.hold(`clock ${site.name}`, millis, (all) => {
      if (site.machine !== undefined) site.machine.skewMillis = all.at(-1) ?? 0
    })
  }

  private isolate({ name }: Site): End {
    const { names, storage } = this.targets
    const others = [...names, storage.machine.name].filter((other) => other !== name)
    return this.cut(others.flatMap((other): ReadonlyArray<Way> => [[name, other], [other, name]]))
  }

  private cut(ways: ReadonlyArray<Way>): End {
    const { network } = this.targets
    return together(
      ways.map(([from, to]) =>
        this.holds.hold(`cut ${from}>${to}`, true, ({ length }) => {
          if (length > 0) network.cut(from, to)
          else network.heal(from, to)
        })
      )
    )
  }
}

const together = (ends: ReadonlyArray<End>): End => () => {
  for (const end of ends) end()
}
