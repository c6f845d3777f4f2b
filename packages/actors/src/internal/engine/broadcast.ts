/**
 * One writer, many readers, each with a bounded buffer of its own. A slow reader loses the newest
 * elements and is told how many; it never holds up the writer or another reader.
 */
import { Chunk, Effect, Option, Stream } from "effect"

interface Reader<A> {
  buffer: Array<A>
  lost: number
  wake: ((effect: Effect.Effect<void>) => void) | undefined
}

/** Publishes elements to every stream that is being read at that moment. */
export class Broadcast<A> {
  private readonly readers = new Set<Reader<A>>()
  private readonly capacity: number
  private readonly gap: (lost: number) => A
  private closed = false

  constructor(options: { readonly capacity: number; readonly gap: (lost: number) => A }) {
    this.capacity = options.capacity
    this.gap = options.gap
  }

  /** Gives an element to every reader that has room for it. */
  publish(element: A): void {
    for (const reader of this.readers) {
      if (reader.buffer.length >= this.capacity) {
        reader.lost++
        continue
      }
      if (reader.lost > 0) {
        reader.buffer.push(this.gap(reader.lost))
        reader.lost = 0
      }
      reader.buffer.push(element)
      wake(reader)
    }
  }

  /** Ends all streams once they have read what is buffered. */
  close(): void {
    this.closed = true
    for (const reader of this.readers) wake(reader)
  }

  /** The elements published from the moment the stream is run; it ends when this is closed. */
  readonly stream: Stream.Stream<A> = Stream.unwrapScoped(
    Effect.map(
      Effect.acquireRelease(
        Effect.sync(() => {
          const reader: Reader<A> = { buffer: [], lost: 0, wake: undefined }
          this.readers.add(reader)
          return reader
        }),
        (reader) => Effect.sync(() => this.readers.delete(reader))
      ),
      (reader) => Stream.repeatEffectChunkOption(this.take(reader))
    )
  )

  private take(reader: Reader<A>): Effect.Effect<Chunk.Chunk<A>, Option.Option<never>> {
    return Effect.suspend(() => {
      if (reader.buffer.length > 0 || reader.lost > 0) {
        const elements = reader.buffer
        if (reader.lost > 0) elements.push(this.gap(reader.lost))
        reader.buffer = []
        reader.lost = 0
        return Effect.succeed(Chunk.unsafeFromArray(elements))
      }
      if (this.closed) return Effect.fail(Option.none())
      const signal = Effect.async<void>((resume) => {
        // The fiber may have yielded between looking and getting here.
        if (reader.buffer.length > 0 || reader.lost > 0 || this.closed) resume(Effect.void)
        else reader.wake = resume
        return Effect.sync(() => {
          reader.wake = undefined
        })
      })
      return Effect.zipRight(signal, this.take(reader))
    })
  }
}

const wake = <A>(reader: Reader<A>): void => {
  const resume = reader.wake
  reader.wake = undefined
  resume?.(Effect.void)
}
