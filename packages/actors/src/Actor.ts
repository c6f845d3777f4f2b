/**
 * An actor as one value: its name and its protocol. The value is written once; `toLayer` gives it a
 * behaviour, and the layer of the runtime decides where it lives.
 */
import type { Rpc } from "@effect/rpc"
import * as RpcGroup from "@effect/rpc/RpcGroup"
import * as RpcSchema from "@effect/rpc/RpcSchema"
import { Identifier } from "@plantd/core"
import {
  Context,
  Duration,
  Effect,
  Exit,
  Layer,
  Runtime,
  RuntimeFlags,
  Scope,
  Stream
} from "effect"
import { ActorContext } from "./ActorContext.ts"
import type { AskError, TellError } from "./ActorError.ts"
import { ActorSystem, type Engine } from "./ActorSystem.ts"
import { constructorOf } from "./internal/construct.ts"
import { Envelope, settled, waiting } from "./internal/envelope.ts"
import type { ErasedHandlers, Registration } from "./internal/registration.ts"
import * as Mailbox from "./Mailbox.ts"
import * as Supervision from "./Supervision.ts"

/** What a handler can know of the message beside its payload. */
export interface Message {
  readonly tag: string
  /** When its asker stops waiting, in milliseconds of the system's clock; infinite for a tell. */
  readonly deadline: number
}

/** The handlers of an actor: one for each Rpc of its protocol. */
export type HandlersFrom<Rpcs extends Rpc.Any> = {
  readonly [R in Rpcs as R["_tag"]]: (
    payload: Rpc.Payload<R>,
    message: Message
  ) => HandlerResult<R, unknown>
}

/** What a handler returns: an effect, or a stream where its Rpc was made with `stream: true`. */
export type HandlerResult<R extends Rpc.Any, Services> = [Rpc.SuccessChunk<R>] extends [never]
  ? Effect.Effect<Rpc.Success<R>, Rpc.Error<R>, Services>
  : Stream.Stream<Rpc.SuccessChunk<R>, Rpc.ErrorExit<R>, Services>

/** The services that handlers need. */
export type HandlersContext<Handlers> = {
  readonly [Tag in keyof Handlers]: Handlers[Tag] extends (...args: infer _A) => infer Result
    ? Result extends Effect.Effect<infer _A, infer _E, infer R> ? R
    : Result extends Stream.Stream<infer _A, infer _E, infer R> ? R
    : never
    : never
}[keyof Handlers]

/** How one message is sent. */
export interface AskOptions {
  /** How long to wait for the answer; the system's `askTimeout` by default, at most a day. */
  readonly timeout?: Duration.DurationInput
  readonly discard?: false
}

/** Sends without waiting for an answer: a tell. */
export interface TellOptions {
  readonly discard: true
}

/** Sends to one actor: a method for each Rpc of its protocol. */
export type Client<Rpcs extends Rpc.Any> = {
  readonly [R in Rpcs as R["_tag"]]: [Rpc.SuccessChunk<R>] extends [never] ? Send<R>
    : (
      ...args: Arguments<R, AskOptions>
    ) => Stream.Stream<Rpc.SuccessChunk<R>, Rpc.ErrorExit<R> | AskError>
}

type Arguments<R extends Rpc.Any, Options> = [Rpc.PayloadConstructor<R>] extends [void]
  ? [payload?: undefined, options?: Options]
  : [payload: Rpc.PayloadConstructor<R>, options?: Options]

type TellArguments<R extends Rpc.Any> = [Rpc.PayloadConstructor<R>] extends [void]
  ? [payload: undefined, options: TellOptions]
  : [payload: Rpc.PayloadConstructor<R>, options: TellOptions]

/** An ask, or with `{ discard: true }` a tell. */
export interface Send<R extends Rpc.Any> {
  (...args: TellArguments<R>): Effect.Effect<void, TellError>
  (...args: Arguments<R, AskOptions>): Effect.Effect<Rpc.Success<R>, Rpc.Error<R> | AskError>
}

