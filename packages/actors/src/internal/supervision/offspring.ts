/**
 * The children of one incarnation of a supervisor: hears what happens to them, asks the tree what
 * follows, and tells them. It works beside the supervisor's messages, so that no child waits for
 * them; only a failure of the supervisor itself is a turn of the supervisor. It is one file, since
 * what it hears and what it tells are to be read beside each other.
 */
import { Cause, Deferred, Duration, Effect, Fiber, FiberId, Runtime } from "effect"
import type { ActorAddress } from "../../ActorAddress.ts"
import type { ActorContextService, EndReason } from "../../ActorContext.ts"
import type { StopReason } from "../../ActorError.ts"
import type { Engine } from "../../ActorSystem.ts"
import * as Supervision from "../../Supervision.ts"
import * as Tree from "../../SupervisionTree.ts"
import {
  ChildFailed,
  ChildNotStarted,
  DuplicateChild,
  faultIn,
  type StartError,
  SupervisionCycle,
  TooManyChildren,
  type TreeFault,
  UnknownChild
} from "../../SupervisorError.ts"
import { type Guardian, keyOf, type Lineage } from "./lineage.ts"
import type { Child, ChildEvent } from "../engine/supervised.ts"

/** A child as it was asked for. */
export interface Wanted {
  readonly address: ActorAddress
  readonly restart: Tree.RestartType
  readonly shutdownMillis: number
  /** Absent: what the child's type was registered with. */
  readonly supervision: Supervision.Supervision | undefined
}

/** What the children of a supervisor need. */
export interface Surroundings {
  readonly context: ActorContextService
  readonly engine: Engine
  readonly guardian: Guardian
  readonly lineage: Lineage
  readonly runtime: Runtime.Runtime<never>
  readonly random: () => number
  readonly strategy: Tree.Strategy
  readonly childrenMax: number
}

interface Member {
  readonly port: Child
  readonly shutdownMillis: number
  startedAt: number
  /** When it is interrupted, since it takes too long to end. */
  forceAt: number
}

type Waiter = (outcome: "started" | StopReason) => void

/** The children of one incarnation of a supervisor. */
export class Offspring {
  readonly address: ActorAddress
  readonly guardian: Guardian
  private tree: Tree.Tree
  /** Done when all children have started; fails when one of them fails the supervisor. */
  readonly begun = Deferred.unsafeMake<void, ChildFailed>(FiberId.none)
  private readonly rested = Deferred.unsafeMake<void>(FiberId.none)
  private readonly around: Surroundings
  private readonly members = new Map<string, Member>()
  private readonly waiters = new Map<string, Set<Waiter>>()
  private readonly events: Array<ChildEvent> = []
  private failure: ChildFailed | undefined = undefined
  private awake = false
  private alarm: Fiber.RuntimeFiber<void> | undefined = undefined
  private alarmAt = Number.POSITIVE_INFINITY

  constructor(around: Surroundings) {
    this.around = around
    this.address = around.context.address
    this.guardian = around.guardian
    this.guardian.present = this
    this.tree = Tree.make(around.strategy, [])
  }

  // What happens to the children -----------------------------------------------------------------

  onCrash(child: ActorAddress, cause: Cause.Cause<unknown>): "resume" | "end" {
    this.absorb()
    const [tree, verdict] = Tree.onCrash(this.tree, keyOf(child), cause)
    this.tree = tree
    return verdict
  }

  onChild(event: ChildEvent): void {
    this.events.push(event)
    this.wake()
  }

  // What is asked of the supervisor --------------------------------------------------------------

  /** Takes in a child, the last in order, which is started when its turn comes. */
  adopt(wanted: Wanted, dynamic: boolean): TreeFault | undefined {
    const { address, around: { childrenMax, engine, lineage }, guardian } = this
    const { address: child } = wanted
    const chain = lineage.cycle(address, child)
    if (chain !== undefined) return new SupervisionCycle({ chain })
    const id = keyOf(child)
    if (this.members.has(id)) return new DuplicateChild({ supervisor: address, child })
    if (this.members.size >= childrenMax) {
      return new TooManyChildren({ supervisor: address, childrenMax })
    }
    const port = engine.adopt(child, guardian)
    if (!("start" in port)) return port
    lineage.join(child, address)
    this.include(wanted, port, dynamic)
    return undefined
  }

  /** Takes in a child that the incarnation before has left, as `adopt` does. */
  inherit(wanted: Wanted, port: Child): void {
    this.include(wanted, port, false)
  }

  /**
   * Adds a child, or starts one that is stopped, from now on as it is wanted; done when it takes
   * messages.
   */
  start(wanted: Wanted): Effect.Effect<void, StartError> {
    return Effect.async((resume) => {
      this.absorb()
      const id = keyOf(wanted.address)
      const stopped = Tree.find(this.tree, id)?.phase === "stopped"
      const fault = stopped ? this.renew(wanted) : this.adopt(wanted, true)
      if (fault !== undefined) return resume(Effect.fail(fault))
      this.tree = Tree.start(this.tree, id)
      return this.wait(id, (outcome) => {
        const { address: child } = wanted
        resume(
          outcome === "started"
            ? Effect.void
            : Effect.fail(new ChildNotStarted({ child, reason: outcome }))
        )
        return true
      })
    })
  }

