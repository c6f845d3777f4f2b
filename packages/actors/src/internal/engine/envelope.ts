/** One message on its way through a mailbox to its handler, and the way back for its answer. */
import { Differ, type Effect, Exit, FiberRef } from "effect"
import type { AskTimeout, TellError } from "../../ActorError.ts"
import type { Entry, Lane } from "../../Mailbox.ts"
import type { Due } from "./timetable.ts"

/** An envelope was made, and has not been offered to a mailbox. */
export const fresh = 0
/** Its sender waits for room in the mailbox. */
export const waiting = 1
/** It stands in the mailbox. */
export const queued = 2
/** Its handler has begun. */
export const running = 3
/** It is answered, given up or dropped; nothing more will be done with it. */
export const settled = 4

/** Takes the answer of an ask. */
export type Reply = (exit: Exit.Exit<unknown, unknown>) => void

/** Tells the sender of a tell that its message was taken into the mailbox, or never will be. */
export type Taken = (exit: Exit.Exit<void, TellError>) => void

/** The most asks within asks that are remembered for `AskTimeout.chain` and for reentrancy. */
export const chainMax = 64

/** A tell. Mutable, since it is on the hot path; owned by the mailbox and its cell. */
export class Envelope implements Entry<Envelope> {
  previous: Envelope | undefined = undefined
  next: Envelope | undefined = undefined
  list: Lane<Envelope> | undefined = undefined
  phase: number = fresh
  /** Grows from one message to the next that its node sends; 0 for one that another has sent. */
  order = 0
  /** Its handler runs, whether or not anybody waits for the answer. */
  handling = false
  readonly tag: string
  readonly payload: unknown
  /** Present while its sender waits for room. */
  taken: Taken | undefined = undefined
  /** Why it was not taken. */
  refusal: TellError | undefined = undefined
  /** Who holds it. */
  owner: Owner | undefined = undefined
  /** Of a message from elsewhere: its actor moves away, and it goes back to who brought it. */
  onMoved: (() => void) | undefined = undefined

  constructor(tag: string, payload: unknown) {
    this.tag = tag
    this.payload = payload
  }

  /** When its asker stops waiting, in milliseconds of a clock that never jumps. */
  get deadline(): number {
    return Number.POSITIVE_INFINITY
  }

  /** The id of a durable message. */
  get id(): string | undefined {
    return undefined
  }
}

/** What an ask is sent with beside its tag and payload. */
export interface AskDetails {
  readonly deadline: number
  readonly timeoutMillis: number
  /** The message in whose handler this one is sent. */
  readonly origin: Envelope | undefined
}

/** A message whose sender waits for the answer. */
export class Ask extends Envelope implements Due {
  heapIndex = -1
  readonly timeoutMillis: number
  private readonly until: number
  /** Who waits for the answer. */
  reply: Reply | undefined = undefined
  /** The answer, where it came before anybody waited. */
  answer: Exit.Exit<unknown, unknown> | undefined = undefined
  /** The message whose handler sent this one and waits for it. */
  readonly origin: Envelope | undefined
  /** The ask that this one's handler waits for: the newest. */
  onward: Ask | undefined = undefined
  /** How many asks stand before this one in its chain. */
  readonly depth: number

  constructor(tag: string, payload: unknown, details: AskDetails) {
    super(tag, payload)
    this.until = details.deadline
    this.timeoutMillis = details.timeoutMillis
    const { origin } = details
    const depth = origin instanceof Ask ? origin.depth : 0
    if (origin === undefined || depth >= chainMax || !origin.handling) {
      this.origin = undefined
      this.depth = 0
    } else {
      this.origin = origin
      this.depth = depth + 1
      if (origin instanceof Ask) origin.onward = this
    }
  }

  override get deadline(): number {
    return this.until
  }

  onDue(): void {
    this.owner?.onDeadline(this)
  }
}

/** A durable message on its way to its handler. */
export class DurableAsk extends Ask {
  private readonly messageId: string

  constructor(tag: string, payload: unknown, details: AskDetails & { readonly id: string }) {
    super(tag, payload, details)
    this.messageId = details.id
  }

  override get id(): string | undefined {
    return this.messageId
  }
}

/** Something that an actor does in its own turn: a timer's tick, news of another actor. */
export class Turn extends Envelope {
  readonly run: Effect.Effect<unknown, unknown>

  constructor(tag: string, run: Effect.Effect<unknown, unknown>) {
    super(tag, undefined)
    this.run = run
  }
}

/** Who holds an envelope, and acts when its asker stops waiting. */
export interface Owner {
  /** `type/id`. */
  readonly name: string
  /** The deadline has passed without an answer. */
  readonly onDeadline: (ask: Ask) => void
  /** The asker, or the sender who waited for room, went away. */
  readonly cancel: (envelope: Envelope) => void
}

/** Gives an envelope its end: its asker gets `exit`, where it still waits. */
export const finish = (envelope: Envelope, exit: Exit.Exit<unknown, unknown>): void => {
  if (envelope.phase === settled) return
  envelope.phase = settled
  if (!(envelope instanceof Ask)) return
  const { reply } = envelope
  envelope.reply = undefined
  envelope.onward = undefined
  const { origin } = envelope
  if (origin instanceof Ask && origin.onward === envelope) origin.onward = undefined
  if (reply === undefined) envelope.answer = exit
  else reply(exit)
}

/** Tells the sender, of an ask or of a tell, that the message was not taken. */
export const refuse = (envelope: Envelope, error: TellError): void => {
  const { taken } = envelope
  envelope.refusal = error
  envelope.taken = undefined
  finish(envelope, Exit.fail(error))
  taken?.(Exit.fail(error))
}

/** The asks that wait for each other around `ask`, first asked first, as `type/id.tag`. */
export const chainOf = (ask: Ask): AskTimeout["chain"] => {
  const chain: Array<string> = []
  for (let at: Envelope | undefined = ask; at !== undefined; at = originOf(at)) {
    chain.unshift(nameOf(at))
  }
  for (let at = ask.onward; at !== undefined && chain.length <= 2 * chainMax; at = at.onward) {
    chain.push(nameOf(at))
  }
  return chain
}

const nameOf = (envelope: Envelope): string => `${envelope.owner?.name ?? "?"}.${envelope.tag}`

/** The message in whose handler this one was sent, where it is an ask. */
export const originOf = (envelope: Envelope): Envelope | undefined =>
  envelope instanceof Ask ? envelope.origin : undefined

/** What a fiber that runs an actor is at; the fibers it forks keep what it was then. */
export interface AtWork {
  /** The message whose handler runs. */
  readonly current: Envelope | undefined
}

const nothing: AtWork = { current: undefined }

/** Which message's handler a fiber belongs to. */
export const atWork: FiberRef.FiberRef<AtWork> = FiberRef.unsafeMakePatch<AtWork, boolean>(
  nothing,
  {
    differ: Differ.make<AtWork, boolean>({
      empty: false,
      combine: (first, second) => first || second,
      diff: () => false,
      // A worker goes on to other messages; what it forked belongs to this one.
      patch: (snapshot, value) => snapshot ? snapshotOf(value) : value
    }),
    fork: true,
    join: (mine) => mine
  }
)

const snapshotOf = (value: AtWork): AtWork =>
  value.current === undefined ? nothing : { current: value.current }
