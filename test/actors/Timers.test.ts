import { Rpc } from "@effect/rpc"
import { describe, expect, it } from "@effect/vitest"
import { Actor, ActorContext, ActorSystem, Supervision } from "@plantd/actors"
import { timersMax } from "@plantd/actors/Timers"
import type { Timers } from "@plantd/actors/Timers"
import { Clock, Deferred, Duration, Effect, Fiber, Layer, TestClock } from "effect"
import { collectEvents, ready, withActors } from "./stage.ts"

const Clockwork = Actor.make("Clockwork", [
  Rpc.make("Wind"),
  Rpc.make("Block"),
  Rpc.make("Cancel"),
  Rpc.make("Break")
])

interface Movement {
  readonly timers: Timers
  readonly context: ActorContext["Type"]
  /** Notes `what` with the virtual time, as `what@1000`. */
  readonly note: (what: string) => Effect.Effect<void>
}

/** An actor whose `Wind` does what is given; what it noted stands in `log`. */
const scene = <A, E, R = never>(
  options: {
    readonly wind: (movement: Movement) => Effect.Effect<void>
    readonly build?: (movement: Movement) => Effect.Effect<void>
    readonly concurrency?: number
  },
  body: (of: {
    readonly log: Array<string>
    readonly gate: Deferred.Deferred<void>
    readonly actor: Actor.Client<RpcsOf<typeof Clockwork>>
    readonly system: ActorSystem["Type"]
  }) => Effect.Effect<A, E, R>
) =>
  Effect.gen(function*() {
    const log: Array<string> = []
    const gate = yield* Deferred.make<void>()
    const note = (what: string) =>
      Effect.map(Clock.currentTimeMillis, (now) => void log.push(`${what}@${now}`))
    const ClockworkLive = Clockwork.toLayer(
      Effect.gen(function*() {
        const context = yield* ActorContext
        const movement = { timers: context.timers, context, note }
        yield* options.build?.(movement) ?? Effect.void
        return {
          Wind: () => options.wind(movement),
          Block: () => Effect.zipRight(Deferred.await(gate), note("unblocked")),
          Cancel: () => context.timers.cancel("a"),
          Break: () => Effect.die("broken")
        }
      }),
      {
        supervision: Supervision.restart({ backoff: { min: "10 millis", jitter: 0 } }),
        concurrency: options.concurrency ?? 1
      }
    )
    return yield* Effect.gen(function*() {
      const actor = (yield* Clockwork.client)("c")
      return yield* body({ log, gate, actor, system: yield* ActorSystem })
    }).pipe(withActors(ClockworkLive))
  })

type RpcsOf<A> = A extends Actor.Actor<infer _Name, infer Rpcs> ? Rpcs : never

describe("once", () => {
  it.effect("a timer runs once, when its time has come, and is then active no more", () =>
    scene({
      wind: ({ note, timers }) =>
        Effect.gen(function*() {
          yield* timers.once("a", "1 seconds", note("tick"))
          yield* note(`active ${yield* timers.isActive("a")}`)
          yield* timers.once(
            "b",
            "5 seconds",
            Effect.flatMap(timers.isActive("a"), (active) => note(`active ${active}`))
          )
        })
    }, ({ actor, log }) =>
      Effect.gen(function*() {
        yield* actor.Wind()
        yield* TestClock.adjust("999 millis")
        expect(log).toEqual(["active true@0"])
        yield* TestClock.adjust("9001 millis")
        expect(log).toEqual(["active true@0", "tick@1000", "active false@5000"])
      })))

  it.effect("a key that is started again replaces its timer", () =>
    scene({
      wind: ({ note, timers }) =>
        Effect.zipRight(
          timers.once("a", "1 seconds", note("old")),
          timers.once("a", "3 seconds", note("new"))
        )
    }, ({ actor, log }) =>
      Effect.gen(function*() {
        yield* actor.Wind()
        yield* TestClock.adjust("10 seconds")
        expect(log).toEqual(["new@3000"])
      })))

  it.effect("a tick may start its own key anew", () => {
    const again = ({ note, timers }: Movement): Effect.Effect<void> =>
      timers.once(
        "a",
        "1 seconds",
        Effect.zipRight(note("tick"), Effect.suspend(() => again({ note, timers } as Movement)))
      )
    return scene({ wind: again }, ({ actor, log }) =>
      Effect.gen(function*() {
        yield* actor.Wind()
        for (let second = 0; second < 3; second++) yield* TestClock.adjust("1 seconds")
        expect(log).toEqual(["tick@1000", "tick@2000", "tick@3000"])
      }))
  })

  it.effect("a timer started while the actor is built runs like any other", () =>
    scene({
      build: ({ note, timers }) => timers.once("a", "1 seconds", note("tick")),
      wind: () => Effect.void
    }, ({ actor, log }) =>
      Effect.gen(function*() {
        yield* actor.Wind()
        yield* TestClock.adjust("1 seconds")
        expect(log).toEqual(["tick@1000"])
      })))
})

