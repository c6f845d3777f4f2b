import { Rpc } from "@effect/rpc"
import { describe, expect, it } from "@effect/vitest"
import { Actor, ActorContext, ActorSystem, Supervision } from "@plantd/actors"
import type { LifecycleEvent } from "@plantd/actors"
import * as Handling from "@plantd/actors/Handling"
import { Deferred, Effect, Fiber, Schema, TestClock } from "effect"
import { collectEvents, ready, withActors } from "./stage.ts"

const Session = Actor.make("Session", [
  Rpc.make("Count", { success: Schema.Int }),
  Rpc.make("Work", { payload: { seconds: Schema.Int } }),
  Rpc.make("Beside", { payload: { seconds: Schema.Int } }).annotate(Handling.Beside, true),
  Rpc.make("Timer"),
  Rpc.make("Hold"),
  Rpc.make("Pipe"),
  Rpc.make("Silence"),
  Rpc.make("Watch"),
  Rpc.make("Break")
])

/** A session that is passivated after 8 s; `ended` has when and why each incarnation did. */
const scene = <A, E, R = never>(
  body: (of: {
    readonly ended: Array<string>
    readonly session: (id: string) => Actor.Client<RpcsOf<typeof Session>>
    readonly system: ActorSystem["Type"]
  }) => Effect.Effect<A, E, R>
) =>
  Effect.gen(function*() {
    const ended: Array<string> = []
    const SessionLive = Session.toLayer(
      Effect.gen(function*() {
        const context = yield* ActorContext
        const { onEnd, pipeToSelf, receiveTimeout, stash, timers, watch } = context
        let count = 0
        yield* onEnd((reason) =>
          Effect.map(
            Effect.clockWith((clock) => clock.currentTimeMillis),
            (now) => void ended.push(`${reason}@${now}`)
          )
        )
        return {
          Count: () => Effect.sync(() => ++count),
          Work: ({ seconds }) => Effect.sleep(seconds * 1_000),
          Beside: ({ seconds }) => Effect.sleep(seconds * 1_000),
          Timer: () => timers.once("t", "1 minutes", Effect.void),
          Hold: () => stash.hold,
          Pipe: () => pipeToSelf(Effect.sleep("1 minutes"), () => Effect.void),
          Silence: () => receiveTimeout("1 minutes", Effect.void),
          Watch: () => Effect.asVoid(Effect.orDie(watch(Session.at("other"), () => Effect.void))),
          Break: () => Effect.die("broken")
        }
      }),
      {
        passivateAfter: "8 seconds",
        supervision: Supervision.restart({
          backoff: { min: "20 seconds", max: "20 seconds", jitter: 0 }
        })
      }
    )
    return yield* Effect.gen(function*() {
      return yield* body({
        ended,
        session: yield* Session.client,
        system: yield* ActorSystem
      })
    }).pipe(withActors(SessionLive))
  })

type RpcsOf<A> = A extends Actor.Actor<infer _Name, infer Rpcs> ? Rpcs : never

const times = { timeout: "1 hours" } as const

