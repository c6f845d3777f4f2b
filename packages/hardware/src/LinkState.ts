/**
 * The state machine of a link, pure: from what was heard, and when, to what the link is and what is
 * to be done. Times are milliseconds of a clock that never jumps; the caller brings them.
 * It is one file, since each transition is to be read beside the others.
 */
import { Backoff } from "@plantd/core"
import { Schema } from "effect"

/** The two ways between node and device process. */
export type Path = "commands" | "telemetry"

/** What a link can be. */
export const Phase = Schema.Literal("disconnected", "connecting", "online", "degraded", "lost")
/**
 * What a link can be.
 * - `disconnected`: there is no session and can be none, for the reason given; tried again slowly.
 * - `connecting`: there was no session yet.
 * - `online`: a session stands and both paths are alive: commands are sent.
 * - `degraded`: something is wrong with a session; nothing is sent.
 * - `lost`: the device process is gone, or unheard for too long; readings are stale.
 */
export type Phase = typeof Phase.Type

/** The timings of a link, in milliseconds. */
export interface Timing {
  /** Between two heartbeats that the node sends. */
  readonly heartbeatMillis: number
  /** A path on which nothing was heard for this long makes the link degraded. */
  readonly degradedAfterMillis: number
  /** A path on which nothing was heard for this long makes the link lost. */
  readonly lostAfterMillis: number
  /** A closed connection must lead to a new session within this, else the link is lost. */
  readonly disconnectGraceMillis: number
  /** Between two tries to begin a session. */
  readonly retry: Backoff.Backoff
  /** Between two tries after the device process refused the session. */
  readonly refusedRetryMillis: number
}

/** Heartbeats each second, degraded after 3 s, lost after 5 s, or 1 s after a closed connection. */
export const timing: Timing = {
  heartbeatMillis: 1_000,
  degradedAfterMillis: 3_000,
  lostAfterMillis: 5_000,
  disconnectGraceMillis: 1_000,
  retry: { min: "100 millis", max: "2 seconds", factor: 2, jitter: 0.2 },
  refusedRetryMillis: 10_000
}

/** What happened to a link. */
export type Event =
  | { readonly _tag: "Connected"; readonly path: Path }
  | { readonly _tag: "Disconnected"; readonly path: Path }
  | { readonly _tag: "Heard"; readonly path: Path }
  /** READY came, and all in it is as it should be. */
  | { readonly _tag: "Ready" }
  /** The session was refused by either side. */
  | { readonly _tag: "Refused"; readonly reason: string }
  /** The device process does not know of the session, or has begun a new epoch. */
  | { readonly _tag: "SessionGone"; readonly reason: string }
  /** Something came that is not of the protocol. */
  | { readonly _tag: "Violation"; readonly reason: string }
  | { readonly _tag: "Goodbye"; readonly reason: string }
  | { readonly _tag: "Tick" }

/** What is to be done: say HELLO, say HEARTBEAT, give up waiting for answers of this session. */
export type Action = "hello" | "heartbeat" | "abandon"

/** Where a link stands. */
export interface LinkState {
  readonly phase: Phase
  /** Why it is not online; `undefined` where it is. */
  readonly reason: string | undefined
  /** When it came into this phase. */
  readonly since: number
  /** `broken`: there was one, and the time in which to renew it is running. */
  readonly session: "none" | "standing" | "broken"
  /** When something was last heard on each path; when the session began, at the least. */
  readonly heard: { readonly commands: number; readonly telemetry: number }
  /** Why a path is known to be down; of telemetry it is known without a session as well. */
  readonly down: { readonly commands?: string; readonly telemetry?: string }
  /** When the time to mend what is broken ends. */
  readonly graceUntil: number
  readonly helloAt: number
  readonly heartbeatAt: number
  /** HELLOs in a row without a session. */
  readonly attempts: number
}

/** When a step is made; `random` in [0, 1) spreads the tries of many links at a `Tick`. */
export interface At {
  readonly now: number
  readonly random: number
}

/** A link that is about to say its first HELLO. */
export const initial = (now: number): LinkState => ({
  phase: "connecting",
  reason: "no session yet",
  since: now,
  session: "none",
  heard: { commands: now, telemetry: now },
  down: {},
  graceUntil: Infinity,
  helloAt: now,
  heartbeatAt: Infinity,
  attempts: 0
})

/** True where readings come in and commands may be sent. */
export const isOnline = (state: LinkState): boolean => state.phase === "online"

/** The state after an event, and what is to be done about it. */
export const step = (
  timing: Timing,
  state: LinkState,
  event: Event,
  at: At
): readonly [LinkState, ReadonlyArray<Action>] => {
  switch (event._tag) {
    case "Heard":
      return [settle(timing, heard(state, event.path, at.now), at.now), none]
    case "Tick":
      return tick(timing, settle(timing, state, at.now), at)
    case "Connected":
      return [connected(timing, state, event.path, at.now), none]
    case "Disconnected":
      return disconnected(timing, state, event.path, at.now)
    case "Ready":
      return [begun(timing, state, at.now), none]
    case "Refused":
      return [refused(timing, state, event.reason, at.now), ["abandon"]]
    case "Violation":
      return [
        state.phase === "connecting" ? enter(state, "connecting", event.reason, at.now) : state,
        none
      ]
    case "SessionGone":
      return state.session !== "standing"
        ? [state, none]
        : [broken(timing, state, event.reason, at.now), ["abandon"]]
    case "Goodbye":
      return state.session === "none"
        ? [state, none]
        : [lost(state, event.reason, at.now), ["abandon"]]
  }
}

/** When the next `Tick` is due: what has to be done then may be nothing. */
export const dueAt = (timing: Timing, state: LinkState): number =>
  Math.min(
    state.helloAt,
    state.heartbeatAt,
    state.graceUntil,
    state.session === "none" ? Infinity : silenceDueAt(timing, state)
  )

