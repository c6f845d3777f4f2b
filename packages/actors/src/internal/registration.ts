/** What a system knows of one type of actor. Types end here: payloads and answers are `unknown`. */
import type { Context, Effect, Runtime, Scope, Stream } from "effect"
import type { ActorContextService } from "../ActorContext.ts"
import type { Settings as MailboxSettings } from "../Mailbox.ts"
import type { Supervision } from "../Supervision.ts"
import type { Envelope } from "./envelope.ts"

/** A handler without its types. */
export type ErasedHandler = (
  payload: unknown,
  envelope: Envelope
) => Effect.Effect<unknown, unknown, unknown> | Stream.Stream<unknown, unknown, unknown>

/** Handlers by the tag of their Rpc. */
export type ErasedHandlers = Readonly<Record<string, ErasedHandler>>

/** Everything needed to run actors of one type. */
export interface Registration {
  readonly type: string
  /** The tags whose handlers answer with a stream. */
  readonly streams: ReadonlySet<string>
  readonly build: (
    context: ActorContextService,
    scope: Scope.Scope
  ) => Effect.Effect<ErasedHandlers, unknown>
  readonly context: Context.Context<never>
  readonly runtime: Runtime.Runtime<never>
  readonly supervision: Supervision
  readonly mailbox: MailboxSettings
  /** The most messages handled side by side; at least 1. */
  readonly concurrency: number
  /** How long the messages at hand and the finalizers may take when the actor stops. */
  readonly shutdownMillis: number
}