describe("an actor that took no message for passivateAfter", () => {
  it.effect("is stopped as passivated; its next message starts it with fresh state", () =>
    scene(({ ended, session, system }) =>
      Effect.gen(function*() {
        expect(yield* session("a").Count()).toBe(1)
        expect(yield* session("a").Count()).toBe(2)
        yield* TestClock.adjust("10 seconds")
        expect(yield* system.stats).toMatchObject({ actors: 0, deadLetters: 0 })
        expect(ended).toHaveLength(1)
        expect(ended[0]).toMatch(/^passivated@/)
        expect(yield* session("a").Count()).toBe(1)
      })
    ))

  it.effect("is stopped no earlier than then, and no more than a quarter later", () =>
    Effect.forEach(
      [0, 300, 1_999, 2_000],
      (late) =>
        scene(({ ended, session }) =>
          Effect.gen(function*() {
            const begun = (yield* Effect.clockWith((clock) => clock.currentTimeMillis)) + late
            yield* TestClock.adjust(late)
            yield* session("a").Count()
            for (let step = 0; step < 60; step++) yield* TestClock.adjust("200 millis")
            const at = Number(ended[0]?.split("@")[1]) - begun
            expect(at).toBeGreaterThanOrEqual(8_000)
            expect(at).toBeLessThanOrEqual(10_000)
          })
        )
    ))

  it.effect("stays while messages come", () =>
    scene(({ ended, session }) =>
      Effect.gen(function*() {
        for (let n = 1; n <= 8; n++) {
          expect(yield* session("a").Count()).toBe(n)
          yield* TestClock.adjust("5 seconds")
        }
        expect(ended).toEqual([])
      })
    ))

  it.effect("stays while a message is being handled, and for its time after the end of it", () =>
    scene(({ ended, session }) =>
      Effect.gen(function*() {
        const working = yield* Effect.fork(session("a").Work({ seconds: 30 }, times))
        yield* ready
        yield* TestClock.adjust("30 seconds")
        yield* Fiber.join(working)
        yield* TestClock.adjust("7 seconds")
        expect(ended).toEqual([])
        yield* TestClock.adjust("3 seconds")
        expect(ended).toHaveLength(1)
      })
    ))

  it.effect("stays while a message runs beside others", () =>
    scene(({ ended, session }) =>
      Effect.gen(function*() {
        const working = yield* Effect.fork(session("a").Beside({ seconds: 30 }, times))
        yield* ready
        yield* TestClock.adjust("30 seconds")
        yield* Fiber.join(working)
        expect(ended).toEqual([])
      })
    ))

  it.effect.each(["Timer", "Pipe", "Silence", "Hold", "Watch"] as const)(
    "stays while it has something pending: %s",
    (what) =>
      scene(({ ended, session }) =>
        Effect.gen(function*() {
          if (what === "Watch") {
            yield* Effect.fork(session("other").Work({ seconds: 3_600 }, times))
          }
          yield* session("a")[what](undefined, { discard: true })
          yield* TestClock.adjust("30 seconds")
          expect(ended).toEqual([])
        })
      )
  )

  it.effect("is stopped once what was pending is over", () =>
    scene(({ ended, session }) =>
      Effect.gen(function*() {
        yield* session("a").Timer()
        yield* session("b").Pipe()
        yield* TestClock.adjust("80 seconds")
        expect(ended).toHaveLength(2)
      })
    ))

  it.effect("waits for its restart undisturbed", () =>
    scene(({ ended, session, system }) =>
      Effect.gen(function*() {
        yield* Effect.exit(session("a").Break())
        yield* TestClock.adjust("19 seconds")
        expect(yield* system.stats).toMatchObject({ actors: 1, started: 1 })
        yield* TestClock.adjust("1 seconds")
        expect(yield* system.stats).toMatchObject({ actors: 1, started: 2 })
        expect(ended).toEqual(["restarting@0"])
      })
    ))

  it.scoped("loses no message that comes while it is being passivated", () =>
    scene(({ session, system }) =>
      Effect.gen(function*() {
        const events = yield* Effect.provideService(collectEvents, ActorSystem, system)
        const asked: Array<Fiber.Fiber<number, unknown>> = []
        for (let n = 0; n < 60; n++) {
          asked.push(yield* Effect.fork(session("a").Count()))
          yield* TestClock.adjust("2 seconds")
          if (n % 4 === 0) yield* TestClock.adjust("6 seconds")
        }
        for (const fiber of asked) expect(yield* Fiber.join(fiber)).toBeGreaterThan(0)
        const letters = events.filter((event: LifecycleEvent.LifecycleEvent) =>
          event._tag === "DeadLetter"
        )
        expect(letters).toEqual([])
      })
    ))
})

