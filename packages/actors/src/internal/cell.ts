/**
 * The engine of one actor: its mailbox, its incarnation and its life, as a state machine that says
 * which effect to run next (`next`) and hears how it ended (`settle`). A worker runs the effects;
 * this code decides. On the hot path there is no fork, no generator and no schema. It is one file,
 * since each transition is to be read beside the others.
 */
import {
  Cause,
  type Clock,
  Deferred,
  Duration,
  Effect,
  ExecutionStrategy,
  Exit,
  Fiber,
  FiberId,
  Runtime,
  Scope,
  type Stream
} from "effect"
import type { ActorAddress } from "../ActorAddress.ts"
import type { ActorContextService } from "../ActorContext.ts"
import {
  ActorCrashed,
  ActorStopped,
  AskTimeout,
  MailboxFull,
  type StopReason,
  type TellError
} from "../ActorError.ts"
import type { Reason as DeadLetterReason } from "../DeadLetter.ts"
import type { LifecycleEvent } from "../LifecycleEvent.ts"
import { Mailbox } from "../Mailbox.ts"
import { type History, onCrash, untroubled } from "../Supervision.ts"
import { endingStream, isAnswer } from "./answer.ts"
import type { Deadlines } from "./deadlines.ts"
import { type Envelope, finish, type Owner, queued, refuse, running, waiting } from "./envelope.ts"
import type { ErasedHandlers, Registration } from "./registration.ts"
import type { Job, Worker, Workers } from "./workers.ts"

/** What a cell needs of its system. */
export interface Host {
  readonly clock: Clock.Clock
  readonly deadlines: Deadlines
  /** How many messages were handed to a handler; cells count here. */
  handled: number
  readonly random: () => number
  readonly publish: (event: LifecycleEvent) => void
  readonly deadLetter: (address: ActorAddress, tag: string, reason: DeadLetterReason) => void
}

/** Which actor a cell is. */
export interface Identity {
  readonly address: ActorAddress
  /** Grows from one actor of a system to the next: the order in which they were started. */
  readonly serial: number
}

/** What a cell needs of its type. */
export interface Species {
  readonly registration: Registration
  readonly workers: Workers
  /** The cell has come to its end and takes no more messages. */
  readonly onEnded: (cell: Cell, reason: StopReason) => void
}

/**
 * - `build`: the next step builds the handlers.
 * - `ready`: it handles messages.
 * - `end`: the next step closes the incarnation; then it is `ended`, or in `backoff`.
 * - `backoff`: it waits before it is built anew.
 */
type Stage = "build" | "ready" | "end" | "backoff" | "ended"

type InFlight = Map<Envelope, Fiber.RuntimeFiber<unknown, unknown>>

/** One actor at work. */
export class Cell implements Job, Owner {
  readonly address: ActorAddress
  readonly serial: number
  readonly mailbox: Mailbox<Envelope>
  private readonly host: Host
  private readonly species: Species
  private stage: Stage = "build"
  private incarnation = 1
  private handlers: ErasedHandlers | undefined = undefined
  private scope: Scope.CloseableScope | undefined = undefined
  private ending: Deferred.Deferred<never, ActorStopped | ActorCrashed> | undefined = undefined
  private current: Envelope | undefined = undefined
  private inFlight: InFlight | undefined = undefined
  private worker: Worker | undefined = undefined
  private history: History = untroubled
  private startedAt = 0
  private stopping: StopReason | undefined = undefined
  private crash: Crash | undefined = undefined
  private delayMillis = 0
  private onStopped: Array<() => void> | undefined = undefined

  constructor(host: Host, species: Species, identity: Identity) {
    this.host = host
    this.species = species
    this.address = identity.address
    this.serial = identity.serial
    this.mailbox = new Mailbox(species.registration.mailbox)
  }

  // The sender's side ----------------------------------------------------------------------------

  /** Takes a message, or tells its sender at once that it was not taken. */
  offer(envelope: Envelope): void {
    envelope.owner = this
    const offered = this.mailbox.offer(envelope)
    if (offered === "queued") envelope.phase = queued
    else if (offered === "waiting") envelope.phase = waiting
    else if (offered === "refused") this.overflow(envelope)
    else {
      envelope.phase = queued
      this.overflow(offered)
    }
    if (envelope.reply !== undefined) this.host.deadlines.add(envelope)
    if (this.worker === undefined && this.canProceed()) this.wake()
  }

