import { Rpc } from "@effect/rpc"
import { describe, expect, it } from "@effect/vitest"
import { Actor, ActorContext, ActorSystem, Supervision } from "@plantd/actors"
import { Deferred, Effect, Fiber, FiberRef, Schema, TestClock } from "effect"
import { collectEvents, ready, withActors } from "./stage.ts"

const Bad = Actor.make("Bad", [
  Rpc.make("Misbehave"),
  Rpc.make("Hello", { success: Schema.Int })
])

const Good = Actor.make("Good", [Rpc.make("Hello", { success: Schema.String })])
const GoodLive = Good.toLayer({
  Hello: () => Effect.zipRight(Effect.yieldNow(), Effect.succeed("hello"))
})

/** Lets an actor misbehave; it must crash, be built anew, and hurt nobody else. */
const crashesAlone = (misbehave: () => Effect.Effect<void>, expected: RegExp) =>
  Effect.gen(function*() {
    for (const concurrency of [1, 2]) {
      const BadLive = Bad.toLayer(
        Effect.gen(function*() {
          const { incarnation } = yield* ActorContext
          return {
            Misbehave: () => misbehave(),
            Hello: () => Effect.succeed(incarnation)
          }
        }),
        { concurrency, supervision: Supervision.restart({ backoff: { min: 10, jitter: 0 } }) }
      )
      yield* Effect.gen(function*() {
        const system = yield* ActorSystem
        const bad = (yield* Bad.client)("b")
        const good = (yield* Good.client)("g")
        const error = yield* Effect.flip(bad.Misbehave())
        expect(error).toMatchObject({ _tag: "ActorCrashed", tag: "Misbehave" })
        expect(error.message).toMatch(expected)
        expect(yield* good.Hello()).toBe("hello")
        yield* TestClock.adjust("10 millis")
        expect(yield* bad.Hello()).toBe(2)
        expect(yield* system.stats).toMatchObject({ crashes: 1, restarts: 1, deadLetters: 0 })
      }).pipe(withActors(BadLive, GoodLive))
    }
  })

