/**
 * What comes from other nodes: each batch is taken in once, whatever is sent again; messages go to
 * their actors, answers to their askers.
 */
import type { Rpc } from "@effect/rpc"
import { ActorError } from "@plantd/actors"
import { Effect, Either, Exit } from "effect"
import type { Session } from "../LeaseStore.ts"
import { type Batch, type Receipt, WrongSession } from "../PeerTransport.ts"
import { Caller, type Household, nothing } from "./caller.ts"
import {
  answerKind,
  askKind,
  brokenKind,
  chunkKind,
  creditKind,
  endedKind,
  endKind,
  goneKind,
  isLetter,
  type Letter,
  movedKind,
  openedKind,
  returnedKind,
  tellKind,
  recalledKind,
  recallKind,
  watchKind
} from "./letters.ts"
import { codecOf, type EncodedExit, type MessageCodec } from "@plantd/actors/MessageCodec"
import type { Outgoing, Peer } from "./peer.ts"
import { ReadStream } from "./readStream.ts"
import { RemoteWatch } from "./remoteWatch.ts"
import { ReturnedTell } from "./returnedTell.ts"

/** What an inbox needs of its node. */
export interface Reception extends Household {
  readonly session: string
  readonly peerOf: (member: Session) => Peer
  readonly broken: (peer: Peer, link: number) => void
  readonly givenBack: (outgoing: Outgoing, peer: Peer) => void
  readonly recalled: (shard: number, number: number, peer: Peer) => void
  readonly streamWindow: number
}

/** By whom a letter is read, and where answers to it go. */
interface Reading {
  readonly caller: Caller
  readonly peer: Peer
  /** When it was posted, by the clock of this node. */
  readonly postedAt: number
}

/** Sessions that are remembered; the one that was heard longest ago is forgotten. */
const callersMax = 1_024

/** Takes batches in. */
export class Inbox {
  private readonly reception: Reception
  private readonly callers = new Map<string, Caller>()

  constructor(reception: Reception) {
    this.reception = reception
  }

  /** Takes a batch in, or says again what became of it. */
  take(batch: Batch): Effect.Effect<Receipt, WrongSession> {
    return Effect.suspend(() => {
      const { session } = this.reception
      if (batch.to !== session) return new WrongSession({ session })
      const caller = this.callerOf(batch)
      if (caller.isOver || batch.link < caller.link) return new WrongSession({ session })
      const now = this.reception.hosted.service.engine.now()
      // Of each, also of one that was taken in before: the quickest tells how old the others are.
      const postedAt = now - caller.age.of({ sentAt: batch.sentAt, now })
      if (batch.sequence <= caller.sequence) {
        return Effect.succeed(batch.sequence === caller.sequence ? caller.receipt : nothing)
      }
      const elsewhere: Array<number> = []
      caller.sequence = batch.sequence
      const member = { address: batch.from, session: batch.session }
      let peer = this.reception.peerOf(member)
      batch.letters.forEach((letter, position) => {
        if (peer.closed) peer = this.reception.peerOf(member)
        if (!isLetter(letter)) return
        if (!this.read(letter, { caller, peer, postedAt })) elsewhere.push(position)
      })
      caller.receipt = elsewhere.length === 0 ? nothing : { elsewhere }
      return Effect.succeed(caller.receipt)
    })
  }

  /** A session is over: nobody waits for its answers. Where it comes back, it is told so. */
  forget(session: string): void {
    this.callers.get(session)?.close()
  }

  /** Sessions are members: one that was given up does not know of it. */
  tellReturned(members: ReadonlyArray<Session>): void {
    for (const { address, session } of members) {
      const caller = this.callers.get(session)
      if (caller?.isOver !== true || caller.isTold) continue
      caller.isTold = true
      this.reception.peerOf({ address, session }).tell([brokenKind, caller.link])
    }
  }