/** How actors of a type are run; each has a default. */
export interface Options {
  /** What becomes of an actor that crashed. Default: `Supervision.restart()`. */
  readonly supervision?: Supervision.Supervision
  /** The bound of the mailbox, and what happens beyond it. Default: 1,024, then backpressure. */
  readonly mailbox?: Partial<Mailbox.Settings>
  /** The most messages that one actor handles side by side. Default: 1. */
  readonly concurrency?: number | "unbounded"
  /** How long messages at hand and finalizers may take when the actor stops. Default: 5 s. */
  readonly shutdownTimeout?: Duration.DurationInput
}

/** The longest time that an ask may wait, in milliseconds: a day. */
export const askTimeoutMillisMax = 86_400_000

/** A type of actor: a name and a protocol. */
export interface Actor<Name extends string, Rpcs extends Rpc.Any> {
  readonly name: Name
  readonly protocol: RpcGroup.RpcGroup<Rpcs>
  /** Gives clients by id. No actor is started by it: the first message starts one. */
  readonly client: Effect.Effect<(id: string) => Client<Rpcs>, never, ActorSystem>
  /**
   * Registers the behaviour with the runtime. `build` runs at every start and restart of every
   * actor of this type, in that incarnation's scope; should it fail, that is a crash.
   */
  readonly toLayer: <Handlers extends HandlersFrom<Rpcs>, E = never, R = never>(
    build: Handlers | Effect.Effect<Handlers, E, R>,
    options?: Options
  ) => Layer.Layer<
    never,
    never,
    ActorSystem | Exclude<R, ActorContext | Scope.Scope> | HandlersContext<Handlers>
  >
  /** Helps to write handlers apart from `toLayer`, with the types of the protocol. */
  readonly of: <Handlers extends HandlersFrom<Rpcs>>(handlers: Handlers) => Handlers
}

/** Defines a type of actor. The name must be an identifier and unique within a system. */
export const make = <const Name extends string, const Rpcs extends ReadonlyArray<Rpc.Any>>(
  name: Name,
  rpcs: Rpcs
): Actor<Name, Rpcs[number]> => {
  if (!Identifier.isIdentifier(name)) {
    throw new RangeError(`Actor.make: ${JSON.stringify(name)} is not an identifier`)
  }
  const tags = new Set<string>()
  for (const rpc of rpcs) {
    if (tags.has(rpc._tag)) throw new RangeError(`Actor.make: ${name} has ${rpc._tag} twice`)
    tags.add(rpc._tag)
  }
  const protocol: RpcGroup.RpcGroup<Rpcs[number]> = RpcGroup.make(...rpcs)
  const methods = methodsOf(name, protocol)
  return {
    name,
    protocol,
    client: Effect.map(ActorSystem, ({ engine }) => (id: string) => {
      if (id.length === 0 || id.length > Identifier.identifierLengthMax) {
        throw new RangeError(
          `an id of ${name} has ${id.length} characters,`
            + ` expected 1 to ${Identifier.identifierLengthMax}`
        )
      }
      return new methods(engine, id) as unknown as Client<Rpcs[number]>
    }),
    toLayer: (build, options = {}) => layerOf({ name, protocol, build, options }) as never,
    of: (handlers) => handlers
  }
}

// Sending ----------------------------------------------------------------------------------------

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
  return awaited((resume) => {
    const envelope = new Envelope(tag, payload, timeout, engine.now() + timeout, resume)
    engine.deliver(type, id, envelope)
    return envelope
  })
}