describe("a handler that", () => {
  it.effect("throws, crashes its actor alone", () =>
    crashesAlone(() => {
      throw new TypeError("thrown outside")
    }, /TypeError: thrown outside/))

  it.effect("throws within its effect, crashes its actor alone", () =>
    crashesAlone(() =>
      Effect.sync((): void => {
        throw new TypeError("thrown inside")
      }), /TypeError: thrown inside/))

  it.effect("throws after it has waited, crashes its actor alone", () =>
    crashesAlone(() =>
      Effect.map(Effect.yieldNow(), () => {
        throw new TypeError("thrown later")
      }), /TypeError: thrown later/))

  it.effect("dies, crashes its actor alone", () => crashesAlone(() => Effect.die("dead"), /dead/))

  it.effect("interrupts itself, crashes its actor alone", () =>
    crashesAlone(() => Effect.interrupt, /crashed while handling Misbehave/))

  it.effect("interrupts the very fiber it runs in, crashes its actor alone", () =>
    crashesAlone(
      () =>
        Effect.withFiberRuntime((fiber) => Fiber.interruptFork(fiber)).pipe(
          Effect.zipRight(Effect.never)
        ),
      /crashed while handling Misbehave/
    ))

  it.effect("is no effect but nothing, crashes its actor alone", () =>
    crashesAlone(() => undefined as never, /the handler of Bad for Misbehave gave no effect/))

  it.effect("is no effect but a promise, crashes its actor alone", () =>
    crashesAlone(() => Promise.resolve(1) as never, /for Misbehave gave no effect/))

  it.effect("is missing, crashes its actor alone, and is named", () =>
    Effect.gen(function*() {
      const BadLive = Bad.toLayer(
        { Hello: () => Effect.succeed(1) } as never,
        { supervision: Supervision.resume }
      )
      yield* Effect.gen(function*() {
        const bad = (yield* Bad.client)("b")
        const error = yield* Effect.flip(bad.Misbehave())
        expect(error.message).toContain("Bad has no handler for Misbehave")
        expect(yield* bad.Hello()).toBe(1)
      }).pipe(withActors(BadLive))
    }))

  it.effect("never returns, holds its asker up no longer than the deadline", () =>
    Effect.gen(function*() {
      const BadLive = Bad.toLayer({ Misbehave: () => Effect.never, Hello: () => Effect.succeed(1) })
      yield* Effect.gen(function*() {
        const bad = (yield* Bad.client)("b")
        const asked = yield* Effect.fork(Effect.flip(bad.Misbehave()))
        const behind = yield* Effect.fork(Effect.flip(bad.Hello()))
        yield* TestClock.adjust("5 seconds")
        expect(yield* Fiber.join(asked)).toMatchObject({ _tag: "AskTimeout", outcome: "unknown" })
        expect(yield* Fiber.join(behind)).toMatchObject({ outcome: "not-handled" })
        yield* (yield* ActorSystem).stop(Bad.at("b")).pipe(Effect.fork)
        yield* TestClock.adjust("5 seconds")
        expect(yield* bad.Hello()).toBe(1)
      }).pipe(withActors(BadLive))
    }))

  it.effect("lets nobody interrupt it, holds up a stop no longer than the shutdown timeout", () =>
    Effect.gen(function*() {
      const gate = yield* Deferred.make<void>()
      const BadLive = Bad.toLayer({
        Misbehave: () => Effect.uninterruptible(Deferred.await(gate)),
        Hello: () => Effect.succeed(1)
      }, { shutdownTimeout: "1 seconds" })
      yield* Effect.gen(function*() {
        const system = yield* ActorSystem
        const bad = (yield* Bad.client)("b")
        const asked = yield* Effect.fork(Effect.exit(bad.Misbehave()))
        yield* ready
        const stopping = yield* Effect.fork(system.stop(Bad.at("b")))
        yield* ready
        for (let step = 0; step < 4; step++) yield* TestClock.adjust("1 seconds")
        expect(yield* Fiber.poll(stopping)).toMatchObject({ _tag: "Some" })
        yield* Deferred.succeed(gate, undefined)
        yield* Fiber.join(asked)
      }).pipe(withActors(BadLive))
    }).pipe(Effect.timeout("1 minutes")))

  it.effect("sets a fiber's local state, does not change that of other actors", () =>
    Effect.gen(function*() {
      const secret = FiberRef.unsafeMake("none")
      const Reader = Actor.make("Reader", [
        Rpc.make("Set"),
        Rpc.make("Read", { success: Schema.String })
      ])
      const ReaderLive = Reader.toLayer({
        Set: () => Effect.zipRight(Effect.yieldNow(), FiberRef.set(secret, "leaked")),
        Read: () => Effect.zipRight(Effect.yieldNow(), FiberRef.get(secret))
      })
      yield* Effect.gen(function*() {
        const reader = yield* Reader.client
        yield* reader("a").Set()
        expect(yield* reader("a").Read()).toBe("none")
        expect(yield* reader("b").Read()).toBe("none")
      }).pipe(withActors(ReaderLive))
    }))
})

