/** Sends messages: asks, tells, and the clients that are made of them. Hot path: plain code. */
import type { Rpc } from "@effect/rpc"
import type * as RpcGroup from "@effect/rpc/RpcGroup"
import * as RpcSchema from "@effect/rpc/RpcSchema"
import {
  Context,
  Duration,
  Effect,
  Effectable,
  Exit,
  Fiber,
  Option,
  RuntimeFlags,
  Stream
} from "effect"
import type { AskOptions, TellOptions } from "../../Actor.ts"
import type { TellError } from "../../ActorError.ts"
import type { Engine } from "../../ActorSystem.ts"
import { Durable } from "../../Handling.ts"
import { constructorOf } from "./construct.ts"
import { Ask, type AskDetails, atWork, DurableAsk, Envelope, settled, waiting } from "./envelope.ts"
import { type RoundTrip, roundTripOf } from "./roundTrip.ts"

/** The longest time that an ask may wait, in milliseconds: a day. */
export const askTimeoutMillisMax = 86_400_000

/** To whom a client sends, and what of the protocol. */
export interface Route {
  readonly type: string
  readonly tag: string
  readonly engine: Engine
  readonly id: string
}

/** An ask: sent anew each time that the effect is run. One object, where closures would be four. */
class AskCall extends Effectable.Class<unknown, unknown> {
  private readonly route: Route
  private readonly payload: unknown
  private readonly timeoutMillis: number

  constructor(route: Route, payload: unknown, timeoutMillis: number) {
    super()
    this.route = route
    this.payload = payload
    this.timeoutMillis = timeoutMillis
  }

  commit(): Effect.Effect<unknown, unknown> {
    const { payload, route: { engine, id, tag, type }, timeoutMillis } = this
    const fiber = Option.getOrUndefined(Fiber.getCurrentFiber())
    const ask = this.askOf(tag, payload, {
      deadline: engine.now() + timeoutMillis,
      timeoutMillis,
      origin: fiber?.getFiberRef(atWork).current
    })
    engine.call(type, id, ask)
    return ask.answer ?? answerOf(ask, fiber)
  }

  protected askOf(tag: string, payload: unknown, details: AskDetails): Ask {
    return new Ask(tag, payload, details)
  }
}

/** Hands a stored message to its handler. */
class StoredCall extends AskCall {
  private readonly messageId: string

  constructor(route: Route, payload: unknown, sending: Sending) {
    super(route, payload, sending.timeoutMillis)
    this.messageId = sending.id
  }

  protected override askOf(tag: string, payload: unknown, details: AskDetails): Ask {
    return new DurableAsk(tag, payload, { ...details, id: this.messageId })
  }
}

/** How a stored message is handed to its handler. */
export interface Sending {
  readonly timeoutMillis: number
  readonly id: string
}

/** Hands a stored message to its handler, and gives its answer: whatever is said of its Rpc. */
export const sendStored = (
  route: Route,
  rpc: Rpc.AnyWithProps,
  { payload, sending }: { readonly payload: unknown; readonly sending: Sending }
): Effect.Effect<unknown, unknown> => {
  const call = (payload: unknown) => new StoredCall(route, payload, sending)
  return route.engine.roundTrip
    ? throughWire(route, { payload, roundTrip: roundTripOf(rpc) }, {
      send: call,
      discards: false
    })
    : call(payload)
}

/** Asks an actor by its address. */
export const sendTo = (
  route: Route,
  payload: unknown,
  timeoutMillis: number
): Effect.Effect<unknown, unknown> => new AskCall(route, payload, timeoutMillis)

/** A tell: sent anew each time that the effect is run. */
class TellCall extends Effectable.Class<void, TellError> {
  private readonly route: Route
  private readonly payload: unknown

  constructor(route: Route, payload: unknown) {
    super()
    this.route = route
    this.payload = payload
  }

  commit(): Effect.Effect<void, TellError> {
    const { engine, id, tag, type } = this.route
    const envelope = new Envelope(tag, this.payload)
    engine.deliver(type, id, envelope)
    if (envelope.phase === waiting) return untilTaken(envelope)
    return taken(envelope)
  }
}

const taken = ({ phase, refusal }: Envelope): Exit.Exit<void, TellError> =>
  phase === settled && refusal !== undefined ? Exit.fail(refusal) : Exit.void

/** Waits for the answer; an asker that is interrupted takes the message back. */
const answerOf = (
  ask: Ask,
  fiber: Fiber.RuntimeFiber<unknown, unknown> | undefined
): Effect.Effect<unknown, unknown> => {
  // A fiber may be interrupted between its steps, before it gets to the waiting.
  const onEnd = () => {
    if (ask.phase !== settled) ask.owner?.cancel(ask)
  }
  fiber?.addObserver(onEnd)
  return awaited(ask, (resume) => {
    fiber?.removeObserver(onEnd)
    if (ask.answer === undefined) ask.reply = resume
    else resume(ask.answer)
  })
}

const untilTaken = (envelope: Envelope): Effect.Effect<void, TellError> =>
  awaited(envelope, (resume) => {
    if (envelope.phase === waiting) envelope.taken = resume
    else resume(taken(envelope))
  })

/**
 * Waits for an envelope, and withdraws it where the waiting fiber is interrupted. As `Effect.async`
 * with a canceler, at less than half of its cost, by a benchmark of asks: that one makes more
 * effects and closures, most of them for the garbage collector alone.
 */