const none: ReadonlyArray<Action> = []

const silenceDueAt = (timing: Timing, state: LinkState): number => {
  const since = Math.min(state.heard.commands, state.heard.telemetry)
  return since
    + (state.phase === "online" ? timing.degradedAfterMillis : timing.lostAfterMillis)
}

const heard = (state: LinkState, path: Path, now: number): LinkState => ({
  ...state,
  heard: path === "commands"
    ? { commands: now, telemetry: state.heard.telemetry }
    : { commands: state.heard.commands, telemetry: now },
  down: path === "telemetry" ? without(state.down, "telemetry") : state.down
})

const without = (down: LinkState["down"], path: Path): LinkState["down"] => {
  if (down[path] === undefined) return down
  const { [path]: _, ...rest } = down
  return rest
}

const enter = (
  state: LinkState,
  phase: Phase,
  reason: string | undefined,
  now: number
): LinkState =>
  state.phase === phase && state.reason === reason
    ? state
    : { ...state, phase, reason, since: state.phase === phase ? state.since : now }

// READY says nothing of the telemetry path: where that is down, the link stays degraded.
const begun = (timing: Timing, state: LinkState, now: number): LinkState => {
  const down = without(state.down, "commands")
  return settle(timing, {
    ...state,
    session: "standing",
    heard: { commands: now, telemetry: now },
    down,
    graceUntil: down.telemetry === undefined ? Infinity : now + timing.disconnectGraceMillis,
    helloAt: Infinity,
    heartbeatAt: now + timing.heartbeatMillis,
    attempts: 0
  }, now)
}

const refused = (timing: Timing, state: LinkState, reason: string, now: number): LinkState => ({
  ...enter(state, "disconnected", reason, now),
  session: "none",
  graceUntil: Infinity,
  helloAt: now + timing.refusedRetryMillis,
  heartbeatAt: Infinity
})

const broken = (timing: Timing, state: LinkState, reason: string, now: number): LinkState => ({
  ...enter(state, "degraded", reason, now),
  session: "broken",
  down: { ...state.down, commands: reason },
  graceUntil: Math.min(state.graceUntil, now + timing.disconnectGraceMillis),
  helloAt: now,
  heartbeatAt: Infinity
})

const lost = (state: LinkState, reason: string, now: number): LinkState => ({
  ...enter(state, "lost", reason, now),
  session: "none",
  graceUntil: Infinity,
  helloAt: Math.min(state.helloAt, now),
  heartbeatAt: Infinity
})

const connected = (timing: Timing, state: LinkState, path: Path, now: number): LinkState => {
  if (path === "telemetry") {
    return settle(timing, { ...state, down: without(state.down, "telemetry") }, now)
  }
  return state.session === "standing" ? state : { ...state, helloAt: now, attempts: 0 }
}

const disconnected = (
  timing: Timing,
  state: LinkState,
  path: Path,
  now: number
): readonly [LinkState, ReadonlyArray<Action>] => {
  const reason = `the ${path} connection was closed; the device process is gone or cut off`
  if (path === "commands") {
    return state.session === "none"
      ? [state, none]
      : [broken(timing, state, reason, now), ["abandon"]]
  }
  const down = { ...state.down, telemetry: reason }
  if (state.session === "none") return [{ ...state, down }, none]
  const graceUntil = Math.min(state.graceUntil, now + timing.disconnectGraceMillis)
  return [settle(timing, { ...state, down, graceUntil }, now), none]
}

// From the facts to the phase: only READY leads out of `lost`, `connecting` and `disconnected`.
const settle = (timing: Timing, state: LinkState, now: number): LinkState => {
  if (state.session === "none") return state
  const closed = state.down.commands ?? state.down.telemetry
  const silence = silent(timing, state, now)
  if (closed !== undefined && now >= state.graceUntil) return lost(state, closed, now)
  if (silence?.phase === "lost") return lost(state, silence.reason, now)
  const mended = closed === undefined && state.graceUntil !== Infinity
    ? { ...state, graceUntil: Infinity }
    : state
  const reason = closed ?? silence?.reason
  return enter(mended, reason === undefined ? "online" : "degraded", reason, now)
}

const silent = (
  timing: Timing,
  state: LinkState,
  now: number
): { readonly phase: Phase; readonly reason: string } | undefined => {
  const { commands, telemetry } = state.heard
  const path: Path = telemetry < commands ? "telemetry" : "commands"
  const since = Math.min(commands, telemetry)
  // As `dueAt` adds: a difference is rounded otherwise, and the time that is due never came.
  if (now < since + timing.degradedAfterMillis) return undefined
  const limit = now >= since + timing.lostAfterMillis
    ? timing.lostAfterMillis
    : timing.degradedAfterMillis
  return {
    phase: limit === timing.lostAfterMillis ? "lost" : "degraded",
    reason: `nothing was heard on the ${path} path for ${limit} ms`
  }
}

const tick = (
  timing: Timing,
  state: LinkState,
  at: At
): readonly [LinkState, ReadonlyArray<Action>] => {
  const actions: Array<Action> = []
  let next = state
  if (at.now >= next.heartbeatAt) {
    actions.push("heartbeat")
    next = { ...next, heartbeatAt: at.now + timing.heartbeatMillis }
  }
  if (at.now >= next.helloAt) {
    actions.push("hello")
    const wait = next.phase === "disconnected"
      ? timing.refusedRetryMillis
      : Backoff.delayMillis(timing.retry, next.attempts, at.random)
    next = { ...next, helloAt: at.now + wait, attempts: next.attempts + 1 }
  }
  return [next, actions]
}
