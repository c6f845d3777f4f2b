/** The messages of one incarnation that are handled in fibers of their own, beside the worker. */
import { type Effect, type Exit, type Fiber, FiberId, Runtime } from "effect"
import { atWork, type Envelope } from "./envelope.ts"

/** How a message is run. */
export interface Flight {
  readonly runtime: Runtime.Runtime<never>
  readonly effect: Effect.Effect<unknown, unknown, unknown>
  /** Whether it takes one of the places that `concurrency` gives. */
  readonly inOrder: boolean
  readonly onExit: (exit: Exit.Exit<unknown, unknown>) => void
}

/** Fibers by the message they handle. */
export class InFlight {
  private readonly fibers = new Map<Envelope, Fiber.RuntimeFiber<unknown, unknown>>()
  private placesTaken = 0

  get size(): number {
    return this.fibers.size
  }

  /** How many are handled beside the ordinary ones. */
  get beside(): number {
    return this.fibers.size - this.placesTaken
  }

  /** How many of the places that `concurrency` gives are taken. */
  get inOrder(): number {
    return this.placesTaken
  }

  /** Begins at the scheduler's next turn: not in the stack of who called. */
  fork(envelope: Envelope, { effect, inOrder, onExit, runtime }: Flight): void {
    const fiber = Runtime.runFork(Runtime.setFiberRef(runtime, atWork, { current: envelope }))(
      effect as Effect.Effect<unknown, unknown>,
      { immediate: false }
    )
    this.fibers.set(envelope, fiber)
    if (inOrder) this.placesTaken++
    fiber.addObserver((exit) => {
      this.fibers.delete(envelope)
      if (inOrder) this.placesTaken--
      onExit(exit)
    })
  }

  /** Interrupts the handler of a message, and does not wait for it. */
  interrupt(envelope: Envelope): void {
    this.fibers.get(envelope)?.unsafeInterruptAsFork(FiberId.none)
  }

  /** Interrupts every handler, and gives their fibers to wait for. */
  interruptAll(): ReadonlyArray<Fiber.RuntimeFiber<unknown, unknown>> {
    const all = [...this.fibers.values()]
    for (const fiber of all) fiber.unsafeInterruptAsFork(FiberId.none)
    return all
  }
}