describe("every", () => {
  it.effect("ticks come at a fixed rate: slow ones do not make the later ones drift", () =>
    scene({
      wind: ({ note, timers }) =>
        timers.every("a", "1 seconds", Effect.zipRight(note("tick"), Effect.sleep("300 millis")))
    }, ({ actor, log }) =>
      Effect.gen(function*() {
        yield* actor.Wind()
        for (let step = 0; step < 50; step++) yield* TestClock.adjust("100 millis")
        expect(log).toEqual([1, 2, 3, 4, 5].map((n) => `tick@${n * 1000}`))
      })))

  it.effect("ticks that come due behind a long handler are one, and the rate goes on", () =>
    scene({
      wind: ({ note, timers }) => timers.every("a", "1 seconds", note("tick"))
    }, ({ actor, gate, log }) =>
      Effect.gen(function*() {
        yield* actor.Wind()
        const blocked = yield* Effect.fork(actor.Block(undefined, { timeout: "1 minutes" }))
        yield* ready
        yield* TestClock.adjust("4500 millis")
        expect(log).toEqual([])
        yield* Deferred.succeed(gate, undefined)
        yield* Fiber.join(blocked)
        yield* ready
        yield* TestClock.adjust("500 millis")
        expect(log).toEqual(["unblocked@4500", "tick@4500", "tick@5000"])
      })))

  it.effect("an interval of no time, or less than a clock can tell, is a crash that says so", () =>
    Effect.forEach([Duration.zero, Duration.nanos(100n)], (interval) =>
      scene({
        wind: ({ note, timers }) => timers.every("a", interval, note("tick"))
      }, ({ actor }) =>
        Effect.gen(function*() {
          const error = yield* Effect.flip(actor.Wind())
          expect(error).toMatchObject({ _tag: "ActorCrashed" })
          expect(error.message).toMatch(/timer a: .* ms, expected/)
        }))))
})

describe("cancelling", () => {
  /** As many moments after it was due at which a tick's timer is cancelled. */
  const races = 20

  it.effect("a cancelled timer does not run, even when its tick waits behind a long handler", () =>
    scene({
      wind: ({ note, timers }) =>
        Effect.gen(function*() {
          yield* timers.once("once", "1 seconds", note("once"))
          yield* timers.every("every", "1 seconds", note("every"))
          yield* timers.once("kept", "1 seconds", note("kept"))
          yield* Effect.sleep("3 seconds")
          yield* timers.cancel("once")
          yield* timers.cancel("every")
          yield* timers.cancel("never was")
        })
    }, ({ actor, log }) =>
      Effect.gen(function*() {
        const wound = yield* Effect.fork(actor.Wind())
        yield* ready
        yield* TestClock.adjust("10 seconds")
        yield* Fiber.join(wound)
        expect(log).toEqual(["kept@3000"])
      })))

  it.effect("a replaced timer's old tick never comes, even when it waits already", () =>
    scene({
      wind: ({ note, timers }) =>
        Effect.gen(function*() {
          yield* timers.once("a", "1 seconds", note("old"))
          yield* Effect.sleep("2 seconds")
          yield* timers.once("a", "1 seconds", note("new"))
        })
    }, ({ actor, log }) =>
      Effect.gen(function*() {
        const wound = yield* Effect.fork(actor.Wind())
        yield* ready
        yield* TestClock.adjust("10 seconds")
        yield* Fiber.join(wound)
        expect(log).toEqual(["new@3000"])
      })))

  it.effect("a tick does not begin after another fiber of the actor cancelled its timer", () =>
    scene({
      wind: ({ context, note, timers }) =>
        Effect.gen(function*() {
          for (let n = 0; n < races; n++) {
            yield* timers.once(
              `t${n}`,
              Duration.millis(1_000 + n),
              note(`tick ${n}`)
            )
            yield* context.pipeToSelf(
              Effect.sleep(Duration.millis(1_000 + n)).pipe(
                Effect.zipRight(Effect.repeatN(Effect.yieldNow(), n)),
                Effect.zipRight(timers.cancel(`t${n}`)),
                Effect.zipRight(note(`cancelled ${n}`))
              ),
              () => Effect.void
            )
          }
        })
    }, ({ actor, log }) =>
      Effect.gen(function*() {
        yield* actor.Wind()
        yield* TestClock.adjust("999 millis")
        for (let n = 0; n < races; n++) yield* TestClock.adjust("1 millis")
        for (let n = 0; n < races; n++) {
          const tick = log.findIndex((line) => line.startsWith(`tick ${n}`))
          const cancelled = log.findIndex((line) => line.startsWith(`cancelled ${n}`))
          expect(cancelled).toBeGreaterThanOrEqual(0)
          expect(tick).toBeLessThan(cancelled)
        }
      })))

  it.effect("with concurrency, a tick that got its place does not begin once it is cancelled", () =>
    scene({
      concurrency: 2,
      wind: ({ note, timers }) => timers.once("a", "1 seconds", note("tick"))
    }, ({ actor, gate, log }) =>
      Effect.gen(function*() {
        yield* actor.Wind()
        yield* Effect.forkAll([actor.Block(), actor.Block()])
        yield* ready
        yield* TestClock.adjust("1 seconds")
        const cancelled = yield* Effect.fork(actor.Cancel())
        yield* ready
        yield* Deferred.succeed(gate, undefined)
        yield* Fiber.join(cancelled)
        yield* TestClock.adjust("1 seconds")
        expect(log).toEqual(["unblocked@1000", "unblocked@1000"])
      })))

  it.effect("cancelAll cancels every timer of the actor", () =>
    scene({
      wind: ({ note, timers }) =>
        Effect.gen(function*() {
          yield* timers.once("a", "1 seconds", note("a"))
          yield* timers.every("b", "1 seconds", note("b"))
          yield* timers.cancelAll
          yield* note(`active ${yield* timers.isActive("a")} ${yield* timers.isActive("b")}`)
        })
    }, ({ actor, log }) =>
      Effect.gen(function*() {
        yield* actor.Wind()
        yield* TestClock.adjust("10 seconds")
        expect(log).toEqual(["active false false@0"])
      })))
})

