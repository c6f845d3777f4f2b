/**
 * A stream of an actor here that is read on another node: it goes there in letters, never more
 * values than its reader has given credit for. Its effects run here.
 */
import { ActorError, type ActorAddress } from "@plantd/actors"
import { Cause, Chunk, Duration, Effect, Either, Exit, Stream } from "effect"
import { chunkKind, creditMax, endKind, type Letter } from "./letters.ts"
import { encodeRefusal, refused, type StreamCodec } from "@plantd/actors/MessageCodec"

/** How long a stream waits until somebody begins to read it. */
export const unreadMax = Duration.seconds(30)

/** Which stream it is, and where it goes. */
export interface Serving {
  readonly number: number
  readonly address: ActorAddress.ActorAddress
  readonly tag: string
  readonly codec: StreamCodec
  readonly tell: (letter: Letter) => void
  /** It has ended, and was not cancelled. */
  readonly onEnd: () => void
}

/** One stream, as the node of its actor serves it. */
export class ServedStream {
  private readonly serving: Serving
  private credit = 0
  /** Open while there is credit. */
  private readonly room = Effect.unsafeMakeLatch(false)

  constructor(serving: Serving) {
    this.serving = serving
  }

  /** Its reader has room for more values. */
  grant(count: number): void {
    this.credit = Math.min(this.credit + count, creditMax)
    this.room.unsafeOpen()
  }

  /** Sends it to its end, from the first credit on; interrupted, it says nothing more. */
  run(stream: Stream.Stream<unknown, unknown>): Effect.Effect<void> {
    return this.room.await.pipe(
      Effect.timeoutFail({ duration: unreadMax, onTimeout: () => this.unread() }),
      Effect.zipRight(
        Stream.runForEachChunk(stream, (chunk) => this.send(Chunk.toReadonlyArray(chunk), 0))
      ),
      Effect.exit,
      Effect.map((exit) => {
        if (!(Exit.isFailure(exit) && Cause.isInterruptedOnly(exit.cause))) this.end(exit)
      })
    )
  }

  // Also after the last value: the actor makes none that its reader has no room for.
  private send(
    values: ReadonlyArray<unknown>,
    from: number
  ): Effect.Effect<void, ActorError.MessageInvalid> {
    return Effect.suspend(() => {
      const { codec, number, tell } = this.serving
      const to = Math.min(from + this.credit, values.length)
      if (to > from) {
        const encoded = codec.encode(values.slice(from, to))
        if (Either.isLeft(encoded)) return this.invalid(encoded.left)
        this.credit -= to - from
        tell([chunkKind, number, encoded.right])
      }
      if (this.credit > 0) return Effect.void
      this.room.unsafeClose()
      return to < values.length
        ? Effect.zipRight(this.room.await, this.send(values, to))
        : this.room.await
    })
  }

  private end(exit: Exit.Exit<void, unknown>): void {
    const { codec, number, onEnd, tell } = this.serving
    const encoded = codec.encodeExit(Exit.as(exit, null))
    const [kind, value] = Either.getOrElse(
      encoded,
      (issue) => [refused, encodeRefusal(this.invalid(issue))] as const
    )
    onEnd()
    tell([endKind, number, kind, value])
  }

  private invalid(issue: string): ActorError.MessageInvalid {
    const { address, tag } = this.serving
    return new ActorError.MessageInvalid({ address, tag, part: "answer", issue })
  }

  private unread(): ActorError.DeliveryUnknown {
    const { address, tag } = this.serving
    const detail = `nobody read its stream for ${Duration.format(unreadMax)}`
    return new ActorError.DeliveryUnknown({ address, tag, detail })
  }
}
