/**
 * Ready-made checks, apart from the world: plain code over what a run has shown. Each says what
 * does not hold, for `sim.check(name, finding)`, and is silent where all is well.
 */
import type { ActorError } from "@plantd/actors"
import type { DeviceError } from "@plantd/hardware"
import { type Exit, Exit as Exits } from "effect"
import type { Start } from "./internal/lives.ts"
import type { Sim } from "./internal/sim.ts"

export {
  configurationsMaxDefault,
  linearizable,
  type Operation,
  type Options as LinearizableOptions
} from "./internal/linearizable.ts"

export type { Start } from "./internal/lives.ts"

/** What does not hold, for people to read; nothing where all is well. */
export type Finding = string | undefined

/** So many examples a finding names. */
const shownMax = 5

/** No message is done twice: of what was done, each is there once. */
export const atMostOnce = (done: Iterable<string | number>): Finding => {
  const once = new Set<string | number>()
  const twice = new Set<string | number>()
  for (const one of done) {
    if (once.has(one)) twice.add(one)
    once.add(one)
  }
  return told("done more than once", twice)
}

/**
 * What a ledger has applied was sent, and is there once: the links without duplication and creation
 * of Cachin, Guerraoui and Rodrigues, "Reliable and Secure Distributed Programming" (2011). With
 * `acknowledgedIsDurable` it is exactly once.
 */
export const exactlyOnce = ({ applied, sent }: {
  readonly sent: Iterable<string>
  readonly applied: ReadonlyArray<string>
}): Finding => {
  const known = new Set(sent)
  return atMostOnce(applied)
    ?? told("applied, and never sent", applied.filter((entry) => !known.has(entry)))
}

/** What was acknowledged is there, whatever was lost since. */
export const acknowledgedIsDurable = ({ acknowledged, applied }: {
  readonly acknowledged: ReadonlyArray<string>
  readonly applied: Iterable<string>
}): Finding => {
  const there = new Set(applied)
  return told("acknowledged, and lost", acknowledged.filter((entry) => !there.has(entry)))
}

/**
 * Messages of one sender to one actor are handled in the order in which they were sent; some may be
 * missing. `handled` are their numbers, which grow from one that was sent to the next.
 */
export const inOrder = (handled: ReadonlyArray<number>): Finding => {
  const at = firstFall(handled)
  return at === undefined
    ? undefined
    : `${handled[at]} was handled after ${handled[at - 1]}, as number ${
      at + 1
    } of ${handled.length}`
}

/** A command as a device began it. */
export interface BegunCommand {
  readonly fence: number
  /** What people know it by. */
  readonly command: string
}

/**
 * One writer per device, as the device saw it: once it has obeyed a fence it obeys no lower one. By
 * M. Kleppmann, "How to do distributed locking" (2016). `begun` are its commands, in order.
 */
export const fencesRise = (begun: ReadonlyArray<BegunCommand>): Finding => {
  const at = firstFall(begun.map(({ fence }) => fence))
  if (at === undefined) return undefined
  const [before, after] = [begun[at - 1], begun[at]]
  return `${after?.command} was begun with fence ${after?.fence}, after ${before?.command} with`
    + ` fence ${before?.fence}`
}

const firstFall = (numbers: ReadonlyArray<number>): number | undefined => {
  const at = numbers.findIndex((number, index) => number < (numbers[index - 1] ?? number))
  return at < 0 ? undefined : at
}

/** What its sender was told of a message or a command. */
export type Told = "done" | "not-done" | "unknown"

/** Errors that prove that nothing was done, and such that prove that it was. */
type KnownError = ActorError.AskError | DeviceError.CommandError
const tagsOfNone: ReadonlySet<unknown> = new Set<KnownError["_tag"]>([
  "NotDelivered",
  "ActorStopped",
  "ActorNotRegistered",
  "MailboxFull",
  "StashFull",
  "CommandRejected",
  "CommandCancelled",
  "DeviceUnavailable",
  "JournalUnavailable"
])

/** What the end of an ask, or of a command of a device, tells whoever asked. */
export const toldOf = (exit: Exit.Exit<unknown, unknown>): Told => {
  if (Exits.isSuccess(exit)) return "done"
  if (exit.cause._tag !== "Fail") return "unknown"
  const error = exit.cause.error as Partial<KnownError> | null | undefined
  if (tagsOfNone.has(error?._tag)) return "not-done"
  if (error?._tag === "AskTimeout" && error.outcome === "not-handled") return "not-done"
  if (error?._tag === "MessageInvalid") return error.part === "payload" ? "not-done" : "unknown"
  return error?._tag === "ResultInvalid" ? "done" : "unknown"
}

/**
 * Each command ends in a state that its sender is told, and where he is told that it was done, or
 * that it was not, that is so. `undefined` stands for a sender who was told nothing.
 */
