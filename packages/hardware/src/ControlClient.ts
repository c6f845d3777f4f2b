/** Asks an actor of a running node through its door, with the types of the actor's protocol. */
import type { Rpc } from "@effect/rpc"
import type { Actor, ActorError } from "@plantd/actors"
import type { Duration, Effect, Scope, Stream } from "effect"
import type { ControlError, ControlUnreachable } from "./ControlError.ts"
import * as engine from "./internal/controlConnection.ts"
import type { Transport } from "./Transport.ts"

export {
  askMarginMillis,
  askTimeoutMillis,
  connectTimeoutMillis,
  pingMillis,
  silenceMillis
} from "./internal/controlConnection.ts"

/** How one request is made. */
export interface AskOptions {
  /** How long to wait for the answer, or for the beginning of a stream; 10 s by default. */
  readonly timeout?: Duration.DurationInput
}

type Arguments<R extends Rpc.Any> = [Rpc.PayloadConstructor<R>] extends [void]
  ? [payload?: undefined, options?: AskOptions]
  : [payload: Rpc.PayloadConstructor<R>, options?: AskOptions]

/** Asks one actor: a method for each Rpc of its protocol. */
export type Client<Rpcs extends Rpc.Any> = {
  readonly [R in Rpcs as R["_tag"]]: (
    ...args: Arguments<R>
  ) => [Rpc.SuccessChunk<R>] extends [never]
    ? Effect.Effect<Rpc.Success<R>, Rpc.Error<R> | ActorError.AskError | ControlError>
    : Stream.Stream<Rpc.SuccessChunk<R>, Rpc.ErrorExit<R> | ActorError.AskError | ControlError>
}

/** A connection to a door. It comes back by itself; what was under way when it broke is told. */
export interface Connection<Rpcs extends Rpc.Any> {
  /** The id of the actor that is served. */
  readonly id: string
  readonly client: Client<Rpcs>
}

/** Where the door is, and which type of actor is expected behind it. */
export interface Options<Name extends string, Rpcs extends Rpc.Any> {
  readonly actor: Actor.Actor<Name, Rpcs>
  readonly endpoint: string
  /** How long to wait for a first sign of life; 2 s by default. */
  readonly timeout?: Duration.DurationInput
}

/**
 * Connects to a door until the scope is closed; its streams are then ended on the node as well.
 * Fails where nobody answers in time, or another type of actor is served there.
 */
export const connect = <Name extends string, Rpcs extends Rpc.Any>(
  options: Options<Name, Rpcs>
): Effect.Effect<Connection<Rpcs>, ControlUnreachable, Transport | Scope.Scope> =>
  engine.connect({
    actor: options.actor.name,
    protocol: options.actor.protocol,
    endpoint: options.endpoint,
    timeout: options.timeout
  }) as unknown as Effect.Effect<
    Connection<Rpcs>,
    ControlUnreachable,
    Transport | Scope.Scope
  >