const tell = ({ engine, id, payload, tag, type }: Sender): Effect.Effect<void, TellError> =>
  Effect.suspend(() => {
    const envelope = new Envelope(tag, payload, 0, Number.POSITIVE_INFINITY, undefined)
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
 * with a canceler, at less than half of its cost, by a benchmark of asks: that one makes more effects
 * and closures, most of them for the garbage collector alone.
 */
const awaited = <A, E>(
  send: (resume: (exit: Exit.Exit<A, E>) => void) => Envelope
): Effect.Effect<A, E> =>
  Effect.withFiberRuntime((_fiber, { runtimeFlags }) => {
    let envelope: Envelope | undefined
    const answer = Effect.async<A, E>((resume) => {
      envelope = send(resume)
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

/** A class with a getter per Rpc: a client is two fields, and its methods can be taken off it. */
const methodsOf = <Rpcs extends Rpc.Any>(
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
    const { payloadSchema, successSchema } = rpc as unknown as Rpc.AnyWithProps
    const construct = constructorOf(payloadSchema)
    const streams = RpcSchema.isStreamSchema(successSchema)
    Object.defineProperty(Methods.prototype, tag, {
      enumerable: true,
      get(this: ClientInstance) {
        const { engine, id } = this
        return (input: unknown, options?: AskOptions | TellOptions) => {
          const sender = { type, tag, engine, id, payload: construct(input) }
          if (options?.discard === true) return tell(sender)
          const answer = ask(sender, options)
          return streams ? Stream.unwrap(answer as Effect.Effect<Stream.Stream<unknown>>) : answer
        }
      }
    })
  }
  return Methods
}

// Behaviour --------------------------------------------------------------------------------------

interface Behaviour<Rpcs extends Rpc.Any> {
  readonly name: string
  readonly protocol: RpcGroup.RpcGroup<Rpcs>
  readonly build: object
  readonly options: Options
}

const layerOf = <Rpcs extends Rpc.Any>(
  behaviour: Behaviour<Rpcs>
): Layer.Layer<never, never, ActorSystem> => {
  const { name, options } = behaviour
  const mailbox = { ...Mailbox.standard, ...options.mailbox }
  const concurrency = options.concurrency === "unbounded"
    ? Number.MAX_SAFE_INTEGER
    : options.concurrency ?? 1
  checkCount(name, "mailbox.capacity", mailbox.capacity)
  checkCount(name, "concurrency", concurrency)
  return Layer.scopedDiscard(
    Effect.gen(function*() {
      const { engine } = yield* ActorSystem
      const { context, fiberRefs, runtimeFlags } = yield* Effect.runtime()
      const registration: Registration = {
        type: name,
        streams: streamsOf(behaviour.protocol),
        build: buildOf(behaviour.build, context),
        context,
        // Counting fibers one by one would cost more than running the messages.
        runtime: Runtime.make({
          context,
          fiberRefs,
          runtimeFlags: RuntimeFlags.disable(runtimeFlags, RuntimeFlags.RuntimeMetrics)
        }),
        supervision: options.supervision ?? Supervision.restart(),
        mailbox,
        concurrency,
        shutdownMillis: Duration.toMillis(options.shutdownTimeout ?? "5 seconds")
      }
      yield* engine.register(registration)
    })
  )
}

const buildOf = (build: object, context: Context.Context<never>): Registration["build"] => {
  if (!Effect.isEffect(build)) {
    const handlers = Exit.succeed(build as ErasedHandlers)
    return () => handlers
  }
  const effect = build as Effect.Effect<ErasedHandlers, unknown, ActorContext | Scope.Scope>
  return (actor, scope) =>
    Effect.provide(
      effect,
      context.pipe(Context.add(ActorContext, actor), Context.add(Scope.Scope, scope))
    )
}

const streamsOf = <Rpcs extends Rpc.Any>(
  protocol: RpcGroup.RpcGroup<Rpcs>
): ReadonlySet<string> => {
  const streams = new Set<string>()
  for (const [tag, rpc] of protocol.requests) {
    const { successSchema } = rpc as unknown as Rpc.AnyWithProps
    if (RpcSchema.isStreamSchema(successSchema)) streams.add(tag)
  }
  return streams
}

const checkCount = (name: string, option: string, value: number): void => {
  if (Number.isInteger(value) && value >= 1) return
  throw new RangeError(`${name}.toLayer: ${option} is ${value}, expected a whole number above 0`)
}
