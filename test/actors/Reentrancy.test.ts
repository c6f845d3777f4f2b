import { Rpc } from "@effect/rpc"
import { describe, expect, it } from "@effect/vitest"
import { Actor, ActorContext, ActorError, Supervision } from "@plantd/actors"
import * as Handling from "@plantd/actors/Handling"
import { Effect, Fiber, Schema, TestClock } from "effect"
import { ready, withActors } from "./stage.ts"

const path = Schema.Array(Schema.String)

/** Asks the first of `path` to ask the rest, and gives what the last of them answers. */
const Node = Actor.make("Node", [
  Rpc.make("Go", { payload: { path }, success: Schema.String, error: ActorError.AskError }),
  Rpc.make("Back", { payload: { path }, success: Schema.String, error: ActorError.AskError })
    .annotate(Handling.Reentrant, true),
  Rpc.make("Tick", { payload: { path } }),
  Rpc.make("Said", { success: Schema.Array(Schema.String) })
])

const NodeLive = Node.toLayer(
  Effect.gen(function*() {
    const { address, timers } = yield* ActorContext
    const node = yield* Node.client
    const said: Array<string> = []
    const go = (path: ReadonlyArray<string>) =>
      Effect.suspend(() => {
        const [next, ...rest] = path
        if (next === undefined) return Effect.succeed(`end at ${address.id}`)
        return next.startsWith("back:")
          ? node(next.slice("back:".length)).Back({ path: rest })
          : node(next).Go({ path: rest })
      })
    return {
      Go: ({ path }) => Effect.tap(go(path), (answer) => Effect.sync(() => said.push(answer))),
      Back: ({ path }) => go(path),
      Tick: ({ path }) =>
        timers.once(
          "tick",
          "1 seconds",
          Effect.map(Effect.orDie(go(path)), (answer) => void said.push(`tick: ${answer}`))
        ),
      Said: () => Effect.sync(() => [...said])
    }
  }),
  { supervision: Supervision.resume }
)

const run = withActors(NodeLive)

const chainOf = (error: unknown) => (error as ActorError.AskTimeout).chain

describe("a chain of asks that comes back", () => {
  it.effect("is answered where it is annotated: A asks B, B asks A", () =>
    Effect.gen(function*() {
      const node = yield* Node.client
      expect(yield* node("a").Go({ path: ["b", "back:a"] })).toBe("end at a")
    }).pipe(run))

  it.effect("is answered through any number of others, and to oneself", () =>
    Effect.gen(function*() {
      const node = yield* Node.client
      expect(yield* node("a").Go({ path: ["back:a"] })).toBe("end at a")
      expect(yield* node("a").Go({ path: ["b", "c", "d", "back:b", "back:a"] })).toBe("end at a")
      expect(yield* node("a").Go({ path: ["b", "back:a", "back:b", "back:a"] })).toBe("end at a")
    }).pipe(run))

  it.effect("is answered where it began with a tell, whom nobody waits for", () =>
    Effect.gen(function*() {
      const node = yield* Node.client
      yield* node("a").Go({ path: ["b", "back:a"] }, { discard: true })
      yield* ready
      expect(yield* node("a").Said()).toEqual(["end at a"])
    }).pipe(run))

  it.effect("is answered where it began with a timer", () =>
    Effect.gen(function*() {
      const node = yield* Node.client
      yield* node("a").Tick({ path: ["b", "back:a"] })
      yield* TestClock.adjust("1 seconds")
      expect(yield* node("a").Said()).toEqual(["tick: end at a"])
    }).pipe(run))

  it.effect("is answered where its first asker has gone away meanwhile", () =>
    Effect.gen(function*() {
      const Slow = Actor.make("Slow", [Rpc.make("Go")])
      const SlowLive = Slow.toLayer(
        Effect.gen(function*() {
          const node = yield* Node.client
          return {
            Go: () =>
              Effect.sleep("1 seconds").pipe(
                Effect.zipRight(node("a").Back({ path: [] })),
                Effect.orDie,
                Effect.asVoid
              )
          }
        }),
        { supervision: Supervision.resume }
      )
      const First = Actor.make("First", [
        Rpc.make("Go"),
        Rpc.make("Back", { success: Schema.String }).annotate(Handling.Reentrant, true)
      ])
      const done: Array<string> = []
      const FirstLive = First.toLayer(Effect.gen(function*() {
        const via = (yield* Via.client)("v")
        return {
          Go: () =>
            Effect.sleep("1 seconds").pipe(
              Effect.zipRight(via.Go()),
              Effect.map((answer) => void done.push(answer)),
              Effect.orDie
            ),
          Back: () => Effect.succeed("answered")
        }
      }))
      const Via = Actor.make("Via", [Rpc.make("Go", { success: Schema.String })])
      const ViaLive = Via.toLayer(Effect.gen(function*() {
        const first = (yield* First.client)("f")
        return { Go: () => Effect.orDie(first.Back()) }
      }))
      yield* Effect.gen(function*() {
        const asked = yield* Effect.fork((yield* First.client)("f").Go())
        yield* ready
        yield* Fiber.interrupt(asked)
        yield* TestClock.adjust("1 seconds")
        expect(done).toEqual(["answered"])
      }).pipe(withActors(FirstLive, ViaLive, SlowLive, NodeLive))
    }))

  it.effect("is answered while its actor is stopping, so that the stop can end", () =>
    Effect.gen(function*() {
      const First = Actor.make("First", [
        Rpc.make("Go", { success: Schema.String }),
        Rpc.make("Back", { success: Schema.String }).annotate(Handling.Reentrant, true)
      ])
      const Via = Actor.make("Via", [Rpc.make("Go", { success: Schema.String })])
      const FirstLive = First.toLayer(Effect.gen(function*() {
        const { stopSelf } = yield* ActorContext
        const via = (yield* Via.client)("v")
        return {
          Go: () => Effect.zipRight(stopSelf, Effect.orDie(via.Go())),
          Back: () => Effect.succeed("answered")
        }
      }))
      const ViaLive = Via.toLayer(Effect.gen(function*() {
        const first = (yield* First.client)("f")
        return { Go: () => Effect.orDie(first.Back()) }
      }))
      yield* Effect.gen(function*() {
        const asked = yield* Effect.fork((yield* First.client)("f").Go())
        yield* ready
        expect(yield* Fiber.join(asked)).toBe("answered")
      }).pipe(Effect.timeout("10 seconds"), withActors(FirstLive, ViaLive))
    }))

  it.effect("of another chain waits its turn, however it is annotated", () =>
    Effect.gen(function*() {
      const node = yield* Node.client
      const stuck = yield* Effect.fork(
        Effect.exit(node("a").Go({ path: ["a"] }, { timeout: "2 seconds" }))
      )
      yield* ready
      const other = yield* Effect.fork(node("a").Back({ path: [] }, { timeout: "10 seconds" }))
      yield* ready
      expect(yield* Fiber.poll(other)).toMatchObject({ _tag: "None" })
      yield* TestClock.adjust("5 seconds")
      expect(yield* Fiber.join(other)).toBe("end at a")
      yield* Fiber.join(stuck)
    }).pipe(run))
})

