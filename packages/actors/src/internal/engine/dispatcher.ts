/**
 * The order in which actors with work get their turn: first come, first served, a batch of messages
 * each. Actors run on the scheduler of their system, without a fiber until they need one.
 */
import { Effect, type Scheduler } from "effect"
import type { EventLoopService } from "../../EventLoop.ts"

/** Something that has work, and does a part of it when its turn comes. */
export interface Runnable {
  /** Does some of its work; true where there is more that waits for another turn. */
  readonly pump: () => boolean
  /** Its turn threw: a fault of the runtime itself, which must end it and nothing else. */
  readonly onFault: (defect: unknown) => void
}

/**
 * After this many messages of all actors together the event loop comes round before the next one.
 * Actors that wake each other run as microtasks, which would keep timers and sockets waiting for
 * ever.
 */
export const messagesPerTurn = 1_024

/** What a dispatcher runs on. */
export interface Ground {
  readonly scheduler: Scheduler.Scheduler
  readonly eventLoop: EventLoopService
  /** Told of a turn that threw: a fault of the runtime itself. */
  readonly onFault: (defect: unknown) => void
}

/** A queue of everything that has work, and what all may do before the event loop comes round. */
export class Dispatcher {
  private readonly ground: Ground
  private queue: Array<Runnable> = []
  private scheduled = false
  private passing = false
  private pausing = false
  private spent = 0
  private waiters: Array<() => void> = []

  constructor(ground: Ground) {
    this.ground = ground
  }

  /** Whether the event loop must come round before anybody goes on. */
  get isSpent(): boolean {
    return this.spent >= messagesPerTurn
  }

  /** Waits until the event loop has come round. */
  readonly untilTurn: Effect.Effect<void> = Effect.async((resume) => {
    this.waiters.push(() => resume(Effect.void))
    this.pause()
  })

  /** One more message, or another step of an actor, is done. */
  spend(): void {
    this.spent++
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
    if (this.passing || this.isSpent || !this.ground.eventLoop.eager) return false
    this.passing = true
    return true
  }

  /** Ends what `enter` began: all who wait have their turn. */
  leave(): void {
    this.pass()
  }

  private schedule(): void {
    if (this.isSpent) {
      this.pause()
      return
    }
    this.scheduled = true
    this.ground.scheduler.scheduleTask(this.drain, 0)
  }

  private pause(): void {
    if (this.pausing) return
    this.pausing = true
    this.ground.eventLoop.afterTurn(this.goOn)
  }

  private readonly goOn = (): void => {
    this.pausing = false
    this.spent = 0
    // No more than may run now: the others would wake for nothing.
    for (const resume of this.waiters.splice(0, messagesPerTurn / 2)) resume()
    this.passing = true
    this.pass()
    if (this.waiters.length > 0) this.pause()
  }

  private readonly drain = (): void => {
    this.scheduled = false
    this.passing = true
    this.pass()
  }

  private pass(): void {
    const batch = this.queue
    this.queue = []
    let done = 0
    while (done < batch.length && !this.isSpent) {
      const runnable = batch[done++]
      try {
        if (runnable?.pump() === true) this.queue.push(runnable)
      } catch (defect) {
        // Thrown any further it would stop the scheduler, and with it every fiber of the process.
        this.ground.onFault(defect)
        runnable?.onFault(defect)
      }
    }
    if (done < batch.length) this.queue = [...batch.slice(done), ...this.queue]
    this.passing = false
    if (this.queue.length > 0 && !this.scheduled) this.schedule()
  }
}
