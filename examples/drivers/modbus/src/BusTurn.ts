/**
 * Whose turn it is on a bus that carries one request at a time: emergencies come before writes, and
 * writes before reads. What is under way is never broken off for another.
 */
import { Effect } from "effect"

/** In which order turns are given, the first one first. */
export const lanes = ["emergency", "write", "read"] as const
/** In which order turns are given. */
export type BusLane = (typeof lanes)[number]

/** Gives turns. */
export interface BusTurn {
  /** Runs an effect when its turn has come. Leaves no trace where it is interrupted before that. */
  readonly use: <A, E, R>(lane: BusLane, run: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
}

/** Turns for one bus. Those who wait are as many as use it: whoever uses it bounds them. */
export const make: Effect.Effect<BusTurn> = Effect.sync(() => {
  const waiting = new Map<BusLane, Array<() => void>>(lanes.map((lane) => [lane, []]))
  let taken = false

  const release = () => {
    for (const lane of lanes) {
      const next = waiting.get(lane)?.shift()
      if (next !== undefined) return next()
    }
    taken = false
  }

  const take = (lane: BusLane) =>
    Effect.async<void>((resume) => {
      if (!taken) {
        taken = true
        return resume(Effect.void)
      }
      const queue = waiting.get(lane) ?? []
      let given = false
      const onTurn = () => {
        given = true
        resume(Effect.void)
      }
      queue.push(onTurn)
      return Effect.sync(() => {
        const place = queue.indexOf(onTurn)
        if (place >= 0) queue.splice(place, 1)
        // Interrupted as its turn came: it goes on to the next one.
        if (given) release()
      })
    })

  return {
    use: (lane, run) =>
      Effect.uninterruptibleMask((restore) =>
        Effect.zipRight(
          restore(take(lane)),
          Effect.ensuring(restore(run), Effect.sync(release))
        )
      )
  }
})
