/** What makes a door run: it receives requests, gives them to the actor, and sends its answers. */
import { Effect, Either, FiberSet, type Scope, Stream } from "effect"
import type { Door } from "../ControlDoor.ts"
import * as Protocol from "../ControlProtocol.ts"
import { Transport, type TransportError } from "../Transport.ts"
import { answer, stream } from "./controlAnswers.ts"
import { codecsOf } from "./controlCodec.ts"
import { Peers, Window } from "./controlPeers.ts"
import { end, keyOf, metrics, nowOf, send, type Setup, type State, warn } from "./controlState.ts"
import { LogLimiter } from "./logLimiter.ts"
import { NearestName } from "@plantd/core"

export type { Asking } from "./controlState.ts"

/** Between two looks for peers that fell silent, in milliseconds. */
const sweepMillis = 500

/** Messages of one peer that wait unread: a person types no faster, and memory is bounded. */
const receiveQueueMax = 128

/** Binds the socket and serves until the scope is closed. */
export const start = Effect.fnUntraced(
  function*(setup: Setup): Effect.fn.Return<Door, TransportError, Transport | Scope.Scope> {
    const transport = yield* Transport
    const router = yield* transport.open({
      kind: "router",
      mode: "bind",
      endpoint: setup.endpoint,
      settings: { receiveQueueMax }
    })
    const run = yield* FiberSet.makeRuntime<never, void, never>()
    const state: State = {
      ...setup,
      router,
      clock: yield* Effect.clock,
      codecs: codecsOf(setup.protocol),
      peers: new Peers(),
      logged: new LogLimiter(),
      fork: (work) => run(work),
      counters: {
        requests: 0,
        requestsRefused: 0,
        framesMalformed: 0,
        sendsFailed: 0,
        peersGone: 0,
        requestsRunning: 0,
        streamsRunning: 0
      }
    }
    yield* Effect.forkScoped(receiveAll(state))
    yield* Effect.forkScoped(sweep(state))
    return {
      endpoint: router.endpoint,
      counters: Effect.sync(() => ({
        ...state.counters,
        requestsRunning: state.peers.count.requests + state.peers.count.urgent,
        streamsRunning: state.peers.count.streams
      }))
    }
  }
)

// Receiving fails where the socket is closed: the door is, or nothing can be done about it.
const receiveAll = (state: State): Effect.Effect<void> =>
  state.router.receive.pipe(
    Effect.flatMap(([peer, ...frames]) =>
      peer === undefined ? Effect.void : Either.match(Protocol.decodeToNode(frames), {
        onLeft: (violation) => reject(state, peer, violation),
        onRight: (message) => handle(state, peer, message)
      })
    ),
    Effect.forever,
    Effect.catchAll((error) => warn(state, "receive", error.message))
  )

const reject = (
  state: State,
  peer: Uint8Array,
  violation: Protocol.ProtocolViolation
): Effect.Effect<void> => {
  state.counters.framesMalformed++
  metrics.malformed.unsafeUpdate(1, [])
  const { code, detail, id, where } = violation
  const message = code === "malformed" ? `${where}: ${detail}` : detail
  return Effect.zipRight(
    warn(state, "malformed", `a message was dropped: ${violation.message}`),
    id === undefined ? Effect.void : send(state, peer, "ERROR", { id, body: { code, message } })
  )
}

const handle = (
  state: State,
  peer: Uint8Array,
  message: Protocol.ToNode
): Effect.Effect<void> => {
  const known = state.peers.get(peer)
  if (known !== undefined) known.heardAt = nowOf(state)
  switch (message.kind) {
    case "PING": {
      const body = { protocol: 1, actor: state.actor, id: state.id }
      return send(state, peer, "PONG", { id: message.id, body })
    }
    case "MORE":
      known?.running.get(keyOf(message.id))?.window?.grant(message.body.items)
      return Effect.void
    case "CANCEL": {
      const running = known?.running.get(keyOf(message.id))
      if (known !== undefined && running !== undefined) end(state, known, running)
      return Effect.void
    }
    case "ASK":
      return ask(state, peer, message)
  }
}

const ask = (
  state: State,
  peer: Uint8Array,
  { body, id }: Extract<Protocol.ToNode, { readonly kind: "ASK" }>
): Effect.Effect<void> => {
  const codec = state.codecs.get(body.tag)
  if (codec === undefined) {
    const near = NearestName.of(body.tag, state.codecs.keys())
    return refuse(state, peer, id, {
      code: "unknown-operation",
      message: `there is no operation ${JSON.stringify(body.tag)}`
        + (near === undefined ? "" : `; did you mean ${near}?`)
    })
  }
  const payload = codec.decodePayload(body.payload)
  if (Either.isLeft(payload)) {
    return refuse(state, peer, id, { code: "invalid-payload", message: payload.left })
  }
  const urgent = state.isUrgent({ tag: body.tag, payload: payload.right })
  const kind = { urgent, streams: codec.streams }
  const full = state.peers.refusal(peer, keyOf(id), { ...kind, settings: state.settings })
  if (full !== undefined) return refuse(state, peer, id, full)
  state.counters.requests++
  metrics.requests.unsafeUpdate(1, [])
  const { of, running } = state.peers.begin(peer, keyOf(id), {
    ...kind,
    now: nowOf(state),
    window: new Window(body.window ?? 1)
  })
  const asked = () => state.client[body.tag]!(payload.right, { timeout: body.timeoutMillis })
  const told = { state, peer, id, codec, running, tag: body.tag }
  const work = codec.streams
    ? stream(told, Stream.suspend(asked))
    : answer(told, Effect.suspend(asked as () => Effect.Effect<unknown, unknown>))
  running.fiber = state.fork(
    Effect.ensuring(work, Effect.sync(() => state.peers.end(of, running)))
  )
  return Effect.void
}

const refuse = (
  state: State,
  peer: Uint8Array,
  id: Uint8Array,
  problem: { readonly code: Protocol.ErrorCode; readonly message: string }
): Effect.Effect<void> => {
  state.counters.requestsRefused++
  metrics.refused.unsafeUpdate(1, [])
  return send(state, peer, "ERROR", { id, body: problem })
}

const sweep = (state: State): Effect.Effect<never> =>
  Effect.sync(() => {
    const gone = nowOf(state) - state.settings.peerSilenceMillis
    for (const peer of state.peers.all) {
      if (peer.heardAt >= gone) continue
      const streams = [...peer.running.values()].filter((running) => running.streams)
      if (streams.length > 0) state.counters.peersGone++
      for (const running of streams) end(state, peer, running)
    }
  }).pipe(Effect.zipRight(Effect.sleep(sweepMillis)), Effect.forever)
