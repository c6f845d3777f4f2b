/**
 * The engine of one actor: its mailbox, its incarnation and its life, as a state machine that says
 * which effect to run next (`next`) and hears how it ended (`settle`). A dispatcher gives it turns,
 * and a worker runs what needs a fiber; this code decides. On the hot path there is no fork, no
 * generator and no schema. It is one file, since each transition is to be read beside the others.
 */
import { Cause, type Clock, Effect, ExecutionStrategy, Exit, Fiber, FiberId, Scope } from "effect"
import { type ActorAddress, format } from "../ActorAddress.ts"
import type { EndReason } from "../ActorContext.ts"
import { ActorCrashed, ActorStopped, AskTimeout, type StopReason } from "../ActorError.ts"
import type { Terminated } from "../DeathWatch.ts"
import type { LifecycleEvent } from "../LifecycleEvent.ts"
import type { Stash } from "../Stash.ts"
import { type History, onCrash, untroubled } from "../Supervision.ts"
import { isAnswer } from "./answer.ts"
import type { Dispatcher, Runnable } from "./dispatcher.ts"
import * as Letter from "./envelope.ts"
import { Ask, type Envelope, type Owner, running, settled, Turn } from "./envelope.ts"
import { Handlers } from "./handlers.ts"
import { InFlight } from "./inFlight.ts"
import { immediate } from "./immediate.ts"
import { type Home, Incarnation } from "./incarnation.ts"
import { Onlookers, type OnTerminated } from "./onlookers.ts"
import { Postbox, type PostOffice } from "./postbox.ts"
import type { ErasedHandlers, Mode, Registration } from "./registration.ts"
import type { Parent } from "./supervised.ts"
import type { Due, Timetable } from "./timetable.ts"
import type { Job, Worker, Workers } from "./workers.ts"

/** The most messages that an actor handles before others with work get their turn. */
export const batchMax = 256

/** What a cell needs of its system. */
export interface Host extends PostOffice {
  readonly clock: Clock.Clock
  readonly dispatcher: Dispatcher
  /** How many messages were handed to a handler; cells count here. */
  handled: number
  readonly random: () => number
  readonly publish: (event: LifecycleEvent) => void
  readonly watch: (target: ActorAddress, notify: (terminated: Terminated) => void) => () => void
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
  /** Grows with each sweep for idle actors. */
  readonly sweep: number
  /** The cell has come to its end and takes no more messages. */
  readonly onEnded: (cell: Cell, reason: StopReason) => void
}

/**
 * - `build`: the next step builds the handlers.
 * - `ready`: it handles messages.
 * - `end`: the next step closes the incarnation; then it is `ended`, or `held`.
 * - `held`: it waits until its backoff is over, or until its supervisor starts it.
 */
type Stage = "build" | "ready" | "end" | "held" | "ended"

/** One actor at work. */
export class Cell implements Job, Owner, Runnable, Home, Due {
  readonly serial: number
  /** The sweep at which it last took a message. */
  touched: number
  current: Envelope | undefined = undefined
  /** For the end of its backoff. */
  heapIndex = -1
  deadline = 0
  parent: Parent | undefined = undefined
  private readonly host: Host
  private readonly species: Species
  private readonly postbox: Postbox
  private stage: Stage = "build"
  private number = 0
  private handlers: Handlers | undefined = undefined
  private incarnation: Incarnation | undefined = undefined
  private inFlight: InFlight | undefined = undefined
  private resting = false
  private awake = false
  private worker: Worker | undefined = undefined
  private history: History = untroubled
  private startedAt = 0
  private stopping: StopReason | undefined = undefined
  private holding = false
  private crash: Crash | undefined = undefined
  private onlookers: Onlookers | undefined = undefined

  constructor(host: Host, species: Species, identity: Identity) {
    this.host = host
    this.species = species
    this.serial = identity.serial
    this.postbox = new Postbox(host, identity.address, species.registration)
    this.touched = species.sweep
  }

  get address(): ActorAddress {
    return this.postbox.address
  }

  get name(): string {
    return format(this.address)
  }

  get timetable(): Timetable {
    return this.host.timetable
  }

  // The sender's side ----------------------------------------------------------------------------

