/**
 * What a supervisor does about its children. Pure: `onExit` and its like take what happened and
 * give the decision; `proceed` gives what can be done about it now, so that children start in
 * order and end in reverse; the runtime carries it out. The strategies are those of Erlang/OTP's
 * supervisors. It is one file, since each transition is to be read beside the others.
 */
import { Cause } from "effect"
import type { StopReason } from "./ActorError.ts"
import * as Supervision from "./Supervision.ts"

/**
 * Who is restarted when a child is: it alone; all children; or it and those that started after it.
 */
export type Strategy = "one-for-one" | "one-for-all" | "rest-for-one"

/**
 * Whether a child that ended is started again: always; only after a crash; or never, and it is then
 * no longer a child.
 */
export type RestartType = "permanent" | "transient" | "temporary"

/** A crash builds the child anew, so often at most. */
export type RestartPolicy = Extract<Supervision.Fixed, { readonly _tag: "Restart" }>

/** One child, as it is meant to be. */
export interface ChildSpec {
  readonly id: string
  readonly restart: RestartType
  /** What a crash of this cause does. */
  readonly supervision: (cause: Cause.Cause<unknown>) => Supervision.Fixed
  /** How often, and after which delays, a permanent child is restarted that ended by itself. */
  readonly intensity: RestartPolicy
  /** It was added later: it is forgotten when it stops, and when the supervisor is restarted. */
  readonly dynamic: boolean
}

/**
 * - `waiting`: it has no incarnation; its mailbox waits for the next one.
 * - `starting`, `holding`, `stopping`: it was told to, and has not done so yet.
 * - `stopped`: it takes no messages, until it is started again.
 */
export type Phase = "waiting" | "starting" | "running" | "holding" | "stopping" | "stopped"

/** One child, as it is. */
export interface Child {
  readonly spec: ChildSpec
  readonly phase: Phase
  /** What it is to be told when its turn comes: to end for a restart, or to end for good. */
  readonly order: "none" | "hold" | "stop"
  /** Why it is stopped, or is to be. */
  readonly reason: StopReason | undefined
  /** It starts after those before it have started, and not beside them. */
  readonly inOrder: boolean
  /** It does not start before this time, in milliseconds. */
  readonly dueAt: number
  readonly history: Supervision.History
  /** What was decided at its crash, until its incarnation has ended. */
  readonly decided: Supervision.Fixed | undefined
}

/** A supervisor's children, in the order in which they start. */
export interface Tree {
  readonly strategy: Strategy
  readonly children: ReadonlyArray<Child>
  /** The supervisor itself ends: nothing is started any more. */
  readonly ending: boolean
}

/** How a child came to have no incarnation. */
export type ChildExit =
  /** Its incarnation ended and its mailbox waits; it crashed where there is a cause. */
  | { readonly _tag: "Held"; readonly cause: Cause.Cause<unknown> | undefined }
  /** Its incarnation ended of its own accord, and its mailbox waits. */
  | { readonly _tag: "Stopped"; readonly reason: StopReason }
  /** It is over: it takes no more messages. */
  | { readonly _tag: "Ended"; readonly reason: StopReason }

/** When it ended, when that incarnation began, and a random number in [0, 1). */
export interface Facts {
  readonly now: number
  readonly startedAt: number
  readonly random: number
}

/** What an exit leads to. */
export type Decision =
  /** Nothing: it ended as it was told to. */
  | { readonly _tag: "Continue" }
  /** Those are ended, in this order; after the delay those are started, in this order. */
  | {
    readonly _tag: "Restart"
    readonly stop: ReadonlyArray<string>
    readonly start: ReadonlyArray<string>
    readonly delayMillis: number
  }
  /** The child is stopped for good. */
  | { readonly _tag: "Stop"; readonly reason: StopReason }
  /** It was stopped, and is no longer a child. */
  | { readonly _tag: "Forget" }
  /** The supervisor fails; there is no cause where the child ended by itself too often. */
  | {
    readonly _tag: "Escalate"
    readonly child: string
    readonly reason: "restart-limit" | "escalated"
    readonly cause: Cause.Cause<unknown> | undefined
  }