describe("handlers that", () => {
  it.effect("are built of nothing, are a crash with a word of it, and hurt nobody else", () =>
    Effect.gen(function*() {
      const BadLive = Bad.toLayer(Effect.succeed(undefined as never), {
        supervision: Supervision.stop
      })
      yield* Effect.gen(function*() {
        const error = yield* Effect.flip((yield* Bad.client)("b").Hello())
        expect(error).toMatchObject({ _tag: "ActorStopped", reason: "crashed" })
        expect(yield* (yield* Good.client)("g").Hello()).toBe("hello")
      }).pipe(withActors(BadLive, GoodLive))
    }))

  it.effect("are never built, hold askers up no longer than the deadline, and can be stopped", () =>
    Effect.gen(function*() {
      const events: Array<string> = []
      const BadLive = Bad.toLayer(
        Effect.onInterrupt(Effect.never, () => Effect.sync(() => void events.push("interrupted"))),
        { shutdownTimeout: "1 seconds" }
      )
      yield* Effect.gen(function*() {
        const system = yield* ActorSystem
        const bad = (yield* Bad.client)("b")
        const asked = yield* Effect.fork(Effect.flip(bad.Hello()))
        yield* TestClock.adjust("5 seconds")
        expect(yield* Fiber.join(asked)).toMatchObject({
          _tag: "AskTimeout",
          outcome: "not-handled"
        })
        const watching = yield* Effect.fork(system.watch(Bad.at("b")))
        const stopping = yield* Effect.fork(system.stop(Bad.at("b")))
        yield* TestClock.adjust("1 seconds")
        yield* Fiber.join(stopping)
        expect(yield* Fiber.join(watching)).toMatchObject({ reason: "stopped" })
        expect(events).toEqual(["interrupted"])
        expect(yield* system.stats).toMatchObject({ actors: 0, deadLetters: 1 })
      }).pipe(withActors(BadLive))
    }))

  it.effect("fail to be built with a typed error, are a crash with that error", () =>
    Effect.scoped(Effect.gen(function*() {
      const BadLive = Bad.toLayer(Effect.fail("no parts"), { supervision: Supervision.stop })
      yield* Effect.gen(function*() {
        const events = yield* collectEvents
        expect(yield* Effect.flip((yield* Bad.client)("b").Hello())).toMatchObject({
          _tag: "ActorStopped",
          reason: "crashed"
        })
        yield* ready
        expect(events[0]).toMatchObject({ _tag: "Crashed", incarnation: 1 })
        expect(JSON.stringify(events[0])).toContain("no parts")
      }).pipe(withActors(BadLive))
    })))

  it.effect("interrupt their own building, are a crash", () =>
    Effect.gen(function*() {
      let attempts = 0
      const BadLive = Bad.toLayer(
        Effect.suspend(() =>
          ++attempts < 3
            ? Effect.zipRight(
              Effect.withFiberRuntime((fiber) => Fiber.interruptFork(fiber)),
              Effect.never
            )
            : Effect.succeed({
              Misbehave: () => Effect.void,
              Hello: () => Effect.succeed(attempts)
            })
        ),
        { supervision: Supervision.restart({ backoff: { min: "10 millis", jitter: 0 } }) }
      )
      yield* Effect.gen(function*() {
        const asked = yield* Effect.fork((yield* Bad.client)("b").Hello())
        yield* TestClock.adjust("1 seconds")
        expect(yield* Fiber.join(asked)).toBe(3)
      }).pipe(withActors(BadLive))
    }))
})

describe("messages that come at a bad moment", () => {
  it.effect("one that comes in the turn in which a backoff ends starts no second incarnation", () =>
    Effect.gen(function*() {
      let [building, most, built] = [0, 0, 0]
      const BadLive = Bad.toLayer(
        Effect.gen(function*() {
          most = Math.max(most, ++building)
          yield* Effect.yieldNow()
          building--
          built++
          return { Misbehave: () => Effect.die("broken"), Hello: () => Effect.succeed(built) }
        }),
        { supervision: Supervision.restart({ maxRestarts: 50, backoff: { min: 10, jitter: 0 } }) }
      )
      yield* Effect.gen(function*() {
        const bad = (yield* Bad.client)("b")
        for (let yields = 0; yields < 20; yields++) {
          const [before] = [built]
          const asked = yield* Effect.forkAll([
            Effect.exit(bad.Misbehave(undefined, { discard: true })),
            Effect.zipRight(
              Effect.sleep("10 millis"),
              Effect.zipRight(Effect.repeatN(Effect.yieldNow(), yields), bad.Hello())
            )
          ])
          yield* ready
          yield* TestClock.adjust("1 minutes")
          yield* Fiber.join(asked)
          expect(built - before).toBeLessThanOrEqual(2)
        }
        expect(most).toBe(1)
        expect(yield* (yield* ActorSystem).stats).toMatchObject({ crashes: 20, restarts: 20 })
      }).pipe(withActors(BadLive))
    }))
})