export const outcomesAreTrue = ({ done, told: senders }: {
  readonly told: Iterable<readonly [command: string, told: Told | undefined]>
  readonly done: Iterable<string>
}): Finding => {
  const all = new Set(done)
  const [untold, lacking, denied]: [Array<string>, Array<string>, Array<string>] = [[], [], []]
  for (const [command, outcome] of senders) {
    if (outcome === undefined) untold.push(command)
    if (outcome === "done" && !all.has(command)) lacking.push(command)
    if (outcome === "not-done" && all.has(command)) denied.push(command)
  }
  return told("of which nothing was told", untold)
    ?? told("told to be done, and not done", lacking)
    ?? told("told not to be done, and done", denied)
}

/** A watch, and what came of it. */
export interface WatchRecord {
  /** Who watches whom. */
  readonly watch: string
  /** The reasons of each `Terminated` that came. */
  readonly reasons: ReadonlyArray<string>
  /** Whether one must have come by now: the target has ended, and the watcher has not. */
  readonly isOwed: boolean
}

/** Each watch gives exactly one `Terminated`, and none twice. */
export const oneTerminated = (watches: Iterable<WatchRecord>): Finding => {
  const twice: Array<string> = []
  const never: Array<string> = []
  for (const { isOwed, reasons, watch } of watches) {
    if (reasons.length > 1) twice.push(`${watch} (${reasons.join(", ")})`)
    if (reasons.length === 0 && isOwed) never.push(watch)
  }
  return told("told more than once", twice) ?? told("never told", never)
}

/**
 * An actor is restarted at most `maxRestarts` times within a window, and then stays down: in each
 * life no more than its first start and so many others. The intensity is that of Erlang/OTP's
 * supervisors. Starts come after a delay; of `maxRestarts + 2` the last is a window after the first
 * all the same, since the crashes lie in between.
 */
export const restartIntensity = (
  starts: Iterable<Pick<Start, "at" | "life">>,
  { maxRestarts, withinMillis }: { readonly maxRestarts: number; readonly withinMillis: number }
): Finding => {
  const lives = new Map<number, Array<number>>()
  for (const { at, life } of starts) {
    const times = lives.get(life) ?? []
    lives.set(life, times)
    times.push(at)
    const first = times.at(-maxRestarts - 2)
    if (first !== undefined && at - first < withinMillis) {
      return `${maxRestarts + 1} restarts within ${Math.round(at - first)} ms, from ${
        Math.round(first)
      } ms on: at most ${maxRestarts} may be within ${withinMillis} ms`
    }
  }
  return undefined
}

/** A cluster whose nodes are looked at. */
export type Watched = Pick<Sim<unknown>, "always" | "check" | "nodes" | "now">

/** At no time may the actors of an id run on two nodes. Cheap: it is asked after each step. */
export const oneOwner = (sim: Watched, ids: ReadonlyArray<string>): void => {
  const { nodes } = sim
  sim.always("one owner at a time", () => {
    for (const id of ids) {
      let owners = 0
      for (const node of nodes) if (node.isHere(id)) owners++
      if (owners > 1) return false
    }
    return true
  })
}

/** How long an actor may be there still after its shard has moved, where nothing is said. */
export const leakedMillisDefault = 500

/** How often it is looked for actors that should not be there, in virtual milliseconds. */
const leakLookMillis = 20

/**
 * Once another node has the shard of an actor, it is alive on no node that had it before: not for
 * longer than `withinMillis` (500) of such a node's running time, which is what it has to notice.
 */
export const noLeakedActor = (
  sim: Watched,
  { withinMillis = leakedMillisDefault }: { readonly withinMillis?: number } = {}
): void => {
  let nextLook = 0
  let since = new Map<string, number>()
  const name = "no leaked actor"
  sim.always(name, () => {
    const now = sim.now()
    if (now < nextLook) return true
    nextLook = now + leakLookMillis
    const before = since
    since = new Map()
    for (const node of sim.nodes) {
      // What stands still does nothing.
      if (!node.isUp) continue
      for (const { id, type } of node.residents()) {
        if (node.isHere(id) || !sim.nodes.some((other) => other.isHere(id))) continue
        const actor = `${type}/${id} on ${node.name}`
        const begun = before.get(actor) ?? now
        since.set(actor, begun)
        if (now - begun <= withinMillis) continue
        sim.check(name, `${actor} is alive ${Math.round(now - begun)} ms after it has moved`)
      }
    }
    return true
  })
}

const told = (what: string, found: Iterable<string | number>): Finding => {
  const all = [...found]
  if (all.length === 0) return undefined
  const more = all.length > shownMax ? `, and ${all.length - shownMax} more` : ""
  return `${what}: ${all.slice(0, shownMax).join(", ")}${more}`
}
