/**
 * The transport over real ZeroMQ sockets. It is one file, since it alone may know zeromq.js. The
 * traps that it keeps others away from are told where they are met.
 */
import { Effect, Layer } from "effect"
import * as zmq from "zeromq"
import { refuseEndpoint, refuseFrames, settingsOf } from "./internal/endpoint.ts"
import * as Inbox from "./internal/inbox.ts"
import { details, onlyReceives, onlySends } from "./internal/transportDetail.ts"
import { droppedFrames, droppedUnsent, increment } from "./internal/transportMetrics.ts"
import {
  eventsMax,
  type Frames,
  type Socket,
  type SocketEvent,
  type SocketOptions,
  type SocketSettings,
  Transport,
  TransportError
} from "./Transport.ts"

/** After so many sends the event loop gets a turn, as a tight loop would starve it otherwise. */
const sendsPerTurn = 256

/** Longest wait at close until the system has given the bound port back. */
const unbindMillisMax = 1_000

/** When the system asks an idle TCP peer for a sign of life, in seconds (RFC 1122 4.2.3.6). */
const tcpKeepaliveSeconds = 30

type Operation = TransportError["operation"]
type NativeSocket = zmq.Dealer | zmq.Router | zmq.Publisher | zmq.Subscriber
type Receiver = Exclude<NativeSocket, zmq.Publisher>

/** What the loops and the operations of one socket share. */
interface State {
  readonly socket: NativeSocket
  readonly options: SocketOptions
  readonly settings: SocketSettings
  readonly messages: Inbox.Inbox<Frames, TransportError>
  readonly events: Inbox.Inbox<SocketEvent, never>
  endpoint: string
  closed: boolean
  live: number
  sends: number
  reviveTimer: ReturnType<typeof setTimeout> | undefined
  onUnbound: (() => void) | undefined
}

const codeOf = (cause: unknown): string =>
  cause instanceof Error && "code" in cause ? String(cause.code) : ""

const reasons: Record<string, TransportError["reason"]> = {
  EADDRINUSE: "address-in-use",
  EAGAIN: "would-block",
  EBADF: "closed",
  EHOSTUNREACH: "no-peer",
  EINVAL: "invalid-endpoint",
  ENODEV: "invalid-endpoint",
  EADDRNOTAVAIL: "invalid-endpoint",
  EPROTONOSUPPORT: "invalid-endpoint"
}

const detailOf = (reason: TransportError["reason"]): string | undefined =>
  reason in details ? details[reason as keyof typeof details] : undefined

/** The one place where failures of zeromq.js get their meaning. */
const toError = (state: State, operation: Operation, cause: unknown): TransportError => {
  const reason = state.closed ? "closed" : reasons[codeOf(cause)] ?? "failed"
  return new TransportError({
    operation,
    endpoint: state.endpoint,
    reason,
    detail: detailOf(reason) ?? (cause instanceof Error ? cause.message : String(cause))
  })
}

/** Bare, as a bad option given to a constructor can crash the process at its exit. */
const construct = (kind: SocketOptions["kind"]): NativeSocket => {
  switch (kind) {
    case "dealer":
      return new zmq.Dealer()
    case "router":
      return new zmq.Router()
    case "pub":
      return new zmq.Publisher()
    case "sub":
      return new zmq.Subscriber()
  }
}

/** A high-water mark of 0 means no bound, so that each half of the queue has at least one place. */
const half = (queueMax: number): number => Math.max(1, Math.floor(queueMax / 2))

const configure = (state: State): void => {
  const { options, settings, socket } = state
  socket.linger = 0
  socket.ipv6 = options.endpoint.startsWith("tcp://[")
  socket.maxMessageSize = settings.frameBytesMax
  socket.handshakeInterval = settings.handshakeMillis
  socket.heartbeatInterval = settings.heartbeatMillis
  socket.heartbeatTimeout = 3 * settings.heartbeatMillis
  socket.heartbeatTimeToLive = 3 * settings.heartbeatMillis
  socket.connectTimeout = settings.handshakeMillis
  socket.reconnectInterval = settings.reconnectMillis
  socket.reconnectMaxInterval = Math.max(settings.reconnectMillis, settings.reconnectMillisMax)
  socket.tcpKeepalive = 1
  socket.tcpKeepaliveIdle = tcpKeepaliveSeconds
  socket.tcpKeepaliveInterval = tcpKeepaliveSeconds
  if (!(socket instanceof zmq.Subscriber)) {
    socket.sendTimeout = 0
    socket.sendHighWaterMark = settings.sendQueueMax
  }
  if (!(socket instanceof zmq.Publisher)) {
    socket.receiveHighWaterMark = half(settings.receiveQueueMax)
  }
  if (socket instanceof zmq.Dealer) socket.immediate = true
  // Without sendTimeout 0 a mandatory router waits for ever where no peer ever connected.
  if (socket instanceof zmq.Router) socket.mandatory = true
  // subscribe() without an argument would receive everything.
  if (socket instanceof zmq.Subscriber && (options.topics ?? []).length > 0) {
    socket.subscribe(...options.topics ?? [])
  }
}

