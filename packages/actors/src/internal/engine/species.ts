/** One type of actor in one process: its actors by id, and who of them must stay stopped. */
import { Effect, Option } from "effect"
import { ActorStopped, AlreadySupervised, type StopReason } from "../../ActorError.ts"
import { Cell } from "./cell.ts"
import { type Envelope, refuse } from "./envelope.ts"
import type { Host, Species } from "./host.ts"
import type { Registration } from "./registration.ts"
import type { Child, Parent } from "./supervised.ts"
import type { Due } from "./timetable.ts"
import { Workers } from "./workers.ts"

/** How many actors that must stay stopped are remembered per type; the oldest is forgotten. */
export const failedActorsMax = 65_536

/** Why an actor stays stopped. */
interface Failure {
  readonly reason: StopReason
  readonly lastCrash: string | undefined
}

/** Into how many sweeps the time is parted after which an idle actor is passivated. */
const sweepsPerTime = 4

/** At each start beyond `residentsMax`: the most actors that are passivated, and looked at. */
const evictionsMax = 2
const looksMax = 64

/** The actors of one type. */
export class LocalSpecies implements Species, Due {
  readonly registration: Registration
  readonly workers: Workers
  readonly cells = new Map<string, Cell>()
  sweep = 0
  heapIndex = -1
  deadline: number
  private readonly failed = new Map<string, Failure>()
  private readonly habitat: Host
  closing = false

  constructor(registration: Registration, habitat: Host) {
    this.registration = registration
    this.habitat = habitat
    this.workers = new Workers(registration.runtime, habitat.dispatcher)
    this.deadline = Number.POSITIVE_INFINITY
    if (registration.passivateMillis < Number.POSITIVE_INFINITY) this.nextSweep()
  }

  /** Takes a message for the actor by this id, which is started where it is not alive. */
  deliver(id: string, envelope: Envelope): void {
    const alive = this.cells.get(id)
    if (alive !== undefined) {
      if (this.cells.size * 2 > this.registration.residentsMax) this.used(id, alive)
      alive.offer(envelope)
      return
    }
    const cell = this.activate(id)
    if (cell instanceof Cell) {
      cell.offer(envelope)
      return
    }
    this.habitat.deadLetter(cell.address, envelope.tag, "stopped")
    refuse(envelope, cell)
  }

  /** Starts an actor without a message; done when it takes messages. */
  start(id: string): Effect.Effect<void, ActorStopped> {
    return Effect.async((resume) => {
      const cell = this.cells.get(id) ?? this.activate(id)
      if (!(cell instanceof Cell)) return resume(Effect.fail(cell))
      const { address } = cell
      const ignoreEnd = cell.onEnd(({ reason }) => {
        ignoreBegin()
        const stopped = reason === "not-running" || reason === "node-lost" ? "stopped" : reason
        const lastCrash = this.failed.get(id)?.lastCrash
        resume(Effect.fail(new ActorStopped({ address, reason: stopped, lastCrash })))
      })
      const ignoreBegin = cell.onBegin(() => {
        ignoreEnd()
        resume(Effect.void)
      })
      return Effect.sync(() => {
        ignoreBegin()
        ignoreEnd()
      })
    })
  }

  /** Why the actor by this id stays stopped, if it does. */
  failure(id: string): StopReason | undefined {
    return this.failed.get(id)?.reason
  }

  /** Lets an actor that must stay stopped start again. */
  revive(id: string): void {
    this.failed.delete(id)
  }

  /** Puts an actor under a supervisor; one that is not alive waits for `start`. */
  adopt(id: string, parent: Parent): Child | AlreadySupervised {
    const supervisor = this.cells.get(id)?.parent
    const address = { type: this.registration.type, id }
    if (supervisor !== undefined) {
      return new AlreadySupervised({ address, supervisor: supervisor.address })
    }
    const cell = (): Cell => {
      const alive = this.cells.get(id)
      if (alive !== undefined) return alive
      this.failed.delete(id)
      return this.spawn(id, parent)
    }
    const alive = this.cells.get(id)
    if (alive === undefined) cell()
    else alive.supervise(parent, true)
    return {
      address,
      supervision: this.registration.supervision,
      start: () => cell().proceed(),
      announce: (delayMillis) => cell().announce(delayMillis),
      hold: () => cell().hold(),
      stop: (reason) => cell().stop(reason),
      force: () => this.cells.get(id)?.force(),
      disown: () => this.cells.get(id)?.disown()
    }
  }

