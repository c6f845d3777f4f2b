import { Rpc } from "@effect/rpc"
import { describe, expect, it } from "@effect/vitest"
import { Actor, ActorContext, ActorSystem, Supervision } from "@plantd/actors"
import type { ActorError, LifecycleEvent, Mailbox } from "@plantd/actors"
import { Deferred, Effect, Fiber, Layer, Schema, Stream, TestClock } from "effect"

const Worker = Actor.make("Worker", [
  Rpc.make("Do", { payload: { n: Schema.Int } }),
  Rpc.make("Ping", { success: Schema.String }),
  Rpc.make("Block"),
  Rpc.make("Break"),
  Rpc.make("Leave")
])

interface Scene {
  readonly supervision?: Supervision.Supervision
  readonly mailbox?: Partial<Mailbox.Settings>
  readonly shutdownTimeout?: "1 seconds"
  readonly build?: Effect.Effect<void>
}

/** A worker whose `Block` waits for the gate; what it did, and why it ended, stands in `log`. */
const scene = <A, E>(
  options: Scene,
  body: (of: {
    readonly log: Array<string>
    readonly gate: Deferred.Deferred<void>
    /** An ask of `Block`, once its handler has begun. */
    readonly block: Effect.Effect<Fiber.Fiber<void, ActorError.AskError>>
    readonly worker: Actor.Client<RpcsOf<typeof Worker>>
    readonly system: ActorSystem["Type"]
  }) => Effect.Effect<A, E, ActorSystem>
) =>
  Effect.gen(function*() {
    const log: Array<string> = []
    const gate = yield* Deferred.make<void>()
    const begun = yield* Deferred.make<void>()
    const WorkerLive = Worker.toLayer(
      Effect.gen(function*() {
        const context = yield* ActorContext
        yield* options.build ?? Effect.void
        yield* context.onEnd((reason) =>
          Effect.sync(() => void log.push(`${context.incarnation} ended: ${reason}`))
        )
        return {
          Do: ({ n }) => Effect.sync(() => void log.push(`did ${n}`)),
          Ping: () => Effect.succeed(`pong ${context.incarnation}`),
          Block: () => Effect.zipRight(Deferred.succeed(begun, undefined), Deferred.await(gate)),
          Break: () => Effect.die("broken"),
          Leave: () => context.stopSelf
        }
      }),
      options
    )
    return yield* Effect.gen(function*() {
      const system = yield* ActorSystem
      const worker = (yield* Worker.client)("w")
      const block = Effect.zipLeft(Effect.forkDaemon(worker.Block()), Deferred.await(begun))
      return yield* body({ log, gate, block, system, worker })
    }).pipe(Effect.provide(Layer.provideMerge(WorkerLive, ActorSystem.layer)))
  })

type RpcsOf<A> = A extends Actor.Actor<infer _Name, infer Rpcs> ? Rpcs : never

/** Lets every fiber that is ready run to where it waits. */
const ready = Effect.repeatN(Effect.yieldNow(), 50)

const address = { type: "Worker", id: "w" }
const quick = { min: "10 millis", jitter: 0 } as const