describe("the end of an incarnation", () => {
  it.effect("a restart cancels the timers, even one whose tick waits already", () =>
    scene({
      wind: ({ context, note, timers }) =>
        Effect.gen(function*() {
          if (context.incarnation > 1) return yield* note("wound again")
          yield* timers.once("once", "1 seconds", note("once"))
          yield* timers.every("every", "1 seconds", note("every"))
          yield* Effect.sleep("2 seconds")
          return yield* Effect.die("broken")
        })
    }, ({ actor, log, system }) =>
      Effect.gen(function*() {
        yield* Effect.fork(Effect.exit(actor.Wind()))
        yield* ready
        yield* TestClock.adjust("2 seconds")
        yield* TestClock.adjust("10 millis")
        yield* actor.Wind()
        yield* TestClock.adjust("10 seconds")
        expect(log).toEqual(["wound again@2010"])
        expect(yield* system.stats).toMatchObject({ crashes: 1, restarts: 1 })
      })))

  it.effect("a stop cancels the timers, and they do not keep a stopped actor alive", () =>
    scene({
      wind: ({ note, timers }) => timers.every("a", "1 seconds", note("tick"))
    }, ({ actor, log, system }) =>
      Effect.gen(function*() {
        yield* actor.Wind()
        yield* system.stop(Clockwork.at("c"))
        yield* TestClock.adjust("10 seconds")
        expect(log).toEqual([])
        expect(yield* system.stats).toMatchObject({ actors: 0, started: 1 })
      })))

  it.effect("a timer that is started by what outlived its incarnation never runs", () => {
    let late: Effect.Effect<void> = Effect.void
    return scene({
      wind: ({ note, timers }) =>
        Effect.sync(() => {
          late = timers.once("late", "1 seconds", note("late"))
        })
    }, ({ actor, log, system }) =>
      Effect.gen(function*() {
        yield* actor.Wind()
        const ofTheFirst = late
        yield* system.stop(Clockwork.at("c"))
        yield* actor.Wind()
        yield* ofTheFirst
        yield* TestClock.adjust("10 seconds")
        expect(log).toEqual([])
      }))
  })
})

