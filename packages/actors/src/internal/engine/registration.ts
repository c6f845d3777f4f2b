/** What a system knows of one type of actor. Types end here: payloads and answers are `unknown`. */
import type { Rpc } from "@effect/rpc"
import type * as RpcGroup from "@effect/rpc/RpcGroup"
import type { Context, Effect, Runtime, Scope, Stream } from "effect"
import type { ActorContextService } from "../../ActorContext.ts"
import type { Settings as MailboxSettings } from "../../Mailbox.ts"
import type { Supervision } from "../../Supervision.ts"
import type { Envelope } from "./envelope.ts"

/** A handler without its types. */
export type ErasedHandler = (
  payload: unknown,
  envelope: Envelope
) => Effect.Effect<unknown, unknown, unknown> | Stream.Stream<unknown, unknown, unknown>

/** Handlers by the tag of their Rpc. */
export type ErasedHandlers = Readonly<Record<string, ErasedHandler>>

/** How messages of one kind are handled: see `Handling`. */
export interface Mode {
  readonly beside: boolean
  readonly interruptible: boolean
  readonly reentrant: boolean
}

/** How handlers come to be. */
export type Build =
  /** Handlers, or an effect that needs neither scope nor services: most types of actor. */
  | { readonly _tag: "Plain"; readonly effect: Effect.Effect<ErasedHandlers, unknown> }
  | {
    readonly _tag: "Scoped"
    readonly run: (
      context: ActorContextService,
      scope: Scope.Scope
    ) => Effect.Effect<ErasedHandlers, unknown>
  }

/** Everything needed to run actors of one type. */
export interface Registration {
  readonly type: string
  readonly protocol: RpcGroup.RpcGroup<Rpc.Any>
  /** The tags whose handlers answer with a stream. */
  readonly streams: ReadonlySet<string>
  /** The tags that are not handled in the ordinary way; absent where there are none. */
  readonly modes: ReadonlyMap<string, Mode> | undefined
  readonly build: Build
  readonly context: Context.Context<never>
  readonly runtime: Runtime.Runtime<never>
  readonly supervision: Supervision
  readonly mailbox: MailboxSettings
  /** The most messages put aside. */
  readonly stashCapacity: number
  /** The most messages handled side by side; at least 1. */
  readonly concurrency: number
  /** How long a handler may take; infinite by default. */
  readonly handlerMillis: number
  /** How long an actor may be idle; infinite by default. */
  readonly passivateMillis: number
  /** Beyond so many that are alive, those that were used least recently are passivated. */
  readonly residentsMax: number
  /** How long the messages at hand and the finalizers may take when the actor stops. */
  readonly shutdownMillis: number
}
