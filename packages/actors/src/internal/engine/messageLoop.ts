/**
 * How one actor handles its messages: which is next, in a worker's fiber or one of its own, in
 * order or beside others, and what an end means. Whether the actor is alive, the cell knows. Hot
 * path.
 */
import { Cause, Effect, Exit, type Fiber, FiberId } from "effect"
import type { ActorAddress } from "../../ActorAddress.ts"
import { ActorCrashed, ActorStopped, type StopReason } from "../../ActorError.ts"
import { isAnswer } from "./answer.ts"
import { Ask, type Envelope, originOf, type Owner, running, settled, Turn } from "./envelope.ts"
import { Handlers, type StreamOwner } from "./handlers.ts"
import type { Host, Species } from "./host.ts"
import { isImmediate } from "./immediate.ts"
import { InFlight } from "./inFlight.ts"
import { isAside, type Postbox } from "./postbox.ts"
import type { ErasedHandlers } from "./registration.ts"

/** Why an incarnation crashed. */
export interface CrashFact {
  readonly cause: Cause.Cause<unknown>
  /** The message that was being handled, or `start`. */
  readonly tag: string
}

/** What the loop needs of its actor. */
export interface Life extends Owner {
  readonly address: ActorAddress
  /** Whether the incarnation takes what its handlers answer; its end may have been ordered. */
  readonly isAlive: () => boolean
  readonly crash: CrashFact | undefined
  readonly fail: (cause: Cause.Cause<unknown>, tag: string) => void
  /** A message was taken out of the mailbox, or its handling has ended. */
  readonly onMessage: () => void
  readonly wake: () => void
}

/** The messages of one actor that are being handled. */
export class MessageLoop implements StreamOwner {
  /** The message that the worker's fiber handles. */
  current: Envelope | undefined = undefined
  /** The sweep at which the last message was handled. */
  touched: number
  private readonly life: Life
  private readonly host: Host
  private readonly species: Species
  private readonly postbox: Postbox
  private handlers: Handlers | undefined = undefined
  private inFlight: InFlight | undefined = undefined

  constructor(life: Life, host: Host, species: Species, postbox: Postbox) {
    this.life = life
    this.host = host
    this.species = species
    this.postbox = postbox
    this.touched = species.sweep
  }

  /** Whether nothing is being handled in a fiber of its own. */
  get isGrounded(): boolean {
    return this.inFlight === undefined || this.inFlight.size === 0
  }

  /** Whether a message, not a turn, is being handled. */
  get isHandling(): boolean {
    return (this.current !== undefined && !(this.current instanceof Turn)) || !this.isGrounded
  }

  /** Whether a stream that this actor answered with is being read. */
  get isStreaming(): boolean {
    return this.handlers?.isStreaming === true
  }

  /** Whether somebody waits for the answer to the message at hand. */
  get isAsked(): boolean {
    return this.current instanceof Ask
  }

  /** Whether there is a place for one more message in order. */
  get hasPlace(): boolean {
    return this.inFlight === undefined
      || this.inFlight.inOrder < this.species.registration.concurrency
  }

  /** An incarnation begins: messages that waited to run beside others do. */
  begin(handlers: ErasedHandlers): void {
    this.handlers = new Handlers(handlers, this.species.registration, this)
  }

  /** Takes in a message that is handled beside others, where it is one; else false. */
  offerBeside(envelope: Envelope): boolean {
    const mode = this.species.registration.modes?.get(envelope.tag)
    if (mode === undefined) return false
    const inChain = mode.reentrant && this.isInChain(envelope)
    if (!mode.beside && !inChain) return false
    this.postbox.offerBeside(envelope, this.inFlight === undefined ? 0 : this.inFlight.beside)
    if (inChain && envelope.list !== undefined && this.life.isAlive()) {
      // A handler at hand waits for it: also an actor that stops has to answer.
      envelope.list.remove(envelope)
      this.runOneBeside(envelope)
    }
    return true
  }

  /** Begins every message that is handled beside others. */
  runBeside(): void {
    const { postbox } = this
    for (let e = postbox.takeBeside(); e !== undefined; e = postbox.takeBeside()) {
      this.runOneBeside(e)
    }
  }

  /** Begins the next message in order: the effect to run, or nothing where there is none. */
  next(): Effect.Effect<unknown, unknown, unknown> | undefined {
    if (!this.hasPlace) return undefined
    const envelope = this.postbox.take()
    if (envelope === undefined) return undefined
    this.begun(envelope)
    const effect = this.invoke(envelope)
    const { registration } = this.species
    const alone = registration.concurrency === 1 && !this.isInterruptible(envelope)
    if (alone || isImmediate(effect)) {
      this.current = envelope
      return effect
    }
    this.fork(envelope, effect, true)
    return Exit.void
  }

  /** The effect that `next` gave has ended so. */
  settle(exit: Exit.Exit<unknown, unknown>): void {
    const envelope = this.current
    if (envelope === undefined) return
    this.current = undefined
    this.settleMessage(envelope, exit)
  }

