/**
 * Everything that stands before an actor: its mailbox, what runs beside it, what was put aside, its
 * own turns. Here messages come in, wait, are withdrawn, refused and given up; the cell handles
 * them.
 */
import { Cause, Chunk, type Effect, Exit } from "effect"
import type { ActorAddress } from "../../ActorAddress.ts"
import {
  ActorStopped,
  AskTimeout,
  MailboxFull,
  StashFull,
  type StopReason,
  type TellError
} from "../../ActorError.ts"
import type { Reason as DeadLetterReason } from "../../DeadLetter.ts"
import { besideMax } from "../../Handling.ts"
import { Mailbox } from "../../Mailbox.ts"
import * as Letter from "./envelope.ts"
import { Ask, type Envelope, queued, running, settled, type Turn } from "./envelope.ts"
import { Lanes } from "./lanes.ts"
import type { Registration } from "./registration.ts"
import type { Timetable } from "./timetable.ts"

/** How an actor ended. */
interface End {
  readonly reason: StopReason
  readonly lastCrash: string | undefined
}

/** What a postbox needs of its system. */
export interface PostOffice {
  readonly timetable: Timetable
  /** Sends a message on to where its actor lives from now on; false where that is nowhere. */
  readonly forward: (address: ActorAddress, envelope: Envelope) => boolean
  readonly deadLetter: (address: ActorAddress, tag: string, reason: DeadLetterReason) => void
}

/** The messages of one actor. */
export class Postbox {
  readonly address: ActorAddress
  private readonly mailbox: Mailbox<Envelope>
  private readonly office: PostOffice
  private readonly registration: Registration
  private lanes: Lanes | undefined = undefined

  constructor(office: PostOffice, address: ActorAddress, registration: Registration) {
    this.office = office
    this.address = address
    this.registration = registration
    this.mailbox = new Mailbox(registration.mailbox)
  }

  /** Messages that wait to be handled. */
  get backlog(): number {
    const { lanes, mailbox } = this
    return mailbox.size + mailbox.waitingSize
      + (lanes === undefined ? 0 : lanes.replayed + lanes.beside.size)
  }

  /** Messages put aside. */
  get stashed(): number {
    return this.lanes?.stashed ?? 0
  }

  /** Turns that wait. */
  get turnsQueued(): number {
    return this.lanes?.turns.size ?? 0
  }

  /** Puts a message in its order, or tells its sender at once that it was not taken. */
  offer(envelope: Envelope): void {
    const offered = this.mailbox.offer(envelope)
    if (offered === "queued") envelope.phase = queued
    else if (offered === "waiting") envelope.phase = Letter.waiting
    else if (offered === "refused") this.overflow(envelope)
    else {
      envelope.phase = queued
      this.overflow(offered)
    }
    if (envelope instanceof Ask && envelope.phase !== settled) this.office.timetable.add(envelope)
  }

  /** Takes in a message that has no place in the order; `inFlight` run beside others already. */
  offerBeside(envelope: Envelope, inFlight: number): void {
    const lanes = this.ownLanes()
    if (lanes.beside.size + inFlight >= besideMax) {
      const { address } = this
      this.office.deadLetter(address, envelope.tag, "overflow")
      this.refuse(envelope, new MailboxFull({ address, tag: envelope.tag, capacity: besideMax }))
      return
    }
    envelope.phase = queued
    if (envelope instanceof Ask) this.office.timetable.add(envelope)
    lanes.beside.push(envelope)
  }

  /** Queues a turn of the actor. */
  offerTurn(turn: Turn): void {
    turn.phase = queued
    this.ownLanes().turns.push(turn)
  }

  /** The next message or turn, or nothing. */
  take(): Envelope | undefined {
    const { lanes, mailbox } = this
    for (;;) {
      const envelope = lanes === undefined ? mailbox.take() : lanes.take(mailbox)
      if (envelope !== undefined && mailbox.waitingSize > 0) this.admitWaiting()
      if (!(envelope instanceof Ask) || envelope.deadline > this.office.timetable.now()) {
        return envelope
      }
      // Its time has passed in a long step of another: the timetable had no turn yet.
      this.expire(envelope)
    }
  }

  /** The next message that runs beside others, or nothing. */
  takeBeside(): Envelope | undefined {
    for (;;) {
      const envelope = this.lanes?.beside.shift()
      if (!(envelope instanceof Ask) || envelope.deadline > this.office.timetable.now()) {
        return envelope
      }
      this.expire(envelope)
    }
  }

