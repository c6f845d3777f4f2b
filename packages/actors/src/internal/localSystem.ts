/** The actor system of one process: actors by type and id, in memory. */
import {
  type Clock,
  Duration,
  Effect,
  Metric,
  Option,
  Random,
  Runtime,
  type Scope,
  Utils
} from "effect"
import { type ActorAddress, format } from "../ActorAddress.ts"
import { ActorNotRegistered, ActorStopped, type StopReason } from "../ActorError.ts"
import type { ActorSystemService, Engine, Settings, Stats } from "../ActorSystem.ts"
import type { Reason } from "../DeadLetter.ts"
import type { LifecycleEvent } from "../LifecycleEvent.ts"
import { Broadcast } from "./broadcast.ts"
import { Cell, type Host, type Species } from "./cell.ts"
import { Deadlines } from "./deadlines.ts"
import { type Envelope, refuse } from "./envelope.ts"
import type { Registration } from "./registration.ts"
import { Workers } from "./workers.ts"

/** How many actors that stopped by their supervision are remembered per type, oldest forgotten. */
const failedActorsMax = 65_536

const started = Metric.counter("plantd_actors_started_total", { incremental: true })
const crashes = Metric.counter("plantd_actor_crashes_total", { incremental: true })
const restarts = Metric.counter("plantd_actor_restarts_total", { incremental: true })
const deadLetters = Metric.counter("plantd_dead_letters_total", { incremental: true })

/** Makes a system that lives until the scope closes. */
export const makeLocalSystem = (
  settings: Settings
): Effect.Effect<ActorSystemService, never, Scope.Scope> =>
  Effect.gen(function*() {
    const runtime = yield* Effect.runtime()
    const clock = yield* Effect.clock
    const seed = yield* Random.nextInt
    const system = new LocalSystem({ settings, runtime, clock, seed })
    yield* Effect.addFinalizer(() => Effect.sync(() => system.close()))
    return {
      engine: system,
      stop: (address) => system.stop(address),
      drain: system.drain(),
      revive: (address) => Effect.sync(() => system.revive(address)),
      events: system.events.stream,
      stats: Effect.sync(() => system.stats())
    }
  })

interface Ingredients {
  readonly settings: Settings
  readonly runtime: Runtime.Runtime<never>
  readonly clock: Clock.Clock
  readonly seed: number
}

class LocalSystem implements Engine, Host {
  readonly askTimeoutMillis: number
  readonly clock: Clock.Clock
  readonly deadlines: Deadlines
  readonly events: Broadcast<LifecycleEvent>
  private readonly species = new Map<string, LocalSpecies>()
  private readonly counts = { started: 0, crashes: 0, restarts: 0, deadLetters: 0 }
  private readonly draw: Utils.PCGRandom
  private readonly log: DeadLetterLog
  private serial = 0
  handled = 0

  constructor({ clock, runtime, seed, settings }: Ingredients) {
    this.clock = clock
    this.askTimeoutMillis = Duration.toMillis(settings.askTimeout)
    this.deadlines = new Deadlines(clock, runtime)
    this.draw = new Utils.PCGRandom(seed)
    this.log = new DeadLetterLog(settings, runtime)
    this.events = new Broadcast({
      capacity: settings.eventsBuffered,
      gap: (count) => ({ _tag: "EventsLost", count })
    })
  }

  now(): number {
    return this.deadlines.now()
  }

  random(): number {
    return this.draw.number()
  }

  register(registration: Registration): Effect.Effect<void, never, Scope.Scope> {
    return Effect.acquireRelease(
      Effect.suspend(() => {
        if (this.species.has(registration.type)) {
          return Effect.dieMessage(
            `the actor type ${registration.type} is registered twice; provide its layer once`
          )
        }
        const species = new LocalSpecies(registration, this.clock)
        this.species.set(registration.type, species)
        return Effect.succeed(species)
      }),
      (species) =>
        Effect.zipRight(
          species.shutdown,
          Effect.sync(() => this.species.delete(registration.type))
        )
    )
  }

  deliver(type: string, id: string, envelope: Envelope): void {
    const species = this.species.get(type)
    if (species === undefined) {
      const address = { type, id }
      this.deadLetter(address, envelope.tag, "not-registered")
      const registered = [...this.species.keys()]
      refuse(envelope, new ActorNotRegistered({ address, registered }))
      return
    }
    const cell = species.cells.get(id)
    if (cell !== undefined) cell.offer(envelope)
    else this.activate(species, id, envelope)
  }

  stop(address: ActorAddress): Effect.Effect<void> {
    return Effect.suspend(() => {
      const species = this.species.get(address.type)
      const cell = species?.cells.get(address.id)
      if (species === undefined || cell === undefined) return Effect.void
      return species.stopCell(cell, "stopped")
    })
  }