  /** Ends the message at hand, whose incarnation ended before it; false where there is none. */
  settleLate(exit: Exit.Exit<unknown, unknown> | undefined): boolean {
    const envelope = this.current
    if (envelope === undefined) return false
    this.current = undefined
    this.endLate(envelope, exit)
    return true
  }

  /** Nobody waits for the answer of a handler at work any more. */
  giveUp(envelope: Envelope): void {
    if (this.isInterruptible(envelope)) this.inFlight?.interrupt(envelope)
  }

  /** Interrupts all that is handled in a fiber of its own. */
  interruptAll(): void {
    this.inFlight?.interruptAll()
  }

  /** The incarnation ends: its streams with it; gives the fibers that are to be waited for. */
  end(reason: StopReason): ReadonlyArray<Fiber.RuntimeFiber<unknown, unknown>> {
    const { crash } = this.life
    const { address } = this.postbox
    this.handlers?.endStreams(() =>
      crash === undefined
        ? new ActorStopped({ address, reason })
        : new ActorCrashed({ address, tag: crash.tag, cause: crash.cause })
    )
    return this.inFlight?.interruptAll() ?? []
  }

  onStreamBroken(handlers: Handlers, cause: Cause.Cause<unknown>, tag: string): void {
    if (this.handlers !== handlers || !this.life.isAlive()) return
    this.life.fail(cause, tag)
    this.life.wake()
  }

  /** The incarnation has ended. What outlasted it is not a matter of the next one. */
  reset(): void {
    this.handlers = undefined
    this.inFlight = undefined
  }

  private runOneBeside(envelope: Envelope): void {
    this.begun(envelope)
    // Not in the sender's own stack: its handler may be anything.
    this.fork(envelope, Effect.suspend(() => this.invoke(envelope)), false)
  }

  private begun(envelope: Envelope): void {
    envelope.phase = running
    envelope.handling = true
    if (envelope instanceof Turn) return
    this.host.handled++
    this.life.onMessage()
  }

  private invoke(envelope: Envelope): Effect.Effect<unknown, unknown, unknown> {
    return this.handlers?.invoke(envelope, this.postbox.address) ?? Exit.void
  }

  private fork(
    envelope: Envelope,
    effect: Effect.Effect<unknown, unknown, unknown>,
    inOrder: boolean
  ): void {
    const inFlight = this.inFlight ??= new InFlight()
    const { runtime } = this.species.registration
    const onExit = (exit: Exit.Exit<unknown, unknown>) => {
      if (this.inFlight !== inFlight || !this.life.isAlive()) this.endLate(envelope, exit)
      else {
        const givenUp = envelope.phase === settled && this.isInterruptible(envelope)
        if (givenUp && Exit.isFailure(exit) && Cause.isInterruptedOnly(exit.cause)) {
          envelope.handling = false
        } else this.settleMessage(envelope, exit)
      }
      this.life.wake()
    }
    inFlight.fork(envelope, { runtime, effect, inOrder, onExit })
  }

  private settleMessage(envelope: Envelope, exit: Exit.Exit<unknown, unknown>): void {
    envelope.handling = false
    if (!(envelope instanceof Turn)) {
      this.touched = this.species.sweep
      this.life.onMessage()
    }
    if (Exit.isSuccess(exit) || isAnswer(exit.cause)) {
      this.postbox.finish(envelope, exit)
    } else if (isAside(exit.cause) && !(envelope instanceof Turn)) {
      this.postbox.putAside(envelope)
    } else {
      this.postbox.finish(envelope, this.crashed(envelope, exit.cause))
      this.life.fail(exit.cause, envelope.tag)
    }
  }

  private endLate(envelope: Envelope, exit: Exit.Exit<unknown, unknown> | undefined): void {
    envelope.handling = false
    const answered = exit !== undefined && (Exit.isSuccess(exit) || isAnswer(exit.cause))
    if (answered) {
      this.postbox.finish(envelope, exit)
      return
    }
    const own = exit !== undefined && Cause.isDie(exit.cause) && !isAside(exit.cause)
    const cause = own ? exit.cause : this.life.crash?.cause ?? interruption
    this.postbox.finish(envelope, this.crashed(envelope, cause))
  }

  private crashed(
    { tag }: Envelope,
    cause: Cause.Cause<unknown>
  ): Exit.Exit<never, ActorCrashed> {
    return Exit.fail(new ActorCrashed({ address: this.postbox.address, tag, cause }))
  }

  private isInterruptible(envelope: Envelope): boolean {
    return this.species.registration.modes?.get(envelope.tag)?.interruptible === true
  }

  /** Whether a handler of this actor waits for what this message is a part of. */
  private isInChain(envelope: Envelope): boolean {
    if (!(envelope instanceof Ask)) return false
    for (let at = envelope.origin; at !== undefined; at = originOf(at)) {
      if (at.owner === this.life && at.handling) return true
    }
    return false
  }
}

/** What is told of a handler that was interrupted. */
export const interruption = Cause.interrupt(FiberId.none)
