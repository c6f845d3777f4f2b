/** What came of a stream and is not read yet: as many messages as were asked for, at most. */
import { Chunk, Effect, type Either, Option } from "effect"

type Last = Effect.Effect<never, Option.Option<unknown>>

/** How a stream is read. */
export interface Options {
  /** The messages that may be under way or wait here. */
  readonly window: number
  /** Has so many more messages sent. */
  readonly more: (items: number) => Effect.Effect<void>
  /** The error that ends a stream of which more came than was asked for. */
  readonly excess: unknown
}

/** The reader's side of one stream. It asks for more as it is read, and not sooner. */
export class Reading {
  private chunks: Array<ReadonlyArray<unknown>> = []
  private last: Last | undefined
  private waiter: (() => void) | undefined
  private taken = 0
  private readonly options: Options
  /** True once the other side has ended it. */
  ended = false

  constructor(options: Options) {
    this.options = options
  }

  /** Takes the items of one message, or what is wrong with them; that ends the stream. */
  offer(items: Either.Either<ReadonlyArray<unknown>, unknown>): void {
    if (this.last !== undefined) return
    if (items._tag === "Left") {
      this.last = Effect.fail(Option.some(items.left))
    } else if (this.chunks.length >= this.options.window) {
      this.last = Effect.fail(Option.some(this.options.excess))
    } else {
      this.chunks.push(items.right)
    }
    this.wake()
  }

  /** The other side ended it: what came before is read first. */
  end(last: Last): void {
    this.ended = true
    this.last ??= last
    this.wake()
  }

  /** The items of the next message. One caller at a time. */
  readonly take: Effect.Effect<Chunk.Chunk<unknown>, Option.Option<unknown>> = Effect.suspend(
    () => {
      const chunk = this.chunks.shift()
      if (chunk !== undefined) {
        this.taken++
        return Effect.as(this.refill(), Chunk.unsafeFromArray(chunk))
      }
      return this.last ?? Effect.zipRight(this.wait, this.take)
    }
  )

  private readonly wait: Effect.Effect<void> = Effect.async((resume) => {
    this.waiter = () => resume(Effect.void)
    return Effect.sync(() => {
      this.waiter = undefined
    })
  })

  private refill(): Effect.Effect<void> {
    if (this.taken * 2 < this.options.window || this.last !== undefined) return Effect.void
    const items = this.taken
    this.taken = 0
    return this.options.more(items)
  }

  private wake(): void {
    const waiter = this.waiter
    this.waiter = undefined
    waiter?.()
  }
}