describe("turns", () => {
  it.effect("a tick runs between messages, never beside a handler", () =>
    scene({
      wind: ({ note, timers }) =>
        Effect.gen(function*() {
          yield* timers.once("a", "1 seconds", note("tick"))
          yield* note("begin")
          yield* Effect.sleep("2 seconds")
          yield* note("end")
        })
    }, ({ actor, log }) =>
      Effect.gen(function*() {
        yield* Effect.fork(actor.Wind())
        yield* ready
        yield* TestClock.adjust("2 seconds")
        expect(log).toEqual(["begin@0", "end@2000", "tick@2000"])
      })))

  it.effect("a tick waits behind no queue of messages, and keeps no message waiting for ever", () =>
    scene({
      wind: ({ note, timers }) =>
        Effect.zipRight(timers.every("a", "1 millis", note("tick")), note("wound"))
    }, ({ actor, gate, log }) =>
      Effect.gen(function*() {
        yield* actor.Wind()
        yield* Effect.fork(actor.Block())
        yield* ready
        yield* Effect.forkAll(Array.from({ length: 5 }, () => actor.Block()))
        yield* ready
        yield* TestClock.adjust("1 millis")
        yield* Deferred.succeed(gate, undefined)
        yield* ready
        const order = log.map((line) => line.split("@")[0])
        expect(order.indexOf("tick")).toBeGreaterThan(0)
        expect(order.indexOf("tick")).toBeLessThanOrEqual(3)
        expect(order.filter((what) => what === "unblocked")).toHaveLength(6)
      })))

  it.effect("with concurrency, ticks of one timer never overlap, and a stop waits for them", () => {
    let [now, most] = [0, 0]
    const tick = Effect.acquireUseRelease(
      Effect.sync(() => (most = Math.max(most, ++now))),
      () => Effect.sleep("2500 millis"),
      () => Effect.sync(() => now--)
    )
    return scene({
      concurrency: 3,
      wind: ({ timers }) => timers.every("a", "1 seconds", tick)
    }, ({ actor, system }) =>
      Effect.gen(function*() {
        yield* actor.Wind()
        for (let step = 0; step < 7; step++) yield* TestClock.adjust("1 seconds")
        expect(most).toBe(1)
        const stopping = yield* Effect.fork(system.stop(Clockwork.at("c")))
        yield* TestClock.adjust("3 seconds")
        yield* Fiber.join(stopping)
        expect(now).toBe(0)
      }))
  })

  it.scoped("a defect in a tick is a crash of the actor", () =>
    scene({
      wind: ({ timers }) => timers.once("a", "1 seconds", Effect.die(new Error("broken tick")))
    }, ({ actor, system }) =>
      Effect.gen(function*() {
        const events = yield* Effect.provideService(collectEvents, ActorSystem, system)
        yield* actor.Wind()
        yield* TestClock.adjust("1 seconds")
        expect(events[1]).toMatchObject({ _tag: "Crashed", incarnation: 1 })
        expect(JSON.stringify(events[1])).toContain("broken tick")
        yield* TestClock.adjust("10 millis")
        expect(events.at(-1)).toMatchObject({ _tag: "Started", incarnation: 2 })
      })))

  it.effect("one timer more than allowed is a crash that names the limit", () =>
    scene({
      wind: ({ timers }) =>
        Effect.forEach(
          Array.from({ length: timersMax + 1 }, (_, n) => n),
          (n) => timers.once(`t${n}`, "1 hours", Effect.void),
          { discard: true }
        )
    }, ({ actor }) =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(actor.Wind())
        expect(error).toMatchObject({ _tag: "ActorCrashed", tag: "Wind" })
        expect(error.message).toContain(`would exceed timersMax, which is ${timersMax}`)
      })))

  it.effect("replacing a timer at the limit is no crash", () =>
    scene({
      wind: ({ note, timers }) =>
        Effect.zipRight(
          Effect.forEach(
            Array.from({ length: timersMax }, (_, n) => n),
            (n) => timers.once(`t${n}`, "1 hours", Effect.void),
            { discard: true }
          ),
          timers.once("t0", "1 seconds", note("replaced"))
        )
    }, ({ actor, log }) =>
      Effect.gen(function*() {
        yield* actor.Wind()
        yield* TestClock.adjust("1 seconds")
        expect(log).toEqual(["replaced@1000"])
      })))
})

it.scoped("setting the wall clock moves no timer", () =>
  Effect.gen(function*() {
    const virtual = yield* Effect.clock
    let jump = 0
    const jumping: Clock.Clock = {
      ...virtual,
      [Clock.ClockTypeId]: Clock.ClockTypeId,
      sleep: (duration) => virtual.sleep(duration),
      unsafeCurrentTimeNanos: () => virtual.unsafeCurrentTimeNanos(),
      unsafeCurrentTimeMillis: () => virtual.unsafeCurrentTimeMillis() + jump
    }
    const ticks: Array<string> = []
    const Jumpy = Actor.make("Jumpy", [Rpc.make("Wind")])
    const JumpyLive = Jumpy.toLayer(Effect.gen(function*() {
      const { timers } = yield* ActorContext
      const tick = (key: string) => Effect.sync(() => void ticks.push(key))
      return {
        Wind: () =>
          Effect.zipRight(
            timers.once("once", "2 seconds", tick("once")),
            timers.every("every", "1 seconds", tick("every"))
          )
      }
    }))
    const services = yield* Effect.withClock(
      Layer.build(Layer.provideMerge(JumpyLive, ActorSystem.layer)),
      jumping
    )
    yield* Effect.gen(function*() {
      yield* (yield* Jumpy.client)("j").Wind()
      jump = 3_600_000
      yield* TestClock.adjust("1 seconds")
      expect(ticks).toEqual(["every"])
      jump = -3_600_000
      yield* TestClock.adjust("1 seconds")
      expect(ticks.toSorted()).toEqual(["every", "every", "once"])
    }).pipe(Effect.provide(services))
  }))
