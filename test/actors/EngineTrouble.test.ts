import { describe, expect, it } from "@effect/vitest"
import { Rpc } from "@effect/rpc"
import { Actor, ActorContext, ActorSystem, Handling, Supervision } from "@plantd/actors"
import { Deferred, Effect, Exit, Fiber, Schema, Stream, TestClock } from "effect"
import { ready, withActors } from "./stage.ts"

const Plain = Actor.make("Plain", [Rpc.make("Do"), Rpc.make("Hello", { success: Schema.Int })])

/** No text can be made of it. */
const unspeakable = { amount: 1n }

describe("a defect that cannot be shown", () => {
  it.effect.each(
    [
      ["died of at once", Effect.die(unspeakable)],
      ["died of in a fiber", Effect.zipRight(Effect.yieldNow(), Effect.die(unspeakable))]
    ] as const
  )("is a crash as every other: %s", ([, effect]) =>
    Effect.gen(function*() {
      const PlainLive = Plain.toLayer(
        { Do: () => effect, Hello: () => Effect.succeed(1) },
        { supervision: Supervision.stop }
      )
      yield* Effect.gen(function*() {
        const plain = (yield* Plain.client)("p")
        const error = yield* Effect.flip(plain.Do())
        expect(error._tag).toBe("ActorCrashed")
        expect(error.message).toContain("Plain/p crashed")
        expect((yield* Effect.flip(plain.Hello()))._tag).toBe("ActorStopped")
        expect((yield* (yield* ActorSystem).stats).crashes).toBe(1)
      }).pipe(withActors(PlainLive))
    }))
})

it.effect("an actor that stays stopped tells every sender of the crash that ended it", () =>
  Effect.gen(function*() {
    const PlainLive = Plain.toLayer(
      Effect.die(new Error("no port")),
      { supervision: Supervision.stop }
    )
    yield* Effect.gen(function*() {
      const plain = (yield* Plain.client)("p")
      const first = yield* Effect.flip(plain.Hello())
      const second = yield* Effect.flip(plain.Hello())
      for (const { message } of [first, second]) {
        expect(message).toContain("Plain/p has stopped (crashed)")
        expect(message).toContain("no port")
      }
    }).pipe(withActors(PlainLive))
  }))

describe("what has ended stays ended", () => {
  it.effect("an actor that stops itself does not come back once its system is drained", () =>
    Effect.gen(function*() {
      const inFinalizer = yield* Deferred.make<void>()
      const mayEnd = yield* Deferred.make<void>()
      let builds = 0
      const PlainLive = Plain.toLayer(Effect.gen(function*() {
        builds++
        const { onEnd, stopSelf } = yield* ActorContext
        yield* onEnd(() =>
          Effect.zipRight(Deferred.succeed(inFinalizer, undefined), Deferred.await(mayEnd))
        )
        return { Do: () => stopSelf, Hello: () => Effect.succeed(1) }
      }))
      yield* Effect.gen(function*() {
        const plain = (yield* Plain.client)("p")
        const system = yield* ActorSystem
        yield* plain.Do(undefined, { discard: true })
        yield* Deferred.await(inFinalizer)
        const late = yield* Effect.fork(Effect.exit(plain.Hello()))
        yield* ready
        const drained = yield* Effect.fork(system.drain)
        yield* ready
        yield* Deferred.succeed(mayEnd, undefined)
        yield* Fiber.join(drained)
        expect(Exit.isFailure(yield* Fiber.join(late))).toBe(true)
        expect(builds).toBe(1)
        expect((yield* system.stats).actors).toBe(0)
      }).pipe(withActors(PlainLive))
    }))

  it.effect("an incarnation that has ended cannot stop the next one", () =>
    Effect.gen(function*() {
      const contexts: Array<Effect.Effect.Success<typeof ActorContext>> = []
      const PlainLive = Plain.toLayer(
        Effect.gen(function*() {
          const context = yield* ActorContext
          contexts.push(context)
          return {
            Do: () => Effect.die("broken"),
            Hello: () => Effect.succeed(context.incarnation)
          }
        }),
        { supervision: Supervision.restart({ backoff: { min: 1, jitter: 0 } }) }
      )
      yield* Effect.gen(function*() {
        const plain = (yield* Plain.client)("p")
        yield* Effect.exit(plain.Do())
        yield* TestClock.adjust(10)
        expect(yield* plain.Hello()).toBe(2)
        yield* contexts[0]?.stopAs("superseded") ?? Effect.void
        yield* contexts[0]?.stash.unstashAll ?? Effect.void
        expect(yield* plain.Hello()).toBe(2)
      }).pipe(withActors(PlainLive))
    }))
})

