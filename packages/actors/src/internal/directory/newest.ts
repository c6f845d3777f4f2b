/** A value that changes, and streams of it that never fall behind: each gives the newest. */
import { Effect, Option, Stream } from "effect"

interface Reader {
  /** The value has changed since it was last read. */
  stale: boolean
  wake: ((effect: Effect.Effect<void>) => void) | undefined
}

/** Computes a value when it is asked for, and again after it has changed. */
export class Newest<A> {
  private readonly compute: () => A
  private readonly reading = new Set<Reader>()
  private computed: { readonly value: A } | undefined = undefined
  private closed = false

  constructor(compute: () => A) {
    this.compute = compute
  }

  /** The same value until `changed`. */
  get value(): A {
    return (this.computed ??= { value: this.compute() }).value
  }

  /** How many streams are being read. */
  get readers(): number {
    return this.reading.size
  }

  /** The value is to be computed anew, and every stream gives it. */
  changed(): void {
    this.computed = undefined
    for (const reader of this.reading) {
      reader.stale = true
      wake(reader)
    }
  }

  /** Ends all streams. */
  close(): void {
    this.closed = true
    for (const reader of this.reading) wake(reader)
  }

  /** The value that `open` finds when the stream is run, then the newest after each change. */
  static stream<A, E extends object>(
    open: () => Newest<A> | E,
    onEnd: () => void
  ): Stream.Stream<A, E> {
    const acquire = Effect.suspend(() => {
      const source = open()
      if (!(source instanceof Newest)) return Effect.fail(source)
      const reader: Reader = { stale: true, wake: undefined }
      source.reading.add(reader)
      return Effect.succeed({ source, reader })
    })
    return Stream.unwrapScoped(
      Effect.map(
        Effect.acquireRelease(acquire, ({ reader, source }) =>
          Effect.sync(() => {
            source.reading.delete(reader)
            onEnd()
          })),
        ({ reader, source }) => Stream.repeatEffectOption(source.take(reader))
      )
    )
  }

  private take(reader: Reader): Effect.Effect<A, Option.Option<never>> {
    return Effect.suspend(() => {
      if (this.closed) return Effect.fail(Option.none())
      if (reader.stale) {
        reader.stale = false
        return Effect.succeed(this.value)
      }
      const signal = Effect.async<void>((resume) => {
        // The fiber may have yielded between looking and getting here.
        if (reader.stale || this.closed) resume(Effect.void)
        else reader.wake = resume
        return Effect.sync(() => {
          reader.wake = undefined
        })
      })
      return Effect.zipRight(signal, this.take(reader))
    })
  }
}

const wake = (reader: Reader): void => {
  const resume = reader.wake
  reader.wake = undefined
  resume?.(Effect.void)
}
