/**
 * One session of another node, as it asks actors here: its asks that are not answered yet, the
 * streams that it reads, and its watches.
 */
import type { Rpc } from "@effect/rpc"
import { ActorError, DeathWatch, type Placement } from "@plantd/actors"
import { type Effect, Either, Exit, type Fiber, FiberId, type Stream } from "effect"
import type { Session } from "../LeaseStore.ts"
import type { Receipt } from "../PeerTransport.ts"
import { BatchAge } from "./batchAge.ts"
import {
  answerLetter,
  type askKind,
  endedKind,
  type Letter,
  movedKind,
  openedKind,
  returnedKind,
  type tellKind,
  recalledKind,
  type recallKind,
  type watchKind
} from "./letters.ts"
import {
  codecOf,
  encodeRefusal,
  type EncodedExit,
  refused,
  type StreamCodec
} from "@plantd/actors/MessageCodec"
import type { Peer } from "./peer.ts"
import { ServedStream } from "./servedStream.ts"

/** Where the actors live that are asked. */
export interface Household {
  /** The address of this node. */
  readonly address: string
  readonly hosted: Placement.HostedSystem
  readonly isHere: (type: string, id: string) => boolean
  readonly shardOf: (id: string) => number
  /** By which a session is sent something; nothing where it is no member. */
  readonly memberPeer: (session: Session) => Peer | undefined
  /** Whether types of actors may still be registered. */
  readonly isStarting: () => boolean
  readonly run: (effect: Effect.Effect<void>) => Fiber.RuntimeFiber<void>
  readonly streamsMax: number
}

/** The receipt of a batch whose messages are all taken. */
export const nothing: Receipt = { elsewhere: [] }

/** One session that asks. */
export class Caller {
  private readonly household: Household
  private readonly sender: Session
  /** By which its batches come. */
  readonly link: number
  /** Whether it was given up. */
  isOver = false
  /** Whether the session was told so, since it is a member still. */
  isTold = false
  /** The last of its batches that was taken in, and what became of it. */
  sequence = 0
  receipt: Receipt = nothing
  /** Takes back what has not ended, by number. */
  private readonly asks = new Map<number, () => void>()
  /** Streams that are read there, or will be, by the number of the ask. */
  private readonly streams = new Map<number, ServedStream>()
  /** Ends its watches, by number. */
  private readonly watches = new Map<number, () => void>()
  /** Shards of which something was given back, and nothing is taken until it knows of that. */
  readonly returned: Set<number>
  /** By the clock of its node, whatever link they come by. */
  readonly age: BatchAge

  /** By a link, with what is known of the same session by the link before. */
  constructor(
    household: Household,
    sender: Session,
    { before, link }: { readonly link: number; readonly before: Caller | undefined }
  ) {
    this.household = household
    this.sender = sender
    this.link = link
    this.returned = before?.returned ?? new Set()
    this.age = before?.age ?? new BatchAge()
  }

  /** Takes a tell in, which may be given back later; false where its actor does not live here. */
  tell([, order, type, id, tag, payload]: TellLetter): boolean {
    return this.deliver({ type, id, tag, payload }, {
      ...nobody,
      moved: () => {
        const { hosted, memberPeer } = this.household
        const peer = memberPeer(this.sender)
        if (peer !== undefined) {
          this.giveBack(id, peer, [returnedKind, order, type, id, tag, payload])
        } else hosted.service.engine.deadLetter({ type, id }, tag, "undelivered")
      }
    })
  }

  /** It has what was given back of a shard, and sends in order again. */
  recall([, number, shard]: RecallLetter, peer: Peer): void {
    this.returned.delete(shard)
    peer.tell([recalledKind, number, shard])
  }

  /** Takes an ask in, and answers to `peer`; false where its actor does not live here. */
  ask(
    letter: AskLetter,
    { peer, postedAt }: { readonly peer: Peer; readonly postedAt: number }
  ): boolean {
    const [, number, left, type, id, tag, payload] = letter
    const { run, streamsMax } = this.household
    let ended = false
    const over = () => {
      ended = true
      this.asks.delete(number)
      this.streams.delete(number)
    }
    return this.deliver({ type, id, tag, payload }, {
      deadline: postedAt + left,
      end: (exit) => {
        over()
        peer.tell(answerLetter(number, exit))
      },
      moved: () => {
        over()
        this.giveBack(id, peer, [movedKind, number])
      },
      admit: (codec) => {
        if (this.streams.size >= streamsMax) return false
        const address = { type, id }
        const tell = (letter: Letter) => peer.tell(letter)
        const serving = { number, address, tag, codec, tell, onEnd: over }
        this.streams.set(number, new ServedStream(serving))
        return true
      },
      open: (stream) => {
        const served = this.streams.get(number)
        if (served === undefined) return
        ended = true
        peer.tell([openedKind, number])
        const fiber = run(served.run(stream))
        this.asks.set(number, () => fiber.unsafeInterruptAsFork(FiberId.none))
      },
      begun: (cancel) => {
        if (!ended) this.asks.set(number, cancel)
      }
    })
  }