  /** Takes a message off, where it stands here. */
  withdraw(envelope: Envelope): void {
    if (envelope.list === undefined) return
    envelope.list.remove(envelope)
    this.admitWaiting()
  }

  /** Puts the message of a handler aside, or refuses it where there is no room. */
  putAside(envelope: Envelope): void {
    if (envelope.phase === settled) return
    const { address } = this
    const { stashCapacity: capacity } = this.registration
    const lanes = this.ownLanes()
    if (lanes.stashed < capacity) {
      envelope.phase = queued
      lanes.hold(envelope)
      return
    }
    this.office.deadLetter(address, envelope.tag, "stash-full")
    this.finish(envelope, Exit.fail(new StashFull({ address, tag: envelope.tag, capacity })))
  }

  /** Gives back what was put aside. */
  unstashAll(): void {
    this.lanes?.unstashAll()
  }

  /** Drops the turns: their incarnation has ended. */
  dropTurns(): void {
    this.lanes?.dropTurns()
  }

  /** The sender went away; true where the handler has begun. */
  cancel(envelope: Envelope): boolean {
    this.withdraw(envelope)
    if (envelope instanceof Ask) envelope.reply = undefined
    envelope.taken = undefined
    const begun = envelope.phase === running
    this.finish(envelope, Exit.void)
    return begun
  }

  /** The deadline has passed; true where the handler has begun. */
  expire(ask: Ask): boolean {
    const { address } = this
    const { tag, timeoutMillis } = ask
    const begun = ask.phase === running
    const chain = Letter.chainOf(ask)
    this.withdraw(ask)
    if (!begun) this.office.deadLetter(address, tag, "expired")
    const outcome = begun ? "unknown" : "not-handled"
    this.finish(ask, Exit.fail(new AskTimeout({ address, tag, timeoutMillis, outcome, chain })))
    return begun
  }

  /** Gives a message its end. */
  finish(envelope: Envelope, exit: Exit.Exit<unknown, unknown>): void {
    if (!(envelope instanceof Ask)) {
      envelope.phase = settled
      return
    }
    if (envelope.heapIndex >= 0) this.office.timetable.remove(envelope)
    Letter.finish(envelope, exit)
  }

  /** Gives up every message: they are dead letters. */
  abandon(reason: StopReason, lastCrash?: string): void {
    const beside = this.lanes?.drain() ?? []
    this.giveUp([...beside, ...this.mailbox.drain()], { reason, lastCrash })
  }

  /** Gives up what was put aside. */
  abandonStash(reason: StopReason): void {
    if (this.stashed > 0) {
      this.giveUp(this.lanes?.drainStash() ?? [], { reason, lastCrash: undefined })
    }
  }

  private giveUp(envelopes: ReadonlyArray<Envelope>, end: End): void {
    const { address } = this
    for (const envelope of envelopes) {
      if (end.reason === "moved" && this.office.forward(address, envelope)) continue
      this.office.deadLetter(address, envelope.tag, "stopped")
      this.refuse(envelope, new ActorStopped({ address, ...end }))
    }
  }

  private ownLanes(): Lanes {
    return this.lanes ??= new Lanes()
  }

  private overflow(envelope: Envelope): void {
    const { address } = this
    const { capacity, overflow } = this.mailbox.settings
    this.office.deadLetter(address, envelope.tag, "overflow")
    const error = new MailboxFull({ address, tag: envelope.tag, capacity })
    if (overflow === "reject") this.refuse(envelope, error)
    else this.finish(envelope, Exit.fail(error))
  }

  private refuse(envelope: Envelope, error: TellError): void {
    if (envelope instanceof Ask && envelope.heapIndex >= 0) this.office.timetable.remove(envelope)
    Letter.refuse(envelope, error)
  }

  private admitWaiting(): void {
    for (let m = this.mailbox.admit(); m !== undefined; m = this.mailbox.admit()) {
      m.phase = queued
      const { taken } = m
      m.taken = undefined
      taken?.(Exit.void)
    }
  }
}

const aside = new Error("stash.hold puts the message of a handler aside; here is none to put aside")

/** Ends a handler so that its message is put aside: a defect that `isAside` knows. */
export const hold: Effect.Effect<never> = Exit.die(aside)

/** Whether a handler ended since it put its message aside. */
export const isAside = (cause: Cause.Cause<unknown>): boolean =>
  cause._tag !== "Fail" && Chunk.some(Cause.defects(cause), (defect) => defect === aside)
