/**
 * The actor system of one process: actors by type and id, in memory. It is one file, since what the
 * engine and its hosts may ask of it is to be read beside each other.
 */
import type { Rpc } from "@effect/rpc"
import type * as RpcGroup from "@effect/rpc/RpcGroup"
import { Buggify } from "@plantd/core"
import {
  Cause,
  type Clock,
  Duration,
  Effect,
  FiberRef,
  FiberRefs,
  Metric,
  Random,
  Runtime,
  type Scope,
  Utils
} from "effect"
import type { ActorAddress } from "../../ActorAddress.ts"
import {
  ActorElsewhere,
  ActorNotRegistered,
  ActorStopped,
  type AlreadySupervised
} from "../../ActorError.ts"
import type { ActorSystemService, Engine, Settings, Stats } from "../../ActorSystem.ts"
import type { DeadLetter, Reason } from "../../DeadLetter.ts"
import { EventLoop, type EventLoopService } from "../../EventLoop.ts"
import type { LifecycleEvent } from "../../LifecycleEvent.ts"
import type { Placement } from "../../Placement.ts"
import type { DurableSender } from "../messages/durableSender.ts"
import { Broadcast } from "./broadcast.ts"
import type { Cell } from "./cell.ts"
import { Dispatcher } from "./dispatcher.ts"
import { Ask, type Envelope, refuse, settled } from "./envelope.ts"
import type { Host } from "./host.ts"
import { LifecycleLog } from "./lifecycleLog.ts"
import type { OnTerminated } from "./onlookers.ts"
import { CarriedParcel } from "./parcel.ts"
import type { Registration } from "./registration.ts"
import { LocalSpecies } from "./species.ts"
import type { Child, Parent } from "./supervised.ts"
import { Timetable } from "./timetable.ts"

const started = Metric.counter("plantd_actors_started_total", { incremental: true })
const crashes = Metric.counter("plantd_actor_crashes_total", { incremental: true })
const restarts = Metric.counter("plantd_actor_restarts_total", { incremental: true })
const deadLetters = Metric.counter("plantd_dead_letters_total", { incremental: true })

/** Makes a system that lives until the scope closes. */
export const makeLocalSystem = (
  settings: Settings
): Effect.Effect<ActorSystemService, never, Scope.Scope> =>
  Effect.map(makeSystem(settings), serviceOf)

/** Makes a system with a placement, where one is given. */
export const makeSystem = (
  settings: Settings,
  placement?: Placement
): Effect.Effect<LocalSystem, never, Scope.Scope> =>
  Effect.gen(function*() {
    const runtime = yield* Effect.runtime()
    const clock = yield* Effect.clock
    const seed = yield* Random.nextInt
    const eventLoop = yield* EventLoop
    const fires = yield* Buggify.Buggify
    const system = new LocalSystem(
      { settings, runtime, clock, eventLoop, fires, seed, placement }
    )
    yield* Effect.addFinalizer(() => Effect.sync(() => system.close()))
    return system
  })

/** A system as those see it who use it. */
export const serviceOf = (system: LocalSystem): ActorSystemService => ({
  engine: system,
  stop: (address) => system.stop(address),
  drain: system.drain(),
  start: (address) => system.start(address),
  watch: (address) =>
    Effect.async((resume) => {
      const unwatch = system.watch(address, (end) => resume(Effect.succeed(end)))
      return Effect.sync(unwatch)
    }),
  backlog: (address) => Effect.sync(() => system.backlog(address)),
  revive: (address) => Effect.sync(() => system.revive(address)),
  events: system.events.stream,
  stats: Effect.sync(() => system.stats())
})

interface Ingredients {
  readonly settings: Settings
  readonly runtime: Runtime.Runtime<never>
  readonly clock: Clock.Clock
  readonly eventLoop: EventLoopService
  readonly fires: Buggify.Fires
  readonly seed: number
  readonly placement: Placement | undefined
}