  /** Takes a message, or tells its sender at once that it was not taken. */
  offer(envelope: Envelope): void {
    envelope.owner = this
    const { modes } = this.species.registration
    const mode = modes === undefined ? undefined : modes.get(envelope.tag)
    if (mode !== undefined && this.goesBeside(mode, envelope)) {
      this.postbox.offerBeside(envelope, this.inFlight?.size ?? 0)
      if (this.stage === "ready" && this.stopping === undefined) this.runBeside()
      else if (!this.awake) this.wake()
      return
    }
    this.postbox.offer(envelope)
    if (!this.awake && this.canProceed()) this.wake()
  }

  cancel(envelope: Envelope): void {
    this.postbox.withdraw(envelope)
    if (envelope instanceof Ask) envelope.reply = undefined
    envelope.taken = undefined
    const begun = envelope.phase === running
    this.postbox.finish(envelope, Exit.void)
    if (begun) this.giveUp(envelope)
  }

  onDeadline(ask: Ask): void {
    const { address } = this
    const { tag, timeoutMillis } = ask
    const begun = ask.phase === running
    const chain = Letter.chainOf(ask)
    this.postbox.withdraw(ask)
    if (!begun) this.host.deadLetter(address, tag, "expired")
    const outcome = begun ? "unknown" : "not-handled"
    this.postbox.finish(
      ask,
      Exit.fail(new AskTimeout({ address, tag, timeoutMillis, outcome, chain }))
    )
    if (begun) this.giveUp(ask)
  }

  /** Messages that wait to be handled. */
  get backlog(): number {
    return this.postbox.backlog
  }

  /** Calls `watcher` once, when this activation ends; the result ends the watch. */
  onEnd(watcher: OnTerminated): () => void {
    return (this.onlookers ??= new Onlookers()).onEnd(watcher)
  }

  /** Calls `starter` once the actor takes messages; at once where it does. */
  onBegin(starter: () => void): () => void {
    const unwatch = (this.onlookers ??= new Onlookers()).onBegin(starter)
    if (this.stage === "ready") this.onlookers.begun()
    else if (!this.awake && this.stage === "build") this.wake()
    return unwatch
  }

  // Commands: never behind a message -------------------------------------------------------------

  /** Ends the actor after the messages at hand; `onStopped` is called when all is done. */
  stop(reason: StopReason, onStopped?: () => void): void {
    if (this.stage === "ended") return onStopped?.()
    if (onStopped !== undefined) this.onEnd(onStopped)
    if (this.stopping === undefined) this.postbox.abandon(reason)
    this.stopping ??= reason
    if (this.stage === "held") {
      this.host.timetable.remove(this)
      this.conclude(this.stopping)
    } else if (!this.awake) this.wake()
  }

  /** Interrupts the messages at hand, or the building; finalizers have a bound of their own. */
  force(): void {
    if (this.stage === "end") return
    this.worker?.interrupt()
    this.inFlight?.interruptAll()
  }

  /** Ends the incarnation after the messages at hand, and keeps the mailbox, for its supervisor. */
  hold(): void {
    if (this.stage === "held") {
      this.parent?.onChild(this.held())
    } else if (this.stage !== "ended" && this.stopping === undefined) {
      this.holding = true
      if (!this.awake) this.wake()
    }
  }

  /** Lets a supervisor decide over an actor that has not begun, or has. */
  supervise(parent: Parent, begun: boolean): void {
    this.parent = parent
    if (!begun) this.stage = "held"
  }

  /** Builds the next incarnation of an actor that is held. */
  proceed(): void {
    if (this.stage === "ready") this.tellStarted()
    if (this.stage !== "held") return
    this.stage = "build"
    this.wake()
  }

  /** Its supervisor will start it anew after a delay. */
  announce(delayMillis: number): void {
    this.host.publish({ _tag: "Restarting", ...this.facts(), delayMillis })
  }

  /** The backoff is over. */
  onDue(): void {
    this.proceed()
  }

  /** Stops an actor that took no message for the given number of sweeps, and has nothing to do. */
  passivate(sweeps: number): void {
    if (this.species.sweep - this.touched < sweeps || this.stage !== "ready") return
    if (this.isBusy() || this.parent !== undefined || this.incarnation?.isPending === true) return
    if (this.postbox.stashed > 0) return
    this.stop("passivated")
  }

  // The incarnation's side -----------------------------------------------------------------------

  readonly endReason = (): EndReason => this.stopping ?? "restarting"

  isBusy(): boolean {
    return this.awake || this.current !== undefined || this.backlog > 0
      || (this.inFlight !== undefined && this.inFlight.size > 0)
  }

  turnsQueued(): number {
    return this.postbox.turnsQueued
  }

