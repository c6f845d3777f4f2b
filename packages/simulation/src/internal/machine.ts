/**
 * A virtual machine: the scheduler, clock, randomness and event loop of the fibers that run on it.
 * Layers that are built on it capture these, as they would a real process.
 */
import { EventLoop, type EventLoopService } from "@plantd/actors"
import { Buggify } from "@plantd/core"
import { DriverObserver, type Observe } from "@plantd/hardware/DriverObserver"
import {
  Clock,
  Duration,
  Effect,
  type Exit,
  type Fiber,
  FiberRef,
  LogLevel,
  Runtime,
  type Scheduler
} from "effect"
import { cancel } from "./agenda.ts"
import { randomOf } from "./chance.ts"
import { deedText } from "./deedText.ts"
import type { World } from "./world.ts"

/** When the world begins, in ms since 1970-01-01 UTC: 2024-01-01. */
export const beginning = 1_704_067_200_000

/** What tells machines apart. */
export interface Identity {
  readonly name: string
  /** How often a machine of this name was started. */
  readonly run: number
  /** The same for all runs. */
  readonly index: number
}

/** One run of a machine. */
export class Machine implements Identity {
  readonly name: string
  readonly run: number
  readonly index: number
  /** What is paused does nothing, and finds its time gone by; what is dead never does anything. */
  state: "up" | "paused" | "dead" = "up"
  /** Tasks that wait for the end of a pause. */
  readonly held: Array<() => void> = []
  /** How far its wall clock is ahead of the world's. */
  skewMillis = 0
  readonly clock: Clock.Clock
  private readonly world: World
  private readonly scheduler: Scheduler.Scheduler
  private readonly runtime: Runtime.Runtime<never>

  constructor(world: World, { index, name, run }: Identity) {
    this.world = world
    this.name = name
    this.run = run
    this.index = index
    this.clock = clockOf(world, this)
    this.scheduler = {
      shouldYield: (fiber) => world.preempts(fiber.currentOpCount) ? 0 : false,
      scheduleTask: (task) => world.schedule(this, task)
    }
    // So that every order is tried.
    const eventLoop: EventLoopService = {
      afterTurn: (resume) => world.schedule(this, resume),
      eager: false
    }
    const fires = (site: string): boolean => {
      const now = world.rarities.fires(site)
      if (now) world.note(name, "fault", `buggify: ${site}`)
      return now
    }
    const observe: Observe = ({ id, type }, deed) =>
      world.note(`${type}/${id}`, "device", deedText(deed))
    this.runtime = Effect.runSync(
      Effect.runtime().pipe(
        Effect.provideService(EventLoop, eventLoop),
        Effect.provideService(Buggify.Buggify, fires),
        Effect.provideService(DriverObserver, observe),
        Effect.withClock(this.clock),
        Effect.withRandom(randomOf(world.seed, `${name}/${run}`)),
        Effect.withTracerEnabled(false),
        // Nobody reads what is logged.
        Effect.locally(FiberRef.currentMinimumLogLevel, LogLevel.None)
      )
    )
  }

  /** Runs an effect on this machine. */
  fork<A, E>(effect: Effect.Effect<A, E>): Fiber.RuntimeFiber<A, E> {
    return Runtime.runFork(this.runtime)(effect, { scheduler: this.scheduler, immediate: false })
  }

  /** Runs an effect that does not wait for anything, within the step at hand. */
  now<A, E>(effect: Effect.Effect<A, E>): Exit.Exit<A, E> {
    return Runtime.runSyncExit(this.runtime)(effect)
  }

  /** Kill -9: nothing of it runs any more, no finalizer either. */
  kill(): void {
    this.state = "dead"
    this.world.withhold(this)
    this.held.length = 0
  }

  /** It stands still, as after SIGSTOP; its time goes by. */
  pause(): void {
    if (this.state !== "up") return
    this.state = "paused"
    this.world.withhold(this)
  }

  /** It goes on, as after SIGCONT. */
  resume(): void {
    if (this.state !== "paused") return
    this.state = "up"
    for (const run of this.held.splice(0)) this.world.schedule(this, run)
  }
}

/** The wall clock may be skewed; the one that never jumps is the world's. */
const clockOf = (world: World, machine: Machine): Clock.Clock => {
  // Whole milliseconds, as clocks have them.
  const wall = () => beginning + Math.floor(world.now) + machine.skewMillis
  // Asked for many times in each step; the world's time goes on between steps alone.
  let nanos = 0n
  let nanosAt = 0
  const steady = () => {
    if (nanosAt !== world.now) {
      nanosAt = world.now
      nanos = BigInt(Math.round(nanosAt * 1e6))
    }
    return nanos
  }
  return {
    [Clock.ClockTypeId]: Clock.ClockTypeId,
    unsafeCurrentTimeMillis: wall,
    unsafeCurrentTimeNanos: steady,
    currentTimeMillis: Effect.sync(wall),
    currentTimeNanos: Effect.sync(steady),
    sleep: (duration) =>
      Effect.async<void>((resume) => {
        const millis = Duration.toMillis(duration)
        if (!Number.isFinite(millis)) return
        const entry = world.after(millis, machine, () => resume(Effect.void))
        return Effect.sync(() => cancel(entry))
      })
  }
}