  /** Nobody waits for the answer to an ask any more, or reads its stream. */
  gone(number: number): void {
    const cancel = this.asks.get(number)
    this.asks.delete(number)
    this.streams.delete(number)
    cancel?.()
    this.watches.get(number)?.()
    this.watches.delete(number)
  }

  /** Takes a watch in, and tells `peer` of the end; false where its actor does not live here. */
  watch([, number, type, id]: WatchLetter, peer: Peer): boolean {
    const { hosted, isStarting } = this.household
    if (!this.takes(type, id)) return false
    if (!hosted.hasType(type) && isStarting()) return false
    if (this.watches.size >= DeathWatch.watchesMax) {
      peer.tell([endedKind, number, "node-lost"])
      return true
    }
    let ended = false
    const unwatch = hosted.service.engine.watch({ type, id }, ({ reason }) => {
      ended = true
      this.watches.delete(number)
      peer.tell([endedKind, number, reason])
    })
    if (!ended) this.watches.set(number, unwatch)
    return true
  }

  /** The reader of a stream has room for more. */
  credit(number: number, count: number): void {
    this.streams.get(number)?.grant(count)
  }

  /** The session is over, or has given up its link. */
  close(): void {
    this.isOver = true
    for (const unwatch of this.watches.values()) unwatch()
    this.watches.clear()
    for (const cancel of this.asks.values()) cancel()
    this.asks.clear()
    this.streams.clear()
  }

  // It is asked of each message: mostly nothing is given back, and the id is not hashed for it.
  private takes(type: string, id: string): boolean {
    const { isHere, shardOf } = this.household
    return isHere(type, id) && (this.returned.size === 0 || !this.returned.has(shardOf(id)))
  }

  // What was sent after it, and is on its way still, must not be handled before it.
  private giveBack(id: string, peer: Peer, letter: Letter): void {
    this.returned.add(this.household.shardOf(id))
    peer.tell(letter)
  }

  private deliver({ id, payload, tag, type }: Message, sent: Sent): boolean {
    const { hosted, isStarting, streamsMax } = this.household
    const { deadline } = sent
    const isTell = deadline === Infinity
    const address = { type, id }
    const refuse = (error: ActorError.AskError) => {
      sent.end([refused, encodeRefusal(error)])
      if (isTell) hosted.service.engine.deadLetter(address, tag, "undelivered")
      return true
    }
    if (!this.takes(type, id)) return false
    if (!hosted.hasType(type)) {
      if (isStarting()) return false
      const { address: node } = this.household
      const registered = hosted.types()
      return refuse(new ActorError.ActorNotRegistered({ address, registered, node }))
    }
    const rpc = hosted.protocolOf(type)?.requests.get(tag) as Rpc.AnyWithProps | undefined
    const invalid = (issue: string, part: "payload" | "answer") =>
      new ActorError.MessageInvalid({ address, tag, part, issue })
    if (rpc === undefined) return refuse(invalid(`${type} has no message ${tag} here`, "payload"))
    const codec = codecOf(rpc)
    const decoded = codec.decode(payload)
    if (Either.isLeft(decoded)) return refuse(invalid(decoded.left, "payload"))
    if (codec.stream !== undefined && !isTell && !sent.admit(codec.stream)) {
      const detail = `its node reads ${streamsMax} streams of this one already`
      return refuse(new ActorError.NotDelivered({ address, tag, detail }))
    }
    const onEnd = (exit: Exit.Exit<unknown, unknown>) => {
      if (isTell) return
      if (codec.stream !== undefined && Exit.isSuccess(exit)) {
        return sent.open(exit.value as Stream.Stream<unknown>)
      }
      sent.end(Either.getOrElse(
        codec.encodeExit(exit),
        (issue): EncodedExit => [refused, encodeRefusal(invalid(issue, "answer"))]
      ))
    }
    const received = { address, tag, payload: decoded.right, deadline, onEnd, onMoved: sent.moved }
    sent.begun(hosted.receive(received))
    return true
  }
}

/** Who sent a message, and is told of it. */
interface Sent {
  /** Infinite for a tell. */
  readonly deadline: number
  readonly end: (exit: EncodedExit) => void
  /** Its actor moved away before it was handled. */
  readonly moved: () => void
  /** Before a handler sees what is answered by a stream; false for one stream too many. */
  readonly admit: (codec: StreamCodec) => boolean
  readonly open: (stream: Stream.Stream<unknown, unknown>) => void
  /** It is with its actor; `cancel` takes it back. */
  readonly begun: (cancel: () => void) => void
}

const nobody: Sent = {
  deadline: Infinity,
  end: () => {},
  moved: () => {},
  admit: () => true,
  open: () => {},
  begun: () => {}
}

interface Message {
  readonly type: string
  readonly id: string
  readonly tag: string
  readonly payload: unknown
}

type AskLetter = Extract<Letter, readonly [kind: typeof askKind, ...rest: Array<unknown>]>

type WatchLetter = Extract<Letter, readonly [kind: typeof watchKind, ...rest: Array<unknown>]>

type TellLetter = Extract<Letter, readonly [kind: typeof tellKind, ...rest: Array<unknown>]>

type RecallLetter = Extract<Letter, readonly [kind: typeof recallKind, ...rest: Array<unknown>]>
