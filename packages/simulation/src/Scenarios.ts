/** The scenarios that plantd itself is tried by, in each of its checks over many seeds. */
import { Layer } from "effect"
import * as Faults from "./Faults.ts"
import { doserActors, dosers } from "./internal/scenarios/doser.ts"
import { fuses, tripping } from "./internal/scenarios/fuse.ts"
import { ledgers } from "./internal/scenarios/ledger.ts"
import { noNotes, notebooks } from "./internal/scenarios/notebook.ts"
import { registers, sharing } from "./internal/scenarios/register.ts"
import { noPages, passing, typists } from "./internal/scenarios/typist.ts"
import { noWatches, watchers, watching, workers } from "./internal/scenarios/watcher.ts"
import { dosing, noting, posting } from "./internal/scenarios/workloads.ts"
import type { Bug } from "./Planted.ts"
import * as Scenario from "./Scenario.ts"

/** What is wrong on purpose, to show that it is found. */
export interface Wrong {
  readonly planted?: Bug
  /** Ledgers do not look at the ids of messages. */
  readonly looksAtNoIds?: boolean
  /** Whoever doses does it again where the outcome is unknown. */
  readonly resendsPulses?: boolean
  /** Pumps queue their doses, and do not look at fences once more before they dose. */
  readonly queuesPulses?: boolean
  /** Notebooks hang in some notes, and cannot be interrupted. */
  readonly hangs?: boolean
  /** Notebooks answer before they have noted. */
  readonly answersEarly?: boolean
  /** Registers are read from the copy that their node kept. */
  readonly keepsCopies?: boolean
  /** Watchers take two watches for one. */
  readonly watchesTwice?: boolean
  /** Fuses come back however often they have crashed. */
  readonly restartsWithoutLimit?: boolean
}

const short = { withinMillis: 8_000, lastsMillis: 5_000 }

const planted = ({ planted }: Wrong) => planted === undefined ? {} : { planted }

/** Durable commands with a ledger: what was acknowledged is applied once, whatever is lost. */
export const durableLedger = (wrong: Wrong = {}): Scenario.Scenario =>
  Scenario.make("durable-ledger", {
    about: "each durable command that was acknowledged is applied once, under any faults",
    actors: ledgers({ looksAtIds: wrong.looksAtNoIds !== true }),
    faults: Faults.swarm(short),
    ...planted(wrong)
  }, posting(50, 200))

/** Volatile asks: at most once, in order, and what is told of them is true. */
export const volatileNotes = (wrong: Wrong = {}): Scenario.Scenario =>
  Scenario.make("volatile-notes", {
    about: "a volatile message is handled at most once, and what its sender is told is true",
    plant: noNotes,
    actors: notebooks({
      hangs: wrong.hangs === true,
      answersEarly: wrong.answersEarly === true
    }),
    faults: Faults.swarm(short),
    ...planted(wrong)
  }, noting(12, 700))

/** Commands of devices through a lossy link. */
export const lossyDosing = (wrong: Wrong = {}): Scenario.Scenario =>
  Scenario.make("lossy-dosing", {
    about: "a pulse reaches its device at most once, and its outcome is true at the device",
    plant: dosers({ queues: wrong.queuesPulses === true }),
    devices: ({ device }) => [device("d-0"), device("d-1")],
    actors: doserActors,
    faults: Faults.swarm({
      ...short,
      kinds: ["kill", "powerLoss", "pause", "isolate", "stop", ...Faults.deviceKinds]
    }),
    ...planted(wrong)
  }, dosing(15, { resends: wrong.resendsPulses === true }))

const each = (kind: Faults.Kind, times: ReadonlyArray<number>, forMillis: number): Faults.Plan =>
  times.map((atMillis, node) => ({
    kind,
    atMillis,
    forMillis,
    node,
    other: (node + 1) % times.length,
    strength: 0.5
  }))

/** Each node is stopped and started in turn. */
export const rollingRestart: Scenario.Scenario = Scenario.make("rolling-restart", {
  about: "nodes that are restarted one after the other lose and repeat nothing",
  actors: ledgers({ looksAtIds: true }),
  faults: each("stop", [1_000, 5_000, 9_000], 2_000)
}, posting(70, 200))

