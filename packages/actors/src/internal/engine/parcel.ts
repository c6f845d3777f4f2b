/** A message that is carried to another node, as its sender's system holds it. */
import type { Exit } from "effect"
import { Exit as Exits } from "effect"
import { type ActorAddress, format } from "../../ActorAddress.ts"
import { type AskError, AskTimeout, type TellError } from "../../ActorError.ts"
import type { Parcel } from "../../Placement.ts"
import {
  Ask,
  chainOf,
  type Envelope,
  finish,
  fresh,
  type Owner,
  queued,
  refuse,
  running,
  settled,
  waiting
} from "./envelope.ts"
import type { PostOffice } from "./postbox.ts"

/** What a parcel needs of its system. */
export interface Depot extends PostOffice {
  readonly deliver: (type: string, id: string, envelope: Envelope) => void
}

/** Holds an envelope until its carrier brings it to an end, or its sender stops waiting. */
export class CarriedParcel implements Parcel, Owner {
  readonly address: ActorAddress
  onGone: (() => void) | undefined = undefined
  private readonly depot: Depot
  private readonly envelope: Envelope

  constructor(depot: Depot, address: ActorAddress, envelope: Envelope) {
    this.depot = depot
    this.address = address
    this.envelope = envelope
    envelope.owner = this
    // A tell waits until it is taken for the way; an ask, for its answer.
    envelope.phase = envelope instanceof Ask ? queued : waiting
    if (envelope instanceof Ask && envelope.heapIndex < 0) depot.timetable.add(envelope)
  }

  get tag(): string {
    return this.envelope.tag
  }

  get order(): number {
    return this.envelope.order
  }

  get payload(): unknown {
    return this.envelope.payload
  }

  get asks(): boolean {
    return this.envelope instanceof Ask
  }

  get deadline(): number {
    return this.envelope.deadline
  }

  get name(): string {
    return format(this.address)
  }

  get isOpen(): boolean {
    return this.envelope.owner === this && this.envelope.phase !== settled
  }

  begin(): void {
    if (this.isOpen && this.asks) this.envelope.phase = running
  }

  unbegin(): void {
    if (this.isOpen && this.asks) this.envelope.phase = queued
  }

  taken(): void {
    const { envelope } = this
    if (!this.isOpen || envelope.phase !== waiting) return
    envelope.phase = queued
    const { taken } = envelope
    envelope.taken = undefined
    taken?.(Exits.void)
  }

  answer(exit: Exit.Exit<unknown, unknown>): void {
    if (!this.isOpen) return
    this.leave()
    finish(this.envelope, exit)
  }

  refuse(error: TellError): void {
    if (!this.isOpen) return
    this.leave()
    // A tell that was taken for the way has nobody who hears of it any more.
    if (!this.asks) this.depot.deadLetter(this.address, this.tag, "undelivered")
    refuse(this.envelope, error)
  }

  fail(error: AskError): void {
    if (!this.isOpen) return
    this.leave()
    if (!this.asks) this.depot.deadLetter(this.address, this.tag, "undelivered")
    finish(this.envelope, Exits.fail(error))
  }

  redeliver(): void {
    if (!this.isOpen) return
    this.leave()
    this.envelope.phase = fresh
    this.depot.deliver(this.address.type, this.address.id, this.envelope)
  }

  cancel(envelope: Envelope): void {
    if (envelope.phase === settled) return
    if (envelope instanceof Ask) envelope.reply = undefined
    envelope.taken = undefined
    this.leave()
    finish(envelope, Exits.void)
    this.onGone?.()
  }

  onDeadline(ask: Ask): void {
    if (ask.phase === settled) return
    const { address } = this
    const { tag, timeoutMillis } = ask
    const begun = ask.phase === running
    const chain = chainOf(ask)
    if (!begun) this.depot.deadLetter(address, tag, "expired")
    const outcome = begun ? "unknown" : "not-handled"
    finish(ask, Exits.fail(new AskTimeout({ address, tag, timeoutMillis, outcome, chain })))
    this.onGone?.()
  }

  private leave(): void {
    const { envelope } = this
    if (envelope instanceof Ask && envelope.heapIndex >= 0) {
      this.depot.timetable.remove(envelope)
    }
  }
}
