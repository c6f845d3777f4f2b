/**
 * The turn of a device: one ordinary command at a time, the others wait in the order they came.
 * Plain code where nobody waits.
 */
import { Effect } from "effect"
import { silence } from "./inbox.ts"

/** How waiting for the turn ended. */
export type Waited = "turn" | "expired" | "cancelled"

interface Place {
  granted: boolean
  cancelled: boolean
  resume: (waited: Effect.Effect<Waited>) => void
}

// A sleep for a part of a millisecond may end before the time that is waited for; less than a
// microsecond is but the rounding of a difference of two times.
const wholeMillis = (millis: number): number => Math.max(0, Math.ceil(millis - 0.001))

/** The turn of one device. */
export class CommandLane {
  private held = false
  private readonly queue: Array<Place> = []

  /** How many wait. */
  get waiting(): number {
    return this.queue.length
  }

  /**
   * Waits for the turn, at most for `millis`, and until `onPlace`'s function is called. Whoever got
   * the turn gives it back by `release`.
   */
  take(
    millis: number,
    onPlace: (cancel: () => void) => void
  ): Effect.Effect<Waited> {
    return Effect.suspend(() => {
      if (!this.held) {
        this.held = true
        return Effect.succeed<Waited>("turn")
      }
      const place: Place = { granted: false, cancelled: false, resume: () => {} }
      this.queue.push(place)
      onPlace(() => {
        place.cancelled = this.leave(place)
        if (place.cancelled) place.resume(Effect.succeed("cancelled"))
      })
      const turn = Effect.async<Waited>((resume) => {
        // It may have been decided before this fiber came here.
        if (place.granted) resume(Effect.succeed("turn"))
        else if (place.cancelled) resume(Effect.succeed("cancelled"))
        else place.resume = resume
      })
      const waited = millis === Infinity ? turn : Effect.raceFirst(turn, this.expiry(place, millis))
      return waited.pipe(
        Effect.onInterrupt(() =>
          Effect.sync(() => {
            if (place.granted) this.release()
            else this.leave(place)
          })
        )
      )
    })
  }

  /** Gives the turn to who waits longest. */
  release(): void {
    const next = this.queue.shift()
    if (next === undefined) {
      this.held = false
      return
    }
    next.granted = true
    next.resume(Effect.succeed("turn"))
  }

  // Decided in the moment in which the time is over: who is told to be expired never has the turn.
  private expiry(place: Place, millis: number): Effect.Effect<Waited> {
    return Effect.flatMap(Effect.sleep(wholeMillis(millis)), () => {
      if (place.granted) return silence
      this.leave(place)
      return Effect.succeed<Waited>("expired")
    })
  }

  private leave(place: Place): boolean {
    const index = this.queue.indexOf(place)
    if (index < 0) return false
    this.queue.splice(index, 1)
    return true
  }
}