  private callerOf({ from: address, link, session }: Batch): Caller {
    const known = this.callers.get(session)
    const isNew = known === undefined || known.link < link
    if (isNew) known?.close()
    const caller = isNew
      ? new Caller(this.reception, { address, session }, { link, before: known })
      : known
    this.callers.delete(session)
    this.callers.set(session, caller)
    for (const [session, oldest] of this.callers) {
      if (this.callers.size <= callersMax) break
      this.callers.delete(session)
      oldest.close()
    }
    return caller
  }

  /** Reads a letter; false where its actor does not live here. */
  private read(letter: Letter, { caller, peer, postedAt }: Reading): boolean {
    switch (letter[0]) {
      case tellKind:
        return caller.tell(letter)
      case askKind:
        return caller.ask(letter, { peer, postedAt })
      case answerKind: {
        const [, number, kind, value] = letter
        this.answer(peer.answered(number), [kind, value])
        return true
      }
      case movedKind: {
        const outgoing = peer.answered(letter[1])
        outgoing?.parcel.unbegin()
        if (outgoing !== undefined) this.reception.givenBack(outgoing, peer)
        return true
      }
      case returnedKind: {
        const parcel = new ReturnedTell(this.reception.hosted, letter)
        const shard = this.reception.shardOf(parcel.address.id)
        this.reception.givenBack({ parcel, payload: parcel.payload, shard }, peer)
        return true
      }
      case recallKind:
        caller.recall(letter, peer)
        return true
      case recalledKind:
        this.reception.recalled(letter[2], letter[1], peer)
        return true
      case goneKind:
        caller.gone(letter[1])
        return true
      case openedKind:
        this.open(peer.answered(letter[1]), letter[1], peer)
        return true
      case chunkKind:
        peer.streams.get(letter[1])?.take(letter[2])
        return true
      case endKind: {
        const [, number, kind, value] = letter
        peer.streams.get(number)?.end([kind, value])
        return true
      }
      case watchKind:
        return caller.watch(letter, peer)
      case endedKind: {
        const [, number, reason] = letter
        const parcel = peer.asked.get(number)?.parcel
        if (!(parcel instanceof RemoteWatch)) return true
        peer.asked.delete(number)
        parcel.ended(reason)
        return true
      }
      case brokenKind:
        this.reception.broken(peer, letter[1])
        return true
      case creditKind:
        caller.credit(letter[1], letter[2])
        return true
    }
  }

  private answer(outgoing: Outgoing | undefined, exit: EncodedExit): void {
    if (outgoing === undefined) return
    const { parcel } = outgoing
    const { address, tag } = parcel
    const codec = this.codecOf(outgoing)
    if (codec === undefined) return
    const decoded = codec.decodeExit(exit)
    parcel.answer(
      Either.getOrElse(
        decoded,
        (issue) => Exit.fail(new ActorError.MessageInvalid({ address, tag, part: "answer", issue }))
      )
    )
  }

  private open(outgoing: Outgoing | undefined, number: number, peer: Peer): void {
    const codec = outgoing === undefined ? undefined : this.codecOf(outgoing)?.stream
    if (outgoing?.parcel.isOpen !== true || codec === undefined) {
      return peer.tell([goneKind, number])
    }
    const { parcel: { address, tag }, parcel } = outgoing
    const stream = new ReadStream({
      number,
      address,
      tag,
      codec,
      window: this.reception.streamWindow,
      tell: (letter) => peer.tell(letter),
      onOver: () => void peer.streams.delete(number)
    })
    peer.streams.set(number, stream)
    parcel.answer(Exit.succeed(stream.stream))
  }

  private codecOf({ parcel: { address, tag } }: Outgoing): MessageCodec | undefined {
    const rpc = this.reception.hosted.protocolOf(address.type)?.requests.get(tag)
    return rpc === undefined ? undefined : codecOf(rpc as unknown as Rpc.AnyWithProps)
  }
}
