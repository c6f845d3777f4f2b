/** The handlers of one incarnation, and the streams they answered with. */
import { Cause, Deferred, Effect, Exit, FiberId, type Stream } from "effect"
import type { ActorAddress } from "../../ActorAddress.ts"
import { type ActorCrashed, type ActorStopped, HandlerTimeout } from "../../ActorError.ts"
import { endingStream } from "./answer.ts"
import { type Envelope, Turn } from "./envelope.ts"
import { isEffect } from "./immediate.ts"
import type { ErasedHandlers, Registration } from "./registration.ts"

/** Told of streams that break by a defect. */
export interface StreamOwner {
  readonly onStreamBroken: (
    handlers: Handlers,
    cause: Cause.Cause<unknown>,
    tag: string
  ) => void
}

/** Gives messages to their handlers. */
export class Handlers {
  private readonly byTag: ErasedHandlers
  private readonly registration: Registration
  private ending: Deferred.Deferred<never, ActorStopped | ActorCrashed> | undefined = undefined

  private readonly owner: StreamOwner
  private readers = 0

  constructor(byTag: ErasedHandlers, registration: Registration, owner: StreamOwner) {
    this.byTag = byTag
    this.registration = registration
    this.owner = owner
  }

  /** Whether a stream that was given as an answer is being read. */
  get isStreaming(): boolean {
    return this.readers > 0
  }

  /** The effect of handling a message. Never throws: what a handler throws is a defect. */
  invoke(envelope: Envelope, address: ActorAddress): Effect.Effect<unknown, unknown, unknown> {
    if (envelope instanceof Turn) return this.inTime(envelope.run, address, envelope.tag)
    const { tag } = envelope
    const handler = this.byTag[tag]
    if (handler === undefined) return Effect.dieMessage(`${address.type} has no handler for ${tag}`)
    try {
      const result = handler(envelope.payload, envelope)
      if (this.registration.streams.has(tag)) {
        return Exit.succeed(this.ended(result as Stream.Stream<unknown>, address, tag))
      }
      if (!isEffect(result)) {
        return Effect.dieMessage(
          `the handler of ${address.type} for ${tag} gave no effect; return one, such as`
            + " Effect.succeed(value), or Effect.promise(() => …) for a promise"
        )
      }
      return this.inTime(result, address, tag)
    } catch (defect) {
      return Exit.die(defect)
    }
  }

  private inTime(
    effect: Effect.Effect<unknown, unknown, unknown>,
    address: ActorAddress,
    tag: string
  ): Effect.Effect<unknown, unknown, unknown> {
    const { handlerMillis: timeoutMillis } = this.registration
    if (timeoutMillis === Number.POSITIVE_INFINITY) return effect
    return Effect.timeoutFailCause(effect, {
      duration: timeoutMillis,
      onTimeout: () => Cause.die(new HandlerTimeout({ address, tag, timeoutMillis }))
    })
  }

  private ended(
    stream: Stream.Stream<unknown, unknown, unknown>,
    address: ActorAddress,
    tag: string
  ): Stream.Stream<unknown, unknown> {
    return endingStream(stream, {
      address,
      tag,
      context: this.registration.context,
      ending: this.ending ??= Deferred.unsafeMake(FiberId.none),
      onReaders: (change) => {
        this.readers += change
      },
      onDefect: (cause) => this.owner.onStreamBroken(this, cause, tag)
    })
  }

  /** Ends every stream that was given as an answer. */
  endStreams(error: () => ActorStopped | ActorCrashed): void {
    if (this.ending === undefined) return
    Deferred.unsafeDone(this.ending, Exit.fail(error()))
    this.ending = undefined
  }
}

/** The crash of an actor whose build succeeded with something else than handlers. */
export const noHandlers = Cause.die(new TypeError("the actor's build gave no handlers"))
