/** The queues of an actor beside its mailbox; made when the first of them is needed. */
import { Lane, type Mailbox } from "../../Mailbox.ts"
import type { Envelope } from "./envelope.ts"

/** Where messages stand that do not stand in the mailbox. */
export class Lanes {
  /** What the actor is to do in its own turn. */
  readonly turns = new Lane<Envelope>()
  /** Messages that run beside others, while no incarnation is there to run them. */
  readonly beside = new Lane<Envelope>()
  /** Messages that their handler put aside. */
  private stash = new Lane<Envelope>()
  /** Messages given back from the stash: they go before the mailbox. */
  private replay = new Lane<Envelope>()
  private turnWasLast = false

  /** Messages put aside or given back. */
  get stashed(): number {
    return this.stash.size
  }

  /** Messages given back, and not yet handled again. */
  get replayed(): number {
    return this.replay.size
  }

  /** Whether something here is to be taken. */
  get hasWork(): boolean {
    return this.turns.size > 0 || this.replay.size > 0
  }

  /** Puts a message aside. */
  hold(envelope: Envelope): void {
    this.stash.push(envelope)
  }

  /** Gives all back, before those that were given back earlier: they are older. */
  unstashAll(): void {
    const { replay, stash } = this
    for (let e = replay.shift(); e !== undefined; e = replay.shift()) stash.push(e)
    this.replay = stash
    this.stash = replay
  }

  /** The next to be handled: turns and messages alternate where there are both. */
  take(mailbox: Mailbox<Envelope>): Envelope | undefined {
    if (this.turns.size > 0 && !this.turnWasLast) {
      this.turnWasLast = true
      return this.turns.shift()
    }
    this.turnWasLast = false
    return this.replay.shift() ?? mailbox.take() ?? this.turns.shift()
  }

  /** Takes every message, in the order in which they would be handled; turns are no messages. */
  drain(): Array<Envelope> {
    return [...drained(this.beside), ...drained(this.replay), ...this.drainStash()]
  }

  /** Takes every message that was put aside. */
  drainStash(): Array<Envelope> {
    return drained(this.stash)
  }

  /** Drops every turn: they belong to an incarnation that has ended. */
  dropTurns(): void {
    while (this.turns.shift() !== undefined);
  }
}

const drained = (lane: Lane<Envelope>): Array<Envelope> => {
  const all: Array<Envelope> = []
  for (let e = lane.shift(); e !== undefined; e = lane.shift()) all.push(e)
  return all
}