  /** Ends a child for good; done when it has. */
  stop(child: ActorAddress): Effect.Effect<void, UnknownChild> {
    return Effect.async((resume) => {
      this.absorb()
      const id = keyOf(child)
      const known = Tree.find(this.tree, id)
      if (known === undefined) {
        return resume(Effect.fail(new UnknownChild({ supervisor: this.address, child })))
      }
      if (known.phase === "stopped") return resume(Effect.void)
      this.tree = Tree.stop(this.tree, id)
      return this.wait(id, (outcome) => {
        if (outcome === "started") return false
        resume(Effect.void)
        return true
      })
    })
  }

  /** The children with what became of them, in order. */
  list(): ReadonlyArray<readonly [ActorAddress, Tree.Child]> {
    this.absorb()
    return this.tree.children.map((child) => [this.member(child).port.address, child] as const)
  }

  /** The supervisor's incarnation ends; done when the children have come to rest. */
  end(reason: EndReason): Effect.Effect<ReadonlyArray<Child>> {
    return Effect.suspend(() => {
      this.absorb()
      const how = reason === "restarting" ? "hold" : reason === "shutdown" ? reason : "supervisor"
      this.tree = Tree.end(this.tree, how)
      this.wake()
      return Effect.map(Deferred.await(this.rested), () => this.depart())
    })
  }

  /** The supervisor goes on after a failure. */
  readonly resumed = Effect.sync(() => {
    this.tree = Tree.onResumed(this.tree)
    this.wake()
  })

  /** Looks what is to be done, soon and not within the caller's work. */
  wake(): void {
    if (this.awake) return
    this.awake = true
    Runtime.runFork(this.around.runtime)(this.work, { immediate: false })
  }

  // The work -------------------------------------------------------------------------------------

  private readonly work: Effect.Effect<void> = Effect.suspend(() => {
    const now = this.settle()
    this.awake = false
    this.setAlarm(now)
    return this.report()
  })

  /** Gives the time that it went by. */
  private settle(): number {
    const { engine } = this.around
    for (;;) {
      this.absorb()
      const now = engine.now()
      for (const child of this.tree.children) {
        const member = this.member(child)
        if (member.forceAt > now) continue
        member.forceAt = Number.POSITIVE_INFINITY
        member.port.force()
      }
      const [tree, commands] = Tree.proceed(this.tree, now)
      this.tree = tree
      for (const command of commands) this.obey(command, now)
      if (commands.length === 0 && this.events.length === 0) return now
    }
  }

  private obey(command: Tree.Command, now: number): void {
    const member = this.members.get(command.id)
    if (member === undefined) return
    if (command._tag === "Start") return member.port.start()
    member.forceAt = now + member.shutdownMillis
    if (command._tag === "Hold") member.port.hold()
    else member.port.stop(command.reason)
  }

  /** Lets the tree know what happened; commands and failures come later. */
  private absorb(): void {
    for (let event = this.events.shift(); event !== undefined; event = this.events.shift()) {
      const id = keyOf(event.address)
      const member = this.members.get(id)
      if (member === undefined) continue
      if (event._tag === "Started") {
        member.startedAt = event.at
        this.tree = Tree.onStarted(this.tree, id)
        this.notify(id, "started")
      } else {
        member.forceAt = Number.POSITIVE_INFINITY
        this.onExit(id, event, member)
      }
    }
  }

  private onExit(id: string, event: Exclude<ChildEvent, { _tag: "Started" }>, member: Member) {
    const now = event._tag === "Held" ? event.at : this.around.engine.now()
    const { startedAt } = event._tag === "Held" ? event : member
    const facts = { now, startedAt, random: this.around.random() }
    const [tree, decision] = Tree.onExit(this.tree, id, event, facts)
    this.tree = tree
    if (decision._tag === "Escalate") {
      const { address: child } = event
      const { cause = Cause.empty, reason } = decision
      this.failure ??= new ChildFailed({ supervisor: this.address, child, reason, cause })
    } else if (decision._tag === "Restart") {
      member.port.announce(decision.delayMillis)
    } else if (decision._tag === "Forget") {
      this.members.delete(id)
      this.around.lineage.leave(event.address)
    }
    if (event._tag === "Ended") this.notify(id, event.reason)
  }

  /** Tells those who wait for it that all is begun, that all is at rest, or of a failure. */
  private report(): Effect.Effect<void> {
    const { failure } = this
    this.failure = undefined
    if (Tree.isEnded(this.tree)) Deferred.unsafeDone(this.rested, Effect.void)
    if (this.tree.ending) return Effect.void
    if (this.tree.children.every(hasBegun)) Deferred.unsafeDone(this.begun, Effect.void)
    if (failure === undefined) return Effect.void
    return Effect.flatMap(
      Deferred.fail(this.begun, failure),
      (isBuilding) => (isBuilding ? Effect.void : this.crash(failure))
    )
  }

