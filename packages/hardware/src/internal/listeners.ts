/** Tells whoever listens of changes; a slow listener misses the oldest, never the newest. */
import { Effect, Mailbox, Stream } from "effect"

/** Those who listen to one kind of news of one device. */
export class Listeners<A> {
  private readonly boxes = new Set<Mailbox.Mailbox<A>>()
  private readonly capacity: number

  /** News beyond `capacity` that a listener has not taken makes it miss the oldest. */
  constructor(capacity: number) {
    this.capacity = capacity
  }

  /** Tells everyone, at once. */
  tell(news: A): void {
    for (const box of this.boxes) box.unsafeOffer(news)
  }

  /** What is so now, and from then on all news. */
  stream(now: Effect.Effect<Iterable<A>>): Stream.Stream<A> {
    return Stream.unwrapScoped(Effect.map(
      Effect.zip(this.listen, now),
      ([box, first]) => Stream.concat(Stream.fromIterable(first), Mailbox.toStream(box))
    ))
  }

  private readonly listen = Effect.suspend(() =>
    Effect.acquireRelease(
      Effect.tap(
        Mailbox.make<A>({ capacity: this.capacity, strategy: "sliding" }),
        (box) => this.boxes.add(box)
      ),
      (box) => Effect.sync(() => this.boxes.delete(box))
    )
  )
}