  offerTurn(turn: Turn): void {
    if (this.stage === "ended" || this.stage === "end") return
    turn.owner = this
    this.postbox.offerTurn(turn)
    if (!this.awake && this.canProceed()) this.wake()
  }

  withdrawTurn(turn: Turn): void {
    turn.list?.remove(turn)
  }

  watch(target: ActorAddress, notify: (terminated: Terminated) => void): () => void {
    return this.host.watch(target, notify)
  }

  get stash(): Stash {
    return {
      hold: Exit.die(aside),
      unstashAll: Effect.sync(() => this.postbox.unstashAll()),
      size: Effect.sync(() => this.postbox.stashed)
    }
  }

  // Turns ----------------------------------------------------------------------------------------

  pump(): boolean {
    const effect = this.next()
    if (effect === undefined) return false
    if (effect === breather) return true
    this.worker = this.species.workers.run(this, effect)
    return false
  }

  next(): Effect.Effect<unknown, unknown, unknown> | undefined {
    this.resting = false
    for (let done = 0; done < batchMax; done++) {
      const effect = this.step()
      if (effect === undefined) {
        this.worker = undefined
        this.awake = false
        return undefined
      }
      const exit = immediate(effect)
      if (exit === undefined) return effect
      this.settle(exit)
    }
    this.resting = true
    return breather
  }

  settle(exit: Exit.Exit<unknown, unknown>): void {
    if (this.resting) return
    switch (this.stage) {
      case "build":
        if (Exit.isFailure(exit)) this.fail(exit.cause, undefined)
        else this.begin(exit.value as ErasedHandlers)
        return
      case "end":
        // Of a message whose actor crashed beside it, or of the closing.
        if (this.current !== undefined) this.settleLate(this.current)
        else this.closed(exit)
        return
      default: {
        const envelope = this.current
        if (envelope === undefined) return
        this.current = undefined
        this.settleMessage(envelope, exit)
      }
    }
  }

  interrupted(): void {
    this.worker = undefined
    this.awake = false
    if (this.stage === "ended") return
    if (this.crash === undefined && !this.holding) this.stopping ??= "shutdown"
    if (this.current !== undefined) this.settleLate(this.current)
    this.stage = "end"
    this.wake()
  }

  /** The next thing to do, or nothing: to build, to handle a message, to close. */
  private step(): Effect.Effect<unknown, unknown, unknown> | undefined {
    if (this.stage === "ready") {
      const effect = this.nextMessage()
      if (effect !== undefined) return effect
    }
    switch (this.stage) {
      case "build":
        if (this.stopping === undefined && !this.holding) return this.build()
        this.stage = "end"
        return Exit.void
      case "end":
        return this.close()
      default:
        return undefined
    }
  }

  // Messages -------------------------------------------------------------------------------------

  private canProceed(): boolean {
    return this.inFlight === undefined || this.stage !== "ready"
      || this.inFlight.inOrder < this.species.registration.concurrency
  }

  private nextMessage(): Effect.Effect<unknown, unknown, unknown> | undefined {
    const { registration } = this.species
    while (this.stage === "ready") {
      if (this.stopping !== undefined || this.holding) {
        if (this.inFlight === undefined || this.inFlight.size === 0) this.stage = "end"
        return undefined
      }
      if (!this.canProceed()) return undefined
      const envelope = this.take()
      if (envelope === undefined) return undefined
      const effect = this.invoke(envelope)
      if (registration.concurrency === 1 && !this.isInterruptible(envelope)) {
        this.current = envelope
        return effect
      }
      const exit = immediate(effect)
      if (exit === undefined) this.fork(envelope, effect, true)
      else this.settleMessage(envelope, exit)
    }
    return undefined
  }

  private take(): Envelope | undefined {
    const envelope = this.postbox.take()
    if (envelope === undefined) return undefined
    envelope.phase = running
    if (envelope instanceof Turn) return envelope
    this.host.handled++
    this.touched = this.species.sweep
    this.incarnation?.onMessage()
    return envelope
  }

  private invoke(envelope: Envelope): Effect.Effect<unknown, unknown, unknown> {
    return this.handlers?.invoke(envelope, this.address) ?? Exit.void
  }

  private fork(
    envelope: Envelope,
    effect: Effect.Effect<unknown, unknown, unknown>,
    inOrder: boolean
  ): void {
    const inFlight = this.inFlight ??= new InFlight()
    const { runtime } = this.species.registration
    const onExit = (exit: Exit.Exit<unknown, unknown>) => {
      // What outlasted its incarnation is not a matter of the next one.
      if (this.inFlight !== inFlight || this.stage !== "ready") return this.settleLate(envelope)
      const givenUp = envelope.phase === settled && this.isInterruptible(envelope)
      if (!(givenUp && Exit.isInterrupted(exit))) this.settleMessage(envelope, exit)
      if (!this.awake) this.wake()
    }
    inFlight.fork(envelope, { runtime, effect, inOrder, onExit })
  }