/** A connecting socket gives up for ever when its peer breaks the protocol: connect it anew. */
const revive = (state: State): void => {
  if (state.closed) return
  try {
    state.socket.disconnect(state.options.endpoint)
  } catch {
    // Already forgotten by the library, which is what was wanted.
  }
  try {
    state.socket.connect(state.options.endpoint)
  } catch {
    reviveAfter(state, state.settings.reconnectMillisMax)
  }
}

const reviveAfter = (state: State, millis: number): void => {
  clearTimeout(state.reviveTimer)
  if (state.options.mode === "bind" || state.closed) return
  state.reviveTimer = setTimeout(revive, millis, state).unref()
}

const onEvent = (state: State, event: zmq.Event): void => {
  const { options: { endpoint }, settings } = state
  switch (event.type) {
    case "handshake":
      clearTimeout(state.reviveTimer)
      state.live++
      return state.events.offer({ _tag: "Connected", endpoint: state.endpoint })
    case "disconnect":
      reviveAfter(state, settings.reconnectMillisMax)
      // Also told of a peer that never introduced itself, which nobody was told of.
      if (state.live === 0) return
      state.live--
      return state.events.offer({ _tag: "Disconnected", endpoint: state.endpoint })
    case "connect":
      // A peer that speaks something older or else than ZMTP 3 may never introduce itself.
      return reviveAfter(state, settings.handshakeMillis + settings.reconnectMillisMax)
    case "connect:delay":
    case "connect:retry":
      return clearTimeout(state.reviveTimer)
    case "close":
      if (event.address === state.endpoint || event.address === endpoint) state.onUnbound?.()
      return
    default:
      // Nothing that the owner of the socket could act upon.
  }
}

/**
 * Reads until the socket is closed. The observer is never closed before its socket: libzmq would
 * block its I/O thread on events that nobody reads.
 */
const watch = async (state: State): Promise<void> => {
  const observer = state.socket.events
  try {
    for (;;) {
      const event = await observer.receive() as zmq.Event | undefined
      if (event === undefined || event.type === "end") return
      onEvent(state, event)
    }
  } catch {
    // The observer was closed together with its socket.
  }
}

/** Comes when all promises are through that are settled, or become so meanwhile. */
const afterPromises = () => new Promise<void>((resolve) => process.nextTick(resolve))

/** Takes from the library as long as there is room, so that its high-water mark does the rest. */
const pump = async (state: State, socket: Receiver): Promise<void> => {
  const { messages, settings } = state
  const framesMax = settings.framesMax + (socket instanceof zmq.Router ? 1 : 0)
  try {
    while (!state.closed) {
      const frames: Frames = await socket.receive()
      if (frames.length > framesMax) {
        increment(droppedFrames)
        continue
      }
      messages.offer(frames)
      // Asking for the next message takes as long as answering most: this one's answer goes first.
      await afterPromises()
      if (messages.isFull()) await new Promise<void>((resolve) => messages.onRoom(resolve))
    }
  } catch (cause) {
    // close() rejects what is pending with EAGAIN, as a timeout would.
    messages.end(Effect.fail(toError(state, "receive", cause)))
  }
}

const turn = Effect.async<void>((resume) => {
  setImmediate(() => resume(Effect.void))
})

const fail = (state: State, reason: TransportError["reason"], detail?: string) =>
  Effect.fail(
    new TransportError({
      operation: "send",
      endpoint: state.endpoint,
      reason,
      detail: detail ?? detailOf(reason) ?? reason
    })
  )

/** Up to this many bytes V8 keeps a typed array in its own heap. */
const heapBytesMax = 64

/**
 * zeromq.js asks where the bytes of a frame are, for which V8 moves a small array out of its heap:
 * that takes longer than all the rest of a send. A piece of Node's pool of buffers stays in place.
 */
const addressable = (frames: Frames): Array<Uint8Array> =>
  frames.map((frame) =>
    frame.length > heapBytesMax || Buffer.isBuffer(frame) ? frame : Buffer.from(frame)
  )

/** zeromq.js throws what is wrong with the call, and rejects what is wrong with the peer. */
const handOver = (state: State, socket: zmq.Router, frames: Frames) =>
  Effect.uninterruptible(Effect.async<void, TransportError>((resume) => {
    const reject = (cause: unknown) => resume(Effect.fail(toError(state, "send", cause)))
    try {
      socket.send(addressable(frames)).then(() => resume(Effect.void), reject)
    } catch (cause) {
      reject(cause)
    }
  }))