  /** Every actor, the last started first, each gracefully. */
  drain(): Effect.Effect<void> {
    return Effect.suspend(() => {
      const all: Array<readonly [LocalSpecies, Cell]> = []
      for (const species of this.species.values()) {
        species.closing = true
        for (const cell of species.cells.values()) all.push([species, cell])
      }
      all.sort(([, a], [, b]) => b.serial - a.serial)
      return Effect.forEach(all, ([species, cell]) => species.stopCell(cell, "shutdown"), {
        discard: true
      })
    })
  }

  revive(address: ActorAddress): void {
    this.species.get(address.type)?.failed.delete(address.id)
  }

  stats(): Stats {
    let actors = 0
    for (const species of this.species.values()) actors += species.cells.size
    return { actors, messages: this.handled, ...this.counts }
  }

  publish(event: LifecycleEvent): void {
    if (event._tag === "Started") {
      this.counts.started++
      started.unsafeUpdate(1, [])
    } else if (event._tag === "Crashed") {
      this.counts.crashes++
      crashes.unsafeUpdate(1, [])
    } else if (event._tag === "Restarting") {
      this.counts.restarts++
      restarts.unsafeUpdate(1, [])
    }
    this.events.publish(event)
  }

  deadLetter(address: ActorAddress, tag: string, reason: Reason): void {
    this.counts.deadLetters++
    deadLetters.unsafeUpdate(1, [])
    const at = this.clock.unsafeCurrentTimeMillis()
    this.events.publish({ _tag: "DeadLetter", address, tag, reason, at })
    this.log.add({ at, text: `${format(address)} will not handle ${tag}: ${reason}` })
  }

  close(): void {
    this.deadlines.close()
    this.events.close()
  }

  private activate(species: LocalSpecies, id: string, envelope: Envelope): void {
    const address = { type: species.registration.type, id }
    const reason = species.failed.get(id) ?? (species.closing ? "shutdown" : undefined)
    if (reason !== undefined) {
      this.deadLetter(address, envelope.tag, "stopped")
      refuse(envelope, new ActorStopped({ address, reason }))
      return
    }
    const cell = new Cell(this, species, { address, serial: this.serial++ })
    species.cells.set(id, cell)
    cell.offer(envelope)
  }
}

class LocalSpecies implements Species {
  readonly registration: Registration
  readonly workers: Workers
  readonly cells = new Map<string, Cell>()
  readonly failed = new Map<string, StopReason>()
  closing = false

  constructor(registration: Registration, clock: Clock.Clock) {
    this.registration = registration
    this.workers = new Workers(registration.runtime, clock)
  }

  onEnded(cell: Cell, reason: StopReason): void {
    this.cells.delete(cell.address.id)
    if (reason !== "crashed" && reason !== "restart-limit") return
    this.failed.set(cell.address.id, reason)
    for (const oldest of this.failed.keys()) {
      if (this.failed.size <= failedActorsMax) return
      this.failed.delete(oldest)
    }
  }

  /** Waits for the messages at hand until the shutdown deadline, then interrupts them. */
  stopCell(cell: Cell, reason: StopReason): Effect.Effect<void> {
    const stopped = untilStopped(cell, reason)
    return Effect.flatMap(
      Effect.timeoutOption(stopped, this.registration.shutdownMillis),
      Option.match({
        onSome: () => Effect.void,
        onNone: () => Effect.zipRight(Effect.sync(() => cell.force()), stopped)
      })
    )
  }

  /** Takes no more messages, interrupts those at hand, runs the finalizers and waits for them. */
  readonly shutdown: Effect.Effect<void> = Effect.async((resume) => {
    const cells = [...this.cells.values()].reverse()
    let left = cells.length + 1
    const done = () => {
      if (--left > 0) return
      this.workers.close()
      resume(Effect.void)
    }
    this.closing = true
    for (const cell of cells) {
      cell.stop("shutdown", done)
      cell.force()
    }
    done()
  })
}

const untilStopped = (cell: Cell, reason: StopReason): Effect.Effect<void> =>
  Effect.async<void>((resume) => {
    cell.stop(reason, () => resume(Effect.void))
  })

/** Logs some dead letters, and how many it left out; the event stream has them all. */
class DeadLetterLog {
  private readonly runtime: Runtime.Runtime<never>
  private readonly max: number
  private readonly windowMillis: number
  private since = Number.NEGATIVE_INFINITY
  private count = 0

  constructor(settings: Settings, runtime: Runtime.Runtime<never>) {
    this.runtime = runtime
    this.max = settings.deadLettersLogged
    this.windowMillis = Duration.toMillis(settings.deadLetterLogWindow)
  }

  add({ at, text }: { readonly at: number; readonly text: string }): void {
    if (at - this.since >= this.windowMillis) {
      const leftOut = this.count - this.max
      if (leftOut > 0) this.write(`dead letters: ${leftOut} more were not logged`)
      this.since = at
      this.count = 0
    }
    this.count++
    if (this.count <= this.max) this.write(`dead letter: ${text}`)
  }

  private write(text: string): void {
    Runtime.runFork(this.runtime)(Effect.logWarning(text), { immediate: false })
  }
}