  private settleMessage(envelope: Envelope, exit: Exit.Exit<unknown, unknown>): void {
    if (Exit.isSuccess(exit) || isAnswer(exit.cause)) {
      this.postbox.finish(envelope, exit)
    } else if (isAside(exit.cause) && !(envelope instanceof Turn)) {
      this.postbox.putAside(envelope)
    } else {
      this.postbox.finish(envelope, this.crashed(envelope, exit.cause))
      this.fail(exit.cause, envelope.tag)
    }
  }

  /** Ends a message whose incarnation ended before it. */
  private settleLate(envelope: Envelope): void {
    if (this.current === envelope) this.current = undefined
    this.postbox.finish(envelope, this.crashed(envelope, this.crash?.cause ?? interruption))
  }

  private crashed(
    envelope: Envelope,
    cause: Cause.Cause<unknown>
  ): Exit.Exit<never, ActorCrashed> {
    return Exit.fail(new ActorCrashed({ address: this.address, tag: envelope.tag, cause }))
  }

  // Messages beside others -----------------------------------------------------------------------

  private goesBeside(mode: Mode, envelope: Envelope): boolean {
    if (mode.beside) return true
    if (!mode.reentrant || !(envelope instanceof Ask)) return false
    for (let at = envelope.origin; at !== undefined; at = at.origin) {
      if (at.owner === this && at.phase === running) return true
    }
    return false
  }

  private runBeside(): void {
    const { postbox } = this
    for (let e = postbox.takeBeside(); e !== undefined; e = postbox.takeBeside()) {
      const envelope = e
      envelope.phase = running
      this.host.handled++
      this.touched = this.species.sweep
      // Not in the sender's own stack: its handler may be anything.
      this.fork(envelope, Effect.suspend(() => this.invoke(envelope)), false)
    }
  }

  private isInterruptible(envelope: Envelope): boolean {
    return this.species.registration.modes?.get(envelope.tag)?.interruptible === true
  }

  /** Nobody waits for the answer of a handler at work any more. */
  private giveUp(envelope: Envelope): void {
    if (!this.isInterruptible(envelope)) return
    this.inFlight?.interrupt(envelope)
  }

  // Life -----------------------------------------------------------------------------------------

  private wake(): void {
    this.awake = true
    this.host.dispatcher.add(this)
  }

  private build(): Effect.Effect<ErasedHandlers, unknown> {
    this.crash = undefined
    this.number++
    const { build } = this.species.registration
    if (build._tag === "Plain") return build.effect
    return Effect.flatMap(Scope.make(ExecutionStrategy.sequential), (scope) => {
      this.incarnation = new Incarnation(this, this.number, scope)
      return build.run(this.incarnation.context(), scope)
    })
  }

  private begin(handlers: ErasedHandlers): void {
    this.handlers = new Handlers(handlers, this.species.registration)
    this.startedAt = this.host.timetable.now()
    this.stage = "ready"
    this.host.publish({ _tag: "Started", ...this.facts() })
    this.tellStarted()
    this.onlookers?.begun()
    if (this.stopping === undefined) this.runBeside()
  }

  private tellStarted(): void {
    this.parent?.onChild({ _tag: "Started", address: this.address, at: this.startedAt })
  }

  private fail(cause: Cause.Cause<unknown>, tag: string | undefined): void {
    this.host.publish({ _tag: "Crashed", ...this.facts(), cause: Cause.pretty(cause) })
    const wasReady = this.stage === "ready"
    const now = this.host.timetable.now()
    if (this.stopping === undefined) {
      const verdict = this.parent === undefined
        ? this.decide(cause, wasReady ? this.startedAt : now)
        : this.parent.onCrash(this.address, cause)
      if (verdict === "resume" && wasReady) return
      if (!wasReady) this.startedAt = now
    }
    this.crash = { cause, tag: tag ?? "start" }
    this.stage = "end"
    // A message at hand beside the one that crashed.
    if (this.current !== undefined) this.worker?.interrupt()
  }

