/** What the parts of an open link share, how its state machine is driven, and how it complains. */
import { type Epoch, Monotonic } from "@plantd/core"
import { type Clock, Effect, Either, Metric, type MetricLabel, Queue } from "effect"
import * as Protocol from "../DeviceProtocol.ts"
import type { CommandOptions, LinkCounters, LinkOwner, LinkStatus } from "../LinkPort.ts"
import * as LinkState from "../LinkState.ts"
import type { Socket } from "../Transport.ts"
import type { LogLimiter } from "./logLimiter.ts"

/** What came of a request: an answer, a refusal, a lost session, or nothing until its deadline. */
export type Outcome =
  | { readonly _tag: "Silence" }
  | { readonly _tag: "Answered"; readonly body: Protocol.Reply }
  | { readonly _tag: "Problem"; readonly problem: Protocol.Problem }
  | { readonly _tag: "Abandoned"; readonly reason: string }

/** A request that waits for its answer. */
export interface Pending {
  /** When nobody waits for it any more, by the clock that never jumps. */
  readonly until: number
  readonly settle: (outcome: Outcome) => void
  readonly onProgress: CommandOptions["onProgress"] | undefined
}

/** An open link. */
export interface LinkCore {
  readonly owner: LinkOwner
  readonly timing: LinkState.Timing
  /** How long a snapshot may take, in milliseconds. */
  readonly snapshotMillis: number
  readonly clock: Clock.Clock
  readonly dealer: Socket
  readonly subscriber: Socket
  readonly logged: LogLimiter
  readonly labels: ReadonlyArray<MetricLabel.MetricLabel>
  readonly pending: Map<string, Pending>
  readonly onlineWaiters: Set<() => void>
  /** Ends the timer's sleep, so that it looks again when it is to wake. */
  readonly wake: Queue.Queue<void>
  /** Holds a token where a snapshot is wanted. */
  readonly snapshotWanted: Queue.Queue<void>
  readonly counters: { -readonly [K in keyof LinkCounters]: LinkCounters[K] }
  state: LinkState.LinkState
  /** When the state was entered, by the wall clock. */
  sinceWall: number
  /** When the timer is going to look next. */
  timerAt: number
  requests: number
  epoch: Epoch.Epoch | undefined
  /** Of the last reading on the telemetry path. */
  seq: number
  alive: Protocol.Alive | undefined
  violation: string | undefined
}

const counter = (name: string, description: string) =>
  Metric.counter(`plantd_link_${name}_total`, { description, incremental: true })

/** What links count for the whole process, labelled by device. */
export const linkMetrics = {
  readings: counter("readings", "Readings received"),
  batches: counter("batches", "Batches of readings received"),
  malformed: counter("frames_malformed", "Messages that were not of the device protocol"),
  stray: counter("frames_stray", "Messages that did not belong to the session"),
  gaps: counter("gaps", "Times that readings were missing"),
  sessions: counter("sessions", "Sessions begun"),
  commands: counter("commands", "Writes and commands handed to the transport"),
  unanswered: counter("commands_unanswered", "Writes and commands whose outcome is unknown")
}

/** The clock of a link that never jumps, in milliseconds. */
export const nowOf = (link: LinkCore): number => Monotonic.millis(link.clock)

/** How the link is, for people and for its owner. */
export const statusOf = (link: LinkCore): LinkStatus => ({
  state: link.state.phase,
  ...(link.state.reason === undefined ? {} : { reason: link.state.reason }),
  since: link.sinceWall,
  ...(link.epoch === undefined ? {} : { epoch: link.epoch }),
  ...(link.alive === undefined
    ? {}
    : { hardware: link.alive.hardware, loopLagMillis: link.alive.loopLagMillis }),
  ...(link.violation === undefined ? {} : { violation: link.violation }),
  counters: { ...link.counters }
})

/** Writes a warning, unless one of this kind was written a moment ago. */
export const warn = (link: LinkCore, kind: string, text: string): Effect.Effect<void> => {
  const suppressed = link.logged.admit(kind, nowOf(link))
  if (suppressed === undefined) return Effect.void
  const more = suppressed === 0 ? "" : ` (and ${suppressed} more of its kind)`
  return Effect.annotateLogs(Effect.logWarning(text + more), { device: link.owner.device })
}