const Pair = Actor.make("Pair", [Rpc.make("Ball")])

describe("the event loop", () => {
  it.live("comes round within few messages, however many actors keep each other busy", () =>
    Effect.gen(function*() {
      let handled = 0
      let mostBetween = 0
      let over = false
      const PairLive = Pair.toLayer(Effect.gen(function*() {
        const { address: { id } } = yield* ActorContext
        const other = (yield* Pair.client)(
          id.startsWith("a") ? `b${id.slice(1)}` : `a${id.slice(1)}`
        )
        return {
          Ball: () => {
            handled++
            if (over) return Effect.void
            return Effect.orDie(other.Ball(undefined, { discard: true }))
          }
        }
      }))
      yield* Effect.gen(function*() {
        const pair = yield* Pair.client
        for (let n = 0; n < 500; n++) yield* pair(`a${n}`).Ball(undefined, { discard: true })
        for (let turn = 0; turn < 20; turn++) {
          const before = handled
          yield* Effect.async<void>((resume) => {
            setImmediate(() => resume(Effect.void))
          })
          mostBetween = Math.max(mostBetween, handled - before)
        }
        over = true
      }).pipe(withActors(PairLive))
      expect(handled).toBeGreaterThan(2_000)
      // Two budgets of 1,024, and a batch of each of the few that had begun.
      expect(mostBetween).toBeLessThan(4_096)
    }))
})

const Urgent = Actor.make("Urgent", [
  Rpc.make("Ordinary"),
  Rpc.make("Stop", { success: Schema.String }).annotate(Handling.Beside, true),
  Rpc.make("Feed", { success: Schema.Int, stream: true }),
  Rpc.make("Hello", { success: Schema.Int })
])

describe("messages beside others", () => {
  it.effect("are not refused because of ordinary ones at hand", () =>
    Effect.gen(function*() {
      const UrgentLive = Urgent.toLayer({
        Ordinary: () => Effect.never,
        Stop: () => Effect.succeed("stopped"),
        Feed: () => Stream.empty,
        Hello: () => Effect.succeed(1)
      }, { concurrency: "unbounded", mailbox: { capacity: 4_096 } })
      yield* Effect.gen(function*() {
        const urgent = (yield* Urgent.client)("u")
        for (let n = 0; n < 1_100; n++) yield* urgent.Ordinary(undefined, { discard: true })
        yield* ready
        expect(yield* urgent.Stop()).toBe("stopped")
      }).pipe(withActors(UrgentLive))
    }))
})

describe("streams as answers", () => {
  it.effect("that break by a defect are a crash of their actor", () =>
    Effect.gen(function*() {
      const UrgentLive = Urgent.toLayer({
        Ordinary: () => Effect.void,
        Stop: () => Effect.succeed("stopped"),
        Feed: () => Stream.concat(Stream.make(1), Stream.die("boom")),
        Hello: () => Effect.succeed(1)
      }, { supervision: Supervision.stop })
      yield* Effect.gen(function*() {
        const urgent = (yield* Urgent.client)("u")
        const error = yield* Effect.flip(Stream.runDrain(urgent.Feed()))
        expect(error._tag).toBe("ActorCrashed")
        yield* (yield* ActorSystem).watch(Urgent.at("u"))
        expect((yield* Effect.flip(urgent.Hello()))._tag).toBe("ActorStopped")
      }).pipe(withActors(UrgentLive))
    }))

  it.effect("keep their actor from being passivated while they are read", () =>
    Effect.gen(function*() {
      const UrgentLive = Urgent.toLayer({
        Ordinary: () => Effect.void,
        Stop: () => Effect.succeed("stopped"),
        Feed: () => Stream.never,
        Hello: () => Effect.succeed(1)
      }, { passivateAfter: "1 second" })
      yield* Effect.gen(function*() {
        const urgent = (yield* Urgent.client)("u")
        const system = yield* ActorSystem
        const reader = yield* Effect.fork(Stream.runDrain(urgent.Feed()))
        yield* ready
        yield* TestClock.adjust("10 seconds")
        expect((yield* system.stats).actors).toBe(1)
        yield* Fiber.interrupt(reader)
        yield* TestClock.adjust("2 seconds")
        expect((yield* system.stats).actors).toBe(0)
      }).pipe(withActors(UrgentLive))
    }))
})
