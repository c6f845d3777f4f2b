/**
 * What comes from other nodes: each batch is taken in once, whatever is sent again; messages go to
 * their actors, answers to their askers.
 */
import type { Rpc } from "@effect/rpc"
import { ActorError, type Placement } from "@plantd/actors"
import { Effect, Either, Exit } from "effect"
import { type Batch, type Receipt, WrongSession } from "../PeerTransport.ts"
import {
  answerKind,
  answerLetter,
  askKind,
  goneKind,
  isLetter,
  type Letter,
  movedKind,
  tellKind
} from "./letters.ts"
import { codecOf, encodeRefusal, type EncodedExit, refused } from "./messageCodec.ts"
import type { Outgoing, Peer } from "./peer.ts"

/** What an inbox needs of its node. */
export interface Reception {
  readonly session: string
  readonly hosted: Placement.HostedSystem
  readonly isHere: (type: string, id: string) => boolean
  /** Whether types of actors may still be registered. */
  readonly isStarting: () => boolean
  readonly peerOf: (member: { readonly address: string; readonly session: string }) => Peer
  readonly elsewhere: (messages: ReadonlyArray<Outgoing>) => void
}

/** One session that batches come from. */
interface Sender {
  sequence: number
  receipt: Receipt
  /** Takes asks back that are not answered yet, by their number. */
  readonly asks: Map<number, () => void>
}

/** Senders that are remembered; the one that was heard longest ago is forgotten. */
const sendersMax = 1_024

const nothing: Receipt = { elsewhere: [] }

/** Takes batches in. */
export class Inbox {
  private readonly reception: Reception
  private readonly senders = new Map<string, Sender>()

  constructor(reception: Reception) {
    this.reception = reception
  }

  /** Takes a batch in, or says again what became of it. */
  take(batch: Batch): Effect.Effect<Receipt, WrongSession> {
    return Effect.suspend(() => {
      const { session } = this.reception
      if (batch.to !== session) return new WrongSession({ session })
      const sender = this.senderOf(batch.session)
      if (batch.sequence <= sender.sequence) {
        return Effect.succeed(batch.sequence === sender.sequence ? sender.receipt : nothing)
      }
      const elsewhere: Array<number> = []
      // Only a peer that has just been made may skip numbers: what it sent before is gone.
      sender.sequence = batch.sequence
      const peer = this.reception.peerOf({ address: batch.from, session: batch.session })
      batch.letters.forEach((letter, position) => {
        if (isLetter(letter) && !this.read(letter, sender, peer)) elsewhere.push(position)
      })
      sender.receipt = elsewhere.length === 0 ? nothing : { elsewhere }
      return Effect.succeed(sender.receipt)
    })
  }

  /** A session is over: nobody waits for its answers. */
  forget(session: string): void {
    const sender = this.senders.get(session)
    this.senders.delete(session)
    for (const cancel of sender?.asks.values() ?? []) cancel()
  }

  private senderOf(session: string): Sender {
    const known = this.senders.get(session)
    const sender = known ?? { sequence: 0, receipt: nothing, asks: new Map() }
    if (known !== undefined) this.senders.delete(session)
    this.senders.set(session, sender)
    for (const oldest of this.senders.keys()) {
      if (this.senders.size <= sendersMax) break
      this.forget(oldest)
    }
    return sender
  }

  /** Reads a letter; false where its actor does not live here. */
  private read(letter: Letter, sender: Sender, peer: Peer): boolean {
    switch (letter[0]) {
      case tellKind: {
        const [, type, id, tag, payload] = letter
        return this.deliver({ type, id, tag, payload }, Infinity, () => {}, undefined)
      }
      case askKind:
        return this.ask(letter, sender, peer)
      case answerKind: {
        const [, number, kind, value] = letter
        this.answer(peer.answered(number), [kind, value])
        return true
      }
      case movedKind: {
        const outgoing = peer.answered(letter[1])
        outgoing?.parcel.unbegin()
        if (outgoing !== undefined) this.reception.elsewhere([outgoing])
        return true
      }
      case goneKind: {
        const cancel = sender.asks.get(letter[1])
        sender.asks.delete(letter[1])
        cancel?.()
        return true
      }
    }
  }

  private ask(letter: AskLetter, sender: Sender, peer: Peer): boolean {
    const [, number, left, type, id, tag, payload] = letter
    const deadline = this.reception.hosted.service.engine.now() + left
    const end = (exit: EncodedExit) => {
      sender.asks.delete(number)
      peer.tell(answerLetter(number, exit))
    }
    let ended = false
    const cancel = this.deliver({ type, id, tag, payload }, deadline, (exit) => {
      ended = true
      end(exit)
    }, () => {
      ended = true
      sender.asks.delete(number)
      peer.tell([movedKind, number])
    }, (take) => {
      if (!ended) sender.asks.set(number, take)
    })
    return cancel
  }

  private deliver(
    { id, payload, tag, type }: Message,
    deadline: number,
    end: (exit: EncodedExit) => void,
    onMoved: (() => void) | undefined,
    cancellable?: (cancel: () => void) => void
  ): boolean {
    const { hosted, isHere, isStarting } = this.reception
    const address = { type, id }
    const refuse = (error: ActorError.AskError) => {
      end([refused, encodeRefusal(error)])
      if (deadline === Infinity) hosted.service.engine.deadLetter(address, tag, "undelivered")
      return true
    }
    if (!isHere(type, id)) return false
    if (!hosted.hasType(type)) {
      if (isStarting()) return false
      return refuse(new ActorError.ActorNotRegistered({ address, registered: [] }))
    }
    const rpc = hosted.protocolOf(type)?.requests.get(tag) as Rpc.AnyWithProps | undefined
    const invalid = (issue: string, part: "payload" | "answer") =>
      new ActorError.MessageInvalid({ address, tag, part, issue })
    if (rpc === undefined) return refuse(invalid(`${type} has no message ${tag} here`, "payload"))
    const codec = codecOf(rpc)
    const decoded = codec.decode(payload)
    if (Either.isLeft(decoded)) return refuse(invalid(decoded.left, "payload"))
    const onEnd = (exit: Exit.Exit<unknown, unknown>) => {
      if (deadline === Infinity) return
      end(Either.getOrElse(
        codec.encodeExit(exit),
        (issue): EncodedExit => [refused, encodeRefusal(invalid(issue, "answer"))]
      ))
    }
    const received = { address, tag, payload: decoded.right, deadline, onEnd }
    const cancel = hosted.receive(onMoved === undefined ? received : { ...received, onMoved })
    cancellable?.(cancel)
    return true
  }

  private answer(outgoing: Outgoing | undefined, exit: EncodedExit): void {
    if (outgoing === undefined) return
    const { parcel } = outgoing
    const { address, tag } = parcel
    const rpc = this.reception.hosted.protocolOf(address.type)?.requests.get(tag)
    if (rpc === undefined) return
    const decoded = codecOf(rpc as unknown as Rpc.AnyWithProps).decodeExit(exit)
    parcel.answer(
      Either.getOrElse(
        decoded,
        (issue) => Exit.fail(new ActorError.MessageInvalid({ address, tag, part: "answer", issue }))
      )
    )
  }
}

interface Message {
  readonly type: string
  readonly id: string
  readonly tag: string
  readonly payload: unknown
}

type AskLetter = Extract<Letter, readonly [kind: typeof askKind, ...rest: Array<unknown>]>
