import { Rpc } from "@effect/rpc"
import { describe, expect, it } from "@effect/vitest"
import { Actor, ActorAddress, ActorContext, ActorSystem, Supervision } from "@plantd/actors"
import { Deferred, Effect, Fiber, Layer, Schema, TestClock } from "effect"
import { ready, withActors } from "./stage.ts"

const Target = Actor.make("Target", [
  Rpc.make("Hello", { success: Schema.Int }),
  Rpc.make("Break"),
  Rpc.make("Leave", { payload: { as: Schema.Literal("stopped", "passivated", "superseded") } }),
  Rpc.make("Block")
])

const Watcher = Actor.make("Watcher", [
  Rpc.make("Watch", { payload: { id: Schema.String, type: Schema.optional(Schema.String) } }),
  Rpc.make("Unwatch"),
  Rpc.make("WatchYourself", { success: Schema.String }),
  Rpc.make("Block"),
  Rpc.make("UnwatchLate"),
  Rpc.make("BreakLate"),
  Rpc.make("Break")
])

interface Scene {
  readonly supervision?: Supervision.Supervision
  readonly passivateAfter?: "4 seconds"
  readonly build?: Effect.Effect<void>
}

/** A watcher that notes each `Terminated` in `log`, and targets to watch. */
const scene = <A, E>(
  options: Scene,
  body: (of: {
    readonly log: Array<string>
    readonly gate: Deferred.Deferred<void>
    readonly watcher: Actor.Client<RpcsOf<typeof Watcher>>
    readonly target: (id: string) => Actor.Client<RpcsOf<typeof Target>>
    readonly system: ActorSystem["Type"]
  }) => Effect.Effect<A, E>
) =>
  Effect.gen(function*() {
    const log: Array<string> = []
    const gate = yield* Deferred.make<void>()
    const TargetLive = Target.toLayer(
      Effect.gen(function*() {
        const { incarnation, stopAs } = yield* ActorContext
        yield* options.build ?? Effect.void
        return {
          Hello: () => Effect.succeed(incarnation),
          Break: () => Effect.die("broken"),
          Leave: ({ as }) => stopAs(as),
          Block: () => Deferred.await(gate)
        }
      }),
      {
        supervision: options.supervision
          ?? Supervision.restart({ backoff: { min: "10 millis", jitter: 0 } }),
        ...(options.passivateAfter === undefined ? {} : { passivateAfter: options.passivateAfter })
      }
    )
    const WatcherLive = Watcher.toLayer(
      Effect.gen(function*() {
        const { address, incarnation, watch } = yield* ActorContext
        const watches: Array<Effect.Effect<void>> = []
        const unwatch = Effect.suspend(() => watches.pop() ?? Effect.void)
        return {
          Watch: ({ id, type }) =>
            watch({ type: type ?? "Target", id }, (terminated) =>
              Effect.sync(() => {
                const { address, reason } = terminated
                log.push(`${incarnation}: ${ActorAddress.format(address)} ${reason}`)
              })).pipe(
                Effect.orDie,
                Effect.map(({ unwatch }) => void watches.push(unwatch))
              ),
          Unwatch: () => unwatch,
          UnwatchLate: () => Effect.zipRight(Deferred.await(gate), unwatch),
          WatchYourself: () =>
            watch(address, () => Effect.void).pipe(
              Effect.map(() => "watches"),
              Effect.catchAll((error) => Effect.succeed(`${error._tag}: ${error.message}`))
            ),
          Block: () => Deferred.await(gate),
          BreakLate: () => Effect.zipRight(Deferred.await(gate), Effect.die("broken late")),
          Break: () => Effect.die("broken")
        }
      }),
      { supervision: Supervision.restart({ backoff: { min: "10 millis", jitter: 0 } }) }
    )
    return yield* Effect.gen(function*() {
      const system = yield* ActorSystem
      const watcher = (yield* Watcher.client)("w")
      const target = yield* Target.client
      return yield* body({ log, gate, watcher, target, system })
    }).pipe(withActors(TargetLive, WatcherLive))
  })

type RpcsOf<A> = A extends Actor.Actor<infer _Name, infer Rpcs> ? Rpcs : never