  onEnded(cell: Cell, reason: StopReason, lastCrash: string | undefined): void {
    this.cells.delete(cell.address.id)
    const stays = reason === "crashed" || reason === "restart-limit" || cell.parent !== undefined
    if (!stays) return
    this.failed.set(cell.address.id, { reason, lastCrash })
    for (const oldest of this.failed.keys()) {
      if (this.failed.size <= failedActorsMax) return
      this.failed.delete(oldest)
    }
  }

  /** From now on no actor of this type is started. */
  close(): void {
    this.closing = true
    this.habitat.timetable.remove(this)
  }

  /**
   * Waits for the messages at hand until the shutdown deadline, then interrupts them; also where
   * whoever stops it cannot be interrupted, as the end of a scope.
   */
  stopCell(cell: Cell, reason: StopReason): Effect.Effect<void> {
    const stopped = Effect.async<void>((resume) => {
      cell.stop(reason, () => resume(Effect.void))
    })
    return Effect.flatMap(
      Effect.timeoutOption(Effect.interruptible(stopped), this.registration.shutdownMillis),
      Option.match({
        onSome: () => Effect.void,
        onNone: () => Effect.zipRight(Effect.sync(() => cell.force()), stopped)
      })
    )
  }

  /** Takes no more messages, interrupts those at hand, runs the finalizers and waits for them. */
  readonly shutdown: Effect.Effect<void> = Effect.async((resume) => {
    const cells = [...this.cells.values()].sort((a, b) => b.serial - a.serial)
    let left = cells.length + 1
    const done = () => {
      if (--left > 0) return
      this.workers.close()
      resume(Effect.void)
    }
    this.close()
    for (const cell of cells) {
      cell.stop("shutdown", done)
      cell.force()
    }
    done()
  })

  /** Time to look for idle actors. */
  onDue(): void {
    this.sweep++
    for (const cell of this.cells.values()) cell.passivate(sweepsPerTime + 1)
    this.nextSweep()
  }

  private nextSweep(): void {
    const { timetable } = this.habitat
    this.deadline = timetable.now() + this.registration.passivateMillis / sweepsPerTime
    timetable.add(this)
  }

  private activate(id: string): Cell | ActorStopped {
    const failure = this.failed.get(id)
      ?? (this.closing ? { reason: "shutdown" as const, lastCrash: undefined } : undefined)
    if (failure === undefined) return this.spawn(id, undefined)
    return new ActorStopped({ address: { type: this.registration.type, id }, ...failure })
  }

  /** The map keeps its cells in this order: the least recently used is the first. */
  private used(id: string, cell: Cell): void {
    this.cells.delete(id)
    this.cells.set(id, cell)
  }

  /** Passivates the actors that were used least recently. Those with something to do stay. */
  private evict(count: number): void {
    let evicted = 0
    let looked = 0
    for (const [id, cell] of this.cells) {
      if (evicted >= count || ++looked > looksMax) return
      if (cell.passivate(0)) evicted++
      else this.used(id, cell)
    }
  }

  private spawn(id: string, parent: Parent | undefined): Cell {
    const address = { type: this.registration.type, id }
    const cell = new Cell(this.habitat, this, address)
    if (parent !== undefined) cell.supervise(parent, false)
    this.cells.set(id, cell)
    const excess = this.cells.size - this.registration.residentsMax
    if (excess > 0) this.evict(Math.min(excess, evictionsMax))
    else if (this.habitat.fires("an idle actor is passivated early")) this.evict(1)
    return cell
  }
}
