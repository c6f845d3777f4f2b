/** The nodes of a simulated cluster, and what can be done to them. */
import {
  ActorSystem,
  DurableMessages,
  type DurableStore,
  type MessageStore,
  Quarantine,
  type QuarantineStore,
  Reminder,
  type RememberedStore,
  type ReminderStore
} from "@plantd/actors"
import { Cluster, type ClusterService, ClusterSystem, type LeaseStore } from "@plantd/cluster"
import type { DeviceStore } from "@plantd/hardware"
import { Cause, type Context, Context as Contexts, Effect, Exit, Fiber, Layer, Scope } from "effect"
import type { ActorSystemService } from "@plantd/actors"
import { type Bug, inNode, inStorage, onWires } from "../Planted.ts"
import { cancel, type Entry } from "./agenda.ts"
import type { LifeEvent } from "./lives.ts"
import type { Machine } from "./machine.ts"
import type { Network } from "./network.ts"
import type { Peers } from "./peers.ts"
import type { Storage } from "./storage.ts"
import type { World } from "./world.ts"

/** What all nodes share. */
export type Stores =
  | LeaseStore
  | DurableStore
  | MessageStore
  | QuarantineStore
  | ReminderStore
  | RememberedStore
  | DeviceStore

/** What the actors of a simulation may need. */
export type Surroundings = ActorSystem | Cluster | Exclude<Stores, LeaseStore> | Reminder.Reminders

/** What nodes stand on. */
export interface Ground {
  readonly world: World
  readonly network: Network
  readonly peers: Peers
  readonly storage: Storage
  readonly stores: Context.Context<Stores>
  readonly settings: ClusterSystem.NodeSettings
  /** A bug in each node. */
  readonly bug: Bug | undefined
  readonly actors: Layer.Layer<never, unknown, Surroundings>
  /** Hears of actors that start and end. */
  readonly onActor: (machine: Machine, event: LifeEvent) => void
  /** Hears of what should not happen: a node that cannot start. */
  readonly onTrouble: (message: string) => void
}

/** What runs on a machine that is up. */
interface Running {
  readonly machine: Machine
  readonly scope: Scope.CloseableScope
  /** Present once it has joined. */
  cluster: ClusterService | undefined
  context: Context.Context<ActorSystem | Cluster> | undefined
}

/** How long after a start that has failed the next one is. */
const retryMillis = 1_000

/** Runs the end of a scope as a process does: in the fiber that was interrupted to end it. */
const terminated = (ending: Effect.Effect<void>): Effect.Effect<void> =>
  Effect.flatMap(Effect.makeLatch(), (begun) =>
    Effect.flatMap(
      Effect.fork(Effect.ensuring(Effect.zipRight(begun.open, Effect.never), ending)),
      (life) => Effect.asVoid(Effect.zipRight(begun.await, Fiber.interrupt(life)))
    ))

/** A place for a node: one run after the other under one name. */
export class Site {
  readonly name: string
  private readonly ground: Ground
  private readonly weight: number
  private running: Running | undefined = undefined
  private stopping = false
  /** Whether it is to start once it has stopped. */
  private startsAgain = false
  /** The next start, where the last one has failed. */
  private retry: Entry | undefined = undefined

  constructor(ground: Ground, name: string, weight: number) {
    this.ground = ground
    this.name = name
    this.weight = weight
  }

  get machine(): Machine | undefined {
    return this.running?.machine
  }

  /** What can be asked of the node, once it has joined. */
  get context(): Context.Context<ActorSystem | Cluster> | undefined {
    return this.running?.context
  }

  /** What it is at, as people read it. */
  get state(): "down" | "starting" | "up" | "stopping" | "paused" {
    if (this.running === undefined || this.running.machine.state === "dead") return "down"
    if (this.running.machine.state === "paused") return "paused"
    if (this.stopping) return "stopping"
    return this.isReady ? "up" : "starting"
  }

  get isUp(): boolean {
    return this.running?.machine.state === "up"
  }

