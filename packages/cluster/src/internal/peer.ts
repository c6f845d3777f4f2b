/**
 * What goes to one session of another node: a queue of letters, posted in batches, one at a time
 * and in order, each again and again under its number until it is taken in or the session is over.
 */
import { type ActorAddress, ActorError, type Placement } from "@plantd/actors"
import type { Buggify } from "@plantd/core"
import { Duration, Effect, Random } from "effect"
import type { Session } from "../LeaseStore.ts"
import type { Batch, Post, Receipt, WrongSession } from "../PeerTransport.ts"
import { askKind, goneKind, type Letter, returnedKind, tellKind, watchKind } from "./letters.ts"
import type { ReadStream } from "./readStream.ts"
import { RemoteWatch } from "./remoteWatch.ts"

/** A message on its way, with its encoded payload; `shard` is where it goes. */
export interface Outgoing {
  readonly parcel: Placement.Parcel
  readonly payload: unknown
  readonly shard: number
  /** Since when it has waited for a way; absent where it has not. */
  readonly since?: number
}

/** What a peer needs of its node. */
export interface Office {
  /** The address and the session of this node. */
  readonly self: Session
  readonly now: () => number
  /** Never the same again: it tells links, and what goes by them, apart. */
  readonly nextNumber: () => number
  readonly batchMax: number
  readonly queuedMax: number
  readonly attemptMillis: number
  readonly fires: Buggify.Fires
  /** A tell of another node that was given back to it, and may not have come there. */
  readonly deadLetter: (address: ActorAddress.ActorAddress, tag: string) => void
  /** Messages that reached nobody there, in order; what is queued for their shards follows them. */
  readonly elsewhere: (messages: ReadonlyArray<Outgoing>, peer: Peer) => void
}

const retryMillis = { min: 20, max: 250 }

/** One session of another node. */
export class Peer {
  readonly address: string
  readonly session: string
  readonly link: number
  /** Asks and watches that were taken in there, by their number. */
  readonly asked = new Map<number, Outgoing>()
  /** Streams of its actors that are read here, by the number of the ask. */
  readonly streams = new Map<number, ReadStream>()
  /** Shards of which it was asked whether it gives more back, and with which number. */
  readonly recalling = new Map<number, number>()
  private readonly office: Office
  private queue: Array<Outgoing | Letter> = []
  private posted: ReadonlyArray<Outgoing | Letter> = []
  private readonly latch = Effect.unsafeMakeLatch(false)
  private readonly room: Array<Placement.Parcel> = []
  private sequence = 0
  closed = false
  /** When it was first seen to have left with messages posted there, by the clock of this node. */
  leftAt: number | undefined = undefined

  constructor(office: Office, member: Session) {
    this.office = office
    this.address = member.address
    this.session = member.session
    this.link = office.nextNumber()
  }

  /** Takes a message for the way; it waits for room, or is refused, where too many do. */
  offer(outgoing: Outgoing): void {
    const { parcel } = outgoing
    const { queuedMax } = this.office
    const full = this.queue.length >= queuedMax
    if (full && (parcel.asks || this.room.length >= queuedMax)) {
      parcel.refuse(this.undelivered(outgoing, `${queuedMax} messages wait for ${this.address}`))
      return
    }
    this.queue.push(outgoing)
    if (full) this.room.push(parcel)
    else parcel.taken()
    this.latch.unsafeOpen()
  }

  /** Sends an answer, or news of a message. */
  tell(letter: Letter): void {
    if (this.closed) return
    this.queue.push(letter)
    this.latch.unsafeOpen()
  }

  /** Takes what waits for some shards out of the queue, in its order. */
  withdraw(concerns: (shard: number) => boolean): ReadonlyArray<Outgoing> {
    const out: Array<Outgoing> = []
    this.queue = this.queue.filter((entry) => {
      if (!("parcel" in entry) || !concerns(entry.shard)) return true
      out.push(entry)
      return false
    })
    return out
  }

  /** Whether it is not known yet what became of messages that were sent there. */
  get isPosting(): boolean {
    return this.posted.some(isOutgoing)
  }

  /** Whether all that was to go there has gone, and was received. */
  get isEmpty(): boolean {
    return this.closed || (this.queue.length === 0 && this.posted.length === 0)
  }

  /** The answer to an ask has come. */
  answered(number: number): Outgoing | undefined {
    const outgoing = this.asked.get(number)
    this.asked.delete(number)
    return outgoing
  }

  /** The session is over: what was not posted can go elsewhere, of the rest nobody knows. */
  close(reason: string): ReadonlyArray<Outgoing> {
    if (this.closed) return []
    this.closed = true
    this.latch.unsafeOpen()
    const unsent = this.withdraw(() => true)
    // Posted asks are in `asked`, unless one came back or was answered before its receipt did.
    const tells = this.posted.filter(isOutgoing).filter(({ parcel }) => !parcel.asks)
    const lost = [...this.asked.values(), ...tells]
    for (const letter of [...this.posted, ...this.queue]) {
      if (!("parcel" in letter) && letter[0] === returnedKind) {
        const [, , type, id, tag] = letter
        this.office.deadLetter({ type, id }, tag)
      }
    }
    this.asked.clear()
    this.posted = []
    this.queue = []
    const lostWith = (what: string) =>
      `${this.address} was lost (${reason}) while it had the ${what}`
    for (const stream of this.streams.values()) stream.lose(lostWith("stream"))
    const detail = lostWith("message")
    for (const { parcel: { address, tag }, parcel } of lost) {
      parcel.fail(new ActorError.DeliveryUnknown({ address, tag, detail }))
    }
    return unsent
  }