describe("stopping", () => {
  it.effect("stop waits for the message at hand; what is queued becomes dead letters", () =>
    scene({}, ({ block, gate, log, system, worker }) =>
      Effect.gen(function*() {
        const blocked = yield* block
        const queued = yield* Effect.fork(Effect.flip(worker.Do({ n: 1 })))
        yield* Effect.yieldNow()
        const stopping = yield* Effect.fork(system.stop(address))
        yield* Effect.yieldNow()
        yield* Deferred.succeed(gate, undefined)
        yield* Fiber.join(stopping)
        yield* Fiber.join(blocked)
        expect(yield* Fiber.join(queued)).toMatchObject({ _tag: "ActorStopped", reason: "stopped" })
        expect(log).toEqual(["1 ended: stopped"])
        expect(yield* system.stats).toMatchObject({ actors: 0, deadLetters: 1 })
      })))

  it.effect.each([
    { where: "in a fiber", how: (stop: Effect.Effect<void>) => stop },
    { where: "where a scope ends by it", how: Effect.uninterruptible }
  ])(
    "a message that outlasts the shutdown timeout is interrupted, $where",
    ({ how }) =>
      scene({ shutdownTimeout: "1 seconds" }, ({ block, log, system }) =>
        Effect.gen(function*() {
          const blocked = yield* block
          const stopping = yield* Effect.fork(how(system.stop(address)))
          yield* TestClock.adjust("1 seconds")
          yield* Fiber.join(stopping)
          expect(yield* Effect.flip(Fiber.join(blocked))).toMatchObject({
            _tag: "ActorCrashed",
            tag: "Block"
          })
          expect(log).toEqual(["1 ended: stopped"])
        }))
  )

  it.effect("a finalizer that never ends holds up a stop no longer than the shutdown timeout", () =>
    Effect.gen(function*() {
      const Stuck = Actor.make("Stuck", [Rpc.make("Hello")])
      const StuckLive = Stuck.toLayer(
        Effect.gen(function*() {
          yield* (yield* ActorContext).onEnd(() => Effect.never)
          return { Hello: () => Effect.void }
        }),
        { shutdownTimeout: "1 seconds" }
      )
      yield* Effect.gen(function*() {
        yield* (yield* Stuck.client)("s").Hello()
        const stop = (yield* ActorSystem).stop({ type: "Stuck", id: "s" })
        const stopping = yield* Effect.fork(stop)
        yield* ready
        yield* TestClock.adjust("1 seconds")
        yield* Fiber.join(stopping)
        expect((yield* (yield* ActorSystem).stats).actors).toBe(0)
      }).pipe(Effect.provide(Layer.provideMerge(StuckLive, ActorSystem.layer)))
    }))

  it.effect("a stopped actor starts anew at its next message", () =>
    scene({}, ({ system, worker }) =>
      Effect.gen(function*() {
        yield* system.stop(address)
        expect(yield* worker.Ping()).toBe("pong 1")
        yield* system.stop(address)
        expect(yield* worker.Ping()).toBe("pong 1")
        expect(yield* system.stats).toEqual({
          actors: 1,
          messages: 2,
          started: 2,
          crashes: 0,
          restarts: 0,
          deadLetters: 0
        })
      })))

  it.effect("an actor can end itself after the message at hand", () =>
    scene({}, ({ log, worker }) =>
      Effect.gen(function*() {
        yield* worker.Leave()
        expect(yield* worker.Ping()).toBe("pong 1")
        expect(log).toEqual(["1 ended: stopped"])
      })))

  it.effect("drain ends all actors, the last started first, and lets no message in any more", () =>
    Effect.gen(function*() {
      const ended: Array<string> = []
      const Member = Actor.make("Member", [Rpc.make("Hello")])
      const MemberLive = Member.toLayer(Effect.gen(function*() {
        const { address, onEnd } = yield* ActorContext
        yield* onEnd(() => Effect.sync(() => void ended.push(address.id)))
        return { Hello: () => Effect.void }
      }))
      yield* Effect.gen(function*() {
        const member = yield* Member.client
        yield* Effect.forEach(["a", "b", "c"], (id) => member(id).Hello())
        yield* (yield* ActorSystem).drain
        expect(ended).toEqual(["c", "b", "a"])
        expect(yield* Effect.flip(member("d").Hello())).toMatchObject({ reason: "shutdown" })
      }).pipe(Effect.provide(Layer.provideMerge(MemberLive, ActorSystem.layer)))
    }))

  it.effect("when the scope closes, messages at hand are interrupted, finalizers run", () => {
    return Effect.gen(function*() {
      const { blocked, log } = yield* scene(
        {},
        ({ block, log }) => Effect.map(block, (blocked) => ({ blocked, log }))
      )
      expect(yield* Effect.flip(Fiber.join(blocked))).toMatchObject({ _tag: "ActorCrashed" })
      expect(log).toEqual(["1 ended: shutdown"])
    })
  })
})

