/**
 * How an actor without a supervisor comes back: its crashes so far, and the wait before a restart.
 */
import { type Crash, type Directive, type History, onCrash, untroubled } from "../../Supervision.ts"
import type { StopReason } from "../../ActorError.ts"
import type { Supervision } from "../../Supervision.ts"
import type { Due, Timetable } from "./timetable.ts"

/** Made at the first crash of an actor. */
export class Restarts implements Due {
  heapIndex = -1
  deadline = 0
  private history: History = untroubled
  private readonly timetable: Timetable
  private readonly proceed: () => void

  constructor(timetable: Timetable, proceed: () => void) {
    this.timetable = timetable
    this.proceed = proceed
  }

  /** What is to be done after a crash; remembers it. */
  decide(supervision: Supervision, crash: Crash): Directive {
    const [history, directive] = onCrash(supervision, this.history, crash)
    this.history = history
    if (directive._tag === "Restart") this.deadline = crash.now + directive.delayMillis
    return directive
  }

  /** The incarnation has ended: the next one comes when the delay has passed. */
  wait(): void {
    this.timetable.add(this)
  }

  /** The actor stops instead. */
  cancel(): void {
    this.timetable.remove(this)
  }

  onDue(): void {
    this.proceed()
  }
}

/** Whether an actor ended for a reason of its own: its next message starts it anew. */
export const isOwnChoice = (reason: StopReason): boolean =>
  reason === "stopped" || reason === "passivated" || reason === "superseded"
