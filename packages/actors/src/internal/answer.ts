/** What counts as an answer, and answers that are streams. */
import { Cause, type Context, type Deferred, Option, Stream } from "effect"
import type { ActorAddress } from "../ActorAddress.ts"
import { ActorCrashed, type ActorStopped } from "../ActorError.ts"

/** A cause with a typed error and without a defect is an answer; every other one is a crash. */
export const isAnswer = (cause: Cause.Cause<unknown>): boolean =>
  cause._tag === "Fail" || (Option.isSome(Cause.failureOption(cause)) && !Cause.isDie(cause))

/** The incarnation that a stream belongs to. */
export interface Origin {
  readonly address: ActorAddress
  readonly tag: string
  readonly context: Context.Context<never>
  /** Fails when the incarnation ends. */
  readonly ending: Deferred.Deferred<never, ActorStopped | ActorCrashed>
}

/** A stream that ends with a typed reason when its incarnation ends, or when it breaks itself. */
export const endingStream = (
  stream: Stream.Stream<unknown, unknown, unknown>,
  { address, context, ending, tag }: Origin
): Stream.Stream<unknown, unknown> =>
  stream.pipe(
    Stream.provideContext(context as Context.Context<unknown>),
    Stream.catchAllCause((cause) =>
      isAnswer(cause)
        ? Stream.failCause(cause)
        : Stream.fail(new ActorCrashed({ address, tag, cause }))
    ),
    Stream.interruptWhenDeferred(ending)
  )
