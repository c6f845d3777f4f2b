/**
 * The process's event loop, as a service. Fibers and actors that wake each other run as microtasks,
 * which keeps timers and sockets waiting; now and then they let the loop come round first.
 */
import { Context } from "effect"

/** Turns of an event loop. */
export interface EventLoopService {
  /** Calls `resume` once, after the loop has looked at its timers and sockets. */
  readonly afterTurn: (resume: () => void) => void
  /**
   * Whether an ask may give an idle actor its turn at once, within the asker's own. A simulation
   * that is to try every order says no.
   */
  readonly eager: boolean
}

/** The event loop that actors run on: Node's own, unless another is provided. */
export class EventLoop extends Context.Reference<EventLoop>()("@plantd/actors/EventLoop", {
  defaultValue: (): EventLoopService => ({
    afterTurn: (resume) => {
      setImmediate(resume)
    },
    eager: true
  })
}) {}