  cancel(envelope: Envelope): void {
    this.withdraw(envelope)
    envelope.reply = undefined
    envelope.taken = undefined
    this.finish(envelope, Exit.void)
  }

  onDeadline(envelope: Envelope): void {
    const begun = envelope.phase === running
    this.withdraw(envelope)
    if (!begun) this.host.deadLetter(this.address, envelope.tag, "expired")
    this.finish(
      envelope,
      Exit.fail(
        new AskTimeout({
          address: this.address,
          tag: envelope.tag,
          timeoutMillis: envelope.timeoutMillis,
          outcome: begun ? "unknown" : "not-handled"
        })
      )
    )
  }

  /** Ends the actor after the messages at hand; `onStopped` is called when all is done. */
  stop(reason: StopReason, onStopped?: () => void): void {
    if (this.stage === "ended") return onStopped?.()
    if (onStopped !== undefined) (this.onStopped ??= []).push(onStopped)
    if (this.stopping === undefined) this.abandon(reason)
    this.stopping ??= reason
    if (this.stage === "backoff") this.worker?.interrupt()
    else if (this.worker === undefined) this.wake()
  }

  /** Interrupts the messages at hand, or the building; finalizers have a bound of their own. */
  force(): void {
    if (this.stage === "end") return
    this.worker?.interrupt()
    for (const fiber of this.inFlight?.values() ?? []) fiber.unsafeInterruptAsFork(FiberId.none)
  }

  // The worker's side ----------------------------------------------------------------------------

  next(): Effect.Effect<unknown, unknown, unknown> | undefined {
    if (this.stage === "ready") {
      const effect = this.nextMessage()
      if (effect !== undefined) return effect
    }
    switch (this.stage) {
      case "build":
        if (this.stopping !== undefined) this.conclude(this.stopping)
        return this.isEnded() ? this.release() : this.build()
      case "end":
        return this.close()
      case "backoff":
        return this.host.clock.sleep(Duration.millis(this.delayMillis))
      case "ready":
      case "ended":
        return this.release()
    }
  }

  settle(exit: Exit.Exit<unknown, unknown>): void {
    switch (this.stage) {
      case "ready": {
        const envelope = this.current
        if (envelope === undefined) return
        this.current = undefined
        this.settleMessage(envelope, exit)
        return
      }
      case "build":
        if (Exit.isFailure(exit)) this.fail(exit.cause, undefined)
        else this.begin(exit.value as ErasedHandlers)
        return
      case "end":
        if (Exit.isFailure(exit)) this.publishCrash(exit.cause)
        this.handlers = undefined
        this.scope = undefined
        this.inFlight = undefined
        if (this.stopping !== undefined) this.conclude(this.stopping)
        else this.stage = "backoff"
        return
      case "backoff":
        this.incarnation++
        this.stage = "build"
        return
      case "ended":
        return
    }
  }

  interrupted(): void {
    this.worker = undefined
    this.stopping ??= "shutdown"
    const envelope = this.current
    this.current = undefined
    if (envelope !== undefined) this.finish(envelope, this.crashed(envelope, interruption))
    if (this.stage === "backoff") {
      this.conclude(this.stopping)
      return
    }
    if (this.stage === "ended") return
    this.stage = "end"
    this.wake()
  }

  // Messages -------------------------------------------------------------------------------------

  private isEnded(): boolean {
    return this.stage === "ended"
  }

  private hasWork(): boolean {
    return this.mailbox.hasWork || this.stopping !== undefined || this.stage !== "ready"
  }

  private canProceed(): boolean {
    return this.inFlight === undefined || this.stage !== "ready"
      || this.inFlight.size < this.species.registration.concurrency
  }

  private nextMessage(): Effect.Effect<unknown, unknown, unknown> | undefined {
    if (this.stopping !== undefined) {
      if (this.inFlight !== undefined && this.inFlight.size > 0) return undefined
      this.stage = "end"
      return undefined
    }
    if (this.species.registration.concurrency > 1) {
      while (this.stage === "ready" && this.canProceed()) {
        const envelope = this.take()
        if (envelope === undefined) return undefined
        this.fork(envelope)
      }
      return undefined
    }
    const envelope = this.take()
    if (envelope === undefined) return undefined
    this.current = envelope
    return this.invoke(envelope)
  }