/** What a child is to be told. */
export type Command =
  | { readonly _tag: "Start"; readonly id: string }
  | { readonly _tag: "Hold"; readonly id: string }
  | { readonly _tag: "Stop"; readonly id: string; readonly reason: StopReason }

type Outcome = readonly [Tree, Decision]

/** Children that all wait for their turn; of two with the same id the first is taken. */
export const make = (strategy: Strategy, specs: ReadonlyArray<ChildSpec>): Tree =>
  specs.reduce(add, { strategy, children: [], ending: false })

/** The child with this id. */
export const find = (tree: Tree, id: string): Child | undefined => tree.children[indexOf(tree, id)]

/** One child more, the last in order; unchanged where there is one with its id. */
export const add = (tree: Tree, spec: ChildSpec): Tree => {
  if (find(tree, spec.id) !== undefined) return tree
  const child: Child = {
    spec,
    phase: "waiting",
    order: "none",
    reason: undefined,
    inOrder: true,
    dueAt: Number.NEGATIVE_INFINITY,
    history: Supervision.untroubled,
    decided: undefined
  }
  return { ...tree, children: [...tree.children, child] }
}

/** A stopped child is to start again, in its old place and with no past. */
export const start = (tree: Tree, id: string): Tree => {
  if (find(tree, id)?.phase !== "stopped") return tree
  return update(tree, indexOf(tree, id), again(Supervision.untroubled))
}

/** A child is to end for good; no restart of others starts it again. */
export const stop = (tree: Tree, id: string): Tree => {
  const child = find(tree, id)
  if (child === undefined || child.phase === "stopped") return tree
  return update(tree, indexOf(tree, id), toStop("supervisor"))
}

/**
 * The supervisor ends. With `hold` the children are to be started again by its next incarnation,
 * and keep their mailboxes, except the dynamic ones; with a reason they stop for it.
 */
export const end = (tree: Tree, how: "hold" | StopReason): Tree => ({
  ...tree,
  ending: true,
  children: tree.children.map((child): Child => {
    if (child.phase === "stopped" || child.order === "stop") return child
    if (how !== "hold") return { ...child, ...toStop(child.reason ?? how) }
    if (child.spec.dynamic) return { ...child, ...toStop(child.reason ?? "supervisor") }
    return isUp(child) ? { ...child, order: "hold" } : child
  })
})

/** All children have come to rest after `end`. */
export const isEnded = (tree: Tree): boolean =>
  tree.ending && tree.children.every((child) => child.order === "none" && !isLeaving(child))

/** A child has built its handlers and takes messages. */
export const onStarted = (tree: Tree, id: string): Tree =>
  find(tree, id)?.phase === "starting"
    ? update(tree, indexOf(tree, id), { phase: "running", inOrder: false })
    : tree

/** A crash: whether the incarnation goes on; where it ends, `onExit` says what follows. */
export const onCrash = (
  tree: Tree,
  id: string,
  cause: Cause.Cause<unknown>
): readonly [Tree, "resume" | "end"] => {
  const child = find(tree, id)
  if (child?.phase !== "running" || child.order !== "none") return [tree, "end"]
  const decided = child.spec.supervision(cause)
  if (decided._tag === "Resume") return [tree, "resume"]
  return [update(tree, indexOf(tree, id), { decided }), "end"]
}

/** A child has no incarnation any more. Total; what it does not expect changes nothing. */
export const onExit = (tree: Tree, id: string, exit: ChildExit, facts: Facts): Outcome => {
  const at = indexOf(tree, id)
  const child = tree.children[at]
  if (child === undefined || child.phase === "stopped") return [tree, carryOn]
  // One that ended where it was to be held is started anew with its group all the same.
  const isOver = exit._tag === "Ended" && (child.order !== "hold" || exit.reason === "shutdown")
  if (isOver) return leave(tree, at, child.reason ?? exit.reason)
  if (child.order === "stop") {
    const phase = child.phase === "stopping" ? "stopping" : "waiting"
    return [update(tree, at, { phase }), carryOn]
  }
  if (child.order === "hold" || tree.ending) {
    return [update(tree, at, { phase: "waiting", order: "none", decided: undefined }), carryOn]
  }
  if (isUp(child)) {
    if (exit._tag !== "Held") return onStopped(tree, at, { reason: exit.reason, facts })
    if (exit.cause === undefined) return onStopped(tree, at, { reason: "stopped", facts })
    return onCrashed(tree, at, { cause: exit.cause, facts })
  }
  const forGood = exit._tag === "Stopped" && child.spec.restart !== "permanent"
  return forGood ? stopFor(tree, at, exit.reason) : [tree, carryOn]
}

