/** One message on its way through a mailbox to its handler, and the way back for its answer. */
import { Exit } from "effect"
import type { TellError } from "../ActorError.ts"
import type { Lane } from "../Mailbox.ts"

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

/** One message. Mutable, since it is on the hot path; owned by the mailbox and its cell. */
export class Envelope {
  previous: Envelope | undefined = undefined
  next: Envelope | undefined = undefined
  list: Lane<Envelope> | undefined = undefined
  /** Its place in the heap of deadlines, or -1. */
  heapIndex = -1
  phase: number = fresh
  /** Absolute, in milliseconds of a clock that never jumps; infinite for a tell. */
  readonly deadline: number
  readonly timeoutMillis: number
  readonly tag: string
  readonly payload: unknown
  /** Absent for a tell. */
  reply: Reply | undefined
  /** Present for a tell that can wait for room. */
  taken: Taken | undefined
  /** Why a tell was not taken. */
  refusal: TellError | undefined = undefined
  /** Who holds it. */
  owner: Owner | undefined = undefined

  constructor(
    tag: string,
    payload: unknown,
    timeoutMillis: number,
    deadline: number,
    reply: Reply | undefined
  ) {
    this.tag = tag
    this.payload = payload
    this.timeoutMillis = timeoutMillis
    this.deadline = deadline
    this.reply = reply
    this.taken = undefined
  }
}

/** Who holds an envelope, and acts when its asker stops waiting. */
export interface Owner {
  /** The deadline has passed without an answer. */
  readonly onDeadline: (envelope: Envelope) => void
  /** The asker went away. */
  readonly cancel: (envelope: Envelope) => void
}

/** Gives an envelope its end: its asker gets `exit`, where it still waits. */
export const finish = (envelope: Envelope, exit: Exit.Exit<unknown, unknown>): void => {
  if (envelope.phase === settled) return
  envelope.phase = settled
  const { reply } = envelope
  envelope.reply = undefined
  reply?.(exit)
}

/** Tells the sender, of an ask or of a tell, that the message was not taken. */
export const refuse = (envelope: Envelope, error: TellError): void => {
  const { taken } = envelope
  envelope.refusal = error
  envelope.taken = undefined
  finish(envelope, Exit.fail(error))
  taken?.(Exit.fail(error))
}