/** The actors of one process. */
export class LocalSystem implements Engine, Host {
  readonly askTimeoutMillis: number
  readonly roundTrip: boolean
  readonly clock: Clock.Clock
  readonly eventLoop: EventLoopService
  readonly fires: Buggify.Fires
  readonly timetable: Timetable
  readonly dispatcher: Dispatcher
  readonly events: Broadcast<LifecycleEvent>
  readonly species = new Map<string, LocalSpecies>()
  /** The protocols that messages are sent by, by type. */
  readonly met = new Map<string, RpcGroup.RpcGroup<Rpc.Any>>()
  durable: DurableSender | undefined = undefined
  private readonly lifeListeners = new Set<(event: LifecycleEvent) => void>()
  private readonly gainListeners = new Set<() => void>()
  private readonly placement: Placement | undefined
  private readonly counts = { started: 0, crashes: 0, restarts: 0, deadLetters: 0 }
  private readonly draw: Utils.PCGRandom
  private readonly log: LifecycleLog
  private serial = 0
  readonly nextSerial = () => this.serial++
  handled = 0
  /** Messages that were sent from here. */
  private sent = 0

  constructor({ clock, eventLoop, fires, placement, runtime, seed, settings }: Ingredients) {
    this.placement = placement
    this.clock = clock
    this.eventLoop = eventLoop
    this.fires = fires
    this.roundTrip = settings.serialization === "round-trip"
    this.askTimeoutMillis = Duration.toMillis(settings.askTimeout)
    this.timetable = new Timetable(clock, runtime)
    const scheduler = FiberRefs.getOrDefault(runtime.fiberRefs, FiberRef.currentScheduler)
    this.dispatcher = new Dispatcher({
      scheduler,
      eventLoop,
      onFault: (defect) => {
        Runtime.runFork(runtime)(Effect.logFatal("an actor's turn threw", Cause.die(defect)))
      }
    })
    this.draw = new Utils.PCGRandom(seed)
    this.log = new LifecycleLog(settings, runtime)
    this.events = new Broadcast({
      capacity: settings.eventsBuffered,
      gap: (count) => ({ _tag: "EventsLost", count })
    })
  }

  now(): number {
    return this.timetable.now()
  }

  isHere(type: string, id: string): boolean {
    return this.placement?.isHere(type, id) ?? true
  }

  isAlive(type: string, id: string): boolean {
    return this.species.get(type)?.cells.has(id) === true
  }

  onLifecycle(listener: (event: LifecycleEvent) => void): () => void {
    this.lifeListeners.add(listener)
    return () => this.lifeListeners.delete(listener)
  }

  onGained(listener: () => void): () => void {
    this.gainListeners.add(listener)
    return () => this.gainListeners.delete(listener)
  }

  /** Actors may live here from now on that did not before. */
  gained(): void {
    for (const listener of this.gainListeners) listener()
  }

  sendDurably(sender: DurableSender): Effect.Effect<void, never, Scope.Scope> {
    return Effect.acquireRelease(
      Effect.suspend(() => {
        if (this.durable !== undefined) {
          return Effect.dieMessage("the system has DurableMessages already; provide them once")
        }
        this.durable = sender
        return Effect.void
      }),
      () => Effect.sync(() => (this.durable = undefined))
    )
  }

  get node(): string {
    return this.placement?.node ?? "node"
  }

