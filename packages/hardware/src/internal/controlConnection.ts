/** A connection to a door, without its types: requests, what comes back, and signs of life. */
import { Monotonic } from "@plantd/core"
import { type Clock, Deferred, Duration, Effect, Either, Option, type Scope, Stream } from "effect"
import { ControlNoAnswer, ControlRefused, ControlUnreachable } from "../ControlError.ts"
import * as Protocol from "../ControlProtocol.ts"
import { type Socket, Transport, type TransportError } from "../Transport.ts"
import { codecsOf } from "./controlCodec.ts"
import { decodeItems, endOf, type Operation, outcomeOf, strange } from "./controlOutcome.ts"
import { Reading } from "./controlReading.ts"

/** How long an answer is waited for where nothing is said, in milliseconds. */
export const askTimeoutMillis = 10_000

/** An asker waits this much longer than its actor, so that it learns how it ended; milliseconds. */
export const askMarginMillis = 500

/** How long a first sign of life is waited for where nothing is said, in milliseconds. */
export const connectTimeoutMillis = 2_000

/** Between two PINGs, in milliseconds. */
export const pingMillis = 1_000

/** A node that says nothing for so long does not answer any more, in milliseconds. */
export const silenceMillis = 5_000

/** The ITEM messages of a stream that may be under way. */
const window = 8

/** What a connection is made from. */
export interface Setup {
  readonly actor: string
  readonly protocol: { readonly requests: ReadonlyMap<string, unknown> }
  readonly endpoint: string
  readonly timeout: Duration.DurationInput | undefined
}

interface State extends Setup {
  readonly socket: Socket
  readonly clock: Clock.Clock
  readonly pending: Map<string, Pending>
  readonly greeting: Deferred.Deferred<Protocol.Pong, ControlUnreachable>
  requests: number
  heardAt: number
}

/** A request that waits for what comes of it. */
interface Pending {
  readonly tag: string
  /** Called for each message with its id, in order. */
  readonly onMessage: (message: Protocol.FromNode) => void
  /** Called once where nothing will come any more. */
  readonly onLost: (error: ControlNoAnswer) => void
}

/** Connects until the scope is closed. */
export const connect = Effect.fnUntraced(function*(setup: Setup) {
  const { endpoint } = setup
  const unreachable = (detail: string) => new ControlUnreachable({ endpoint, detail })
  const state = yield* Effect.mapError(open(setup), (error) => unreachable(error.detail))
  yield* Effect.forkScoped(receiveAll(state))
  yield* Effect.forkScoped(watch(state))
  yield* Effect.forkScoped(ping(state))
  const millis = Duration.toMillis(setup.timeout ?? connectTimeoutMillis)
  const { actor, id } = yield* Effect.timeoutFail(Deferred.await(state.greeting), {
    duration: millis,
    onTimeout: () => unreachable(`nobody answered within ${millis} ms`)
  })
  if (actor !== setup.actor) {
    return yield* unreachable(`it serves ${actor}, and ${setup.actor} is wanted`)
  }
  return { id, client: clientOf(state) }
})

const open = Effect.fnUntraced(
  function*(setup: Setup): Effect.fn.Return<State, TransportError, Transport | Scope.Scope> {
    const transport = yield* Transport
    const clock = yield* Effect.clock
    return {
      ...setup,
      socket: yield* transport.open({ kind: "dealer", mode: "connect", endpoint: setup.endpoint }),
      clock,
      pending: new Map(),
      greeting: yield* Deferred.make<Protocol.Pong, ControlUnreachable>(),
      requests: 0,
      heardAt: Monotonic.millis(clock)
    }
  }
)

const clientOf = (state: State) =>
  Object.fromEntries(
    Array.from(codecsOf(state.protocol), ([tag, codec]) => {
      const operation: Request = { state, tag, codec }
      return [tag, (payload?: unknown, options?: Options) => {
        const timeoutMillis = Duration.toMillis(options?.timeout ?? askTimeoutMillis)
        const asked = { payload, timeoutMillis }
        return codec.streams ? stream(operation, asked) : ask(operation, asked)
      }]
    })
  )

interface Options {
  readonly timeout?: Duration.DurationInput
}

interface Request extends Operation {
  readonly state: State
}

interface Asked {
  readonly payload: unknown
  readonly timeoutMillis: number
}

const ask = (operation: Request, asked: Asked): Effect.Effect<unknown, unknown> =>
  Effect.gen(function*() {
    const { state, tag } = operation
    const key = keyFor(state)
    const answer = yield* Deferred.make<unknown, unknown>()
    const settle = (outcome: Effect.Effect<unknown, unknown>) => {
      Deferred.unsafeDone(answer, outcome)
    }
    // Before it is sent: the answer may come at once.
    state.pending.set(key, {
      tag,
      onMessage: (message) => settle(outcomeOf(operation, message)),
      onLost: (error) => settle(Effect.fail(error))
    })
    const answered = Effect.onInterrupt(Deferred.await(answer), () => cancel(operation, key))
    return yield* request(operation, key, asked).pipe(
      Effect.zipRight(answered),
      Effect.timeoutFail({
        duration: asked.timeoutMillis + askMarginMillis,
        onTimeout: () => late(operation, asked)
      }),
      Effect.ensuring(Effect.sync(() => state.pending.delete(key)))
    )
  })