describe("a cycle that is not annotated fails at its deadline, with the chain", () => {
  const cycle = (ids: ReadonlyArray<string>) =>
    Effect.gen(function*() {
      const node = yield* Node.client
      const [first = "a", ...rest] = ids
      const asked = yield* Effect.fork(Effect.flip(node(first).Go({ path: [...rest, first] })))
      yield* ready
      yield* TestClock.adjust("5 seconds")
      return yield* Fiber.join(asked)
    }).pipe(run)

  it.effect("an actor that asks itself", () =>
    Effect.gen(function*() {
      const error = yield* cycle(["a"])
      expect(error).toMatchObject({ _tag: "AskTimeout" })
      expect(chainOf(error)).toEqual(["Node/a.Go", "Node/a.Go"])
      expect(error.message).toContain("waiting: Node/a.Go -> Node/a.Go")
    }))

  it.effect("two actors that ask each other", () =>
    Effect.gen(function*() {
      const error = yield* cycle(["a", "b"])
      expect(chainOf(error)).toEqual(["Node/a.Go", "Node/b.Go", "Node/a.Go"])
    }))

  it.effect("three and seven actors in a ring", () =>
    Effect.gen(function*() {
      expect(chainOf(yield* cycle(["a", "b", "c"]))).toEqual([
        "Node/a.Go",
        "Node/b.Go",
        "Node/c.Go",
        "Node/a.Go"
      ])
      const seven = ["a", "b", "c", "d", "e", "f", "g"]
      expect(chainOf(yield* cycle(seven))).toEqual(
        [...seven, "a"].map((id) => `Node/${id}.Go`)
      )
    }))

  it.effect("at both ends: who asked first, and who asked last with a shorter deadline", () =>
    Effect.gen(function*() {
      const seen: Array<unknown> = []
      const Ring = Actor.make("Ring", [Rpc.make("Go"), Rpc.make("Next")])
      const RingLive = Ring.toLayer(
        Effect.gen(function*() {
          const { address } = yield* ActorContext
          const ring = yield* Ring.client
          return {
            Go: () =>
              Effect.orDie(Effect.ignore(ring("b").Next(undefined, { timeout: "4 seconds" }))),
            Next: () =>
              ring("a").Go(undefined, { timeout: "1 seconds" }).pipe(
                Effect.catchAll((error) => Effect.sync(() => void seen.push(error))),
                Effect.annotateLogs("at", address.id),
                Effect.zipRight(Effect.never)
              )
          }
        })
      )
      yield* Effect.gen(function*() {
        const first = (yield* Ring.client)("a")
        const asked = yield* Effect.fork(
          Effect.flip(first.Go(undefined, { timeout: "3 seconds" }))
        )
        yield* ready
        yield* TestClock.adjust("1 seconds")
        expect(seen.map(chainOf)).toEqual([["Ring/a.Go", "Ring/b.Next", "Ring/a.Go"]])
        yield* TestClock.adjust("2 seconds")
        expect(chainOf(yield* Fiber.join(asked))).toEqual(["Ring/a.Go", "Ring/b.Next"])
      }).pipe(withActors(RingLive))
    }))

  it.effect("an ask that waits for nobody else is alone in its chain, without a word of it", () =>
    Effect.gen(function*() {
      const Idle = Actor.make("Idle", [Rpc.make("Hang")])
      yield* Effect.gen(function*() {
        const asked = yield* Effect.fork(Effect.flip((yield* Idle.client)("i").Hang()))
        yield* ready
        yield* TestClock.adjust("5 seconds")
        const error = yield* Fiber.join(asked)
        expect(chainOf(error)).toEqual(["Idle/i.Hang"])
        expect(error.message).not.toContain("waiting:")
      }).pipe(withActors(Idle.toLayer({ Hang: () => Effect.never })))
    }))
})
