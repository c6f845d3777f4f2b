import { Rpc } from "@effect/rpc"
import { describe, expect, it } from "@effect/vitest"
import { Actor, ActorContext, ActorSystem, Supervision } from "@plantd/actors"
import { Clock, type Duration, Effect, Fiber, Schema, TestClock } from "effect"
import { ready, withActors } from "./stage.ts"

const Listener = Actor.make("Listener", [
  Rpc.make("Hello"),
  Rpc.make("Sleep", { payload: { millis: Schema.Int } }),
  Rpc.make("Off"),
  Rpc.make("Again", { payload: { millis: Schema.Int } }),
  Rpc.make("Tick", { payload: { millis: Schema.Int } }),
  Rpc.make("Break")
])

/** A listener with a receive timeout of 3 s, which notes when it ran. */
const scene = <A, E>(
  body: (of: {
    readonly log: Array<string>
    readonly listener: Actor.Client<RpcsOf<typeof Listener>>
    readonly system: ActorSystem["Type"]
  }) => Effect.Effect<A, E>,
  after: Duration.DurationInput = "3 seconds",
  run: Effect.Effect<void> = Effect.void
) =>
  Effect.gen(function*() {
    const log: Array<string> = []
    const note = (what: string) =>
      Effect.map(Clock.currentTimeMillis, (now) => void log.push(`${what}@${now}`))
    const ListenerLive = Listener.toLayer(
      Effect.gen(function*() {
        const { incarnation, receiveTimeout, timers } = yield* ActorContext
        yield* receiveTimeout(after, Effect.zipRight(note(`silence ${incarnation}`), run))
        return {
          Hello: () => Effect.void,
          Sleep: ({ millis }) => Effect.zipRight(Effect.sleep(millis), note("slept")),
          Off: () => receiveTimeout(Number.POSITIVE_INFINITY, Effect.void),
          Again: ({ millis }) => receiveTimeout(millis, note("new silence")),
          Tick: ({ millis }) => timers.every("tick", millis, note("tick")),
          Break: () => Effect.die("broken")
        }
      }),
      { supervision: Supervision.restart({ backoff: { min: "1 seconds", jitter: 0 } }) }
    )
    return yield* Effect.gen(function*() {
      const listener = (yield* Listener.client)("l")
      return yield* body({ log, listener, system: yield* ActorSystem })
    }).pipe(withActors(ListenerLive))
  })

type RpcsOf<A> = A extends Actor.Actor<infer _Name, infer Rpcs> ? Rpcs : never

describe("receiveTimeout", () => {
  it.effect("runs after a time without a message, and after each further one", () =>
    scene(({ listener, log }) =>
      Effect.gen(function*() {
        yield* listener.Hello()
        yield* TestClock.adjust("2999 millis")
        expect(log).toEqual([])
        yield* TestClock.adjust("1 millis")
        expect(log).toEqual(["silence 1@3000"])
        yield* TestClock.adjust("3 seconds")
        expect(log).toEqual(["silence 1@3000", "silence 1@6000"])
      })
    ))

  it.effect("a message begins the time anew", () =>
    scene(({ listener, log }) =>
      Effect.gen(function*() {
        yield* listener.Hello()
        yield* TestClock.adjust("2 seconds")
        yield* listener.Hello()
        yield* TestClock.adjust("2 seconds")
        yield* listener.Hello(undefined, { discard: true })
        yield* TestClock.adjust("2999 millis")
        expect(log).toEqual([])
        yield* TestClock.adjust("1 millis")
        expect(log).toEqual(["silence 1@7000"])
      })
    ))

  it.effect("a message that is being handled is no silence; the time begins at its end", () =>
    scene(({ listener, log }) =>
      Effect.gen(function*() {
        const slept = yield* Effect.fork(
          listener.Sleep({ millis: 10_000 }, { timeout: "1 minutes" })
        )
        yield* ready
        yield* TestClock.adjust("10 seconds")
        yield* Fiber.join(slept)
        yield* TestClock.adjust("2999 millis")
        expect(log).toEqual(["slept@10000"])
        yield* TestClock.adjust("1 millis")
        expect(log).toEqual(["slept@10000", "silence 1@13000"])
      })
    ))

  it.effect("an actor's own timers are no messages: they do not keep the silence away", () =>
    scene(({ listener, log }) =>
      Effect.gen(function*() {
        yield* listener.Tick({ millis: 1_000 })
        yield* TestClock.adjust("3 seconds")
        expect(log.filter((line) => line.startsWith("silence"))).toEqual(["silence 1@3000"])
      })
    ))

  it.effect("to call it again replaces it, and an infinite time turns it off", () =>
    scene(({ listener, log }) =>
      Effect.gen(function*() {
        yield* listener.Again({ millis: 1_000 })
        yield* TestClock.adjust("1 seconds")
        expect(log).toEqual(["new silence@1000"])
        yield* listener.Off()
        yield* TestClock.adjust("1 minutes")
        expect(log).toEqual(["new silence@1000"])
      })
    ))

  it.effect("ends with its incarnation, and the next one sets its own", () =>
    scene(({ listener, log }) =>
      Effect.gen(function*() {
        yield* Effect.exit(listener.Break())
        yield* TestClock.adjust("1 seconds")
        yield* TestClock.adjust("3 seconds")
        expect(log).toEqual(["silence 2@4000"])
      })
    ))

  it.effect("a defect in it is a crash of the actor", () =>
    scene(
      ({ listener, system }) =>
        Effect.gen(function*() {
          yield* listener.Hello()
          yield* TestClock.adjust("3 seconds")
          expect(yield* system.stats).toMatchObject({ crashes: 1 })
        }),
      "3 seconds",
      Effect.die("too quiet")
    ))

  it.effect("a time of zero is a crash that says so", () =>
    scene(({ listener, system }) =>
      Effect.gen(function*() {
        yield* Effect.fork(listener.Hello())
        yield* ready
        expect(yield* system.stats).toMatchObject({ crashes: 1, started: 0 })
      }), 0))
})
