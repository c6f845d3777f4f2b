/**
 * A stream of an actor on another node, as its reader has it here: values wait until they are read,
 * and the more are read, the more that node may send.
 */
import { ActorError, type ActorAddress } from "@plantd/actors"
import { Cause, Chunk, Effect, Either, Exit, Option, Stream } from "effect"
import { creditKind, goneKind, type Letter } from "./letters.ts"
import type { EncodedExit, StreamCodec } from "@plantd/actors/MessageCodec"

/** Which stream it is, and where it comes from. */
export interface Reading {
  readonly number: number
  readonly address: ActorAddress.ActorAddress
  readonly tag: string
  readonly codec: StreamCodec
  /** How many values may be on their way, or wait here. */
  readonly window: number
  readonly tell: (letter: Letter) => void
  /** Nothing of it is taken any more. */
  readonly onOver: () => void
}

/** One stream, as it is read once. */
export class ReadStream {
  private readonly reading: Reading
  private values: Array<unknown> = []
  /** Values that may still come. */
  private granted = 0
  private exit: Exit.Exit<unknown, unknown> | undefined = undefined
  private wake: (() => void) | undefined = undefined

  constructor(reading: Reading) {
    this.reading = reading
  }

  /** Its values; who stops to read cancels it. */
  get stream(): Stream.Stream<unknown, unknown> {
    return Stream.repeatEffectChunkOption(this.pull).pipe(
      Stream.ensuring(Effect.sync(() => this.cancel()))
    )
  }

  /** Values have come. */
  take(encoded: ReadonlyArray<unknown>): void {
    this.granted -= encoded.length
    if (this.granted < 0) {
      return this.breakOff(this.unknown("its node sent more than was asked for"))
    }
    const decoded = this.reading.codec.decode(encoded)
    if (Either.isLeft(decoded)) return this.breakOff(this.invalid(decoded.left))
    for (const value of decoded.right) this.values.push(value)
    this.wake?.()
  }

  /** Its end has come. */
  end(encoded: EncodedExit): void {
    const exit = this.reading.codec.decodeExit(encoded)
    this.close(Either.getOrElse(exit, (issue) => Exit.fail(this.invalid(issue))))
  }

  /** Its node is lost. */
  lose(detail: string): void {
    this.close(Exit.fail(this.unknown(detail)))
  }

  private readonly pull: Effect.Effect<Chunk.Chunk<unknown>, Option.Option<unknown>> = Effect
    .suspend((): Effect.Effect<Chunk.Chunk<unknown>, Option.Option<unknown>> => {
      this.credit()
      const { exit, values } = this
      if (values.length > 0) {
        this.values = []
        return Effect.succeed(Chunk.unsafeFromArray(values))
      }
      if (exit === undefined) return Effect.zipRight(this.more, this.pull)
      return Exit.isSuccess(exit)
        ? Effect.fail(Option.none())
        : Effect.failCause(Cause.map(exit.cause, Option.some))
    })

  private readonly more: Effect.Effect<void> = Effect.async((resume) => {
    // Something may have come since it was looked for.
    if (this.values.length > 0 || this.exit !== undefined) return resume(Effect.void)
    this.wake = () => {
      this.wake = undefined
      resume(Effect.void)
    }
    return Effect.sync(() => (this.wake = undefined))
  })

  // Half of the window at a time: a letter for each value would be as many letters again.
  private credit(): void {
    const { number, tell, window } = this.reading
    if (this.exit !== undefined) return
    const count = window - this.granted - this.values.length
    if (count * 2 < window) return
    this.granted += count
    tell([creditKind, number, count])
  }

  private breakOff(error: ActorError.AskError): void {
    this.reading.tell([goneKind, this.reading.number])
    this.close(Exit.fail(error))
  }

  private cancel(): void {
    this.values = []
    if (this.exit === undefined) this.reading.tell([goneKind, this.reading.number])
    this.close(Exit.void)
  }

  private close(exit: Exit.Exit<unknown, unknown>): void {
    if (this.exit !== undefined) return
    this.exit = exit
    this.reading.onOver()
    this.wake?.()
  }

  private invalid(issue: string): ActorError.MessageInvalid {
    const { address, tag } = this.reading
    return new ActorError.MessageInvalid({ address, tag, part: "answer", issue })
  }

  private unknown(detail: string): ActorError.DeliveryUnknown {
    const { address, tag } = this.reading
    return new ActorError.DeliveryUnknown({ address, tag, detail })
  }
}