  hasLease({ id, type }: ActorAddress): boolean {
    return this.placement?.hasLease(type, id) ?? true
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
        const species = new LocalSpecies(registration, this)
        this.species.set(registration.type, species)
        return Effect.succeed(species)
      }),
      (species) =>
        Effect.zipRight(
          // Whatever becomes of it, its actors come to their end.
          Effect.exit(this.placement?.beforeClose ?? Effect.void),
          Effect.zipRight(
            species.shutdown,
            Effect.sync(() => this.species.delete(registration.type))
          )
        )
    )
  }

  meet(type: string, protocol: RpcGroup.RpcGroup<Rpc.Any>): void {
    this.met.set(type, protocol)
  }

  deliver(type: string, id: string, envelope: Envelope): void {
    const { placement } = this
    if (placement === undefined) return this.deliverHere(type, id, envelope)
    if (envelope.order === 0) envelope.order = ++this.sent
    if (placement.isDirect(type, id)) return this.deliverHere(type, id, envelope)
    if (envelope.id === undefined) {
      return placement.carry(new CarriedParcel(this, { type, id }, envelope))
    }
    // A stored message has its own order, and does not wait for others.
    if (placement.isHere(type, id)) this.deliverHere(type, id, envelope)
    else this.refuseMoved({ type, id }, envelope)
  }

  /** Hands a message to its actor in this process, wherever it is said to live. */
  deliverHere(type: string, id: string, envelope: Envelope): void {
    const species = this.species.get(type)
    if (species !== undefined) {
      species.deliver(id, envelope)
      return
    }
    const address = { type, id }
    this.deadLetter(address, envelope.tag, "not-registered")
    refuse(envelope, this.notRegistered(address))
  }

  forward(address: ActorAddress, envelope: Envelope): boolean {
    const { placement } = this
    const { onMoved } = envelope
    if (placement === undefined) return false
    if (envelope instanceof Ask && envelope.heapIndex >= 0) this.timetable.remove(envelope)
    if (envelope.id !== undefined) {
      this.refuseMoved(address, envelope)
      return true
    }
    if (onMoved === undefined) {
      placement.carry(new CarriedParcel(this, address, envelope))
      return true
    }
    envelope.phase = settled
    onMoved()
    return true
  }

  call(type: string, id: string, envelope: Envelope): void {
    const atOnce = this.dispatcher.enter()
    try {
      this.deliver(type, id, envelope)
    } finally {
      // Without it no actor of this system would have a turn any more.
      if (atOnce) this.dispatcher.leave()
    }
  }

  adopt(
    address: ActorAddress,
    parent: Parent
  ): Child | ActorNotRegistered | AlreadySupervised | ActorElsewhere {
    const { placement } = this
    if (placement !== undefined && !placement.isHere(address.type, address.id)) {
      return new ActorElsewhere({ address })
    }
    return this.species.get(address.type)?.adopt(address.id, parent)
      ?? this.notRegistered(address)
  }

  start(address: ActorAddress): Effect.Effect<void, ActorNotRegistered | ActorStopped> {
    return Effect.suspend((): Effect.Effect<void, ActorNotRegistered | ActorStopped> => {
      if (!this.isHere(address.type, address.id)) {
        return new ActorStopped({ address, reason: "moved" })
      }
      return this.species.get(address.type)?.start(address.id)
        ?? Effect.fail(this.notRegistered(address))
    })
  }

  watch(address: ActorAddress, notify: OnTerminated): () => void {
    const { placement } = this
    const species = this.species.get(address.type)
    const cell = species?.cells.get(address.id)
    if (cell !== undefined) return cell.onEnd(notify)
    if (placement !== undefined && !placement.isDirect(address.type, address.id)) {
      return placement.watch(address, notify)
    }
    const reason = species?.failure(address.id) ?? "not-running"
    notify({ _tag: "Terminated", address, reason })
    return () => undefined
  }

  protocolOf(type: string): RpcGroup.RpcGroup<Rpc.Any> | undefined {
    return this.species.get(type)?.registration.protocol
  }

  backlog(address: ActorAddress): number {
    return this.species.get(address.type)?.cells.get(address.id)?.backlog ?? 0
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
        species.close()
        for (const cell of species.cells.values()) all.push([species, cell])
      }
      all.sort(([, a], [, b]) => b.serial - a.serial)
      return Effect.forEach(all, ([species, cell]) => species.stopCell(cell, "shutdown"), {
        discard: true
      })
    })
  }

  revive(address: ActorAddress): void {
    this.species.get(address.type)?.revive(address.id)
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
    for (const listener of this.lifeListeners) listener(event)
    this.log.lifecycle(event)
  }

  deadLetter(address: ActorAddress, tag: string, reason: Reason): void {
    this.counts.deadLetters++
    deadLetters.unsafeUpdate(1, [])
    const at = this.clock.unsafeCurrentTimeMillis()
    const letter: DeadLetter = { _tag: "DeadLetter", address, tag, reason, at }
    this.events.publish(letter)
    this.log.deadLetter(letter)
  }

  /** A stored message is handed on by the node that its actor lives on, and by no other. */
  private refuseMoved(address: ActorAddress, envelope: Envelope): void {
    refuse(envelope, new ActorStopped({ address, reason: "moved" }))
  }

  private notRegistered(address: ActorAddress): ActorNotRegistered {
    return new ActorNotRegistered({ address, registered: [...this.species.keys()] })
  }

  close(): void {
    this.timetable.close()
    this.events.close()
  }
}