describe("restarting", () => {
  it.effect("a crash builds the handlers anew after the delay; waiting messages are kept", () =>
    scene(
      { supervision: Supervision.restart({ backoff: { min: "1 seconds", jitter: 0 } }) },
      ({ log, system, worker }) =>
        Effect.gen(function*() {
          yield* Effect.exit(worker.Break())
          const ping = yield* Effect.fork(worker.Ping())
          yield* TestClock.adjust("999 millis")
          expect(yield* Fiber.poll(ping)).toMatchObject({ _tag: "None" })
          yield* TestClock.adjust("1 millis")
          expect(yield* Fiber.join(ping)).toBe("pong 2")
          expect(log).toEqual(["1 ended: restarting"])
          expect(yield* system.stats).toMatchObject({ crashes: 1, restarts: 1 })
        })
    ))

  it.effect("beyond its limit an actor stays stopped until it is revived", () =>
    scene(
      { supervision: Supervision.restart({ maxRestarts: 1, backoff: quick }) },
      ({ system, worker }) =>
        Effect.gen(function*() {
          yield* Effect.exit(worker.Break())
          yield* TestClock.adjust("10 millis")
          const waiting = yield* Effect.fork(Effect.flip(worker.Break()))
          const queued = yield* Effect.fork(Effect.flip(worker.Ping()))
          yield* Fiber.join(waiting)
          expect(yield* Fiber.join(queued)).toMatchObject({ reason: "restart-limit" })
          const refused = yield* Effect.flip(worker.Ping())
          expect(refused).toMatchObject({ _tag: "ActorStopped", reason: "restart-limit" })
          expect(refused.message).toContain("ActorSystem.revive")
          expect(yield* Effect.flip(worker.Do({ n: 1 }, { discard: true }))).toMatchObject({
            _tag: "ActorStopped"
          })
          yield* system.revive(address)
          expect(yield* worker.Ping()).toBe("pong 1")
        })
    ))

  it.effect("supervision by stop leaves a crashed actor stopped, by resume lets it go on", () =>
    Effect.gen(function*() {
      yield* scene({ supervision: Supervision.stop }, ({ worker }) =>
        Effect.gen(function*() {
          yield* Effect.exit(worker.Break())
          expect(yield* Effect.flip(worker.Ping())).toMatchObject({ reason: "crashed" })
        }))
      yield* scene({ supervision: Supervision.resume }, ({ worker }) =>
        Effect.gen(function*() {
          yield* Effect.exit(worker.Break())
          expect(yield* worker.Ping()).toBe("pong 1")
        }))
    }))

  it.effect("handlers that cannot be built are a crash like any other", () => {
    let attempts = 0
    const build = Effect.suspend(() => ++attempts < 3 ? Effect.die("not yet") : Effect.void)
    return scene(
      { build, supervision: Supervision.restart({ backoff: quick }) },
      ({ system, worker }) =>
        Effect.gen(function*() {
          const ping = yield* Effect.fork(worker.Ping())
          yield* TestClock.adjust("1 seconds")
          expect(yield* Fiber.join(ping)).toBe("pong 3")
          expect(yield* system.stats).toMatchObject({ started: 1, crashes: 2, restarts: 2 })
        })
    )
  })

  it.effect("an actor that cannot be built has nothing to resume: it stops", () =>
    scene(
      { build: Effect.die("never"), supervision: Supervision.resume },
      ({ worker }) =>
        Effect.gen(function*() {
          expect(yield* Effect.flip(worker.Ping())).toMatchObject({ reason: "crashed" })
        })
    ))

  it.effect("stopping an actor that waits to be restarted ends it at once", () =>
    scene(
      { supervision: Supervision.restart({ backoff: { min: "1 minutes" } }) },
      ({ log, system, worker }) =>
        Effect.gen(function*() {
          yield* Effect.exit(worker.Break())
          yield* Effect.yieldNow()
          const queued = yield* Effect.fork(Effect.flip(worker.Ping()))
          yield* Effect.yieldNow()
          yield* system.stop(address)
          expect(yield* Fiber.join(queued)).toMatchObject({ _tag: "ActorStopped" })
          expect(log).toEqual(["1 ended: restarting"])
        })
    ))
})

