/** Any actor can be a parent: `Supervisor.supervise`. */
import * as Rpc from "@effect/rpc/Rpc"
import { describe, expect, it } from "@effect/vitest"
import { Actor, ActorContext, Supervision } from "@plantd/actors"
import * as Supervisor from "@plantd/actors/Supervisor"
import type { StartError } from "@plantd/actors/SupervisorError"
import { Deferred, Effect, Fiber, FiberId } from "effect"
import { on, pass, pump, quick, ready, Site, stop, take, to } from "./pumps.ts"

const Boss = Actor.make("Boss", [Rpc.make("Fail"), Rpc.make("Hire"), Rpc.make("Ping")])
const boss = Effect.map(Boss.client, (client) => client("b"))

/** A parent of these pumps; in its next incarnations of the others. */
const parentOf = (
  first: ReadonlyArray<Supervisor.Child>,
  next = first,
  hired: Deferred.Deferred<void, StartError> = Deferred.unsafeMake(FiberId.none)
) =>
  Boss.toLayer(
    Effect.gen(function*() {
      const { incarnation } = yield* ActorContext
      const children = yield* Supervisor.supervise({ children: incarnation === 1 ? first : next })
      const hire = Effect.intoDeferred(children.start(pump("d")), hired)
      return {
        Fail: () => Effect.die("the boss broke"),
        Hire: () => Effect.forkDaemon(hire),
        Ping: () => Effect.void
      }
    }),
    { supervision: quick, shutdownTimeout: "1 seconds" }
  )

const fail = Effect.zipRight(Effect.flip(Effect.flatMap(boss, (boss) => boss.Fail())), ready)
const ping = Effect.flatMap(boss, (boss) => boss.Ping())

describe("children of any actor", () => {
  it.effect("live as long as its incarnation, and keep their mailboxes", () =>
    Effect.gen(function*() {
      yield* (yield* boss).Hire()
      yield* ready
      expect(yield* take).toEqual(["+a", "+b", "+d"])
      yield* fail
      const count = yield* Effect.fork(Effect.flatMap(to("a"), (a) => a.Count()))
      expect(yield* take).toEqual(["-d supervisor", "-b restarting", "-a restarting"])
      yield* pass("100 millis")
      expect(yield* take).toEqual(["+a", "+b"])
      expect(yield* Fiber.join(count)).toBe(1)
    }).pipe(on(parentOf([pump("a"), pump("b")]))))

  it.effect("do not wait for ever where it is stopped before it is built anew", () =>
    Effect.gen(function*() {
      yield* ping
      yield* fail
      const count = yield* Effect.fork(Effect.flip(Effect.flatMap(to("a"), (a) => a.Count())))
      yield* ready
      yield* stop(Boss, "b")
      expect(yield* Fiber.join(count)).toMatchObject({ reason: "supervisor" })
    }).pipe(on(parentOf([pump("a")]))))

  it.effect("are stopped where the next incarnation does without them", () =>
    Effect.gen(function*() {
      yield* ping
      yield* fail
      const count = yield* Effect.fork(Effect.flip(Effect.flatMap(to("b"), (b) => b.Count())))
      yield* pass("100 millis")
      expect(yield* take).toEqual(["+a", "+b", "-b restarting", "-a restarting", "+a"])
      expect(yield* Fiber.join(count)).toMatchObject({ reason: "supervisor" })
    }).pipe(on(parentOf([pump("a"), pump("b")], [pump("a")]))))

  it.effect("that end later than it waits for are awaited by its next incarnation", () =>
    Effect.gen(function*() {
      yield* ping
      yield* Effect.fork(Effect.flatMap(to("a"), (a) => a.Block(undefined, { timeout: "1 hours" })))
      yield* Deferred.await((yield* Site).blocked)
      yield* fail
      yield* pass("1 seconds")
      yield* pass("1 seconds")
      expect(yield* take).toEqual(["+a"])
      yield* pass("5 seconds")
      expect(yield* take).toEqual(["-a restarting", "+a"])
    }).pipe(on(parentOf([pump("a", { shutdown: "5 seconds" })]))))

  it.effect("tell those who wait for them that it ended", () =>
    Effect.gen(function*() {
      const hired = yield* Deferred.make<void, StartError>()
      yield* Effect.gen(function*() {
        yield* ping
        yield* Effect.flatMap(to("d"), (d) => d.Leave())
        yield* ready
        const { failing } = yield* Site
        failing.set("d", 1)
        yield* (yield* boss).Hire()
        yield* ready
        yield* fail
        expect(yield* Effect.flip(Deferred.await(hired))).toMatchObject({
          _tag: "ChildNotStarted",
          reason: "supervisor"
        })
      }).pipe(on(parentOf([pump("d", { restart: "transient" })], undefined, hired)))
    }))
})

it.effect("an actor becomes a parent once in a build", () =>
  Effect.gen(function*() {
    const Twice = Actor.make("Twice", [Rpc.make("Ping")])
    const TwiceLive = Twice.toLayer(
      Effect.gen(function*() {
        yield* Supervisor.supervise({ children: [pump("a")] })
        yield* Supervisor.supervise({ children: [pump("b")] })
        return { Ping: () => Effect.void }
      }),
      { supervision: Supervision.stop }
    )
    const events: Array<string> = []
    yield* Effect.gen(function*() {
      const ping = yield* Effect.fork(Effect.flip((yield* Twice.client)("b").Ping()))
      yield* pass("1 millis")
      expect(yield* Fiber.join(ping)).toMatchObject({ _tag: "ActorStopped", reason: "crashed" })
      events.push(...(yield* take))
    }).pipe(on(TwiceLive))
    expect(events).toEqual(["+a", "-a supervisor"])
  }))
