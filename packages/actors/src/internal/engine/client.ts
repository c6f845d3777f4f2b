/** Sends messages: asks, tells, and the clients that are made of them. Hot path: plain code. */
import type { Rpc } from "@effect/rpc"
import type * as RpcGroup from "@effect/rpc/RpcGroup"
import * as RpcSchema from "@effect/rpc/RpcSchema"
import { Duration, Effect, Effectable, Exit, Fiber, Option, RuntimeFlags, Stream } from "effect"
import type { AskOptions, TellOptions } from "../../Actor.ts"
import type { TellError } from "../../ActorError.ts"
import type { Engine } from "../../ActorSystem.ts"
import { constructorOf } from "./construct.ts"
import { Ask, atWork, Envelope, settled, waiting } from "./envelope.ts"
import { type RoundTrip, roundTripOf } from "./roundTrip.ts"

/** The longest time that an ask may wait, in milliseconds: a day. */
export const askTimeoutMillisMax = 86_400_000

/** To whom a client sends, and what of the protocol. */
interface Route {
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
    const ask = new Ask(tag, payload, {
      deadline: engine.now() + timeoutMillis,
      timeoutMillis,
      origin: fiber?.getFiberRef(atWork).current
    })
    engine.call(type, id, ask)
    return ask.answer ?? answerOf(ask, fiber)
  }
}

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
    const roundTrip = lazy(() => roundTripOf(erased))
    Object.defineProperty(Methods.prototype, tag, {
      enumerable: true,
      get(this: ClientInstance) {
        const { [engineKey]: engine, [idKey]: id } = this
        const route = { type, tag, engine, id }
        return (input: unknown, options?: AskOptions | TellOptions) => {
          const payload = construct(input)
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

const sendRound = (
  route: Route,
  payload: unknown,
  roundTrip: RoundTrip,
  options: AskOptions | TellOptions | undefined
): Effect.Effect<unknown, unknown> => {
  const letter = { address: { type: route.type, id: route.id }, tag: route.tag }
  return Effect.flatMap(roundTrip.payload(letter, payload), (payload) => {
    const answer = send(route, payload, options)
    return options?.discard === true ? answer : roundTrip.answer(letter, answer)
  })
}

const lazy = <A>(make: () => A): () => A => {
  let made: { readonly value: A } | undefined
  return () => (made ??= { value: make() }).value
}