/** The supervisor was resumed after an escalation: the child that it was about stops for good. */
export const onResumed = (tree: Tree): Tree => ({
  ...tree,
  children: tree.children.map((child) =>
    child.dueAt === never ? { ...child, ...toStop(child.reason ?? "crashed") } : child
  )
})

/** When `proceed` is to be asked again although nothing happened, in milliseconds. */
export const nextDue = (tree: Tree, now: number): number | undefined => {
  let next = never
  for (const { dueAt, phase } of tree.children) {
    if (phase === "waiting" && dueAt > now && dueAt < next) next = dueAt
  }
  return next === never ? undefined : next
}

/** What the children can be told now. They end one by one from the last, and start in order. */
export const proceed = (tree: Tree, now: number): readonly [Tree, ReadonlyArray<Command>] => {
  const children = [...tree.children]
  const commands: Array<Command> = []
  const apart = tree.strategy === "one-for-one" && !tree.ending
  let leaving = false
  for (let at = children.length - 1; at >= 0; at--) {
    const child = children[at] as Child
    if (child.order !== "none" && !isLeaving(child) && (apart || !leaving)) {
      const { order, reason = "supervisor", spec: { id } } = child
      commands.push(order === "hold" ? { _tag: "Hold", id } : { _tag: "Stop", id, reason })
      children[at] = { ...child, phase: order === "hold" ? "holding" : "stopping" }
    }
    leaving ||= child.order !== "none"
  }
  let blocked = leaving && !apart
  for (let at = 0; at < children.length && !tree.ending; at++) {
    const child = children[at] as Child
    const waits = child.phase === "waiting" && child.order === "none"
    if (waits && child.dueAt <= now && !(child.inOrder && blocked)) {
      commands.push({ _tag: "Start", id: child.spec.id })
      children[at] = { ...child, phase: "starting" }
    }
    blocked ||= child.inOrder && (waits || child.phase === "starting")
  }
  return commands.length === 0 ? [tree, commands] : [{ ...tree, children }, commands]
}

/** When a child starts that failed its supervisor. */
const never = Number.POSITIVE_INFINITY

const carryOn: Decision = { _tag: "Continue" }

const forget: Decision = { _tag: "Forget" }

const indexOf = (tree: Tree, id: string): number =>
  tree.children.findIndex((child) => child.spec.id === id)

const isUp = (child: Child): boolean => child.phase === "starting" || child.phase === "running"

const isLeaving = (child: Child): boolean => child.phase === "holding" || child.phase === "stopping"

const update = (tree: Tree, at: number, change: Partial<Child>): Tree => ({
  ...tree,
  children: tree.children.map((child, index) => (index === at ? { ...child, ...change } : child))
})

const toStop = (reason: StopReason) => ({ order: "stop", reason, inOrder: false } as const)

/** It stays stopped; what was added later, or is never started again, is no longer a child. */
const leave = (tree: Tree, at: number, reason: StopReason): Outcome => {
  const spec = tree.children[at]?.spec
  if (spec?.dynamic === true || spec?.restart === "temporary") {
    return [{ ...tree, children: tree.children.filter((_, index) => index !== at) }, forget]
  }
  const stopped = { ...toStop(reason), phase: "stopped", order: "none" } as const
  return [update(tree, at, stopped), { _tag: "Stop", reason }]
}

const onStopped = (
  tree: Tree,
  at: number,
  { facts, reason }: { readonly reason: StopReason; readonly facts: Facts }
): Outcome => {
  const spec = tree.children[at]?.spec
  return spec?.restart === "permanent" && endedByItself(reason)
    ? restart(tree, at, { policy: spec.intensity, facts, cause: undefined })
    : stopFor(tree, at, reason)
}