const late = ({ tag }: Request, { timeoutMillis }: Asked) =>
  new ControlNoAnswer({
    operation: tag,
    outcome: "unknown",
    detail: `the node said nothing about it within ${timeoutMillis} ms`
  })

const stream = (operation: Request, asked: Asked): Stream.Stream<unknown, unknown> =>
  Stream.unwrapScoped(Effect.gen(function*() {
    const { state, tag } = operation
    const key = keyFor(state)
    const reading = new Reading({
      window,
      more: (items) => send(state, "MORE", key, { items }),
      excess: strange(operation, "more of a stream came than was asked for")
    })
    yield* Effect.addFinalizer(() =>
      Effect.zipRight(
        reading.ended ? Effect.void : cancel(operation, key),
        Effect.sync(() => state.pending.delete(key))
      )
    )
    state.pending.set(key, {
      tag,
      onMessage: (message) => {
        if (message.kind !== "ITEM") return reading.end(endOf(operation, message))
        reading.offer(decodeItems(operation, message.body.items))
      },
      onLost: (error) => reading.end(Effect.fail(Option.some(error)))
    })
    yield* request(operation, key, asked, { window })
    return Stream.repeatEffectChunkOption(reading.take)
  }))

const request = (
  operation: Request,
  key: string,
  { payload, timeoutMillis }: Asked,
  more: object = {}
): Effect.Effect<void, ControlRefused | ControlNoAnswer> => {
  const { codec, state, tag } = operation
  const refused = (detail: string) =>
    new ControlRefused({ operation: tag, code: "invalid-payload", detail })
  return Effect.gen(function*() {
    const encoded = yield* Either.mapLeft(codec.encodePayload(payload), refused)
    const body = {
      tag,
      timeoutMillis,
      ...more,
      ...encoded === undefined ? {} : { payload: encoded }
    }
    const frames = yield* Either.mapLeft(
      Protocol.encode("ASK", idOf(key), body),
      (error) => refused(error.message)
    )
    yield* Effect.mapError(
      state.socket.send(frames),
      (error) => new ControlNoAnswer({ operation: tag, outcome: "not-sent", detail: error.message })
    )
  })
}

// Where it cannot be sent, the node notices by itself that nobody is there.
const send = (
  state: State,
  kind: Protocol.ToNode["kind"],
  key: string,
  body: object
): Effect.Effect<void> =>
  Either.match(Protocol.encode(kind, idOf(key), body), {
    onLeft: () => Effect.void,
    onRight: (frames) => Effect.ignore(state.socket.send(frames))
  })

const cancel = ({ state }: Request, key: string): Effect.Effect<void> =>
  send(state, "CANCEL", key, {})

// Receiving fails where the socket is closed: with it the scope of all that waits.
const receiveAll = (state: State): Effect.Effect<void> =>
  state.socket.receive.pipe(
    Effect.map((frames) => {
      state.heardAt = Monotonic.millis(state.clock)
      return Either.match(Protocol.decodeFromNode(frames), {
        onLeft: (violation) => greet(state, Effect.fail(violation.message)),
        onRight: (message) => dispatch(state, message)
      })
    }),
    Effect.forever,
    Effect.ignore
  )

const greet = (state: State, greeting: Effect.Effect<Protocol.Pong, string>): void => {
  const { endpoint } = state
  Deferred.unsafeDone(
    state.greeting,
    Effect.mapError(greeting, (detail) => new ControlUnreachable({ endpoint, detail }))
  )
}

const dispatch = (state: State, message: Protocol.FromNode): void => {
  if (message.kind === "PONG") return greet(state, Effect.succeed(message.body))
  const key = keyOf(message.id)
  if (message.kind === "ERROR" && key === pingKey) {
    return greet(state, Effect.fail(message.body.message))
  }
  // Of a request that nobody waits for any more.
  state.pending.get(key)?.onMessage(message)
}

/** Greets on each new connection, and tells all that wait when one ends. */
const watch = (state: State): Effect.Effect<never> =>
  Effect.forever(
    Effect.flatMap(state.socket.event, (event) => {
      if (event._tag === "Connected") return send(state, "PING", pingKey, {})
      lose(state, "the connection to the node ended")
      return Effect.void
    })
  )

const lose = (state: State, detail: string): void => {
  const pending = [...state.pending.values()]
  state.pending.clear()
  for (const { onLost, tag } of pending) {
    onLost(new ControlNoAnswer({ operation: tag, outcome: "unknown", detail }))
  }
}

const ping = (state: State): Effect.Effect<never> =>
  Effect.suspend(() => {
    const silent = Monotonic.millis(state.clock) - state.heardAt
    if (silent > silenceMillis) {
      lose(state, `the node said nothing for ${Math.round(silent)} ms`)
    }
    return send(state, "PING", pingKey, {})
  }).pipe(
    Effect.delay(pingMillis),
    Effect.forever
  )

const pingKey = "ping"

const keyFor = (state: State): string => `r${++state.requests}`

const utf8 = new TextEncoder()

const idOf = (key: string): Uint8Array => utf8.encode(key)

const keyOf = (id: Uint8Array): string => String.fromCharCode(...id)