describe("overflow", () => {
  const full = (overflow: Mailbox.Overflow) => ({ mailbox: { capacity: 1, overflow } })

  it.effect("with backpressure a tell waits for room, in order", () =>
    scene(full("backpressure"), ({ block, gate, log, worker }) =>
      Effect.gen(function*() {
        yield* block
        yield* worker.Do({ n: 1 }, { discard: true })
        const second = yield* Effect.fork(worker.Do({ n: 2 }, { discard: true }))
        const third = yield* Effect.fork(worker.Do({ n: 3 }))
        yield* Effect.yieldNow()
        expect(yield* Fiber.poll(second)).toMatchObject({ _tag: "None" })
        yield* Deferred.succeed(gate, undefined)
        yield* Fiber.join(second)
        yield* Fiber.join(third)
        expect(log).toEqual(["did 1", "did 2", "did 3"])
      })))

  it.effect("an interrupted tell that waits for room is taken back", () =>
    scene(full("backpressure"), ({ block, gate, log, worker }) =>
      Effect.gen(function*() {
        yield* block
        yield* worker.Do({ n: 1 }, { discard: true })
        const second = yield* Effect.fork(worker.Do({ n: 2 }, { discard: true }))
        yield* Effect.yieldNow()
        yield* Fiber.interrupt(second)
        yield* Deferred.succeed(gate, undefined)
        yield* worker.Ping()
        expect(log).toEqual(["did 1"])
      })))

  it.effect("with reject, ask and tell get MailboxFull", () =>
    scene(full("reject"), ({ block, system, worker }) =>
      Effect.gen(function*() {
        yield* block
        yield* worker.Do({ n: 1 }, { discard: true })
        const error = yield* Effect.flip(worker.Do({ n: 2 }))
        expect(error).toMatchObject({ _tag: "MailboxFull", capacity: 1, tag: "Do" })
        expect(yield* Effect.flip(worker.Do({ n: 3 }, { discard: true }))).toMatchObject({
          _tag: "MailboxFull"
        })
        expect(yield* system.stats).toMatchObject({ deadLetters: 2 })
      })))

  it.effect("with drop-newest an ask gets MailboxFull, and a tell does not notice", () =>
    scene(full("drop-newest"), ({ block, system, worker }) =>
      Effect.gen(function*() {
        yield* block
        yield* worker.Do({ n: 1 }, { discard: true })
        yield* worker.Do({ n: 2 }, { discard: true })
        expect(yield* Effect.flip(worker.Do({ n: 3 }))).toMatchObject({ _tag: "MailboxFull" })
        expect(yield* system.stats).toMatchObject({ deadLetters: 2 })
      })))

  it.effect("with drop-oldest the oldest message gives way, and its asker gets MailboxFull", () =>
    scene(full("drop-oldest"), ({ block, gate, log, worker }) =>
      Effect.gen(function*() {
        yield* block
        const oldest = yield* Effect.fork(Effect.flip(worker.Do({ n: 1 })))
        yield* Effect.yieldNow()
        yield* worker.Do({ n: 2 }, { discard: true })
        expect(yield* Fiber.join(oldest)).toMatchObject({ _tag: "MailboxFull" })
        yield* Deferred.succeed(gate, undefined)
        const ping = yield* Effect.fork(worker.Ping())
        yield* Fiber.join(ping)
        expect(log).toEqual(["did 2"])
      })))
})

describe("events", () => {
  it.effect("tell the whole life of an actor in order, and of its dead letters", () =>
    scene(
      { supervision: Supervision.restart({ maxRestarts: 1, backoff: quick }) },
      ({ system, worker }) =>
        Effect.gen(function*() {
          const seen: Array<LifecycleEvent.LifecycleEvent> = []
          const reader = yield* Effect.fork(
            Stream.runForEach(system.events, (event) => Effect.sync(() => void seen.push(event)))
          )
          yield* ready
          yield* Effect.exit(worker.Break())
          yield* TestClock.adjust("10 millis")
          yield* Effect.exit(worker.Break())
          yield* Effect.exit(worker.Ping())
          yield* ready
          yield* Fiber.interrupt(reader)
          expect(seen.map(({ _tag }) => _tag)).toEqual([
            "Started",
            "Crashed",
            "Restarting",
            "Started",
            "Crashed",
            "DeadLetter",
            "Stopped"
          ])
          expect(seen[3]).toEqual({ _tag: "Started", address, incarnation: 2, at: 10 })
          expect(seen[5]).toEqual({
            _tag: "DeadLetter",
            address,
            tag: "Ping",
            reason: "stopped",
            at: 10
          })
        })
    ))

  it.effect("a reader that is too slow is told how many events it lost", () =>
    Effect.gen(function*() {
      const system = yield* ActorSystem
      const worker = yield* Worker.client
      const first = yield* Deferred.make<void>()
      const gate = yield* Deferred.make<void>()
      const seen: Array<LifecycleEvent.LifecycleEvent> = []
      yield* Effect.fork(
        Stream.runForEach(system.events, (event) =>
          Effect.sync(() => void seen.push(event)).pipe(
            Effect.zipRight(Deferred.succeed(first, undefined)),
            Effect.zipRight(Deferred.await(gate))
          ))
      )
      yield* ready
      yield* Effect.exit(worker("w-0").Ping())
      yield* Deferred.await(first)
      yield* Effect.forEach([1, 2, 3, 4, 5], (n) => Effect.exit(worker(`w-${n}`).Ping()))
      yield* Deferred.succeed(gate, undefined)
      yield* ready
      expect(seen.map(({ _tag }) => _tag)).toEqual([
        "DeadLetter",
        "DeadLetter",
        "DeadLetter",
        "EventsLost"
      ])
      expect(seen[3]).toEqual({ _tag: "EventsLost", count: 3 })
    }).pipe(Effect.provide(ActorSystem.layerWith({ eventsBuffered: 2 }))))
})

