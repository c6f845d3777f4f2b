/**
 * The engine of one actor: its mailbox, its incarnation and its life, as a state machine that says
 * which effect to run next (`next`) and hears how it ended (`settle`). A dispatcher gives it turns,
 * and a worker runs what needs a fiber; this code decides. On the hot path there is no fork, no
 * generator and no schema. It is one file, since each transition is to be read beside the others.
 */
import { Cause, Effect, ExecutionStrategy, Exit, Fiber, Scope } from "effect"
import { type ActorAddress, format } from "../../ActorAddress.ts"
import type { EndReason } from "../../ActorContext.ts"
import type { StopReason } from "../../ActorError.ts"
import { causeText, firstLine } from "../causeText.ts"
import { closing } from "./closing.ts"
import type { Runnable } from "./dispatcher.ts"
import type { Ask, Envelope, Turn } from "./envelope.ts"
import type { Host, Species } from "./host.ts"
import { noHandlers } from "./handlers.ts"
import { immediate } from "./immediate.ts"
import { type Home, Incarnation } from "./incarnation.ts"
import { type CrashFact, interruption, type Life, MessageLoop } from "./messageLoop.ts"
import { Onlookers, type OnTerminated } from "./onlookers.ts"
import { Postbox } from "./postbox.ts"
import type { ErasedHandlers } from "./registration.ts"
import { isOwnChoice, Restarts } from "./restarts.ts"
import type { Parent } from "./supervised.ts"
import type { Timetable } from "./timetable.ts"
import type { Job, Worker } from "./workers.ts"

/** The most messages that an actor handles before others with work get their turn. */
export const batchMax = 256

/**
 * - `build`: the next step builds the handlers.
 * - `ready`: it handles messages.
 * - `end`: the next step closes the incarnation; then it is `ended`, or `held`.
 * - `held`: it waits until its backoff is over, or until its supervisor starts it.
 */
type Stage = "build" | "ready" | "end" | "held" | "ended"

/** One actor at work. */
export class Cell implements Job, Life, Runnable, Home {
  /** Its place in the order in which actors were started. */
  serial: number
  readonly postbox: Postbox
  parent: Parent | undefined = undefined
  worker: Worker | undefined = undefined
  readonly host: Host
  private readonly species: Species
  private readonly messages: MessageLoop
  private stage: Stage = "build"
  private number = 0
  private incarnation: Incarnation | undefined = undefined
  private resting = false
  private awake = false
  private restarts: Restarts | undefined = undefined
  private startedAt = 0
  private stopping: StopReason | undefined = undefined
  private holding = false
  private forced = false
  crash: CrashFact | undefined = undefined
  private onlookers: Onlookers | undefined = undefined

  constructor(host: Host, species: Species, address: ActorAddress) {
    this.host = host
    this.species = species
    this.serial = host.nextSerial()
    this.postbox = new Postbox(host, address, species.registration)
    this.messages = new MessageLoop(this, host, species, this.postbox)
  }

  get address(): ActorAddress {
    return this.postbox.address
  }

  get current(): Envelope | undefined {
    return this.messages.current
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
    if (this.species.registration.modes !== undefined && this.messages.offerBeside(envelope)) {
      if (this.isReady()) this.messages.runBeside()
      else this.wake()
      return
    }
    this.postbox.offer(envelope)
    if (!this.awake && this.canProceed()) this.wake()
  }

  cancel(envelope: Envelope): void {
    if (this.postbox.cancel(envelope)) this.messages.giveUp(envelope)
  }

  onDeadline(ask: Ask): void {
    if (this.postbox.expire(ask)) this.messages.giveUp(ask)
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
    else if (this.stage === "build") this.wake()
    return unwatch
  }

  // Commands: never behind a message -------------------------------------------------------------

  /** Ends the actor after the messages at hand; `onStopped` is called when all is done. */
  stop(reason: StopReason, onStopped?: () => void): void {
    if (this.stage === "ended") return onStopped?.()
    if (onStopped !== undefined) this.onEnd(onStopped)
    if (this.stopping === undefined) this.postbox.abandon(reason)
    // What an actor chose for itself gives way to what is ordered: it must not come back.
    if (this.stopping === undefined || (isOwnChoice(this.stopping) && !isOwnChoice(reason))) {
      this.stopping = reason
    }
    if (this.stage === "held") {
      this.restarts?.cancel()
      this.conclude(this.stopping)
    } else this.wake()
  }

  /** Interrupts the messages at hand, or the building; finalizers have a bound of their own. */
  force(): void {
    if (this.stage === "end") return
    this.forced = true
    this.interruptWorker()
    this.messages.interruptAll()
  }

