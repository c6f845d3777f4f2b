/** News of several things, of which a slow reader gets the newest of each. Plain code, bounded. */
import { Chunk, Effect } from "effect"

/** One reader; it holds at most one piece of news of each key. */
export class Conflated<K, A> {
  private latest = new Map<K, A>()
  private waiter: (() => void) | undefined

  /** Tells it; what was not read of this key is forgotten. */
  tell(key: K, news: A): void {
    // Taken out first, so that news come in the order of their last change.
    this.latest.delete(key)
    this.latest.set(key, news)
    const waiter = this.waiter
    this.waiter = undefined
    waiter?.()
  }

  /** Waits until there are news, and takes all. One caller at a time. */
  readonly take: Effect.Effect<Chunk.Chunk<A>> = Effect.async((resume) => {
    const give = () => {
      const news = [...this.latest.values()]
      this.latest = new Map()
      resume(Effect.succeed(Chunk.unsafeFromArray(news)))
    }
    if (this.latest.size === 0) this.waiter = give
    else give()
    return Effect.sync(() => {
      this.waiter = undefined
    })
  })
}