/** The network falls apart, in both directions and in one. */
export const splitNetwork: Scenario.Scenario = Scenario.make("split-network", {
  about: "nodes that do not reach each other lose and repeat nothing",
  plant: noNotes,
  actors: notebooks(),
  faults: Faults.swarm({ ...short, kinds: ["partition", "partitionOneWay", "isolate"] })
}, noting(12, 700))

/** The storage is away, slow, full, or its answers are lost. */
export const storageOutage: Scenario.Scenario = Scenario.make("storage-outage", {
  about: "nodes whose storage fails stop in time, come back, and lose nothing acknowledged",
  actors: ledgers({ looksAtIds: true }),
  faults: Faults.swarm({
    ...short,
    kinds: ["storage.cut", "storage.slow", "storage.loseReply", "storage.full"]
  })
}, posting(50, 200))

const lateWritesPlan: Faults.Plan = [0, 1, 2].flatMap((node) => {
  const fault = { node, other: node, strength: 1, atMillis: 1_000 + node * 5_000 }
  return [
    { ...fault, kind: "storage.slow", forMillis: 2_000 },
    { ...fault, kind: "powerLoss", atMillis: fault.atMillis + 1_900, forMillis: 2_500 }
  ] as const
})

/** Writes are on their way for seconds when their node is lost. */
export const lateWrites = (wrong: Wrong = {}): Scenario.Scenario =>
  Scenario.make("late-writes", {
    about: "a write that comes after its node was replaced is refused",
    actors: ledgers({ looksAtIds: true }),
    faults: lateWritesPlan,
    ...planted(wrong)
  }, posting(160, 100))

/** A node stands still for longer than its lease, and goes on. */
export const frozenNode: Scenario.Scenario = Scenario.make("frozen-node", {
  about: "a node that stood still for longer than its lease does nothing that is not its own",
  plant: noNotes,
  actors: notebooks(),
  faults: Faults.swarm({ ...short, kinds: ["pause"] })
}, noting(12, 700))

/** Several clients read and write the same registers at a time. */
export const sharedRegisters = (wrong: Wrong = {}): Scenario.Scenario =>
  Scenario.make("shared-registers", {
    about: "what clients read and write of a durable register has one order that explains it all",
    actors: registers({ keepsCopies: wrong.keepsCopies === true }),
    faults: Faults.swarm(short),
    ...planted(wrong)
  }, sharing(15, 500))

/** Actors watch others, and either side is moved, stopped or lost. */
export const watchedWorkers = (wrong: Wrong = {}): Scenario.Scenario =>
  Scenario.make("watched-workers", {
    about: "each watch of an actor on another node gives exactly one Terminated",
    plant: noWatches,
    actors: (watches) =>
      Layer.merge(workers, watchers(watches, { twice: wrong.watchesTwice === true })),
    faults: Faults.swarm(short),
    ...planted(wrong)
  }, watching(10, 800))

/** Actors crash again and again. */
export const trippedFuses = (wrong: Wrong = {}): Scenario.Scenario =>
  Scenario.make("tripped-fuses", {
    about: "an actor that crashes too often stays down, on each node that it lives on",
    actors: fuses({ limited: wrong.restartsWithoutLimit !== true }),
    faults: Faults.swarm(short),
    ...planted(wrong)
  }, tripping(20, 500))

/** Whoever sends lives on the nodes himself. */
export const passedPages = (wrong: Wrong = {}): Scenario.Scenario =>
  Scenario.make("passed-pages", {
    about: "messages from nodes keep their order, also where the actor moves to their sender",
    plant: noPages,
    actors: typists,
    faults: Faults.swarm(short),
    ...planted(wrong)
  }, passing("12 seconds"))

/** All of them, with nothing wrong. */
export const all: ReadonlyArray<Scenario.Scenario> = [
  durableLedger(),
  volatileNotes(),
  lossyDosing(),
  rollingRestart,
  splitNetwork,
  storageOutage,
  lateWrites(),
  frozenNode,
  sharedRegisters(),
  watchedWorkers(),
  trippedFuses(),
  passedPages()
]