const onCrashed = (
  tree: Tree,
  at: number,
  { cause, facts }: { readonly cause: Cause.Cause<unknown>; readonly facts: Facts }
): Outcome => {
  const child = tree.children[at] as Child
  const policy = child.decided ?? child.spec.supervision(cause)
  if (policy._tag === "Escalate") return escalate(tree, at, { reason: "escalated", cause })
  if (policy._tag === "Restart" && child.spec.restart !== "temporary") {
    return restart(tree, at, { policy, facts, cause })
  }
  // There is nothing to resume where the building failed.
  return stopFor(tree, at, "crashed")
}

const stopFor = (tree: Tree, at: number, reason: StopReason): Outcome => {
  const change = { ...toStop(reason), phase: "waiting", decided: undefined } as const
  return [update(tree, at, change), { _tag: "Stop", reason }]
}

const escalate = (
  tree: Tree,
  at: number,
  why: {
    readonly reason: "restart-limit" | "escalated"
    readonly cause: Cause.Cause<unknown> | undefined
  }
): Outcome => {
  const child = tree.children[at] as Child
  const decision = { _tag: "Escalate", child: child.spec.id, ...why } as const
  // Its mailbox waits: the supervisor's next incarnation starts it again.
  const reason = why.reason === "restart-limit" ? why.reason : "crashed"
  const failed = { phase: "waiting", reason, dueAt: never, decided: undefined } as const
  return [update(tree, at, failed), decision]
}

interface Restart {
  readonly policy: RestartPolicy
  readonly facts: Facts
  readonly cause: Cause.Cause<unknown> | undefined
}

const restart = (tree: Tree, at: number, { cause, facts, policy }: Restart): Outcome => {
  const failed = tree.children[at] as Child
  const crash = { ...facts, cause: cause ?? Cause.empty }
  const [history, directive] = Supervision.onCrash(policy, failed.history, crash)
  if (directive._tag !== "Restart") return escalate(tree, at, { reason: "restart-limit", cause })
  const { delayMillis } = directive
  const from = tree.strategy === "one-for-all" ? 0 : at
  const to = tree.strategy === "one-for-one" ? at : tree.children.length - 1
  const ends: Array<string> = []
  const starts: Array<string> = []
  const children = tree.children.map((child, index): Child => {
    if (index < from || index > to) return child
    if (isUp(child) && index !== at) ends.unshift(child.spec.id)
    const renewed = index === at ? renewedAlone(failed, history, from < to) : renewedAmong(child)
    if (renewed.order === "stop" || renewed.phase === "stopped") return renewed
    starts.push(child.spec.id)
    const first = starts.length === 1
    return first ? { ...renewed, dueAt: Math.max(renewed.dueAt, facts.now + delayMillis) } : renewed
  })
  return [{ ...tree, children }, { _tag: "Restart", stop: ends, start: starts, delayMillis }]
}

const renewedAlone = (child: Child, history: Supervision.History, inOrder: boolean): Child => ({
  ...child,
  ...again(history),
  inOrder: inOrder || child.inOrder
})

/** What a restart of another one means for a child that belongs to the same group. */
const renewedAmong = (child: Child): Child => {
  if (child.order === "stop") return child
  if (isUp(child)) {
    return child.spec.restart === "temporary"
      ? { ...child, ...toStop("supervisor") }
      : { ...child, order: "hold", inOrder: true }
  }
  if (child.phase !== "stopped") return { ...child, inOrder: true }
  // What ended by itself begins anew with its group; what was ended stays so.
  return child.reason !== undefined && endedByItself(child.reason)
    ? { ...child, ...again(child.history) }
    : child
}

const endedByItself = (reason: StopReason): boolean =>
  reason === "stopped" || reason === "passivated"

const again = (history: Supervision.History): Partial<Child> => ({
  phase: "waiting",
  order: "none",
  reason: undefined,
  inOrder: true,
  dueAt: Number.NEGATIVE_INFINITY,
  history,
  decided: undefined
})
