/** Lets one through at a time, in the order they came; a newcomer never overtakes. */
import { Effect } from "effect"

/** A lock that is fair. Who waits is bounded by who may call: the handlers of one actor. */
export class Turnstile {
  private taken = false
  private readonly waiting: Array<() => void> = []

  /** Runs an effect while nobody else is inside. Only waiting for it can be interrupted. */
  through<A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> {
    return Effect.uninterruptibleMask((restore) =>
      Effect.zipRight(restore(this.enter), Effect.ensuring(effect, this.leave))
    )
  }

  private readonly enter: Effect.Effect<void> = Effect.suspend(() => {
    if (!this.taken) {
      this.taken = true
      return Effect.void
    }
    return Effect.async<void>((resume) => {
      const admit = () => resume(Effect.void)
      this.waiting.push(admit)
      return Effect.suspend(() => {
        const index = this.waiting.indexOf(admit)
        if (index < 0) return this.leave
        this.waiting.splice(index, 1)
        return Effect.void
      })
    })
  })

  private readonly leave: Effect.Effect<void> = Effect.sync(() => {
    const admit = this.waiting.shift()
    if (admit === undefined) this.taken = false
    else admit()
  })
}