/** Counts a message that is not of the protocol, and says where it came from. */
export const dropMalformed = (
  link: LinkCore,
  endpoint: string,
  violation: Protocol.ProtocolViolation
): Effect.Effect<void> => {
  link.counters.framesMalformed++
  linkMetrics.malformed.unsafeUpdate(1, link.labels)
  link.violation = `${endpoint} sent ${violation.message}`
  return warn(link, `malformed ${endpoint}`, `a message was dropped: ${link.violation}`)
}

/** Counts a message that is well-formed and does not belong to the session. */
export const dropStray = (link: LinkCore): void => {
  link.counters.framesStray++
  linkMetrics.stray.unsafeUpdate(1, link.labels)
}

/** Asks for a snapshot; asked for twice, it is taken once. */
export const wantSnapshot = (link: LinkCore): void => {
  Queue.unsafeOffer(link.snapshotWanted, undefined)
}

/** Makes the timer look again where something is due before it was going to. */
export const wakeBy = (link: LinkCore, due: number): void => {
  if (due < link.timerAt) Queue.unsafeOffer(link.wake, undefined)
}

/**
 * Drives the state machine by one event, tells the owner, and does what is to be done. Only a
 * `Tick` needs randomness.
 */
export const advance = (
  link: LinkCore,
  event: LinkState.Event,
  random = 0
): Effect.Effect<void> => {
  const before = link.state
  const now = nowOf(link)
  const [state, actions] = LinkState.step(link.timing, before, event, { now, random })
  link.state = state
  wakeBy(link, LinkState.dueAt(link.timing, state))
  const told = before.phase === state.phase && before.reason === state.reason
    ? Effect.void
    : tell(link, before)
  return actions.length === 0
    ? told
    : Effect.zipRight(
      told,
      Effect.forEach(actions, (action) => act(link, action), { discard: true })
    )
}

const tell = (link: LinkCore, before: LinkState.LinkState): Effect.Effect<void> => {
  const { phase, reason } = link.state
  if (phase !== before.phase) link.sinceWall = link.clock.unsafeCurrentTimeMillis()
  link.owner.onStatus(statusOf(link))
  if (phase === "online") {
    for (const resume of link.onlineWaiters) resume()
  }
  const text = `the link is ${phase}${reason === undefined ? "" : `: ${reason}`}`
  return Effect.annotateLogs(
    phase === "online" || phase === "connecting" ? Effect.logInfo(text) : Effect.logWarning(text),
    { device: link.owner.device, endpoint: link.dealer.endpoint, was: before.phase }
  )
}

const act = (link: LinkCore, action: LinkState.Action): Effect.Effect<void> => {
  switch (action) {
    case "hello":
      return send(link, "HELLO", `h${++link.requests}`, {
        protocol: Protocol.versions,
        device: link.owner.device,
        node: link.owner.node,
        fence: link.owner.fence,
        epoch: link.owner.epoch,
        sentAt: nowOf(link),
        description: link.owner.description
      })
    case "heartbeat":
      return send(link, "HEARTBEAT", `b${++link.requests}`, { sentAt: nowOf(link) })
    case "abandon":
      return Effect.sync(() => {
        const reason = link.state.reason ?? "the session ended"
        for (const pending of link.pending.values()) {
          pending.settle({ _tag: "Abandoned", reason })
        }
      })
  }
}

// Not handed over means that there is no connection, which the state machine is told otherwise.
const send = (
  link: LinkCore,
  kind: Protocol.Request["kind"],
  id: string,
  body: object
): Effect.Effect<void> =>
  Either.match(Protocol.encode(kind, Protocol.idOf(id), body), {
    onLeft: (error) => warn(link, "encode", error.message),
    onRight: (frames) => Effect.ignore(link.dealer.send(frames))
  })

/** Says goodbye, so that the device process need not wait for the silence. */
export const sayGoodbye = (link: LinkCore): Effect.Effect<void> =>
  Effect.suspend(() =>
    link.state.session === "none"
      ? Effect.void
      : send(link, "BYE", `e${++link.requests}`, { reason: "the device actor ended" })
  )
