/**
 * The order in which actors with work get their turn: first come, first served, a batch of messages
 * each. Actors run on the scheduler of their system, without a fiber until they need one.
 */
import type { Scheduler } from "effect"
import type { EventLoopService } from "../EventLoop.ts"

/** Something that has work, and does a part of it when its turn comes. */
export interface Runnable {
  /** Does some of its work; true where there is more that waits for another turn. */
  readonly pump: () => boolean
}

/**
 * After this many turns the event loop comes round before the next one. Actors that wake each other
 * run as microtasks, which would keep timers and sockets waiting for ever.
 */
export const turnsMax = 1_024

/** What a dispatcher runs on. */
export interface Ground {
  readonly scheduler: Scheduler.Scheduler
  readonly eventLoop: EventLoopService
  /** Told of a turn that threw: a fault of the runtime itself. */
  readonly onFault: (defect: unknown) => void
}

/** A queue of everything that has work. */
export class Dispatcher {
  private readonly ground: Ground
  private queue: Array<Runnable> = []
  private spare: Array<Runnable> = []
  private scheduled = false
  private passing = false
  private turns = 0

  constructor(ground: Ground) {
    this.ground = ground
  }

  /** Gives `runnable` a turn after all who wait already. */
  add(runnable: Runnable): void {
    this.queue.push(runnable)
    if (!this.scheduled && !this.passing) this.schedule()
  }

  /**
   * Whether what is added from now on until `leave` may have its turn then, at once: an asker need
   * not wait for the scheduler where nothing else has to come first.
   */
  enter(): boolean {
    if (this.passing || !this.ground.eventLoop.eager || this.turns >= turnsMax - 1) return false
    this.passing = true
    return true
  }

  /** Ends what `enter` began: all who wait have their turn. */
  leave(): void {
    this.turns++
    this.pass()
  }

  private schedule(): void {
    this.scheduled = true
    if (++this.turns < turnsMax) {
      this.ground.scheduler.scheduleTask(this.drain, 0)
    } else {
      this.turns = 0
      this.ground.eventLoop.afterTurn(this.drain)
    }
  }

  private readonly drain = (): void => {
    this.scheduled = false
    this.passing = true
    this.pass()
  }

  private pass(): void {
    const batch = this.queue
    this.queue = this.spare
    for (const runnable of batch) {
      try {
        if (runnable.pump()) this.queue.push(runnable)
      } catch (defect) {
        // Thrown any further it would stop the scheduler, and with it every fiber of the process.
        this.ground.onFault(defect)
      }
    }
    batch.length = 0
    this.spare = batch
    this.passing = false
    if (this.queue.length > 0 && !this.scheduled) this.schedule()
  }
}