  private crash(failure: ChildFailed): Effect.Effect<void> {
    const { inTurn } = this.around.context
    // Where no incarnation ends by it, the supervisor was resumed, and the next turn comes.
    return inTurn(Effect.die(failure)).pipe(
      Effect.zipRight(inTurn(this.resumed)),
      // Its turns are all taken: a failure must not be lost by that.
      Effect.catchAllDefect(() =>
        Effect.zipRight(Effect.sleep(crashAgainAfter), Effect.suspend(() => this.crash(failure)))
      )
    )
  }

  /** By the same time as the work: what was not due by it must not be overdue for the alarm. */
  private setAlarm(now: number): void {
    let next = Tree.nextDue(this.tree, now) ?? Number.POSITIVE_INFINITY
    for (const { forceAt } of this.members.values()) next = Math.min(next, forceAt)
    if (next === this.alarmAt) return
    this.alarmAt = next
    this.alarm?.unsafeInterruptAsFork(FiberId.none)
    this.alarm = undefined
    if (next === Number.POSITIVE_INFINITY) return
    const ring = Effect.sync(() => {
      this.alarm = undefined
      this.alarmAt = Number.POSITIVE_INFINITY
      this.wake()
    })
    // Whole milliseconds: a virtual clock has no others, and would wake before the time for ever.
    this.alarm = Runtime.runFork(this.around.runtime)(
      Effect.zipRight(Effect.sleep(Duration.millis(Math.max(0, Math.ceil(next - now)))), ring)
    )
  }

  // The end --------------------------------------------------------------------------------------

  /** Lets go of the children; those that are to be started again are given back. */
  private depart(): ReadonlyArray<Child> {
    this.alarm?.unsafeInterruptAsFork(FiberId.none)
    const heirs: Array<Child> = []
    for (const child of this.tree.children) {
      const { port } = this.member(child)
      if (child.phase === "waiting") {
        heirs.push(port)
      } else {
        port.disown()
        this.around.lineage.leave(port.address)
      }
    }
    for (const id of this.waiters.keys()) this.notify(id, "supervisor")
    return heirs
  }

  private include(wanted: Wanted, port: Child, dynamic: boolean): void {
    this.members.set(keyOf(wanted.address), memberOf(wanted, port))
    this.tree = Tree.add(this.tree, specOf(wanted, port, dynamic))
  }

  /** A stopped child is to be as it is wanted now; its place stays, and what is not asked for. */
  private renew(wanted: Wanted): undefined {
    const id = keyOf(wanted.address)
    const { port } = this.members.get(id) as Member
    this.members.set(id, memberOf(wanted, port))
    const renewed = (spec: Tree.ChildSpec): Tree.ChildSpec =>
      wanted.supervision === undefined
        ? { ...spec, restart: wanted.restart }
        : specOf(wanted, port, spec.dynamic)
    const children = this.tree.children.map((child) =>
      child.spec.id === id ? { ...child, spec: renewed(child.spec) } : child
    )
    this.tree = { ...this.tree, children }
  }

  private member(child: Tree.Child): Member {
    return this.members.get(child.spec.id) as Member
  }

  private wait(id: string, waiter: (outcome: "started" | StopReason) => boolean) {
    const waiters = this.waiters.get(id) ?? new Set()
    this.waiters.set(id, waiters)
    const leave = () => {
      waiters.delete(once)
      if (waiters.size === 0 && this.waiters.get(id) === waiters) this.waiters.delete(id)
    }
    const once: Waiter = (outcome) => {
      if (waiter(outcome)) leave()
    }
    waiters.add(once)
    this.wake()
    return Effect.sync(leave)
  }

  private notify(id: string, outcome: "started" | StopReason): void {
    for (const waiter of this.waiters.get(id) ?? []) waiter(outcome)
  }
}

/** How long to wait where no turn is free. */
const crashAgainAfter = Duration.millis(100)

const hasBegun = ({ phase }: Tree.Child): boolean => phase === "running" || phase === "stopped"

const memberOf = ({ shutdownMillis }: Wanted, port: Child): Member => ({
  port,
  shutdownMillis,
  startedAt: 0,
  forceAt: Number.POSITIVE_INFINITY
})

const specOf = (wanted: Wanted, port: Child, dynamic: boolean): Tree.ChildSpec => {
  const supervision = wanted.supervision ?? port.supervision
  return {
    id: keyOf(wanted.address),
    restart: wanted.restart,
    // To build a tree anew that is written wrong would not help.
    supervision: (cause) =>
      faultIn(cause) === undefined
        ? Supervision.resolve(supervision, cause)
        : Supervision.escalate,
    intensity: supervision._tag === "Restart" ? supervision : standard,
    dynamic
  }
}

const standard = Supervision.restart() as Tree.RestartPolicy