  /** Ends the incarnation after the messages at hand, and keeps the mailbox, for its supervisor. */
  hold(): void {
    if (this.stage === "held") {
      this.parent?.onChild(this.held())
    } else if (this.stage !== "ended" && this.stopping === undefined) {
      this.holding = true
      this.wake()
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
    if (this.species.closing) return this.stop("shutdown")
    this.stage = "build"
    this.wake()
  }

  /** Its supervisor will start it anew after a delay. */
  announce(delayMillis: number): void {
    this.host.publish({ _tag: "Restarting", ...this.facts(), delayMillis })
  }

  /** Goes on without its supervisor. */
  disown(): void {
    this.parent = undefined
    this.proceed()
  }

  /** Stops an actor that took no message for so many sweeps, and has nothing to do; true then. */
  passivate(sweeps: number): boolean {
    if (this.species.sweep - this.messages.touched < sweeps || this.stage !== "ready") return false
    if (this.awake || this.hasMessages() || this.postbox.stashed > 0) return false
    if (this.parent !== undefined || this.incarnation?.isPending === true) return false
    if (!this.messages.isStreaming) this.stop("passivated")
    return this.stopping !== undefined
  }

  readonly hasLease = (): boolean => this.host.hasLease(this.address)
  readonly endReason = (): EndReason => this.stopping ?? "restarting"
  hasMessages(): boolean {
    return this.messages.isHandling || this.postbox.backlog > 0
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

  watch(target: ActorAddress, notify: OnTerminated): () => void {
    return this.host.watch(target, notify)
  }

  pump(): boolean {
    const effect = this.next()
    if (effect === undefined) return false
    if (effect === breather) return true
    this.worker = this.species.workers.run(this, effect)
    return false
  }

  next(): Effect.Effect<unknown, unknown, unknown> | undefined {
    this.resting = false
    const { dispatcher } = this.host
    for (let done = 0; done < batchMax; done++) {
      dispatcher.spend()
      const effect = this.step()
      if (effect === undefined) {
        this.worker = undefined
        this.awake = false
        return undefined
      }
      const exit = immediate(effect, this.stage !== "ready" || this.messages.isAsked)
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
        else if (typeof exit.value !== "object" || exit.value === null) {
          this.fail(noHandlers, undefined)
        } else this.begin(exit.value as ErasedHandlers)
        return
      case "end":
        // Of a message whose actor crashed beside it, or of the closing.
        if (!this.messages.settleLate(exit)) this.closed(exit)
        return
      default:
        this.messages.settle(exit)
    }
  }

  onFault(defect: unknown): void {
    this.worker = undefined
    this.awake = false
    if (this.stage === "ended") return
    const again = this.crash?.tag === fault
    this.crash = { cause: Cause.die(defect), tag: fault }
    this.stopping ??= "crashed"
    this.messages.settleLate(undefined)
    if (again) {
      this.messages.reset()
      this.conclude(this.stopping)
    } else {
      this.stage = "end"
      this.wake()
    }
  }

  interrupted(): void {
    this.worker = undefined
    this.awake = false
    if (this.stage === "ended") return
    if (!this.forced && this.crash === undefined) {
      // A handler or a build that interrupted its own fiber.
      this.settle(Exit.failCause(interruption))
    } else {
      if (this.crash === undefined && !this.holding) this.stopping ??= "shutdown"
      this.messages.settleLate(undefined)
      this.stage = "end"
    }
    this.wake()
  }

  /** The next thing to do, or nothing: to build, to handle a message, to close. */
  private step(): Effect.Effect<unknown, unknown, unknown> | undefined {
    if (this.stage === "ready") {
      if (this.isReady()) {
        const effect = this.messages.next()
        if (effect !== undefined) return effect
      } else if (this.messages.isGrounded) this.stage = "end"
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

  // Life -----------------------------------------------------------------------------------------

  isAlive(): boolean {
    return this.stage === "ready"
  }

  private isReady(): boolean {
    return this.stage === "ready" && this.stopping === undefined && !this.holding
  }

  onMessage(): void {
    this.incarnation?.onMessage()
  }

  wake(): void {
    if (this.awake) return
    this.awake = true
    this.host.dispatcher.add(this)
  }

  private canProceed(): boolean {
    return this.stage !== "ready" || this.messages.hasPlace
  }

  /** Interrupts what the worker is at, and leaves it where that does not let itself be ended. */
  private interruptWorker(): void {
    const { shutdownMillis } = this.species.registration
    this.worker?.interruptWithin(this.host.timetable, shutdownMillis)
  }

  private build(): Effect.Effect<ErasedHandlers, unknown> {
    this.crash = undefined
    this.forced = false
    this.number++
    const { build } = this.species.registration
    if (build._tag === "Plain") return build.effect
    return Effect.flatMap(Scope.make(ExecutionStrategy.sequential), (scope) => {
      this.incarnation = new Incarnation(this, this.number, scope)
      return build.run(this.incarnation.context(), scope)
    })
  }

  private begin(handlers: ErasedHandlers): void {
    this.messages.begin(handlers)
    this.startedAt = this.host.timetable.now()
    this.stage = "ready"
    this.host.publish({ _tag: "Started", ...this.facts() })
    this.tellStarted()
    this.onlookers?.begun()
    if (this.isReady()) this.messages.runBeside()
  }

  private tellStarted(): void {
    this.parent?.onChild({ _tag: "Started", address: this.address, at: this.startedAt })
  }

  fail(cause: Cause.Cause<unknown>, tag: string | undefined): void {
    this.publishCrash(cause)
    const wasReady = this.stage === "ready"
    const now = this.host.timetable.now()
    if (this.stopping === undefined) {
      const verdict = this.parent === undefined
        ? this.decide(cause, now)
        : this.parent.onCrash(this.address, cause)
      if (verdict === "resume" && wasReady) return
      if (!wasReady) this.startedAt = now
    }
    this.crash = { cause, tag: tag ?? "start" }
    this.stage = "end"
    // A message at hand beside the one that crashed.
    if (this.current !== undefined) this.interruptWorker()
  }

  private decide(cause: Cause.Cause<unknown>, now: number): "resume" | "end" {
    const { registration } = this.species
    const startedAt = this.isAlive() ? this.startedAt : now
    const restarts = this.restarts ??= new Restarts(this.host.timetable, () => this.proceed())
    const crash = { cause, now, startedAt, random: this.host.random() }
    const directive = restarts.decide(registration.supervision, crash)
    if (directive._tag === "Resume" && this.stage === "ready") return "resume"
    if (directive._tag === "Restart") this.announce(directive.delayMillis)
    else this.stopping = directive._tag === "Stop" ? directive.reason : "crashed"
    return "end"
  }

  private close(): Effect.Effect<unknown> {
    const { crash, incarnation } = this
    const inFlight = this.messages.end(this.stopping ?? "stopped")
    const fibers = [...inFlight, ...(incarnation?.end() ?? [])]
    if (incarnation === undefined && fibers.length === 0) return Exit.void
    const exit = crash === undefined ? Exit.void : Exit.failCause(crash.cause)
    const { runtime, shutdownMillis } = this.species.registration
    return closing({
      effect: Effect.zipRight(
        Fiber.interruptAll(fibers),
        incarnation === undefined ? Effect.void : Scope.close(incarnation.scope, exit)
      ),
      runtime,
      timetable: this.host.timetable,
      millis: shutdownMillis
    })
  }

  private closed(exit: Exit.Exit<unknown, unknown>): void {
    if (Exit.isFailure(exit)) this.publishCrash(exit.cause)
    this.messages.reset()
    this.incarnation = undefined
    this.postbox.dropTurns()
    const { parent, stopping } = this
    if (stopping !== undefined && (parent === undefined || !isOwnChoice(stopping))) {
      this.conclude(stopping)
      return
    }
    this.stage = "held"
    this.holding = false
    this.postbox.unstashAll()
    if (parent === undefined) this.restarts?.wait()
    else if (stopping === undefined) parent.onChild(this.held())
    else {
      this.stopping = undefined
      this.tellOfEnd(stopping)
      this.number = 0
      parent.onChild({ _tag: "Stopped", address: this.address, reason: stopping })
    }
  }

  private held() {
    const { address, crash, host, startedAt } = this
    return {
      _tag: "Held" as const,
      address,
      at: host.timetable.now(),
      startedAt,
      cause: crash?.cause
    }
  }

  private conclude(reason: StopReason): void {
    // What came after a mere stop is for the next activation; what this one put aside is not.
    const lastCrash = this.crash === undefined ? undefined : firstLine(this.crash.cause)
    const again = isOwnChoice(reason) && this.parent === undefined && this.postbox.backlog > 0
      && !this.species.closing
    if (again) this.postbox.abandonStash(reason)
    else {
      this.stage = "ended"
      this.species.onEnded(this, reason, lastCrash)
      this.postbox.abandon(reason, lastCrash) // What is here again by now is for the next one.
    }
    this.tellOfEnd(reason)
    this.parent?.onChild({ _tag: "Ended", address: this.address, reason })
    if (again) this.renew()
  }

  /** Tells everybody who waits for the end of this activation. */
  private tellOfEnd(reason: StopReason): void {
    // A child that stopped of its own accord, and was not started again, ended then: number is 0.
    if (this.number > 0 || this.parent === undefined) {
      this.host.publish({ _tag: "Stopped", ...this.facts(), reason })
    }
    this.onlookers?.ended(this.address, reason)
  }

  private renew(): void {
    this.stage = "build"
    this.number = 0
    this.stopping = undefined
    this.crash = undefined
    this.restarts = undefined
    this.serial = this.host.nextSerial()
    this.wake()
  }

  private publishCrash(cause: Cause.Cause<unknown>): void {
    this.host.publish({ _tag: "Crashed", ...this.facts(), cause: causeText(cause) })
  }

  private facts() {
    const { address, host, number } = this
    return { address, incarnation: number, at: host.clock.unsafeCurrentTimeMillis() }
  }
}

/** The tag of a crash of the runtime itself. */
const fault = "runtime"

/** Runs for nothing but to let others have their turn. */
const breather: Effect.Effect<unknown> = Exit.succeed("breather")
