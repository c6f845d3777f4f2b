/** Gives the command of an interlock when its condition begins to hold. */
import type { Reading } from "@plantd/core"
import { Effect, type Queue } from "effect"
import * as Interlock from "../Interlock.ts"
import type { DeviceDefinition } from "../DeviceDefinition.ts"

/** The interlocks of one device that act when they trip. */
export class InterlockWatch {
  private readonly byAttribute = new Map<string, Array<Interlock.Interlock>>()
  private readonly tripped = new Set<string>()
  private readonly trips: Queue.Enqueue<Interlock.Interlock>

  /** Trips are put into the queue, in order. */
  constructor(
    { interlocks }: DeviceDefinition,
    trips: Queue.Enqueue<Interlock.Interlock>
  ) {
    this.trips = trips
    for (const interlock of interlocks) {
      if (interlock.onTrip === undefined) continue
      const others = this.byAttribute.get(interlock.when.attribute) ?? []
      this.byAttribute.set(interlock.when.attribute, [...others, interlock])
    }
  }

  /** Looks at a reading that is the newest of its attribute. Plain code, for every reading. */
  readonly onReading = (reading: Reading.Reading): void => {
    if (this.byAttribute.size === 0) return
    for (const interlock of this.byAttribute.get(reading.attribute) ?? []) {
      const verdict = Interlock.judge(interlock.when, reading)
      // What cannot be judged changes nothing: when it can be again, the same trip is no new one.
      if (verdict === "clear") this.tripped.delete(interlock.id)
      if (verdict !== "tripped" || this.tripped.has(interlock.id)) continue
      this.tripped.add(interlock.id)
      this.trips.unsafeOffer(interlock)
    }
  }
}

/**
 * Runs the commands of interlocks that tripped. None waits for that of another interlock; of the
 * trips that come while the command of their own one is under way, one more is acted on.
 */
export const actOnTrips = (
  trips: Queue.Dequeue<Interlock.Interlock>,
  act: (interlock: Interlock.Interlock) => Effect.Effect<void>
): Effect.Effect<never> => {
  const busy = new Map<string, "acting" | "again">()
  const run = (interlock: Interlock.Interlock): Effect.Effect<void> =>
    Effect.zipRight(
      act(interlock),
      Effect.suspend(() => {
        const again = busy.get(interlock.id) === "again"
        if (again) busy.set(interlock.id, "acting")
        else busy.delete(interlock.id)
        return again ? run(interlock) : Effect.void
      })
    )
  const next = Effect.flatMap(trips.take, (interlock) => {
    const free = !busy.has(interlock.id)
    busy.set(interlock.id, free ? "acting" : "again")
    return free ? Effect.asVoid(Effect.fork(run(interlock))) : Effect.void
  })
  return Effect.forever(next)
}