it.effect("an actor without passivateAfter stays for ever", () => {
  const Plain = Actor.make("Plain", [Rpc.make("Count", { success: Schema.Int })])
  const PlainLive = Plain.toLayer(Effect.sync(() => {
    let count = 0
    return { Count: () => Effect.sync(() => ++count) }
  }))
  return Effect.gen(function*() {
    const plain = (yield* Plain.client)("p")
    yield* plain.Count()
    yield* TestClock.adjust("365 days")
    expect(yield* plain.Count()).toBe(2)
  }).pipe(withActors(PlainLive))
})

it.effect("an actor that passivates itself while messages wait starts anew for them", () => {
  const Lazy = Actor.make("Lazy", [
    Rpc.make("Leave"),
    Rpc.make("Count", { success: Schema.Int })
  ])
  return Effect.gen(function*() {
    const gate = yield* Deferred.make<void>()
    const LazyLive = Lazy.toLayer(Effect.gen(function*() {
      const { stopAs } = yield* ActorContext
      let count = 0
      return {
        Leave: () => Effect.zipRight(stopAs("passivated"), Deferred.await(gate)),
        Count: () => Effect.sync(() => ++count)
      }
    }))
    yield* Effect.gen(function*() {
      const lazy = (yield* Lazy.client)("l")
      yield* lazy.Count()
      const leaving = yield* Effect.fork(lazy.Leave())
      yield* ready
      const counting = yield* Effect.fork(lazy.Count())
      yield* ready
      yield* Deferred.succeed(gate, undefined)
      yield* Fiber.join(leaving)
      expect(yield* Fiber.join(counting)).toBe(1)
    }).pipe(withActors(LazyLive))
  })
})

it("a passivateAfter of no time is refused when the behaviour is given", () => {
  const layer = () => Session.toLayer(Effect.never, { passivateAfter: 0 })
  expect(layer).toThrow(/passivateAfter is 0 ms/)
})

describe("a type with residentsMax", () => {
  const Slot = Actor.make("Slot", [
    Rpc.make("Count", { success: Schema.Int }),
    Rpc.make("Hold")
  ])

  const slots = <A, E>(
    body: (
      slot: (id: string) => Actor.Client<RpcsOf<typeof Slot>>
    ) => Effect.Effect<A, E, ActorSystem>
  ) =>
    Effect.flatMap(Slot.client, body).pipe(
      withActors(
        Slot.toLayer(
          Effect.gen(function*() {
            const { timers } = yield* ActorContext
            let count = 0
            return {
              Count: () => Effect.sync(() => ++count),
              Hold: () => timers.once("t", "1 hours", Effect.void)
            }
          }),
          { residentsMax: 4 }
        )
      )
    )

  const alive = Effect.flatMap(
    ActorSystem,
    ({ stats }) => Effect.map(stats, ({ actors }) => actors)
  )

  it.effect("passivates those that were used least recently, and no others", () =>
    slots((slot) =>
      Effect.gen(function*() {
        for (const id of ["a", "b", "c", "d"]) expect(yield* slot(id).Count()).toBe(1)
        expect(yield* slot("a").Count()).toBe(2)
        expect(yield* slot("e").Count()).toBe(1)
        expect(yield* alive).toBe(4)
        for (const id of ["c", "d", "a"]) expect(yield* slot(id).Count()).toBeGreaterThan(1)
        // It was the one to go.
        expect(yield* slot("b").Count()).toBe(1)
      })
    ))

  it.effect("keeps those that have something to do, also beyond it", () =>
    slots((slot) =>
      Effect.gen(function*() {
        for (const id of ["a", "b", "c", "d"]) yield* slot(id).Hold()
        for (const id of ["e", "f", "g"]) yield* slot(id).Count()
        expect(yield* alive).toBe(5)
        for (const id of ["a", "b", "c", "d"]) expect(yield* slot(id).Count()).toBe(1)
        expect(yield* alive).toBe(5)
      })
    ))
})
