/** What counts as an answer, and answers that are streams. */
import { Cause, type Context, type Deferred, Effect, Option, Stream } from "effect"
import type { ActorAddress } from "../../ActorAddress.ts"
import { ActorCrashed, type ActorStopped } from "../../ActorError.ts"

/** A cause with a typed error and without a defect is an answer; every other one is a crash. */
export const isAnswer = (cause: Cause.Cause<unknown>): boolean =>
  cause._tag === "Fail" || (Option.isSome(Cause.failureOption(cause)) && !Cause.isDie(cause))

/** The incarnation that a stream belongs to. */
export interface Origin {
  readonly address: ActorAddress
  readonly tag: string
  readonly context: Context.Context<never>
  /** Told when the stream begins to be read, and when that is over. */
  readonly onReaders: (change: 1 | -1) => void
  /** Told of a defect: a crash of the actor. */
  readonly onDefect: (cause: Cause.Cause<unknown>) => void
  /** Fails when the incarnation ends. */
  readonly ending: Deferred.Deferred<never, ActorStopped | ActorCrashed>
}

/**
 * A stream that ends with a typed reason when its incarnation ends, or when it breaks itself. Its
 * effects run in the fiber of who reads it.
 */
export const endingStream = (
  stream: Stream.Stream<unknown, unknown, unknown>,
  { address, context, ending, onDefect, onReaders, tag }: Origin
): Stream.Stream<unknown, unknown> =>
  Stream.unwrapScoped(
    Effect.as(
      Effect.acquireRelease(
        Effect.sync(() => onReaders(1)),
        () => Effect.sync(() => onReaders(-1))
      ),
      stream.pipe(
        Stream.provideContext(context as Context.Context<unknown>),
        Stream.catchAllCause((cause) => {
          if (isAnswer(cause)) return Stream.failCause(cause)
          if (Cause.isDie(cause)) onDefect(cause)
          return Stream.fail(new ActorCrashed({ address, tag, cause }))
        }),
        Stream.interruptWhenDeferred(ending)
      )
    )
  )