describe("start", () => {
  it.effect("starts an actor without a message, and succeeds when it is built", () =>
    scene({ build: Effect.sleep("1 seconds") }, ({ system }) =>
      Effect.gen(function*() {
        const starting = yield* Effect.fork(system.start(address))
        yield* TestClock.adjust("999 millis")
        expect(yield* Fiber.poll(starting)).toMatchObject({ _tag: "None" })
        yield* TestClock.adjust("1 millis")
        yield* Fiber.join(starting)
        yield* system.start(address)
        expect(yield* system.stats).toMatchObject({ actors: 1, started: 1, messages: 0 })
      })))

  it.effect("of an actor that cannot be built, or must stay stopped, fails with the reason", () =>
    scene(
      { build: Effect.die("no parts"), supervision: Supervision.stop },
      ({ system }) =>
        Effect.gen(function*() {
          const failure = { _tag: "ActorStopped", reason: "crashed" }
          expect(yield* Effect.flip(system.start(address))).toMatchObject(failure)
          expect(yield* Effect.flip(system.start(address))).toMatchObject(failure)
          expect(yield* system.stats).toMatchObject({ crashes: 1 })
        })
    ))

  it.effect("waits through restarts until a build succeeds", () => {
    let attempts = 0
    const build = Effect.suspend(() => ++attempts < 3 ? Effect.die("not yet") : Effect.void)
    return scene(
      { build, supervision: Supervision.restart({ backoff: quick }) },
      ({ system }) =>
        Effect.gen(function*() {
          const starting = yield* Effect.fork(system.start(address))
          yield* TestClock.adjust("1 seconds")
          yield* Fiber.join(starting)
          expect(attempts).toBe(3)
        })
    )
  })
})

describe("unknown types", () => {
  it.effect("an ask of a type without a behaviour names it and what is registered", () =>
    Effect.gen(function*() {
      const worker = (yield* Worker.client)("w")
      const error = yield* Effect.flip(worker.Ping())
      expect(error).toMatchObject({ _tag: "ActorNotRegistered", address, registered: [] })
      expect(error.message).toContain("provide the layer made by its toLayer")
      expect(yield* Effect.flip((yield* ActorSystem).start(address))).toEqual(error)
      expect(yield* Effect.flip(worker.Do({ n: 1 }, { discard: true }))).toMatchObject({
        _tag: "ActorNotRegistered"
      })
    }).pipe(Effect.provide(ActorSystem.layer)))

  it.effect("a type that is registered twice fails when the layers are built", () => {
    const layer = Worker.toLayer(Effect.never)
    const again = Worker.toLayer(Effect.never)
    return Effect.gen(function*() {
      const exit = yield* Layer.mergeAll(layer, again).pipe(
        Layer.provide(ActorSystem.layer),
        Layer.launch,
        Effect.exit
      )
      expect(String(exit)).toContain("Worker is registered twice")
    })
  })
})

it.effect("a message that throws where it is sent leaves the system at work", () =>
  scene({}, ({ system, worker }) =>
    Effect.gen(function*() {
      const spoilt = new Proxy({}, {
        get() {
          throw new Error("spoilt")
        }
      })
      expect(() => system.engine.call("Nobody", "n", spoilt as never)).toThrow("spoilt")
      const answered = yield* Effect.fork(worker.Ping())
      yield* ready
      expect(yield* Fiber.poll(answered)).toMatchObject({ value: { value: "pong 1" } })
    })))

it.live("two sides that keep each other busy do not keep timers waiting", () =>
  scene({}, ({ worker }) =>
    Effect.gen(function*() {
      const stopped = yield* Effect.timeoutOption(Effect.forever(worker.Ping()), "20 millis")
      expect(stopped).toMatchObject({ _tag: "None" })
    })))
