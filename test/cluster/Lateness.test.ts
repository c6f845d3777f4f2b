import { describe, expect, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { idOn, inItsTime, makeCluster, shared } from "./nodes.ts"

/** Two nodes, of which the first asks an actor of the second one; they have talked before. */
const rig = Effect.gen(function*() {
  const { book, start, wires } = yield* makeCluster
  const [first, second] = yield* inItsTime(Effect.all([start(7_001), start(7_002)]))
  yield* shared(first, second)
  const keeper = first.keeper(idOn(second))
  yield* inItsTime(keeper.Note({ entry: 0 }))
  /** The entry is noted within 1 s, or not at all. */
  const note = (entry: number) => Effect.exit(keeper.Note({ entry }, { timeout: "1 second" }))
  const noted = () => book.notes.map(({ entry }) => entry)
  return { note, noted, second, wires }
})

describe("an ask that was held up on its way beyond its deadline is not handled", () => {
  it.scoped("where its node could not be reached, and can be again", () =>
    Effect.gen(function*() {
      const { note, noted, second, wires } = yield* rig
      yield* wires.cut(second.address)
      const asking = yield* Effect.fork(note(1))
      yield* inItsTime(Effect.sleep("3 seconds"))
      yield* wires.heal(second.address)
      expect(yield* inItsTime(Fiber.join(asking))).toMatchObject({ _tag: "Failure" })
      yield* inItsTime(Effect.sleep("3 seconds"))
      expect(noted()).toEqual([0])
      expect(yield* inItsTime(note(2))).toMatchObject({ _tag: "Success" })
      expect(noted()).toEqual([0, 2])
    }))

  it.scoped("where what was sent comes late, and is not sent again", () =>
    Effect.gen(function*() {
      const { note, noted, wires } = yield* rig
      yield* wires.stall(1_500)
      const asking = yield* Effect.fork(note(1))
      yield* inItsTime(Effect.sleep("1700 millis"))
      yield* wires.stall(0)
      expect(yield* inItsTime(Fiber.join(asking))).toMatchObject({ _tag: "Failure" })
      yield* inItsTime(Effect.sleep("3 seconds"))
      expect(noted()).toEqual([0])
      expect(yield* inItsTime(note(2))).toMatchObject({ _tag: "Success" })
    }))

  it.scoped("and is handled again after its node's clock stood still, once enough has come", () =>
    Effect.gen(function*() {
      const { note, noted, wires } = yield* rig
      yield* wires.stand(3_600_000)
      expect(yield* inItsTime(note(1))).toMatchObject({ _tag: "Failure" })
      for (let asks = 0; asks < 40; asks++) yield* inItsTime(Effect.delay(note(2), "600 millis"))
      expect(yield* inItsTime(note(3))).toMatchObject({ _tag: "Success" })
      expect(noted()).not.toContain(1)
    }))

  it.scoped("and is handled where it comes in time, though later than others", () =>
    Effect.gen(function*() {
      const { note, noted, wires } = yield* rig
      yield* wires.stall(600)
      const asking = yield* Effect.fork(note(1))
      yield* inItsTime(Effect.sleep("100 millis"))
      yield* wires.stall(0)
      yield* inItsTime(Fiber.join(asking))
      expect(noted()).toEqual([0, 1])
    }))
})