  /** Whether it has joined and runs. */
  get isReady(): boolean {
    return this.isUp && this.running?.cluster !== undefined
  }

  /** Whether the actors of an id may run here now. */
  isHere(id: string): boolean {
    return this.isUp && this.running?.cluster?.isHere(id) === true
  }

  /**
   * Starts it, or does so once it has stopped; nothing where it runs, or stands still. Where it
   * cannot start it tries again, every second, as whoever keeps it running does.
   */
  start(): void {
    const { ground, name, weight } = this
    if (this.running !== undefined && this.running.machine.state !== "dead") {
      this.startsAgain = this.stopping
      return
    }
    this.staysDown()
    const machine = ground.world.machine(name)
    const running: Running = {
      machine,
      scope: Effect.runSync(Scope.make()),
      cluster: undefined,
      context: undefined
    }
    this.running = running
    this.stopping = false
    const delivery = Layer.mergeAll(
      DurableMessages.layer,
      Quarantine.Quarantine.layer,
      Reminder.layer
    )
    const layer: Layer.Layer<ActorSystem | Cluster, unknown> =
      (weight === 0 ? Layer.empty : ground.actors).pipe(
        Layer.provide(delivery),
        Layer.provideMerge(
          // Before the first of the actors is built.
          Layer.tap(
            ClusterSystem.layerOn({ ...ground.settings, host: name, port: 1, weight }),
            (built) => Effect.sync(() => this.hear(machine, Contexts.get(built, ActorSystem)))
          )
        ),
        Layer.provide(
          Layer.succeedContext(
            inNode(
              ground.bug,
              ground.storage.remote(machine, inStorage(ground.bug, ground.stores))
            )
          )
        ),
        Layer.provide(onWires(ground.bug, ground.peers.layer(machine)))
      )
    machine.fork(Effect.exit(Layer.buildWithScope(layer, running.scope))).addObserver((exit) => {
      if (Exit.isFailure(exit)) return
      if (Exit.isSuccess(exit.value)) this.joined(running, exit.value.value)
      else this.failed(running, exit.value.cause)
    })
  }

  /** As kill -9: its peers hear of it by their connections. */
  kill(): void {
    this.staysDown()
    const { machine } = this
    if (machine === undefined || machine.state === "dead") return
    machine.kill()
    this.ground.peers.reset(machine)
  }

  /** As a loss of power: nobody hears of it. */
  losePower(): void {
    this.staysDown()
    const { machine } = this
    if (machine === undefined || machine.state === "dead") return
    this.ground.peers.silent.add(machine)
    machine.kill()
  }

  /** As SIGTERM, which interrupts what runs; its machine is dead once it has stopped. */
  stop(): void {
    this.staysDown()
    const { running } = this
    if (running === undefined || running.machine.state === "dead" || this.stopping) return
    this.stopping = true
    running.machine.fork(terminated(Scope.close(running.scope, Exit.void))).addObserver(() => {
      this.ground.world.note(this.name, "node", "stopped")
      running.machine.kill()
      if (this.startsAgain) this.start()
    })
  }

  /** Whoever was to start it later does not, until it is told to again. */
  private staysDown(): void {
    this.startsAgain = false
    if (this.retry !== undefined) cancel(this.retry)
  }

  private joined(running: Running, context: Context.Context<ActorSystem | Cluster>): void {
    running.context = context
    running.cluster = Contexts.get(context, Cluster)
    this.ground.world.note(this.name, "node", "joined")
  }

  private hear(machine: Machine, { engine }: ActorSystemService): void {
    engine.onLifecycle((event) => {
      if (event._tag !== "Started" && event._tag !== "Stopped") return
      this.ground.onActor(machine, event)
    })
  }

  private failed(running: Running, cause: Cause.Cause<unknown>): void {
    // Without their places: a trace is the same wherever it is made.
    const what = Cause.prettyErrors(cause).map(({ message }) => message).join("; ")
    this.ground.onTrouble(`${this.name} cannot start: ${what}`)
    running.machine.kill()
    this.retry = this.ground.world.after(retryMillis, undefined, () => this.start())
  }
}