describe("exactly one Terminated, with the reason, when the watched actor", () => {
  it.effect("is stopped by the system", () =>
    scene({}, ({ log, system, target, watcher }) =>
      Effect.gen(function*() {
        yield* target("a").Hello()
        yield* watcher.Watch({ id: "a" })
        yield* system.stop(Target.at("a"))
        yield* ready
        expect(log).toEqual(["1: Target/a stopped"])
        yield* target("a").Hello()
        yield* system.stop(Target.at("a"))
        yield* ready
        expect(log).toEqual(["1: Target/a stopped"])
      })))

  it.effect.each(["stopped", "passivated", "superseded"] as const)(
    "ends itself as %s",
    (as) =>
      scene({}, ({ log, target, watcher }) =>
        Effect.gen(function*() {
          yield* target("a").Hello()
          yield* watcher.Watch({ id: "a" })
          yield* target("a").Leave({ as })
          yield* ready
          expect(log).toEqual([`1: Target/a ${as}`])
        }))
  )

  it.effect("crashes and its supervision is stop", () =>
    scene({ supervision: Supervision.stop }, ({ log, target, watcher }) =>
      Effect.gen(function*() {
        yield* target("a").Hello()
        yield* watcher.Watch({ id: "a" })
        yield* Effect.exit(target("a").Break())
        yield* ready
        expect(log).toEqual(["1: Target/a crashed"])
      })))

  it.effect("crashes and escalates without a supervisor", () =>
    scene(
      { supervision: Supervision.escalate },
      ({ log, target, watcher }) =>
        Effect.gen(function*() {
          yield* target("a").Hello()
          yield* watcher.Watch({ id: "a" })
          yield* Effect.exit(target("a").Break())
          yield* ready
          expect(log).toEqual(["1: Target/a crashed"])
        })
    ))

  it.effect("exceeds its restart limit, and not before", () =>
    scene({
      supervision: Supervision.restart({ maxRestarts: 1, backoff: { min: 0, jitter: 0 } })
    }, ({ log, target, watcher }) =>
      Effect.gen(function*() {
        yield* target("a").Hello()
        yield* watcher.Watch({ id: "a" })
        yield* Effect.exit(target("a").Break())
        yield* TestClock.adjust("1 millis")
        expect(yield* target("a").Hello()).toBe(2)
        expect(log).toEqual([])
        yield* Effect.exit(target("a").Break())
        yield* TestClock.adjust("1 millis")
        expect(log).toEqual(["1: Target/a restart-limit"])
      })))

  it.effect("cannot be built", () =>
    scene(
      { build: Effect.die("no parts"), supervision: Supervision.stop },
      ({ log, target, watcher }) =>
        Effect.gen(function*() {
          yield* target("a").Hello(undefined, { discard: true })
          yield* watcher.Watch({ id: "a" })
          yield* ready
          expect(log).toEqual(["1: Target/a crashed"])
        })
    ))

  it.effect("is passivated", () =>
    scene({ passivateAfter: "4 seconds" }, ({ log, target, watcher }) =>
      Effect.gen(function*() {
        yield* target("a").Hello()
        yield* watcher.Watch({ id: "a" })
        yield* TestClock.adjust("6 seconds")
        expect(log).toEqual(["1: Target/a passivated"])
      })))

  it.effect("was dead already: at once, with the reason it stays stopped for", () =>
    scene({ supervision: Supervision.stop }, ({ log, target, watcher }) =>
      Effect.gen(function*() {
        yield* Effect.exit(target("a").Break())
        yield* ready
        yield* watcher.Watch({ id: "a" })
        yield* ready
        expect(log).toEqual(["1: Target/a crashed"])
      })))

  it.effect("never started, or is of a type that nobody registered", () =>
    scene({}, ({ log, system, watcher }) =>
      Effect.gen(function*() {
        yield* watcher.Watch({ id: "nobody" })
        yield* watcher.Watch({ id: "x", type: "Unheard" })
        yield* ready
        expect(log).toEqual(["1: Target/nobody not-running", "1: Unheard/x not-running"])
        expect(yield* system.stats).toMatchObject({ actors: 1 })
      })))

  it.effect("ends while its watcher is busy: it comes in the watcher's own turn", () =>
    scene({}, ({ gate, log, system, target, watcher }) =>
      Effect.gen(function*() {
        yield* target("a").Hello()
        yield* watcher.Watch({ id: "a" })
        const blocked = yield* Effect.fork(watcher.Block())
        yield* ready
        yield* system.stop(Target.at("a"))
        yield* ready
        expect(log).toEqual([])
        yield* Deferred.succeed(gate, undefined)
        yield* Fiber.join(blocked)
        yield* ready
        expect(log).toEqual(["1: Target/a stopped"])
      })))

  it.effect("is watched twice: each watch has its own", () =>
    scene({}, ({ log, system, target, watcher }) =>
      Effect.gen(function*() {
        yield* target("a").Hello()
        yield* watcher.Watch({ id: "a" })
        yield* watcher.Watch({ id: "a" })
        yield* system.stop(Target.at("a"))
        yield* ready
        expect(log).toEqual(["1: Target/a stopped", "1: Target/a stopped"])
      })))

  it.effect("is stopped, and a message that came meanwhile starts it again", () =>
    scene({}, ({ gate, log, system, target, watcher }) =>
      Effect.gen(function*() {
        const blocked = yield* Effect.fork(target("a").Block())
        yield* ready
        yield* watcher.Watch({ id: "a" })
        const stopping = yield* Effect.fork(system.stop(Target.at("a")))
        yield* ready
        const hello = yield* Effect.fork(target("a").Hello())
        yield* ready
        yield* Deferred.succeed(gate, undefined)
        yield* Fiber.join(stopping)
        yield* Fiber.join(blocked)
        expect(yield* Fiber.join(hello)).toBe(1)
        yield* ready
        expect(log).toEqual(["1: Target/a stopped"])
      })))
})