  private take(): Envelope | undefined {
    const envelope = this.mailbox.take()
    if (envelope === undefined) return undefined
    envelope.phase = running
    this.host.handled++
    this.admitWaiting()
    return envelope
  }

  private invoke(envelope: Envelope): Effect.Effect<unknown, unknown, unknown> {
    const handler = this.handlers?.[envelope.tag]
    if (handler === undefined) {
      return Effect.dieMessage(`${this.address.type} has no handler for ${envelope.tag}`)
    }
    try {
      const result = handler(envelope.payload, envelope)
      if (!this.species.registration.streams.has(envelope.tag)) {
        return result as Effect.Effect<unknown, unknown, unknown>
      }
      const stream = result as Stream.Stream<unknown, unknown, unknown>
      const ending = this.ending ??= Deferred.unsafeMake(FiberId.none)
      const { context } = this.species.registration
      return Effect.succeed(
        endingStream(stream, { address: this.address, context, ending, tag: envelope.tag })
      )
    } catch (defect) {
      return Exit.die(defect)
    }
  }

  private fork(envelope: Envelope): void {
    const fiber = Runtime.runFork(this.species.registration.runtime)(
      this.invoke(envelope) as Effect.Effect<unknown, unknown>
    )
    const inFlight = this.inFlight ??= new Map()
    inFlight.set(envelope, fiber)
    fiber.addObserver((exit) => {
      inFlight.delete(envelope)
      // What outlasted its incarnation is not a matter of the next one.
      if (this.inFlight === inFlight && this.stage === "ready") {
        this.settleMessage(envelope, exit)
        if (this.worker === undefined && this.hasWork()) this.wake()
      } else {
        this.finish(envelope, this.crashed(envelope, this.crash?.cause ?? interruption))
      }
    })
  }

  private settleMessage(envelope: Envelope, exit: Exit.Exit<unknown, unknown>): void {
    if (Exit.isSuccess(exit) || isAnswer(exit.cause)) {
      this.finish(envelope, exit)
      return
    }
    this.finish(envelope, this.crashed(envelope, exit.cause))
    this.fail(exit.cause, envelope.tag)
  }

  private crashed(
    envelope: Envelope,
    cause: Cause.Cause<unknown>
  ): Exit.Exit<never, ActorCrashed> {
    return Exit.fail(new ActorCrashed({ address: this.address, tag: envelope.tag, cause }))
  }

  private finish(envelope: Envelope, exit: Exit.Exit<unknown, unknown>): void {
    if (envelope.heapIndex >= 0) this.host.deadlines.remove(envelope)
    finish(envelope, exit)
  }

  private overflow(envelope: Envelope): void {
    const { capacity, overflow } = this.mailbox.settings
    this.host.deadLetter(this.address, envelope.tag, "overflow")
    const error = new MailboxFull({ address: this.address, tag: envelope.tag, capacity })
    if (overflow === "reject") this.refuse(envelope, error)
    else this.finish(envelope, Exit.fail(error))
  }

  private refuse(envelope: Envelope, error: TellError): void {
    if (envelope.heapIndex >= 0) this.host.deadlines.remove(envelope)
    refuse(envelope, error)
  }

  private withdraw(envelope: Envelope): void {
    if (envelope.list === undefined) return
    envelope.list.remove(envelope)
    this.admitWaiting()
  }

  private admitWaiting(): void {
    for (let m = this.mailbox.admit(); m !== undefined; m = this.mailbox.admit()) {
      m.phase = queued
      const { taken } = m
      m.taken = undefined
      taken?.(Exit.void)
    }
  }

  // Life -----------------------------------------------------------------------------------------

  private wake(): void {
    this.worker = this.species.workers.run(this)
  }

  private release(): undefined {
    this.worker = undefined
  }

  private build(): Effect.Effect<ErasedHandlers, unknown> {
    this.crash = undefined
    return Effect.flatMap(Scope.make(ExecutionStrategy.sequential), (scope) => {
      this.scope = scope
      return this.species.registration.build(this.context(scope), scope)
    })
  }

