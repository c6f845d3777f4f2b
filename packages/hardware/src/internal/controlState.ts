/** What the parts of an open door share: its state, and how it sends and complains. */
import type { ActorError } from "@plantd/actors"
import { Monotonic } from "@plantd/core"
import { type Clock, Effect, Either, FiberId, Metric, type Stream } from "effect"
import type { Counters, Settings } from "../ControlDoor.ts"
import * as Protocol from "../ControlProtocol.ts"
import type { Socket } from "../Transport.ts"
import type { OperationCodec } from "./controlCodec.ts"
import type { Peer, Peers, Running } from "./controlPeers.ts"
import type { LogLimiter } from "./logLimiter.ts"

/** The client of the actor that is served, without its types. */
export type Asking = {
  readonly [tag: string]: (
    payload: unknown,
    options: { readonly timeout: number }
  ) =>
    | Effect.Effect<unknown, unknown>
    | Stream.Stream<unknown, ActorError.AskError | { readonly _tag: string }>
}

/** All that a door is made from. */
export interface Setup {
  readonly actor: string
  readonly id: string
  readonly endpoint: string
  readonly protocol: { readonly requests: ReadonlyMap<string, unknown> }
  readonly client: Asking
  readonly isUrgent: (request: { readonly tag: string; readonly payload: unknown }) => boolean
  readonly settings: Settings
}

/** What the parts of an open door share. */
export interface State extends Setup {
  readonly router: Socket
  readonly clock: Clock.Clock
  readonly codecs: ReadonlyMap<string, OperationCodec>
  readonly peers: Peers
  readonly logged: LogLimiter
  readonly fork: (work: Effect.Effect<void>) => Running["fiber"]
  readonly counters: { -readonly [K in keyof Counters]: Counters[K] }
}

/** What doors count for the whole process. */
export const metrics = {
  requests: Metric.counter("plantd_control_requests_total", {
    description: "Requests that came over control sockets and were given to their actor",
    incremental: true
  }),
  refused: Metric.counter("plantd_control_requests_refused_total", {
    description: "Requests that came over control sockets and were refused",
    incremental: true
  }),
  malformed: Metric.counter("plantd_control_frames_malformed_total", {
    description: "Messages to control sockets that were not of the control protocol",
    incremental: true
  })
}

/** Sends a message to a peer; where it cannot be sent, the peer's requests are ended. */
export const send = (
  state: State,
  peer: Uint8Array,
  kind: Protocol.FromNode["kind"],
  { body, id }: { readonly id: Uint8Array; readonly body: object }
): Effect.Effect<void> =>
  Either.match(Protocol.encode(kind, id, body), {
    onLeft: (error) =>
      kind === "ERROR"
        ? warn(state, "encode", error.message)
        : send(state, peer, "ERROR", {
          id,
          body: { code: "answer-invalid", message: error.message }
        }),
    onRight: (frames) =>
      Effect.catchAll(state.router.send([peer, ...frames]), (error) => {
        state.counters.sendsFailed++
        // Gone, or it reads nothing although no more is sent than it asked for.
        depart(state, peer)
        return warn(state, "send", `an answer was lost: ${error.message}`)
      })
  })

const depart = (state: State, peer: Uint8Array): void => {
  const known = state.peers.get(peer)
  if (known === undefined) return
  state.counters.peersGone++
  for (const running of known.running.values()) end(state, known, running)
}

/** Interrupts a request; it is forgotten at once, so that its id may be used again. */
export const end = (state: State, peer: Peer, running: Running): void => {
  state.peers.end(peer, running)
  running.fiber?.unsafeInterruptAsFork(FiberId.none)
}

/** Writes a warning, unless one of this kind was written a moment ago. */
export const warn = (state: State, kind: string, text: string): Effect.Effect<void> => {
  const suppressed = state.logged.admit(kind, nowOf(state))
  if (suppressed === undefined) return Effect.void
  const more = suppressed === 0 ? "" : ` (and ${suppressed} more of its kind)`
  return Effect.annotateLogs(Effect.logWarning(text + more), {
    control: state.router.endpoint
  })
}

/** The clock of a door that never jumps, in milliseconds. */
export const nowOf = (state: State): number => Monotonic.millis(state.clock)

/** An id as the key of a map. */
export const keyOf = (id: Uint8Array): string => String.fromCharCode(...id)
