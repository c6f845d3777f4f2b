/** The handlers of one incarnation, and the streams they answered with. */
import { Cause, Deferred, Effect, Exit, FiberId, type Stream } from "effect"
import type { ActorAddress } from "../ActorAddress.ts"
import { type ActorCrashed, type ActorStopped, HandlerTimeout } from "../ActorError.ts"
import { endingStream } from "./answer.ts"
import { type Envelope, Turn } from "./envelope.ts"
import { isEffect } from "./immediate.ts"
import type { ErasedHandlers, Registration } from "./registration.ts"

/** Gives messages to their handlers. */
export class Handlers {
  private readonly byTag: ErasedHandlers
  private readonly registration: Registration
  private ending: Deferred.Deferred<never, ActorStopped | ActorCrashed> | undefined = undefined

  constructor(byTag: ErasedHandlers, registration: Registration) {
    this.byTag = byTag
    this.registration = registration
  }

  /** The effect of handling a message. Never throws: what a handler throws is a defect. */
  invoke(envelope: Envelope, address: ActorAddress): Effect.Effect<unknown, unknown, unknown> {
    if (envelope instanceof Turn) return envelope.run
    const { context, handlerMillis, streams } = this.registration
    const { tag } = envelope
    const handler = this.byTag[tag]
    if (handler === undefined) return Effect.dieMessage(`${address.type} has no handler for ${tag}`)
    try {
      const result = handler(envelope.payload, envelope)
      if (streams.has(tag)) {
        const ending = this.ending ??= Deferred.unsafeMake(FiberId.none)
        const stream = result as Stream.Stream<unknown, unknown, unknown>
        return Exit.succeed(endingStream(stream, { address, context, ending, tag }))
      }
      if (!isEffect(result)) {
        return Effect.dieMessage(`the handler of ${address.type} for ${tag} gave no effect`)
      }
      if (handlerMillis === Number.POSITIVE_INFINITY) return result
      return Effect.timeoutFailCause(result, {
        duration: handlerMillis,
        onTimeout: () =>
          Cause.die(new HandlerTimeout({ address, tag, timeoutMillis: handlerMillis }))
      })
    } catch (defect) {
      return Exit.die(defect)
    }
  }

  /** Ends every stream that was given as an answer. */
  endStreams(error: () => ActorStopped | ActorCrashed): void {
    if (this.ending === undefined) return
    Deferred.unsafeDone(this.ending, Exit.fail(error()))
    this.ending = undefined
  }
}
