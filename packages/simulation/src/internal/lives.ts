/** Which actors have lived where, and when they were started, as their nodes told of it. */
import type { ActorAddress, ActorError, LifecycleEvent } from "@plantd/actors"
import type { Machine } from "./machine.ts"

/** When an incarnation of an actor was built, and where. */
export interface Start {
  /** In virtual milliseconds. */
  readonly at: number
  /** The name of the node. */
  readonly node: string
  /**
   * Which life it belongs to. A life goes on through restarts, and through a stop by its
   * supervision, after which the actor is to stay down; it ends with any other stop, and with its
   * node.
   */
  readonly life: number
}

/** What is told of the life of an actor. */
export type LifeEvent = Extract<
  LifecycleEvent.LifecycleEvent,
  { readonly _tag: "Started" | "Stopped" }
>

/** The life of an actor on one run of a node. */
interface Life {
  readonly address: ActorAddress.ActorAddress
  readonly number: number
  isAlive: boolean
}

interface Known {
  readonly starts: Array<Start>
  moves: number
}

/** The lives of all actors of a run. */
export class Lives {
  private count = 0
  private readonly actors = new Map<string, Known>()
  private readonly onMachines = new Map<Machine, Map<string, Life>>()

  hear(machine: Machine, event: LifeEvent, at: number): void {
    const { address } = event
    const name = nameOf(address)
    const lives = this.onMachines.get(machine) ?? new Map<string, Life>()
    this.onMachines.set(machine, lives)
    const life = lives.get(name) ?? { address, number: ++this.count, isAlive: true }
    if (event._tag === "Started") {
      lives.set(name, life)
      life.isAlive = true
      this.started(name, { at, node: machine.name, life: life.number })
    } else if (staysDown.has(event.reason)) life.isAlive = false
    else lives.delete(name)
  }

  /** The starts of an actor, in order. */
  starts(address: ActorAddress.ActorAddress): ReadonlyArray<Start> {
    return this.actors.get(nameOf(address))?.starts ?? []
  }

  /** How often an actor has started on another node than before. */
  moves(address: ActorAddress.ActorAddress): number {
    return this.actors.get(nameOf(address))?.moves ?? 0
  }

  /** Which actors are alive in one run of a node. */
  residents(machine: Machine): ReadonlyArray<ActorAddress.ActorAddress> {
    const found: Array<ActorAddress.ActorAddress> = []
    for (const { address, isAlive } of this.onMachines.get(machine)?.values() ?? []) {
      if (isAlive) found.push(address)
    }
    return found
  }

  private started(name: string, start: Start): void {
    const known = this.actors.get(name) ?? { starts: [], moves: 0 }
    this.actors.set(name, known)
    const before = known.starts.at(-1)
    if (before !== undefined && before.node !== start.node) known.moves++
    known.starts.push(start)
  }
}

/** The stops by supervision. */
const staysDown: ReadonlySet<ActorError.StopReason> = new Set(["crashed", "restart-limit"])

const nameOf = ({ id, type }: ActorAddress.ActorAddress): string => `${type}/${id}`
