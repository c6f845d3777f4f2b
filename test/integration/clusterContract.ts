/** What three nodes promise on a database, whichever it is: each test has a new one. */
import { describe, expect, it } from "@effect/vitest"
import { Cause, Effect, Exit, Fiber, type Scope } from "effect"
import {
  divided,
  idOn,
  ids,
  three,
  untilAnswered,
  untilSo,
  untilStopped
} from "./clusterHarness.ts"

/** On what, and how soon the actors of a node that is lost answer on another one. */
export interface Ground {
  readonly name: string
  readonly storage: Effect.Effect<string, never, Scope.Scope>
  readonly failoverMillis: number
}

const timeout = 120_000

/** The tests. */
export const clusterContract = ({ failoverMillis, name, storage }: Ground): void => {
  const rigged = Effect.flatMap(storage, three)
  const within = `${failoverMillis / 1_000} s`

  describe(`three nodes on ${name}`, () => {
    it.scopedLive(
      "answer for all actors; one that is killed is replaced, with what it had stored, within "
        + within,
      () =>
        Effect.gen(function*() {
          const { nodes, rig, tally, victim } = yield* rigged
          const id = yield* idOn(rig, victim)
          expect(yield* tally(id).Apply({ entry: "a" })).toBe(1)
          const held = yield* Effect.fork(Effect.exit(tally(id).Hold({ millis: 60_000 })))
          yield* Effect.sleep("100 millis")
          yield* victim.running.signal("SIGKILL")
          const { millis, value } = yield* untilAnswered(
            tally(id).Apply({ entry: "b" }, { timeout: "200 millis" })
          )
          expect(value).toBe(2)
          expect(millis).toBeLessThan(failoverMillis)
          expect(yield* tally(id).Entries()).toEqual(["a", "b"])
          const end = yield* Fiber.join(held)
          expect(Exit.isFailure(end) && end.cause).toMatchObject({
            error: { _tag: "DeliveryUnknown" }
          })
          yield* divided(rig, nodes.filter((node) => node !== victim))
        }),
      timeout
    )

    it.scopedLive(
      "that are restarted one after the other fail no ask",
      () =>
        Effect.gen(function*() {
          const { nodes, rig, start, tally } = yield* rigged
          const failures: Array<unknown> = []
          const counts = { asked: 0 }
          const asking = yield* Effect.fork(
            Effect.forever(
              Effect.forEach(ids, (id) =>
                Effect.catchAllCause(
                  // As long as it takes: a busy machine makes them slow, and not wrong.
                  tally(id).Apply({ entry: `${counts.asked++ % 50}` }, { timeout: "25 seconds" }),
                  (cause) => Effect.sync(() => failures.push(Cause.pretty(cause)))
                ), { concurrency: 8 })
            )
          )
          const running = [...nodes]
          for (const node of nodes) {
            const least = counts.asked + ids.length
            yield* node.running.signal("SIGTERM")
            expect(yield* node.running.ended).toBe(0)
            running[running.indexOf(node)] = yield* start(node.port)
            yield* divided(rig, running)
            yield* untilSo("asks are answered", Effect.sync(() => counts.asked > least))
          }
          yield* Fiber.interrupt(asking)
          expect(failures).toEqual([])
        }),
      timeout
    )

    it.scopedLive(
      "one that stands still for longer than its lease runs none of its actors when it goes on",
      () =>
        Effect.gen(function*() {
          const { rig, tally, victim } = yield* rigged
          const id = yield* idOn(rig, victim)
          yield* tally(id).Apply({ entry: "a" })
          yield* victim.running.signal("SIGSTOP")
          const { millis } = yield* untilAnswered(
            tally(id).Apply({ entry: "b" }, { timeout: "200 millis" })
          )
          expect(millis).toBeLessThan(failoverMillis)
          yield* victim.running.signal("SIGCONT")
          yield* untilStopped(victim, id)
          expect(yield* tally(id).Apply({ entry: "c" })).toBe(3)
          expect(yield* tally(id).Entries()).toEqual(["a", "b", "c"])
        }),
      timeout
    )
  })
}
