/** Entries that are told to a tally one after another, and what their writer was told of each. */
import type { ActorError } from "@plantd/actors"
import { expect } from "@effect/vitest"
import { Effect, Fiber, type Scope } from "effect"
import * as harness from "./harness.ts"
import type { Rig } from "./clusterHarness.ts"

type One = ReturnType<Rig["tally"]>

/** Whether an error says that no handler has seen the message, and that none will. */
const isUnseen = (error: ActorError.AskError): boolean =>
  error._tag === "NotDelivered"
  || (error._tag === "AskTimeout" && error.outcome === "not-handled")

/** Writes an entry after another, each with 500 ms, whatever became of the last one. */
export const writing = (
  tally: One
): Effect.Effect<
  {
    /** How many entries were acknowledged. */
    readonly acknowledged: () => number
    readonly untilAcknowledged: (count: number) => Effect.Effect<void>
    /** Writes no more, and looks whether what was told of each entry is so. */
    readonly check: Effect.Effect<void>
  },
  never,
  Scope.Scope
> =>
  Effect.gen(function*() {
    const acknowledged: Array<string> = []
    const unseen: Array<string> = []
    let number = 0
    const next = Effect.suspend(() => {
      const entry = `e${number++}`
      return Effect.match(tally.Apply({ entry }, { timeout: "500 millis" }), {
        onSuccess: () => void acknowledged.push(entry),
        onFailure: (error) => void (isUnseen(error) && unseen.push(entry))
      })
    })
    const fiber = yield* Effect.forkScoped(Effect.forever(Effect.delay(next, "10 millis")))
    return {
      acknowledged: () => acknowledged.length,
      untilAcknowledged: (count) =>
        harness.waitUntil(`${count} entries are acknowledged`, () => acknowledged.length >= count),
      check: Effect.gen(function*() {
        yield* Fiber.interrupt(fiber)
        const entries = yield* Effect.orDie(tally.Entries())
        const known = new Set(entries)
        expect(known.size).toBe(entries.length)
        expect(entries.filter((entry) => acknowledged.includes(entry))).toEqual(acknowledged)
        expect(unseen.filter((entry) => known.has(entry))).toEqual([])
      })
    }
  })