it.effect("a watcher of another type hears of a shutdown of the type it watches", () =>
  Effect.gen(function*() {
    const log: Array<string> = []
    const Short = Actor.make("Short", [Rpc.make("Hello")])
    const Long = Actor.make("Long", [Rpc.make("Watch"), Rpc.make("Hello")])
    const LongLive = Long.toLayer(Effect.gen(function*() {
      const { watch } = yield* ActorContext
      return {
        Hello: () => Effect.void,
        Watch: () =>
          Effect.asVoid(Effect.orDie(
            watch(Short.at("s"), ({ reason }) => Effect.sync(() => void log.push(reason)))
          ))
      }
    }))
    yield* Effect.gen(function*() {
      const long = (yield* Long.client)("l")
      yield* Effect.gen(function*() {
        yield* (yield* Short.client)("s").Hello()
        yield* long.Watch()
      }).pipe(Effect.provide(Short.toLayer({ Hello: () => Effect.void })))
      yield* long.Hello()
      yield* ready
      expect(log).toEqual(["shutdown"])
    }).pipe(withActors(LongLive))
  }))

describe("no Terminated", () => {
  it.effect("for a restart", () =>
    scene({}, ({ log, target, watcher }) =>
      Effect.gen(function*() {
        yield* target("a").Hello()
        yield* watcher.Watch({ id: "a" })
        yield* Effect.exit(target("a").Break())
        yield* TestClock.adjust("10 millis")
        expect(yield* target("a").Hello()).toBe(2)
        expect(log).toEqual([])
      })))

  it.effect("after unwatch, even where it is on its way already", () =>
    scene({}, ({ gate, log, system, target, watcher }) =>
      Effect.gen(function*() {
        yield* target("a").Hello()
        yield* watcher.Watch({ id: "a" })
        const unwatched = yield* Effect.fork(watcher.UnwatchLate())
        yield* ready
        yield* system.stop(Target.at("a"))
        yield* ready
        yield* Deferred.succeed(gate, undefined)
        yield* Fiber.join(unwatched)
        yield* watcher.Unwatch()
        yield* ready
        expect(log).toEqual([])
      })))

  it.effect("to the incarnation that comes after the one that watched", () =>
    scene({}, ({ log, system, target, watcher }) =>
      Effect.gen(function*() {
        yield* target("a").Hello()
        yield* watcher.Watch({ id: "a" })
        yield* Effect.exit(watcher.Break())
        yield* TestClock.adjust("10 millis")
        yield* watcher.Unwatch()
        yield* system.stop(Target.at("a"))
        yield* ready
        expect(log).toEqual([])
      })))

  it.effect("where it is on its way when its watcher crashes", () =>
    scene({}, ({ gate, log, system, target, watcher }) =>
      Effect.gen(function*() {
        yield* target("a").Hello()
        yield* watcher.Watch({ id: "a" })
        yield* Effect.fork(Effect.exit(watcher.BreakLate()))
        yield* ready
        yield* system.stop(Target.at("a"))
        yield* ready
        yield* Deferred.succeed(gate, undefined)
        yield* TestClock.adjust("10 millis")
        yield* watcher.Unwatch()
        expect(log).toEqual([])
        expect(yield* system.stats).toMatchObject({ crashes: 1, restarts: 1 })
      })))
})