const unsent = () => increment(droppedUnsent)

/**
 * Without waiting for the promise, which is settled already. A publisher takes every message, and
 * a dealer that is writable takes one; should its connection end between the question and the
 * send, then the message is lost as one that was under way, and counted.
 */
const handOverNow = (state: State, socket: zmq.Publisher | zmq.Dealer, frames: Frames) => {
  try {
    socket.send(addressable(frames)).catch(unsent)
    return Effect.void
  } catch (cause) {
    return Effect.fail(toError(state, "send", cause))
  }
}

/**
 * `live` since libzmq tells of an end before it stops to take messages, and takes them for peers
 * that are none; `writable` since send alone looks for a connection only once in a millisecond.
 */
const canSend = (state: State): boolean => state.live > 0 && state.socket.writable

const sendOf = (state: State): Socket["send"] => {
  const { settings, socket } = state
  if (socket instanceof zmq.Subscriber) {
    return () => fail(state, "failed", onlyReceives)
  }
  const offset = socket instanceof zmq.Router ? 1 : 0
  return (frames) =>
    Effect.suspend(() => {
      if (state.closed) return fail(state, "closed")
      const refused = refuseFrames(frames, settings, offset)
      if (refused !== undefined) return fail(state, "invalid-message", refused)
      if (socket instanceof zmq.Dealer && !canSend(state)) return fail(state, "would-block")
      const sent = socket instanceof zmq.Router
        ? handOver(state, socket, frames)
        : handOverNow(state, socket, frames)
      return ++state.sends % sendsPerTurn === 0 ? Effect.zipLeft(sent, turn) : sent
    })
}

const receiveOf = (state: State): Socket["receive"] =>
  state.socket instanceof zmq.Publisher
    ? Effect.fail(
      new TransportError({
        operation: "receive",
        endpoint: state.endpoint,
        reason: "failed",
        detail: onlySends
      })
    )
    : state.messages.take

const start = async (state: State): Promise<void> => {
  const { options, socket } = state
  configure(state)
  void watch(state)
  if (options.mode === "bind") {
    await socket.bind(options.endpoint)
    state.endpoint = socket.lastEndpoint ?? options.endpoint
  } else {
    socket.connect(options.endpoint)
  }
  if (!(socket instanceof zmq.Publisher)) void pump(state, socket)
}

/** Gives the port back before the promise resolves: the next owner may bind it at once. */
const unbind = (state: State): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, unbindMillisMax)
    state.onUnbound = () => {
      clearTimeout(timer)
      resolve()
    }
    try {
      // Unbinds too, and unlike unbind() at once and not in another thread beside the receive.
      state.socket.disconnect(state.endpoint)
    } catch {
      state.onUnbound()
    }
  })

const closedError = (state: State) =>
  new TransportError({
    operation: "receive",
    endpoint: state.endpoint,
    reason: "closed",
    detail: details.closed
  })

const close = async (state: State): Promise<void> => {
  state.closed = true
  clearTimeout(state.reviveTimer)
  state.messages.end(Effect.fail(closedError(state)))
  state.events.end(Inbox.silence)
  if (state.options.mode === "bind") await unbind(state)
  state.socket.close()
}

const makeState = (options: SocketOptions): State => {
  const settings = settingsOf(options)
  return {
    socket: construct(options.kind),
    options,
    settings,
    messages: Inbox.make({
      capacity: half(settings.receiveQueueMax),
      name: `receive ${options.endpoint}`
    }),
    events: Inbox.make({ capacity: eventsMax, name: `event ${options.endpoint}` }),
    endpoint: options.endpoint,
    closed: false,
    live: 0,
    sends: 0,
    reviveTimer: undefined,
    onUnbound: undefined
  }
}

const acquire = (options: SocketOptions): Effect.Effect<State, TransportError> =>
  Effect.suspend(() => {
    const refused = refuseEndpoint(options)
    if (refused !== undefined) return Effect.fail(refused)
    const state = makeState(options)
    return Effect.tryPromise({
      try: () => start(state),
      catch: (cause) => {
        const error = toError(state, options.mode, cause)
        state.closed = true
        state.socket.close()
        return error
      }
    })
      .pipe(Effect.as(state))
  })

const open = (options: SocketOptions) =>
  Effect.map(
    Effect.acquireRelease(acquire(options), (state) => Effect.promise(() => close(state))),
    (state): Socket => ({
      endpoint: state.endpoint,
      send: sendOf(state),
      receive: receiveOf(state),
      event: state.events.take
    })
  )

/**
 * Real ZeroMQ sockets (libzmq 4.3, ZMTP 3.1) over TCP and Unix domain sockets. Peers are not
 * authenticated and nothing is encrypted.
 */
export const layer: Layer.Layer<Transport> = Layer.succeed(Transport, { open })
