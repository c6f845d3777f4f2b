/**
 * Storage as a machine of its own: what is asked of it takes time there and back, and either way
 * may be lost, so that something is written and its answer is not heard.
 */
import { DurableError } from "@plantd/actors"
import { Context, Effect } from "effect"
import { cancel } from "./agenda.ts"
import { type Chance, chanceOf } from "./chance.ts"
import type { Machine } from "./machine.ts"
import type { Network } from "./network.ts"
import type { World } from "./world.ts"

/** What is wrong with storage, for all or for one machine. */
export interface StorageTrouble {
  /** The most that is added to the time of each way, in milliseconds. */
  slowMillis: number
  /** Writes are done, and their answers are lost. */
  losesReplies: boolean
  /** Writes are refused. */
  full: boolean
}

/** How long a node waits for its storage, in milliseconds. */
const answerWithin = 1_000

/** Methods that change nothing, by name: the others are writes. */
const reads = new Set([
  "view",
  "read",
  "events",
  "snapshot",
  "list",
  "earliest",
  "pending",
  "answer",
  "waiting",
  "find",
  "history"
])

const unavailable = (
  reason: "connection" | "full",
  outcome: "unknown" | "not-written",
  detail: string
) => new DurableError.StoreUnavailable({ reason, outcome, detail })

/** One storage for all nodes. */
export class Storage {
  readonly machine: Machine
  readonly trouble: StorageTrouble = { slowMillis: 0, losesReplies: false, full: false }
  private readonly world: World
  private readonly network: Network
  private readonly chance: Chance

  constructor(world: World, network: Network) {
    this.world = world
    this.network = network
    this.machine = world.machine("storage")
    this.chance = chanceOf(world.seed, "storage")
  }

  /** The services of a context, as a machine reaches them. */
  remote<R>(from: Machine, stores: Context.Context<R>): Context.Context<R> {
    const remote = new Map<string, unknown>()
    for (const [key, service] of stores.unsafeMap) {
      remote.set(key, this.proxy(from, service as object))
    }
    return Context.unsafeMake<R>(remote)
  }

  private proxy(from: Machine, service: object): object {
    return Object.fromEntries(
      Object.entries(service).map(([name, value]: readonly [string, unknown]) => {
        const write = !reads.has(name)
        if (Effect.isEffect(value)) {
          return [name, this.ask(from, write, value as Effect.Effect<unknown, unknown>)]
        }
        if (typeof value !== "function") return [name, value]
        const method = value as (...args: ReadonlyArray<unknown>) => unknown
        return [
          name,
          (...args: ReadonlyArray<unknown>) =>
            this.ask(
              from,
              write,
              Effect.suspend(() => method(...args) as Effect.Effect<unknown, unknown>)
            )
        ]
      })
    )
  }

  /** Most are late by little, and some by much: as of a database that is too busy. */
  private late(): number {
    const chance = this.chance()
    // To the power of 6. By multiplication, which is the same wherever it is done.
    const cube = chance * chance * chance
    return this.trouble.slowMillis * cube * cube
  }

  private ask(
    from: Machine,
    write: boolean,
    effect: Effect.Effect<unknown, unknown>
  ): Effect.Effect<unknown, unknown> {
    const { machine, network, trouble, world } = this
    return Effect.async<unknown, unknown>((resume) => {
      if (write && trouble.full) {
        const error = unavailable("full", "not-written", "the disk is full")
        world.after(1, from, () => resume(Effect.fail(error)))
        return
      }
      const lost = world.after(answerWithin, from, () => {
        const outcome = write ? "unknown" : "not-written"
        resume(Effect.fail(unavailable("connection", outcome, "the storage does not answer")))
      })
      network.send(from, machine, this.late(), () => {
        // Stores in memory wait for nothing.
        const done = machine.now(effect)
        if (write && trouble.losesReplies && this.chance() < 0.5) return
        network.send(machine, from, this.late(), () => {
          if (lost.run === undefined) return
          cancel(lost)
          resume(done)
        })
      })
      return Effect.sync(() => cancel(lost))
    })
  }
}
