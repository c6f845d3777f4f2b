/** Sends messages: asks, tells, and the clients that are made of them. Hot path: plain code. */
import type { Rpc } from "@effect/rpc"
import type * as RpcGroup from "@effect/rpc/RpcGroup"
import * as RpcSchema from "@effect/rpc/RpcSchema"
import { Duration, Effect, type Exit, RuntimeFlags, Stream } from "effect"
import type { AskOptions, TellOptions } from "../Actor.ts"
import type { TellError } from "../ActorError.ts"
import type { Engine } from "../ActorSystem.ts"
import { constructorOf } from "./construct.ts"
import { Ask, atWork, Envelope, settled, waiting } from "./envelope.ts"
import { type RoundTrip, roundTripOf } from "./roundTrip.ts"

/** The longest time that an ask may wait, in milliseconds: a day. */
export const askTimeoutMillisMax = 86_400_000

interface Sender {
  readonly type: string
  readonly tag: string
  readonly engine: Engine
  readonly id: string
  readonly payload: unknown
}

const ask = (sender: Sender, options: AskOptions | undefined): Effect.Effect<unknown, unknown> => {
  const { engine, id, payload, tag, type } = sender
  const timeout = options?.timeout === undefined
    ? engine.askTimeoutMillis
    : timeoutMillis(options.timeout)
  return awaited((resume, current) => {
    const details = {
      deadline: engine.now() + timeout,
      timeoutMillis: timeout,
      origin: current
    }
    const envelope = new Ask(tag, payload, details, resume)
    engine.deliver(type, id, envelope)
    return envelope
  })
}

const tell = ({ engine, id, payload, tag, type }: Sender): Effect.Effect<void, TellError> =>
  Effect.suspend(() => {
    const envelope = new Envelope(tag, payload)
    engine.deliver(type, id, envelope)
    if (envelope.phase === waiting) return untilTaken(envelope)
    return envelope.phase === settled && envelope.refusal !== undefined
      ? Effect.fail(envelope.refusal)
      : Effect.void
  })

const untilTaken = (envelope: Envelope): Effect.Effect<void, TellError> =>
  awaited((resume) => {
    envelope.taken = resume
    return envelope
  })

/**
 * Waits for an envelope, and withdraws it where the waiting fiber is interrupted. As `Effect.async`
 * with a canceler, at less than half of its cost, by a benchmark of asks: that one makes more
 * effects and closures, most of them for the garbage collector alone.
 */
const awaited = <A, E>(
  send: (
    resume: (exit: Exit.Exit<A, E>) => void,
    current: Envelope | undefined
  ) => Envelope
): Effect.Effect<A, E> =>
  Effect.withFiberRuntime((fiber, { runtimeFlags }) => {
    let envelope: Envelope | undefined
    const { current } = fiber.getFiberRef(atWork)
    const answer = Effect.async<A, E>((resume) => {
      envelope = send(resume, current)
    })
    if (!RuntimeFlags.interruptible(runtimeFlags)) return answer
    return Effect.uninterruptible(
      Effect.tapErrorCause(Effect.interruptible(answer), () => {
        if (envelope !== undefined && envelope.phase !== settled) envelope.owner?.cancel(envelope)
        return Effect.void
      })
    )
  })

const timeoutMillis = (input: Duration.DurationInput): number => {
  const millis = Duration.toMillis(input)
  if (millis > 0 && millis <= askTimeoutMillisMax) return millis
  throw new RangeError(
    `an ask was given a timeout of ${millis} ms, expected more than 0 and at most a day`
  )
}

interface ClientInstance {
  readonly engine: Engine
  readonly id: string
}

type ClientClass = new(engine: Engine, id: string) => ClientInstance

/** Clients with a getter per Rpc: a client is two fields, and methods can be taken off it. */
export const clientClassOf = <Rpcs extends Rpc.Any>(
  type: string,
  protocol: RpcGroup.RpcGroup<Rpcs>
): ClientClass => {
  class Methods {
    readonly engine: Engine
    readonly id: string
    constructor(engine: Engine, id: string) {
      this.engine = engine
      this.id = id
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
        const { engine, id } = this
        return (input: unknown, options?: AskOptions | TellOptions) => {
          const sender = { type, tag, engine, id, payload: construct(input) }
          const answer = engine.roundTrip
            ? sendRound(sender, roundTrip(), options)
            : send(sender, options)
          if (!streams || options?.discard === true) return answer
          return Stream.unwrap(answer as Effect.Effect<Stream.Stream<unknown>>)
        }
      }
    })
  }
  return Methods
}

const send = (
  sender: Sender,
  options: AskOptions | TellOptions | undefined
): Effect.Effect<unknown, unknown> =>
  options?.discard === true ? tell(sender) : ask(sender, options)

const sendRound = (
  sender: Sender,
  roundTrip: RoundTrip,
  options: AskOptions | TellOptions | undefined
): Effect.Effect<unknown, unknown> => {
  const letter = { address: { type: sender.type, id: sender.id }, tag: sender.tag }
  return Effect.flatMap(roundTrip.payload(letter, sender.payload), (payload) => {
    const answer = send({ ...sender, payload }, options)
    return options?.discard === true ? answer : roundTrip.answer(letter, answer)
  })
}

const lazy = <A>(make: () => A): () => A => {
  let made: { readonly value: A } | undefined
  return () => (made ??= { value: make() }).value
}