  /** Posts what is queued, for as long as the session lasts. */
  run(post: Post): Effect.Effect<void> {
    const next: Effect.Effect<void> = Effect.suspend(() => {
      if (this.closed) return Effect.void
      if (this.queue.length > 0) return Effect.zipRight(this.send(post), next)
      this.latch.unsafeClose()
      return Effect.zipRight(this.latch.await, next)
    })
    return next
  }

  private send(post: Post): Effect.Effect<void> {
    const { attemptMillis, batchMax, fires, self } = this.office
    const atMost = fires("a batch has one letter") ? 1 : batchMax
    const entries = this.queue.splice(0, atMost).filter((entry) =>
      !("parcel" in entry) || !entry.parcel.asks || entry.parcel.isOpen
    )
    this.admit()
    if (entries.length === 0) return Effect.void
    const numbered = entries.map((entry) => this.number(entry))
    this.posted = entries
    const sequence = ++this.sequence
    // Anew for each try: the time that was lost is none that an asker waits still.
    const batch = (): Batch => {
      const sentAt = this.office.now()
      return {
        from: self.address,
        session: self.session,
        to: this.session,
        link: this.link,
        sequence,
        sentAt,
        letters: numbered.map((each) => letterAt(each, sentAt))
      }
    }
    let tries = 0
    const attempt = (wait: number): Effect.Effect<void> =>
      Effect.suspend(() => {
        if (this.closed) return Effect.void
        tries++
        return Effect.matchEffect(
          Effect.timeoutFail(post(batch()), {
            duration: attemptMillis,
            onTimeout: () => silent
          }),
          {
            onSuccess: (receipt) => Effect.sync(() => this.received(numbered, receipt)),
            onFailure: (error) =>
              error !== silent && error._tag === "WrongSession"
                ? Effect.sync(() => this.superseded(error, tries === 1 ? numbered : undefined))
                : Effect.zipRight(
                  jittered(wait),
                  attempt(Math.min(wait * 2, retryMillis.max))
                )
          }
        )
      })
    return attempt(retryMillis.min)
  }

  private admit(): void {
    while (this.room.length > 0 && this.queue.length - this.room.length < this.office.queuedMax) {
      this.room.shift()?.taken()
    }
  }

  private number(entry: Outgoing | Letter): Numbered {
    if (!("parcel" in entry)) return { entry, letter: entry, number: 0 }
    const { parcel, payload } = entry
    const { address: { id, type }, asks, deadline, order, tag } = parcel
    if (!asks) return { entry, letter: [tellKind, order, type, id, tag, payload], number: 0 }
    const number = this.office.nextNumber()
    // Before it leaves: from now on a handler may see it.
    parcel.begin()
    parcel.onGone = () => {
      if (this.asked.delete(number)) this.tell([goneKind, number])
    }
    this.asked.set(number, entry)
    if (parcel instanceof RemoteWatch) {
      return { entry, letter: [watchKind, number, type, id], number }
    }
    return { entry, letter: [askKind, number, deadline, type, id, tag, payload], number }
  }

  private received(numbered: ReadonlyArray<Numbered>, { elsewhere }: Receipt): void {
    this.posted = []
    const back: Array<Outgoing> = []
    for (const position of elsewhere) {
      const found = numbered[position]
      if (found === undefined || !("parcel" in found.entry)) continue
      this.asked.delete(found.number)
      found.entry.parcel.onGone = undefined
      found.entry.parcel.unbegin()
      back.push(found.entry)
    }
    if (back.length > 0) this.office.elsewhere(back, this)
  }

  // Its node was started anew, or has given this link up. A former try of the batch at hand may
  // have been taken in.
  private superseded({ session }: WrongSession, unseen: ReadonlyArray<Numbered> | undefined): void {
    if (unseen !== undefined) {
      const letters = this.posted.filter((entry) => !isOutgoing(entry))
      this.received(unseen, { elsewhere: unseen.map((_, position) => position) })
      this.posted = letters
    }
    const reason = session === this.session
      ? "it has given up its link"
      : `its node runs as ${session} now`
    this.office.elsewhere(this.close(reason), this)
  }

  private undelivered({ parcel: { address, tag } }: Outgoing, detail: string) {
    return new ActorError.NotDelivered({ address, tag, detail })
  }
}

/** A letter as it is posted: an ask says how long its asker waits still, and not until when. */
const letterAt = ({ letter }: Numbered, now: number): Letter => {
  if (letter[0] !== askKind) return letter
  const [kind, number, deadline, ...message] = letter
  return [kind, number, Math.max(0, deadline - now), ...message]
}

interface Numbered {
  readonly entry: Outgoing | Letter
  readonly letter: Letter
  /** Of an ask. */
  readonly number: number
}

const silent = { _tag: "Silent" } as const

const isOutgoing = (entry: Outgoing | Letter): entry is Outgoing => "parcel" in entry

const jittered = (millis: number): Effect.Effect<void> =>
  Effect.flatMap(
    Random.nextRange(0.5, 1.5),
    (factor) => Effect.sleep(Duration.millis(millis * factor))
  )
