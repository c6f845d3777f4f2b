/**
 * A world of virtual machines: one loop runs whatever is ready on any of them, in an order that
 * follows from the seed, and goes to the next virtual time when nothing is. The same seed gives the
 * same run, step by step.
 */
import { Agenda, type Entry } from "./agenda.ts"
import { type Chance, chanceOf, hashOf, wholeOf } from "./chance.ts"
import { Machine } from "./machine.ts"
import { Rarities } from "./rarities.ts"

/** Something that happened. */
export interface Event {
  /** In virtual milliseconds. */
  readonly at: number
  /** The machine, the device as `Pump/p-1`, or `world`. */
  readonly node: string
  /** What kind of thing it was: `fault`, `message`, `actor`, `device`, `note`. */
  readonly kind: string
  readonly detail: string
}

/**
 * So many events are kept at least, of messages, of devices, and of all else; older ones are
 * forgotten, and still count in the hash.
 */
const eventsKept = 2_000

/** Of these there are many more: they push out no other events. */
const frequent = ["message", "device"]

/** An event, and how many there were before. */
interface Kept {
  readonly event: Event
  readonly number: number
}

/** More steps than this without virtual time going on: something runs in circles. */
const stepsAtOnceMax = 2_000_000

/** A fiber gives way after so many operations; before that now and then, by chance. */
const operationsMax = 2_048
const looksEvery = 32
const preempted = 0.1

/** What is ready to run. */
interface Task {
  readonly machine: Machine
  readonly run: () => void
}

/** Virtual machines, their time and their order. */
export class World {
  readonly seed: number
  /** In virtual milliseconds since the beginning. */
  now = 0
  steps = 0
  readonly machines = new Map<string, Machine>()
  eventCount = 0
  /** The machine whose task runs. */
  current: Machine | undefined = undefined
  /** Called after each step with the machine that took it. */
  onStep: ((machine: Machine) => void) | undefined = undefined
  readonly rarities: Rarities
  private readonly kept = new Map<string, Array<Kept>>()
  private readonly agenda = new Agenda()
  private ready: Array<Task> = []
  private readonly order: Chance
  private readonly preemption: Chance
  private hashLow = 0x811c9dc5
  private hashHigh = 0x01234567

  constructor(seed: number) {
    this.seed = seed
    this.rarities = new Rarities(seed)
    this.order = chanceOf(seed, "order")
    this.preemption = chanceOf(seed, "preemption")
  }

  /** A machine that is up; one of the same name must be dead. */
  machine(name: string): Machine {
    const before = this.machines.get(name)
    if (before !== undefined && before.state !== "dead") throw new Error(`${name} is there already`)
    const run = (before?.run ?? 0) + 1
    const machine = new Machine(this, { name, run, index: before?.index ?? this.machines.size })
    if (before !== undefined) machine.skewMillis = before.skewMillis
    this.machines.set(name, machine)
    return machine
  }

  /** Puts a task down that is ready. */
  schedule(machine: Machine, run: () => void): void {
    if (machine.state === "dead") return
    if (machine.state === "paused") machine.held.push(run)
    else this.ready.push({ machine, run })
  }

  /** Runs something after some virtual milliseconds: on a machine, or whatever becomes of any. */
  after(millis: number, machine: Machine | undefined, run: () => void): Entry {
    const entry: Entry = {
      at: this.now + Math.max(0, millis),
      rank: this.order(),
      run: machine === undefined ? run : () => this.on(machine, run)
    }
    this.agenda.add(entry)
    return entry
  }

  /**
   * Brings something to a machine, such as the end of a wait or an answer, which does no more than
   * put down what goes on by it. Where the machine stands still, it finds that later, in any order.
   */
  on(machine: Machine, run: () => void): void {
    if (machine.state === "up") run()
    else this.schedule(machine, run)
  }

  /** Whether a fiber that has done so many operations gives way to others. */
  preempts(operations: number): boolean {
    if (operations >= operationsMax) return true
    return operations % looksEvery === 0 && operations > 0 && this.preemption() < preempted
  }

  /** Writes down what happened. */
  note(node: string, kind: string, detail: string): void {
    this.mix(hashOf(`${this.now} ${node} ${kind} ${detail}`))
    const shelf = frequent.includes(kind) ? kind : ""
    let kept = this.kept.get(shelf)
    if (kept === undefined) this.kept.set(shelf, kept = [])
    kept.push({ event: { at: this.now, node, kind, detail }, number: this.eventCount++ })
    if (kept.length > eventsKept * 2) kept.splice(0, eventsKept)
  }

  /** The events that are kept, in the order in which they happened. */
  get events(): ReadonlyArray<Event> {
    return [...this.kept.values()].flat().sort((a, b) => a.number - b.number)
      .map(({ event }) => event)
  }

  /** The hash of everything that happened: the same for two runs that are the same. */
  get hash(): string {
    const text = (part: number) => (part >>> 0).toString(16).padStart(8, "0")
    return text(this.hashHigh) + text(this.hashLow)
  }

  /** Runs until `done`, or until a virtual time; says whether it is done. */
  runUntil(done: () => boolean, untilMillis: number): boolean {
    let atOnce = 0
    for (;;) {
      if (done()) return true
      if (this.step()) {
        if (++atOnce > stepsAtOnceMax) throw new Error(`nothing ends at ${this.now} ms`)
        continue
      }
      const { first } = this.agenda
      if (first === undefined || first.at > untilMillis) {
        this.now = Math.max(this.now, untilMillis)
        return done()
      }
      this.agenda.take()
      if (first.at > this.now) {
        this.now = first.at
        atOnce = 0
      }
      first.run?.()
    }
  }

  /** What a machine was about to do is left out for ever, or for as long as it is paused. */
  withhold(machine: Machine): void {
    const { held } = machine
    this.ready = this.ready.filter((task) => {
      if (task.machine !== machine) return true
      if (machine.state === "paused") held.push(task.run)
      return false
    })
  }

  private step(): boolean {
    const { ready } = this
    const { length } = ready
    if (length === 0) return false
    const chosen = length === 1 ? 0 : wholeOf(this.order, 0, length)
    const task = ready[chosen]
    const last = ready.pop()
    if (task === undefined || last === undefined) return false
    if (last !== task) ready[chosen] = last
    this.steps++
    this.mix(task.machine.index * 65_537 + length)
    this.current = task.machine
    task.run()
    this.current = undefined
    this.onStep?.(task.machine)
    return true
  }

  private mix(value: number): void {
    this.hashLow = Math.imul(this.hashLow ^ value, 0x01000193)
    this.hashHigh = Math.imul(this.hashHigh ^ (value + this.hashLow), 0x85ebca6b)
    this.hashHigh ^= this.hashHigh >>> 13
  }
}
