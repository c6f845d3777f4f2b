/**
 * Faults by their names, and plans of them. A plan is data: drawn from a seed, printed, made
 * smaller and replayed.
 */
import { NearestName } from "@plantd/core"
import { Schema } from "effect"
import { chanceOf, oneOf, wholeOf } from "./internal/chance.ts"

/** The kinds of faults. */
export const Kind = Schema.Literal(
  "kill",
  "powerLoss",
  "stop",
  "pause",
  "isolate",
  "partition",
  "partitionOneWay",
  "slow",
  "resetConnections",
  "clockSkew",
  "storage.cut",
  "storage.slow",
  "storage.loseReply",
  "storage.full",
  "buggify",
  "device.disconnect",
  "device.delay",
  "device.drop",
  "device.duplicate",
  "device.restart"
).annotations({
  message: ({ actual }) => ({ message: strangeKind(actual), override: true })
})
/**
 * The kinds of faults.
 * - `kill`: the process of a node ends as by kill -9; its peers are told by their connections.
 * - `powerLoss`: it ends, and nobody is told.
 * - `stop`: it is told to stop, and does so in good order.
 * - `pause`: it stands still, as after SIGSTOP, and then goes on.
 * - `isolate`: it reaches no node and no storage, and is reached by none; it does reach devices.
 * - `partition`, `partitionOneWay`: two nodes do not reach each other, or one not the other.
 * - `slow`: messages between two nodes take 200 to 800 ms longer.
 * - `resetConnections`: all connections of a node break, and it goes on.
 * - `clockSkew`: its wall clock is up to an hour off.
 * - `storage.cut`: a node does not reach the storage.
 * - `storage.slow`, `storage.loseReply`, `storage.full`: for all nodes the storage takes up to
 *   4 s longer each way, does half of its writes without an answer, or refuses them.
 * - `buggify`: about half of the places in code that ask `Buggify` do what is rare there, one time
 *   in four.
 *
 * - `device.disconnect`: a device is not reached, and reaches nobody.
 * - `device.delay`, `device.drop`, `device.duplicate`: its messages take 50 to 500 ms, three in ten
 *   are lost, or half of them come twice.
 * - `device.restart`: its device process ends as by kill -9, and is started anew at the end.
 *
 * A node that was killed, has lost its power, or was stopped is started anew after the time of its
 * fault, or once it has stopped; the others end then, but for `resetConnections`, which is over at
 * once. What several faults do to one thing lasts until the last of them ends, and is as strong as
 * the one of them that began last.
 */
export type Kind = typeof Kind.Type

const strangeKind = (given: unknown): string => {
  const near = typeof given === "string" ? NearestName.of(given, Kind.literals) : undefined
  const way = near === undefined
    ? `; there are ${Kind.literals.join(", ")}`
    : `; did you mean ${near}?`
  return `there is no kind of fault ${JSON.stringify(given)}${way}`
}

/** The kinds that are done to devices, where a simulation names its devices. */
export const deviceKinds: ReadonlyArray<Kind> = Kind.literals.filter((kind) =>
  kind.startsWith("device.")
)

/** The kinds that are done to nodes and their storage. */
export const kinds: ReadonlyArray<Kind> = Kind.literals.filter((kind) =>
  !deviceKinds.includes(kind)
)

/** One fault. */
export const Fault = Schema.Struct({
  kind: Kind,
  /** When it begins, in virtual milliseconds after the workload. */
  atMillis: Schema.NonNegativeInt,
  /** How long it lasts. */
  forMillis: Schema.NonNegativeInt,
  /** The number of the node, or of the device, from 0. */
  node: Schema.NonNegativeInt,
  /** The other node, where there are two. */
  other: Schema.NonNegativeInt,
  /** How strong it is, from 0 to 1, where that can differ. */
  strength: Schema.Number.pipe(Schema.between(0, 1))
}).annotations({ identifier: "Fault" })
/** One fault. */
export interface Fault extends Schema.Schema.Type<typeof Fault> {}

/** Faults in the order in which they begin. */
export type Plan = ReadonlyArray<Fault>

/** What is drawn from a seed. */
export interface Swarm {
  readonly _tag: "Swarm"
  /** The most faults of a plan. */
  readonly max: number
  readonly kinds: ReadonlyArray<Kind>
  /** The time in which faults begin. */
  readonly withinMillis: number
  /** The longest time that one lasts. */
  readonly lastsMillis: number
}

/** A plan of one to `max` faults for each seed; each run has but some of the kinds. */
export const swarm = (given: Partial<Omit<Swarm, "_tag">> = {}): Swarm => ({
  _tag: "Swarm",
  max: 4,
  kinds,
  withinMillis: 20_000,
  lastsMillis: 8_000,
  ...given
})

/** How many there are that faults can be done to. */
export interface Counts {
  readonly nodes: number
  readonly devices: number
}

/** The kinds that take two nodes. */
const betweenNodes: ReadonlyArray<Kind> = ["partition", "partitionOneWay", "slow"]

/** How many targets a kind has; none where it takes two nodes, and there is one. */
const targetsOf = (kind: Kind, { devices, nodes }: Counts): number => {
  if (deviceKinds.includes(kind)) return devices
  return betweenNodes.includes(kind) && nodes < 2 ? 0 : nodes
}

/**
 * The plan of a seed, without faults where there is nothing that its kinds can be done to. As in
 * swarm testing (Groce and others, ISSTA 2012), each run uses a part of the kinds, so that no kind
 * hides another in all runs.
 */
export const planOf = (swarm: Swarm, seed: number, counts: Counts): Plan => {
  const choice = chanceOf(seed, "swarm")
  const possible = swarm.kinds.filter((kind) => targetsOf(kind, counts) > 0)
  const some = possible.filter(() => choice() < 0.5)
  const [first, ...others] = some.length > 0 ? some : possible
  if (first === undefined || swarm.max < 1) return []
  const count = wholeOf(choice, 1, swarm.max + 1)
  return Array.from({ length: count }, (_, index): Fault => {
    // A stream each: one fault less changes nothing about the others.
    const chance = chanceOf(seed, `fault ${index}`)
    const where = chance()
    const kind = oneOf(chance, [first, ...others])
    const targets = targetsOf(kind, counts)
    const node = Math.floor(where * targets)
    return {
      kind,
      atMillis: wholeOf(chance, 0, swarm.withinMillis),
      forMillis: wholeOf(chance, 200, Math.max(201, swarm.lastsMillis)),
      node,
      other: targets < 2 ? node : (node + wholeOf(chance, 1, targets)) % targets,
      strength: chance()
    }
  }).sort((a, b) => a.atMillis - b.atMillis)
}

/** A fault as people read it. */
export const textOf = (fault: Fault): string => {
  const { atMillis, forMillis, kind, node, other } = fault
  const target = kind === "partition" || kind === "slow"
    ? `node ${node} and node ${other}`
    : kind === "partitionOneWay"
    ? `node ${node} to node ${other}`
    : kind.startsWith("device.")
    ? `device ${node}`
    : kind === "storage.slow" || kind === "storage.loseReply" || kind === "storage.full"
        || kind === "buggify"
    ? "all"
    : `node ${node}`
  return `at ${atMillis} ms: ${kind} of ${target} for ${forMillis} ms`
}
