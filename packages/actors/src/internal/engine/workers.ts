/**
 * Fibers that run actors whose handlers need one. A worker runs an actor's effects, a batch at a
 * time, then parks until another has one: an idle actor costs no fiber, and a busy one pays for no
 * fork per message.
 */
import { Cause, Effect, Exit, type Fiber, FiberId, FiberRef, FiberRefs, Runtime } from "effect"
import type { Dispatcher } from "./dispatcher.ts"
import type { Timetable } from "./timetable.ts"
import { type AtWork, atWork, type Envelope } from "./envelope.ts"

/** The most fibers kept parked for the next actor with work; more than these end when done. */
export const parkedWorkersMax = 64

/** What a worker runs: an actor that says what to do next, and hears how that ended. */
export interface Job extends AtWork {
  /** The next effect to run, or `undefined` where there is none for now. */
  readonly next: () => Effect.Effect<unknown, unknown, unknown> | undefined
  /** How the effect last given ended. */
  readonly settle: (exit: Exit.Exit<unknown, unknown>) => void
  /** The worker was interrupted while it ran this job's effect. */
  readonly interrupted: () => void
  /** The runtime itself failed while it ran this job. */
  readonly onFault: (defect: unknown) => void
  /** Who runs it, if anybody does. */
  worker: Worker | undefined
}

/** A fiber at work on one job. */
export class Worker implements AtWork {
  job: Job | undefined
  private readonly pool: Workers
  private first: Effect.Effect<unknown, unknown, unknown> | undefined
  private fiber: Fiber.RuntimeFiber<void> | undefined = undefined
  private wake: ((effect: Effect.Effect<undefined>) => void) | undefined = undefined
  private finished = false
  /** The fiber's own state; what a handler sets in it is not for the next message. */
  private clean: FiberRefs.FiberRefs | undefined = undefined
  /** The state when it was last seen to be clean. */
  private refs: FiberRefs.FiberRefs | undefined = undefined
  /** The effect at hand is the job's, not the worker's own waiting. */
  private running = false
  private readonly park = Effect.async<undefined>((resume) => {
    // The fiber may have yielded between being kept and getting here.
    if (this.job === undefined) this.wake = resume
    else resume(Effect.succeed(undefined))
  })

  constructor(
    pool: Workers,
    job: Job,
    first: Effect.Effect<unknown, unknown, unknown> | undefined
  ) {
    this.pool = pool
    this.job = job
    this.first = first
  }

  /** The message whose handler this fiber runs. */
  get current(): Envelope | undefined {
    return this.job?.current
  }

  /** Starts the fiber; it begins at the scheduler's next turn. */
  start(runtime: Runtime.Runtime<never>): void {
    const drain: Effect.Effect<void, unknown> = Effect.whileLoop({
      while: () => !this.finished,
      body: () => this.body(),
      step: (value) => this.settle(Exit.succeed(value))
    })
    // A failure ends the loop, and the loop is entered anew: success needs no frame per message.
    const loop: Effect.Effect<void> = Effect.catchAllCause(drain, (cause) => {
      // Not the job's: a fault of the runtime itself. It ends the worker instead of spinning.
      if (!this.running) return Effect.failCause(cause as Cause.Cause<never>)
      this.settle(Exit.failCause(cause))
      return loop
    })
    // Set within the fiber: a forked one, as this is, begins with a copy of what its origin was at.
    const work = Effect.flatMap(
      Effect.zipRight(FiberRef.set(atWork, this), Effect.getFiberRefs),
      (refs) => {
        this.clean = refs
        this.refs = refs
        return loop
      }
    )
    this.fiber = Runtime.runFork(runtime)(work, { immediate: false })
    this.fiber.addObserver((exit) => {
      const { job } = this
      this.job = undefined
      this.first = undefined
      if (Exit.isSuccess(exit) || Cause.isInterruptedOnly(exit.cause)) job?.interrupted()
      else job?.onFault(Cause.squash(exit.cause))
    })
  }

  /** Gives a parked worker its next job. */
  assign(job: Job, first: Effect.Effect<unknown, unknown, unknown> | undefined): void {
    this.job = job
    this.first = first
    const { wake } = this
    this.wake = undefined
    wake?.(Effect.succeed(undefined))
  }

  /** Interrupts the effect at hand; the job learns it by `interrupted`. */
  interrupt(): void {
    this.fiber?.unsafeInterruptAsFork(FiberId.none)
  }

  /** As `interrupt`; where the effect has not ended by then, the job goes on without it. */
  interruptWithin(timetable: Timetable, millis: number): void {
    const { job } = this
    if (job === undefined) return
    this.interrupt()
    timetable.add({
      deadline: timetable.now() + millis,
      heapIndex: -1,
      onDue: () => {
        if (this.job !== job || job.worker !== this) return
        this.job = undefined
        this.running = false
        job.interrupted()
      }
    })
  }

  private body(): Effect.Effect<unknown, unknown> {
    const { job } = this
    if (this.isMarked()) {
      this.finished = true
      this.job = undefined
      if (job !== undefined) job.worker = this.pool.run(job, this.first)
      return Effect.void
    }
    if (job !== undefined && this.first === undefined && this.pool.dispatcher.isSpent) {
      return this.pool.dispatcher.untilTurn
    }
    if (job !== undefined) {
      const effect = this.first ?? job.next()
      this.first = undefined
      if (effect !== undefined) {
        this.running = true
        return effect as Effect.Effect<unknown, unknown>
      }
      this.job = undefined
    }
    if (!this.pool.keep(this)) {
      this.finished = true
      return Effect.void
    }
    return this.park
  }

  /** Whether a handler left something in the fiber's own state. */
  private isMarked(): boolean {
    const { clean, refs } = this
    const now = this.fiber?.getFiberRefs()
    if (clean === undefined || now === undefined || now === refs) return false
    for (const ref of now.locals.keys()) {
      if (FiberRefs.getOrDefault(now, ref) !== FiberRefs.getOrDefault(clean, ref)) return true
    }
    this.refs = now
    return false
  }

  private settle(exit: Exit.Exit<unknown, unknown>): void {
    if (!this.running) return
    this.running = false
    this.job?.settle(exit)
  }
}

/** A pool of workers that share one runtime: the context of one type of actor. */
export class Workers {
  private readonly parked: Array<Worker> = []
  private readonly runtime: Runtime.Runtime<never>
  private closed = false
  readonly dispatcher: Dispatcher

  constructor(runtime: Runtime.Runtime<never>, dispatcher: Dispatcher) {
    this.runtime = runtime
    this.dispatcher = dispatcher
  }

  /** Runs a job, `first` first; the worker stays with it until it has no more. */
  run(job: Job, first: Effect.Effect<unknown, unknown, unknown> | undefined): Worker {
    const idle = this.parked.pop()
    if (idle !== undefined) {
      idle.assign(job, first)
      return idle
    }
    const worker = new Worker(this, job, first)
    worker.start(this.runtime)
    return worker
  }

  /** Parks a worker without a job, where there is room for it. */
  keep(worker: Worker): boolean {
    if (this.closed || this.parked.length >= parkedWorkersMax) return false
    this.parked.push(worker)
    return true
  }

  /** Ends the parked workers; busy ones end when their job is done. */
  close(): void {
    this.closed = true
    for (const worker of this.parked.splice(0)) worker.interrupt()
  }
}