const awaited = <A, E>(
  envelope: Envelope,
  wait: (resume: (exit: Exit.Exit<A, E>) => void) => void
): Effect.Effect<A, E> =>
  Effect.withFiberRuntime((_fiber, { runtimeFlags }) => {
    const answer = Effect.async<A, E>(wait)
    if (!RuntimeFlags.interruptible(runtimeFlags)) return answer
    return Effect.uninterruptible(
      Effect.tapErrorCause(Effect.interruptible(answer), () => {
        if (envelope.phase !== settled) envelope.owner?.cancel(envelope)
        return Effect.void
      })
    )
  })

const millisOf = (input: Duration.DurationInput): number => {
  const millis = Duration.toMillis(input)
  if (millis > 0 && millis <= askTimeoutMillisMax) return millis
  throw new RangeError(
    `an ask was given a timeout of ${millis} ms, expected more than 0 and at most a day`
  )
}

/** Where a client keeps its two fields: under names that no Rpc can have. */
const engineKey = Symbol("engine")
const idKey = Symbol("id")

interface ClientInstance {
  readonly [engineKey]: Engine
  readonly [idKey]: string
}

type ClientClass = new(engine: Engine, id: string) => ClientInstance

/** Clients with a getter per Rpc: a client is two fields, and methods can be taken off it. */
export const clientClassOf = <Rpcs extends Rpc.Any>(
  type: string,
  protocol: RpcGroup.RpcGroup<Rpcs>
): ClientClass => {
  class Methods {
    readonly [engineKey]: Engine
    readonly [idKey]: string
    constructor(engine: Engine, id: string) {
      this[engineKey] = engine
      this[idKey] = id
    }
  }
  for (const [tag, rpc] of protocol.requests) {
    const erased = rpc as unknown as Rpc.AnyWithProps
    const construct = constructorOf(erased.payloadSchema)
    const streams = RpcSchema.isStreamSchema(erased.successSchema)
    const durable = Context.get(erased.annotations, Durable)
    if (durable && streams) {
      throw new RangeError(`${type}.${tag} is durable, and answered by a stream: it cannot be both`)
    }
    const roundTrip = lazy(() => roundTripOf(erased))
    Object.defineProperty(Methods.prototype, tag, {
      enumerable: true,
      get(this: ClientInstance) {
        const { [engineKey]: engine, [idKey]: id } = this
        const route = { type, tag, engine, id }
        return (input: unknown, options?: AskOptions | TellOptions) => {
          const payload = construct(input)
          if (durable) return sendDurably(route, { rpc: erased, payload }, options)
          const answer = engine.roundTrip
            ? sendRound(route, payload, roundTrip(), options)
            : send(route, payload, options)
          if (!streams || options?.discard === true) return answer
          return Stream.unwrap(answer as Effect.Effect<Stream.Stream<unknown>>)
        }
      }
    })
  }
  return Methods
}

const send = (
  route: Route,
  payload: unknown,
  options: AskOptions | TellOptions | undefined
): Effect.Effect<unknown, unknown> => {
  if (options === undefined) return new AskCall(route, payload, route.engine.askTimeoutMillis)
  if (options.discard === true) return new TellCall(route, payload)
  const { timeout } = options
  const millis = timeout === undefined ? route.engine.askTimeoutMillis : millisOf(timeout)
  return new AskCall(route, payload, millis)
}

/** Stores a message, and then sends it. */
const sendDurably = (
  { engine, id, tag, type }: Route,
  message: { readonly rpc: Rpc.AnyWithProps; readonly payload: unknown },
  options: AskOptions | TellOptions | undefined
): Effect.Effect<unknown, unknown> =>
  Effect.suspend((): Effect.Effect<unknown, unknown> => {
    const letter = { address: { type, id }, tag, ...message }
    const { durable } = engine
    if (durable === undefined) {
      return Effect.dieMessage(
        `${type}.${tag} is durable: provide the layer of DurableMessages beside the ActorSystem`
      )
    }
    if (options?.discard === true) return durable.tell(letter)
    const timeout = options?.timeout
    return durable.ask(letter, timeout === undefined ? engine.askTimeoutMillis : millisOf(timeout))
  })

const sendRound = (
  route: Route,
  payload: unknown,
  roundTrip: RoundTrip,
  options: AskOptions | TellOptions | undefined
): Effect.Effect<unknown, unknown> => {
  const discards = options?.discard === true
  return throughWire(route, { payload, roundTrip }, {
    send: (payload) => send(route, payload, options),
    discards
  })
}

/** Sends a payload as it comes out of its encoding, and gives the answer likewise. */
const throughWire = (
  { id, tag, type }: Route,
  { payload, roundTrip }: { readonly payload: unknown; readonly roundTrip: RoundTrip },
  { discards, send }: {
    readonly send: (payload: unknown) => Effect.Effect<unknown, unknown>
    readonly discards: boolean
  }
): Effect.Effect<unknown, unknown> => {
  const letter = { address: { type, id }, tag }
  return Effect.flatMap(roundTrip.payload(letter, payload), (payload) => {
    const answer = send(payload)
    return discards ? answer : roundTrip.answer(letter, answer)
  })
}

const lazy = <A>(make: () => A): () => A => {
  let made: { readonly value: A } | undefined
  return () => (made ??= { value: make() }).value
}
