/** Does what a plan of faults says. */
import type { Effect } from "effect"
import type { Fault, Plan } from "../Faults.ts"
import { textOf } from "../Faults.ts"
import type { Network } from "./network.ts"
import type { Peers } from "./peers.ts"
import type { Site } from "./site.ts"
import type { Storage } from "./storage.ts"
import type { World } from "./world.ts"

/** A device that faults can be done to: one of `Link.simulated` is. */
export interface FaultyDevice {
  readonly cut: () => Effect.Effect<void>
  readonly heal: Effect.Effect<void>
  readonly shape: (settings: {
    readonly latencyMillis?: { readonly min: number; readonly max: number }
    readonly loss?: number
    readonly duplicate?: number
  }) => Effect.Effect<void>
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

/** Schedules the faults of a plan, from now on. */
export const schedule = (targets: Targets, plan: Plan): void => {
  for (const fault of plan) {
    targets.world.after(fault.atMillis, undefined, () => {
      targets.world.note("world", "fault", textOf(fault))
      const end = begin(targets, fault)
      targets.world.after(fault.forMillis, undefined, end)
    })
  }
}

/** How messages of a device travel while a fault lasts, and when it is over. */
const shapes = {
  "device.delay": [{ latencyMillis: { min: 50, max: 500 } }, {
    latencyMillis: { min: 1, max: 20 }
  }],
  "device.drop": [{ loss: 0.3 }, { loss: 0 }],
  "device.duplicate": [{ duplicate: 0.5 }, { duplicate: 0 }]
} as const

/** Does a fault to a device; gives what ends it. */
const beginAtDevice = ({ atPlant, devices }: Targets, { kind, node }: Fault): () => void => {
  const device = devices[node % Math.max(1, devices.length)]
  if (device === undefined) return () => undefined
  switch (kind) {
    case "device.disconnect":
      atPlant(device.cut())
      return () => atPlant(device.heal)
    case "device.restart":
      atPlant(device.kill)
      return () => atPlant(device.start)
    case "device.delay":
    case "device.drop":
    case "device.duplicate": {
      const [during, after] = shapes[kind]
      atPlant(device.shape(during))
      return () => atPlant(device.shape(after))
    }
    default:
      return () => undefined
  }
}

/** Does a fault; gives what ends it. */
const begin = (targets: Targets, fault: Fault): () => void => {
  const { network, peers, sites, storage, world } = targets
  const site = sites[fault.node % sites.length]
  const other = sites[fault.other % sites.length]
  if (site === undefined || other === undefined) return () => undefined
  const strong = slow.min + fault.strength * (slow.max - slow.min)
  switch (fault.kind) {
    case "kill":
      site.kill()
      return () => site.start()
    case "powerLoss":
      site.losePower()
      return () => site.start()
    case "stop":
      site.stop()
      return () => site.start()
    case "pause": {
      const { machine } = site
      machine?.pause()
      return () => machine?.resume()
    }
    case "isolate":
      site.isolate(targets.names, "cut")
      return () => site.isolate(targets.names, "heal")
    case "partition":
    case "partitionOneWay":
      return cutBetween(network, [site.name, other.name], fault.kind === "partition")
    case "slow":
      network.slow(site.name, other.name, strong)
      network.slow(other.name, site.name, strong)
      return () => {
        network.slow(site.name, other.name, 0)
        network.slow(other.name, site.name, 0)
      }
    case "resetConnections":
      if (site.machine !== undefined) peers.reset(site.machine)
      return () => undefined
    case "clockSkew":
      if (site.machine !== undefined) {
        site.machine.skewMillis = Math.round((fault.strength * 2 - 1) * skewMaxMillis)
      }
      return () => undefined
    case "storage.cut":
      return cutBetween(network, [site.name, storage.machine.name], true)
    case "storage.slow":
      storage.trouble.slowMillis = strong * storageSlowness
      return () => void (storage.trouble.slowMillis = 0)
    case "storage.loseReply":
      storage.trouble.losesReplies = true
      return () => void (storage.trouble.losesReplies = false)
    case "storage.full":
      storage.trouble.full = true
      return () => void (storage.trouble.full = false)
    case "buggify":
      world.rarities.active = true
      return () => void (world.rarities.active = false)
    default:
      return beginAtDevice(targets, fault)
  }
}

const cutBetween = (
  network: Network,
  [one, two]: readonly [string, string],
  bothWays: boolean
): () => void => {
  if (one === two) return () => undefined
  network.cut(one, two)
  if (bothWays) network.cut(two, one)
  return () => {
    network.heal(one, two)
    if (bothWays) network.heal(two, one)
  }
}

/** Ends every fault, and starts what is down. */
export const healAll = ({ atPlant, devices, network, sites, storage, world }: Targets): void => {
  for (const { heal, shape, start } of devices) {
    atPlant(heal)
    atPlant(shape({ latencyMillis: { min: 1, max: 20 }, loss: 0, duplicate: 0 }))
    atPlant(start)
  }
  network.healAll()
  storage.heal()
  world.rarities.active = false
  for (const site of sites) {
    site.machine?.resume()
    site.start()
  }
}