  private decide(cause: Cause.Cause<unknown>, startedAt: number): "resume" | "end" {
    const now = this.host.timetable.now()
    const [history, directive] = onCrash(this.species.registration.supervision, this.history, {
      cause,
      now,
      startedAt,
      random: this.host.random()
    })
    this.history = history
    if (directive._tag === "Resume" && this.stage === "ready") return "resume"
    if (directive._tag === "Restart") {
      const { delayMillis } = directive
      this.deadline = now + delayMillis
      this.announce(delayMillis)
    } else {
      this.stopping = directive._tag === "Stop" ? directive.reason : "crashed"
    }
    return "end"
  }

  private close(): Effect.Effect<unknown> {
    const { crash, inFlight, incarnation } = this
    this.handlers?.endStreams(() => this.endOfStreams())
    const fibers = [...(inFlight?.interruptAll() ?? []), ...(incarnation?.end() ?? [])]
    if (incarnation === undefined && fibers.length === 0) return Exit.void
    const exit = crash === undefined ? Exit.void : Exit.failCause(crash.cause)
    const closeScope = incarnation === undefined
      ? Effect.void
      : Scope.close(incarnation.scope, exit)
    // Interruptible, else the timeout would wait for what it is there to give up.
    return Effect.interruptible(
      Effect.timeoutOption(
        Effect.disconnect(Effect.zipRight(Fiber.interruptAll(fibers), closeScope)),
        this.species.registration.shutdownMillis
      )
    )
  }

  private endOfStreams(): ActorStopped | ActorCrashed {
    const { address, crash } = this
    return crash === undefined
      ? new ActorStopped({ address, reason: this.stopping ?? "stopped" })
      : new ActorCrashed({ address, tag: crash.tag, cause: crash.cause })
  }

  private closed(exit: Exit.Exit<unknown, unknown>): void {
    if (Exit.isFailure(exit)) {
      this.host.publish({ _tag: "Crashed", ...this.facts(), cause: Cause.pretty(exit.cause) })
    }
    this.handlers = undefined
    this.incarnation = undefined
    this.inFlight = undefined
    this.postbox.dropTurns()
    const { parent, stopping } = this
    if (stopping !== undefined && (parent === undefined || !isOwnChoice(stopping))) {
      this.conclude(stopping)
      return
    }
    this.stage = "held"
    this.holding = false
    this.postbox.unstashAll()
    if (parent === undefined) this.host.timetable.add(this)
    else if (stopping === undefined) parent.onChild(this.held())
    else {
      this.stopping = undefined
      this.number = 0
      this.tellOfEnd(stopping)
      parent.onChild({ _tag: "Stopped", address: this.address, reason: stopping })
    }
  }

  private held() {
    const { address, crash, startedAt } = this
    const at = this.host.timetable.now()
    return { _tag: "Held" as const, address, at, startedAt, cause: crash?.cause }
  }

  private conclude(reason: StopReason): void {
    // What came after a mere stop began is for the next activation.
    const again = isOwnChoice(reason) && this.parent === undefined && this.postbox.backlog > 0
    if (!again) {
      this.stage = "ended"
      this.postbox.abandon(reason)
      this.species.onEnded(this, reason)
    }
    this.tellOfEnd(reason)
    this.parent?.onChild({ _tag: "Ended", address: this.address, reason })
    if (again) this.renew()
  }

  /** Tells everybody who waits for the end of this activation. */
  private tellOfEnd(reason: StopReason): void {
    this.host.publish({ _tag: "Stopped", ...this.facts(), reason })
    this.onlookers?.ended(this.address, reason)
  }

  private renew(): void {
    this.stage = "build"
    this.number = 0
    this.stopping = undefined
    this.crash = undefined
    this.history = untroubled
    if (!this.awake) this.wake()
  }

  private facts() {
    return {
      address: this.address,
      incarnation: this.number,
      at: this.host.clock.unsafeCurrentTimeMillis()
    }
  }
}

interface Crash {
  readonly cause: Cause.Cause<unknown>
  /** The message that was being handled, or `start`. */
  readonly tag: string
}

/** The defect by which a handler puts its message aside. */
const aside = Symbol.for("@plantd/actors/Stash/hold")

const isAside = (cause: Cause.Cause<unknown>): boolean =>
  cause._tag === "Die" && cause.defect === aside

const isOwnChoice = (reason: StopReason): boolean =>
  reason === "stopped" || reason === "passivated" || reason === "superseded"

/** Runs for nothing but to let others have their turn. */
const breather: Effect.Effect<unknown> = Exit.succeed("breather")

const interruption = Cause.interrupt(FiberId.none)