  private context(scope: Scope.Scope): ActorContextService {
    return {
      address: this.address,
      incarnation: this.incarnation,
      stopSelf: Effect.sync(() => this.stop("stopped")),
      onEnd: (finalizer) =>
        Scope.addFinalizer(scope, Effect.suspend(() => finalizer(this.stopping ?? "restarting")))
    }
  }

  private begin(handlers: ErasedHandlers): void {
    this.handlers = handlers
    this.startedAt = this.host.deadlines.now()
    this.stage = "ready"
    this.host.publish({ _tag: "Started", ...this.facts() })
  }

  private fail(cause: Cause.Cause<unknown>, tag: string | undefined): void {
    this.publishCrash(cause)
    if (this.stopping !== undefined) {
      this.stage = "end"
      return
    }
    const now = this.host.deadlines.now()
    const [history, directive] = onCrash(this.species.registration.supervision, this.history, {
      now,
      startedAt: tag === undefined ? now : this.startedAt,
      random: this.host.random()
    })
    this.history = history
    if (directive._tag === "Resume" && this.stage === "ready") return
    this.crash = { cause, tag: tag ?? "start" }
    this.stage = "end"
    if (directive._tag === "Restart") {
      this.delayMillis = directive.delayMillis
      this.host.publish({
        _tag: "Restarting",
        ...this.facts(),
        delayMillis: directive.delayMillis
      })
    } else {
      this.stopping ??= directive._tag === "Stop" ? directive.reason : "crashed"
    }
  }

  private close(): Effect.Effect<void> {
    this.endStreams()
    const { crash, inFlight, scope } = this
    const exit = crash === undefined ? Exit.void : Exit.failCause(crash.cause)
    const interruptAll = inFlight === undefined || inFlight.size === 0
      ? Effect.void
      : Fiber.interruptAll([...inFlight.values()])
    const closeScope = scope === undefined ? Effect.void : Scope.close(scope, exit)
    // Interruptible, else the timeout would wait for what it is there to give up.
    const inTime = Effect.timeoutOption(
      Effect.disconnect(Effect.zipRight(interruptAll, closeScope)),
      this.species.registration.shutdownMillis
    )
    return Effect.asVoid(Effect.interruptible(inTime))
  }

  private endStreams(): void {
    const { address, crash, ending } = this
    if (ending === undefined) return
    this.ending = undefined
    const error = crash === undefined
      ? new ActorStopped({ address, reason: this.stopping ?? "stopped" })
      : new ActorCrashed({ address, tag: crash.tag, cause: crash.cause })
    Deferred.unsafeDone(ending, Exit.fail(error))
  }

  private conclude(reason: StopReason): void {
    // What came after a mere stop began is for the next activation.
    const again = reason === "stopped" && this.mailbox.hasWork
    if (!again) {
      this.stage = "ended"
      this.abandon(reason)
      this.species.onEnded(this, reason)
    }
    this.host.publish({ _tag: "Stopped", ...this.facts(), reason })
    for (const done of this.onStopped ?? []) done()
    this.onStopped = undefined
    if (again) this.renew()
  }

  /** Gives up what stands in the mailbox. */
  private abandon(reason: StopReason): void {
    for (const envelope of this.mailbox.drain()) {
      this.host.deadLetter(this.address, envelope.tag, "stopped")
      this.refuse(envelope, new ActorStopped({ address: this.address, reason }))
    }
  }

  private renew(): void {
    this.stage = "build"
    this.incarnation = 1
    this.stopping = undefined
    this.history = untroubled
    if (this.worker === undefined) this.wake()
  }

  private publishCrash(cause: Cause.Cause<unknown>): void {
    this.host.publish({ _tag: "Crashed", ...this.facts(), cause: Cause.pretty(cause) })
  }

  private facts() {
    const { address, host, incarnation } = this
    return { address, incarnation, at: host.clock.unsafeCurrentTimeMillis() }
  }
}

interface Crash {
  readonly cause: Cause.Cause<unknown>
  /** The message that was being handled, or `start`. */
  readonly tag: string
}

const interruption = Cause.interrupt(FiberId.none)
