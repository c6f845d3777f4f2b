/** Timers of an actor: entries of the system's timetable whose ticks are turns of the actor. */
import type { Turn } from "./envelope.ts"
import type { Due, Timetable } from "./timetable.ts"

/** What a timer needs of its actor. */
export interface Clockwork {
  readonly timetable: Timetable
  readonly offerTurn: (turn: Turn) => void
  readonly withdrawTurn: (turn: Turn) => void
  /** Whether a message is being handled, or waits. */
  readonly hasMessages: () => boolean
}

/** When a timer ticks, and what it then does. */
export interface Schedule {
  readonly millis: number
  readonly periodic: boolean
  readonly turn: Turn
}

/** A timer that ticks once, or at a fixed rate. */
export class Timer implements Due {
  heapIndex = -1
  deadline: number
  private readonly home: Clockwork
  private readonly schedule: Schedule

  constructor(home: Clockwork, schedule: Schedule) {
    this.home = home
    this.schedule = schedule
    this.deadline = home.timetable.now() + schedule.millis
    home.timetable.add(this)
  }

  onDue(): void {
    const { home, schedule } = this
    const { turn } = schedule
    // A tick that still waits for its turn, or has it, stands for this one, too.
    if (turn.list === undefined && !turn.handling) home.offerTurn(turn)
    if (!schedule.periodic) return
    const late = home.timetable.now() - this.deadline
    this.deadline += schedule.millis * (1 + Math.floor(Math.max(0, late) / schedule.millis))
    home.timetable.add(this)
  }

  /** Ends the timer; a tick that waits for its turn is withdrawn. */
  cancel(): void {
    this.home.timetable.remove(this)
    this.home.withdrawTurn(this.schedule.turn)
  }
}

/** A timer that ticks when no message came for a time. */
export class ReceiveTimer implements Due {
  heapIndex = -1
  deadline: number
  private readonly home: Clockwork
  private readonly millis: number
  private readonly turn: Turn
  private touched: number

  constructor(home: Clockwork, millis: number, turn: Turn) {
    this.home = home
    this.millis = millis
    this.turn = turn
    this.touched = home.timetable.now()
    this.deadline = this.touched + millis
    home.timetable.add(this)
  }

  /** A message was taken. */
  touch(): void {
    this.touched = this.home.timetable.now()
    if (this.turn.list !== undefined) this.home.withdrawTurn(this.turn)
  }

  onDue(): void {
    const { home, millis, turn } = this
    const now = home.timetable.now()
    // The entry stays where it is at each message; only here does it learn of them.
    const due = home.hasMessages() ? now + millis : this.touched + millis
    if (due <= now) {
      if (turn.list === undefined && !turn.handling) home.offerTurn(turn)
      this.deadline = now + millis
    } else {
      this.deadline = due
    }
    home.timetable.add(this)
  }

  /** Ends the timer. */
  cancel(): void {
    this.home.timetable.remove(this)
    this.home.withdrawTurn(this.turn)
  }
}
