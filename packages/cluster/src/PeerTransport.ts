/**
 * The port between nodes: batches of messages go from one to another, each answered once it was
 * taken in. A batch that is not answered is sent again with the same number, and taken in once.
 */
import { Context, type Effect, Schema, type Scope } from "effect"
import { isLetter, textOf as textOfLetter } from "./internal/letters.ts"

/** Messages and answers from one node to another. */
export const Batch = Schema.Struct({
  /** The address of the node that sends it. */
  from: Schema.String,
  /** The session of that node. */
  session: Schema.String,
  /** For which session it is meant: none other takes it. */
  to: Schema.String,
  /**
   * The link that it belongs to; a session that gave up its link to another begins a new one, with
   * a higher number.
   */
  link: Schema.Number,
  /** One more than that of the batch before, on the same link. */
  sequence: Schema.Number,
  /** When it was posted, by the clock of its node that never jumps, in milliseconds. */
  sentAt: Schema.Finite,
  letters: Schema.Array(Schema.Unknown)
})
/** Messages and answers from one node to another. */
export interface Batch extends Schema.Schema.Type<typeof Batch> {}

/** So many letters of a batch are told. */
const toldMax = 3

/** What is in a batch, for people, as a trace tells it: without payloads, answers and values. */
export const textOf = ({ letters }: Batch): string => {
  const told = letters.slice(0, toldMax)
    .map((letter) => isLetter(letter) ? textOfLetter(letter) : "what is no letter")
  const more = letters.length - told.length
  return more > 0 ? `${told.join(", ")} and ${more} more` : told.join(", ")
}

/** What became of a batch. */
export const Receipt = Schema.Struct({
  /** The positions of the letters whose actors do not live there: not handled, and not taken. */
  elsewhere: Schema.Array(Schema.Number)
})
/** What became of a batch. */
export interface Receipt extends Schema.Schema.Type<typeof Receipt> {}

/**
 * The batch was not taken: it was meant for another session of the node, or came by a link that
 * this session has given up.
 */
export class WrongSession extends Schema.TaggedError<WrongSession>()("WrongSession", {
  session: Schema.String
}) {}

/** Whether the batch was taken in is unknown. */
export class PeerLost extends Schema.TaggedError<PeerLost>()("PeerLost", {
  detail: Schema.String
}) {
  override get message(): string {
    return this.detail
  }
}

/** The node cannot be reached by others. */
export class CannotListen extends Schema.TaggedError<CannotListen>()("CannotListen", {
  address: Schema.String,
  detail: Schema.String
}) {
  override get message(): string {
    return `cannot listen on ${this.address}: ${this.detail}`
  }
}

/** Takes a batch in. */
export type Take = (batch: Batch) => Effect.Effect<Receipt, WrongSession>

/** Sends a batch. */
export type Post = (batch: Batch) => Effect.Effect<Receipt, WrongSession | PeerLost>

/** Brings batches from node to node. */
export interface PeerTransportService {
  /** Takes batches in until the scope closes. */
  readonly serve: (
    options: { readonly host: string; readonly port: number },
    take: Take
  ) => Effect.Effect<void, CannotListen, Scope.Scope>
  /** A connection to a node, made when it is needed; another one where it breaks. */
  readonly connect: (address: string) => Effect.Effect<Post, never, Scope.Scope>
}

/** Brings batches from node to node. */
export class PeerTransport extends Context.Tag("@plantd/cluster/PeerTransport")<
  PeerTransport,
  PeerTransportService
>() {}
