/**
 * An actor as one value: its name and its protocol. The value is written once; `toLayer` gives it a
 * behaviour, and the layer of the runtime decides where it lives.
 */
import type { Rpc } from "@effect/rpc"
import * as RpcGroup from "@effect/rpc/RpcGroup"
import { Identifier } from "@plantd/core"
import { type Duration, Effect, type Layer, type Scope, type Stream } from "effect"
import type { ActorAddress } from "./ActorAddress.ts"
import type { ActorContext } from "./ActorContext.ts"
import type { AskError, DeliveryUnknown, TellError } from "./ActorError.ts"
import { ActorSystem } from "./ActorSystem.ts"
import { layerOf } from "./internal/engine/behaviour.ts"
import { clientClassOf } from "./internal/engine/client.ts"
import type * as Mailbox from "./Mailbox.ts"
import type * as Stash from "./Stash.ts"
import type * as Supervision from "./Supervision.ts"

export { askTimeoutMillisMax } from "./internal/engine/client.ts"

/** What a handler can know of the message beside its payload. */
export interface Message {
  readonly tag: string
  /** When its asker stops waiting, in ms of a clock that never jumps; infinite for a tell. */
  readonly deadline: number
  /**
   * The id of a durable message, unique among those for its actor and the same each time that it is
   * handled; `undefined` for every other one. An actor that keeps it with what the message did does
   * nothing twice.
   */
  readonly id: string | undefined
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

/**
 * Sends to one actor: a method for each Rpc of its protocol. `Failure` is how the sending may fail
 * beside what every ask and tell can fail with; for an actor's own client it cannot.
 */
export type Client<Rpcs extends Rpc.Any, Failure = never> = {
  readonly [R in Rpcs as R["_tag"]]: [Rpc.SuccessChunk<R>] extends [never] ? Send<R, Failure>
    : (
      ...args: Arguments<R, AskOptions>
    ) => Stream.Stream<Rpc.SuccessChunk<R>, Rpc.ErrorExit<R> | AskError | Failure>
}

type Arguments<R extends Rpc.Any, Options> = [Rpc.PayloadConstructor<R>] extends [void]
  ? [payload?: undefined, options?: Options]
  : [payload: Rpc.PayloadConstructor<R>, options?: Options]

type TellArguments<R extends Rpc.Any> = [Rpc.PayloadConstructor<R>] extends [void]
  ? [payload: undefined, options: TellOptions]
  : [payload: Rpc.PayloadConstructor<R>, options: TellOptions]

/**
 * An ask, or with `{ discard: true }` a tell. A durable tell succeeds when it is stored, and fails
 * with `DeliveryUnknown` where nobody can tell whether it is; another one never does.
 */
export interface Send<R extends Rpc.Any, Failure = never> {
  (...args: TellArguments<R>): Effect.Effect<void, TellError | DeliveryUnknown | Failure>
  (
    ...args: Arguments<R, AskOptions>
  ): Effect.Effect<Rpc.Success<R>, Rpc.Error<R> | AskError | Failure>
}

/** How actors of a type are run; each has a default. */
export interface Options {
  /** What becomes of an actor that crashed. Default: `Supervision.restart()`. */
  readonly supervision?: Supervision.Supervision
  /** The bound of the mailbox, and what happens beyond it. Default: 1,024, then backpressure. */
  readonly mailbox?: Partial<Mailbox.Settings>
  /** The most messages that an actor puts aside. Default: 1,024. */
  readonly stash?: Partial<Stash.Settings>
  /** The most messages that one actor handles side by side. Default: 1. */
  readonly concurrency?: number | "unbounded"
  /** A handler that takes longer is interrupted, and that is a crash. Default: no bound. */
  readonly handlerTimeout?: Duration.DurationInput
  /**
   * An actor that took no message for so long, up to a quarter more, is stopped as `passivated`:
   * its next message starts it anew. One with timers, watches, pipes, messages put aside, or a
   * supervisor stays. Default: never.
   */
  readonly passivateAfter?: Duration.DurationInput
  /**
   * The most actors of this type that are to be alive on one node: at each start beyond it, those
   * that were used least recently are passivated, unless they have something that keeps them, as
   * with `passivateAfter`. Default: 1,000,000.
   */
  readonly residentsMax?: number
  /** How long messages at hand and finalizers may take when the actor stops. Default: 5 s. */
  readonly shutdownTimeout?: Duration.DurationInput
}

/** A type of actor: a name and a protocol. */
export interface Actor<Name extends string, Rpcs extends Rpc.Any> {
  readonly name: Name
  readonly protocol: RpcGroup.RpcGroup<Rpcs>
  /** The address of one actor of this type. */
  readonly at: (id: string) => ActorAddress
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
  const Clients = clientClassOf(name, protocol)
  return {
    name,
    protocol,
    at: (id) => ({ type: name, id: checkedId(name, id) }),
    client: Effect.map(ActorSystem, ({ engine }) => {
      engine.meet(name, protocol)
      return (id: string) =>
        new Clients(engine, checkedId(name, id)) as unknown as Client<Rpcs[number]>
    }),
    toLayer: (build, options = {}) => layerOf({ name, protocol, build, options }) as never,
    of: (handlers) => handlers
  }
}

const checkedId = (name: string, id: string): string => {
  if (id.length > 0 && id.length <= Identifier.identifierLengthMax) return id
  throw new RangeError(
    `an id of ${name} has ${id.length} characters, expected 1 to ${Identifier.identifierLengthMax}`
  )
}