it.effect("an actor that watches itself is told that it cannot, and goes on", () =>
  scene({}, ({ system, watcher }) =>
    Effect.gen(function*() {
      expect(yield* watcher.WatchYourself()).toBe(
        "CannotWatchItself: Watcher/w cannot watch itself; use ActorContext.onEnd"
      )
      yield* watcher.Unwatch()
      expect(yield* system.stats).toMatchObject({ crashes: 0 })
    })))

it.effect("a defect of a watch's effect is a crash of the watcher, not of the watched", () => {
  const Nervous = Actor.make("Nervous", [Rpc.make("Watch")])
  const Calm = Actor.make("Calm", [Rpc.make("Hello")])
  const NervousLive = Nervous.toLayer(
    Effect.gen(function*() {
      const { watch } = yield* ActorContext
      return {
        Watch: () => Effect.asVoid(Effect.orDie(watch(Calm.at("c"), () => Effect.die("panic"))))
      }
    }),
    { supervision: Supervision.stop }
  )
  return Effect.gen(function*() {
    const system = yield* ActorSystem
    yield* (yield* Calm.client)("c").Hello()
    yield* (yield* Nervous.client)("n").Watch()
    yield* system.stop(Calm.at("c"))
    expect(yield* system.watch(Nervous.at("n"))).toMatchObject({ reason: "crashed" })
    yield* (yield* Calm.client)("c").Hello()
  }).pipe(withActors(Layer.mergeAll(NervousLive, Calm.toLayer({ Hello: () => Effect.void }))))
})

describe("ActorSystem.watch", () => {
  it.effect("succeeds when the actor has ended, its finalizers included", () => {
    const ended: Array<string> = []
    const Slow = Actor.make("Slow", [Rpc.make("Hello")])
    const SlowLive = Slow.toLayer(Effect.gen(function*() {
      const { onEnd } = yield* ActorContext
      yield* onEnd(() =>
        Effect.zipRight(Effect.sleep("1 seconds"), Effect.sync(() => void ended.push("finalizer")))
      )
      return { Hello: () => Effect.void }
    }))
    return Effect.gen(function*() {
      const system = yield* ActorSystem
      yield* (yield* Slow.client)("s").Hello()
      const watching = yield* Effect.fork(
        Effect.tap(system.watch(Slow.at("s")), () => Effect.sync(() => void ended.push("watch")))
      )
      yield* ready
      yield* Effect.fork(system.stop(Slow.at("s")))
      yield* TestClock.adjust("999 millis")
      expect(ended).toEqual([])
      yield* TestClock.adjust("1 millis")
      expect(yield* Fiber.join(watching)).toEqual({
        _tag: "Terminated",
        address: Slow.at("s"),
        reason: "stopped"
      })
      expect(ended).toEqual(["finalizer", "watch"])
    }).pipe(withActors(SlowLive))
  })

  it.effect("succeeds at once where the actor is not alive", () =>
    scene({}, ({ system }) =>
      Effect.gen(function*() {
        expect(yield* system.watch(Target.at("nobody"))).toMatchObject({ reason: "not-running" })
        expect(yield* system.watch({ type: "Unheard", id: "x" })).toMatchObject({
          reason: "not-running"
        })
      })))

  it.effect("interrupting one leaves the other watches as they are", () =>
    scene({}, ({ system, target }) =>
      Effect.gen(function*() {
        yield* target("a").Hello()
        const first = yield* Effect.fork(system.watch(Target.at("a")))
        const second = yield* Effect.fork(system.watch(Target.at("a")))
        yield* ready
        yield* Fiber.interrupt(first)
        yield* system.stop(Target.at("a"))
        expect(yield* Fiber.join(second)).toMatchObject({ reason: "stopped" })
        expect(yield* Fiber.await(first)).toMatchObject({ _tag: "Failure" })
      })))
})
