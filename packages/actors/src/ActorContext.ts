/** What an actor can know of itself while its handlers are built. */
import { Context, type Effect, type Scope } from "effect"
import type { ActorAddress } from "./ActorAddress.ts"
import type { StopReason } from "./ActorError.ts"

/** Why an incarnation ends: its actor stops for this reason, or it is about to be built anew. */
export type EndReason = StopReason | "restarting"

/** One incarnation of one actor, as its own handlers see it. */
export interface ActorContextService {
  readonly address: ActorAddress
  /** 1 for the first incarnation of this activation, one more after each restart. */
  readonly incarnation: number
  /** Ends this actor after the message that is being handled. Succeeds at once. */
  readonly stopSelf: Effect.Effect<void>
  /** Runs `finalizer` with the reason when this incarnation ends; the last added runs first. */
  readonly onEnd: (
    finalizer: (reason: EndReason) => Effect.Effect<void>
  ) => Effect.Effect<void, never, Scope.Scope>
}

/** The incarnation whose handlers are being built; available to the build effect alone. */
export class ActorContext extends Context.Tag("@plantd/actors/ActorContext")<
  ActorContext,
  ActorContextService
>() {}
