import { Rpc } from "@effect/rpc"
import { describe, expect, it } from "@effect/vitest"
import { Actor, ActorSystem, Supervision } from "@plantd/actors"
import {
  Clock,
  Context,
  Deferred,
  Duration,
  Effect,
  Exit,
  Fiber,
  Layer,
  Schema,
  Stream,
  TestClock
} from "effect"

const Counter = Actor.make("Counter", [
  Rpc.make("Increment", { payload: { by: Schema.Int }, success: Schema.Int }),
  Rpc.make("Get", { success: Schema.Int }),
  Rpc.make("Refuse", { error: Schema.String }),
  Rpc.make("Break"),
  Rpc.make("Hang")
])

const CounterLive = Counter.toLayer(
  Effect.sync(() => {
    let count = 0
    return {
      Increment: ({ by }) => Effect.sync(() => (count += by)),
      Get: () => Effect.succeed(count),
      Refuse: () => Effect.fail("no"),
      Break: () => Effect.die(new Error("broken")),
      Hang: () => Effect.never
    }
  }),
  { supervision: Supervision.restart({ backoff: { min: "10 millis", jitter: 0 } }) }
)

const inOneProcess = Layer.provideMerge(CounterLive, ActorSystem.layer)

describe("definition", () => {
  it("a name that is no identifier is refused when the actor is defined", () => {
    expect(() => Actor.make("no spaces", [])).toThrow(/"no spaces" is not an identifier/)
  })

  it("a tag that stands twice is refused when the actor is defined", () => {
    expect(() => Actor.make("Twice", [Rpc.make("A"), Rpc.make("A")])).toThrow(/has A twice/)
  })

  it("a mailbox without room is refused when the behaviour is given", () => {
    expect(() => Counter.toLayer(Effect.never, { mailbox: { capacity: 0 } })).toThrow(
      /mailbox.capacity is 0/
    )
  })

  it("a concurrency below one is refused when the behaviour is given", () => {
    expect(() => Counter.toLayer(Effect.never, { concurrency: 0 })).toThrow(/concurrency is 0/)
  })

  it("a negative shutdown timeout is refused when the behaviour is given", () => {
    expect(() => Counter.toLayer(Effect.never, { shutdownTimeout: -1 })).toThrow(
      new RangeError("Counter.toLayer: shutdownTimeout is -1 ms, expected at least 0")
    )
  })

  it.effect("an empty or endless id is refused where the client is made", () =>
    Effect.gen(function*() {
      const counter = yield* Counter.client
      expect(() => counter("")).toThrow(/0 characters/)
      expect(() => counter("x".repeat(129))).toThrow(/129 characters/)
    }).pipe(Effect.provide(inOneProcess)))
})

describe("ask and tell", () => {
  it.effect("an ask gives the handler's answer, a tell only its effect", () =>
    Effect.gen(function*() {
      const counter = yield* Counter.client
      expect(yield* counter("c-1").Increment({ by: 2 })).toBe(2)
      yield* counter("c-1").Increment({ by: 3 }, { discard: true })
      expect(yield* counter("c-1").Get()).toBe(5)
      expect(yield* counter("c-2").Get()).toBe(0)
    }).pipe(Effect.provide(inOneProcess)))

  it.effect("a typed error is an answer, not a crash", () =>
    Effect.gen(function*() {
      const counter = (yield* Counter.client)("c")
      yield* counter.Increment({ by: 1 })
      expect(yield* Effect.flip(counter.Refuse())).toBe("no")
      expect(yield* counter.Get()).toBe(1)
    }).pipe(Effect.provide(inOneProcess)))

  it.effect("messages of one sender are handled in the order sent, asks and tells alike", () => {
    const Log = Actor.make("Log", [
      Rpc.make("Add", { payload: { n: Schema.Int } }),
      Rpc.make("All", { success: Schema.Array(Schema.Int) })
    ])
    const LogLive = Log.toLayer(Effect.sync(() => {
      const seen: Array<number> = []
      return {
        Add: ({ n }) => Effect.zipRight(Effect.yieldNow(), Effect.sync(() => void seen.push(n))),
        All: () => Effect.sync(() => [...seen])
      }
    }))
    return Effect.gen(function*() {
      const log = (yield* Log.client)("l")
      const numbers = Array.from({ length: 200 }, (_, n) => n)
      yield* Effect.forEach(
        numbers,
        (n) => n % 3 === 0 ? Effect.fork(log.Add({ n })) : log.Add({ n }, { discard: true })
      )
      yield* Effect.yieldNow()
      expect((yield* log.All()).toSorted((a, b) => a - b)).toEqual(numbers)
    }).pipe(Effect.provide(Layer.provideMerge(LogLive, ActorSystem.layer)))
  })

  it.effect("an actor handles one message at a time unless its concurrency says otherwise", () =>
    Effect.gen(function*() {
      expect(yield* mostAtOnce(1)).toBe(1)
      expect(yield* mostAtOnce(3)).toBe(3)
      expect(yield* mostAtOnce("unbounded")).toBe(8)
    }))

  it.effect("the backlog counts what waits, not what is at hand", () =>
    Effect.gen(function*() {
      const { backlog } = yield* ActorSystem
      const counter = (yield* Counter.client)("c")
      expect(yield* backlog(Counter.at("c"))).toBe(0)
      const hanging = yield* Effect.fork(Effect.exit(counter.Hang()))
      yield* Effect.yieldNow()
      yield* Effect.forEach([1, 2, 3], (by) => counter.Increment({ by }, { discard: true }))
      yield* Effect.repeatN(Effect.yieldNow(), 8)
      expect(yield* backlog(Counter.at("c"))).toBe(3)
      yield* Fiber.interrupt(hanging)
      expect(yield* backlog({ type: "Unheard", id: "c" })).toBe(0)
    }).pipe(Effect.provide(inOneProcess)))

  it.effect("a payload field with a default may be left out, and methods may be taken off", () => {
    const Greeter = Actor.make("Greeter", [
      Rpc.make("Greet", {
        payload: {
          name: Schema.String.pipe(
            Schema.propertySignature,
            Schema.withConstructorDefault(() => "world")
          )
        },
        success: Schema.String
      })
    ])
    const GreeterLive = Greeter.toLayer({ Greet: ({ name }) => Effect.succeed(`hello ${name}`) })
    return Effect.gen(function*() {
      const { Greet } = (yield* Greeter.client)("g")
      expect(yield* Greet({})).toBe("hello world")
      expect(yield* Greet({ name: "Ada" })).toBe("hello Ada")
    }).pipe(Effect.provide(Layer.provideMerge(GreeterLive, ActorSystem.layer)))
  })

  it.effect("an Rpc may have any name, those of an object's own methods, too", () => {
    const tags = ["id", "engine", "toString", "constructor", "valueOf"] as const
    const rpcs = tags.map((tag) => Rpc.make(tag, { success: Schema.String }))
    const Named = Actor.make("Named", rpcs)
    const answer = (_: unknown, { tag }: Actor.Message) => Effect.succeed(tag)
    const handlers = Object.fromEntries(tags.map((tag) => [tag, answer]))
    const layer = Named.toLayer(handlers as Record<(typeof tags)[number], typeof answer>)
    return Effect.gen(function*() {
      const named = (yield* Named.client)("n")
      for (const tag of tags) expect(yield* named[tag]()).toBe(tag)
    }).pipe(Effect.provide(Layer.provideMerge(layer, ActorSystem.layer)))
  })

  it.effect("handlers use the services of their layer", () => {
    class Unit extends Context.Tag("test/Unit")<Unit, string>() {}
    const Meter = Actor.make("Meter", [Rpc.make("Unit", { success: Schema.String })])
    const MeterLive = Layer.provide(
      Meter.toLayer({ Unit: () => Unit }),
      Layer.succeed(Unit, "bar")
    )
    return Effect.gen(function*() {
      expect(yield* (yield* Meter.client)("m").Unit()).toBe("bar")
    }).pipe(Effect.provide(Layer.provideMerge(MeterLive, ActorSystem.layer)))
  })
})

describe("deadlines", () => {
  it.effect("an ask whose handler has begun ends at its deadline with an unknown outcome", () =>
    Effect.gen(function*() {
      const counter = (yield* Counter.client)("c")
      const asked = yield* Effect.fork(
        Effect.flip(counter.Hang(undefined, { timeout: "2 seconds" }))
      )
      yield* TestClock.adjust("1999 millis")
      expect(yield* Fiber.poll(asked)).toMatchObject({ _tag: "None" })
      yield* TestClock.adjust("1 millis")
      expect(yield* Fiber.join(asked)).toMatchObject({
        _tag: "AskTimeout",
        outcome: "unknown",
        timeoutMillis: 2000
      })
    }).pipe(Effect.provide(inOneProcess)))

  it.effect("an ask still queued at its deadline was provably not handled, and never will be", () =>
    Effect.gen(function*() {
      const system = yield* ActorSystem
      const counter = (yield* Counter.client)("c")
      yield* Effect.fork(counter.Hang(undefined, { timeout: "1 hour" }))
      const asked = yield* Effect.fork(Effect.flip(counter.Increment({ by: 1 })))
      yield* TestClock.adjust("5 seconds")
      expect(yield* Fiber.join(asked)).toMatchObject({ outcome: "not-handled" })
      expect(yield* system.stats).toMatchObject({ deadLetters: 1 })
    }).pipe(Effect.provide(inOneProcess)))

  it.effect("asks with different deadlines each end at their own", () =>
    Effect.gen(function*() {
      const counter = yield* Counter.client
      const seconds = [7, 3, 9, 1, 5, 8, 2, 6, 4]
      const ended: Array<number> = []
      yield* Effect.forEach(seconds, (timeout) =>
        counter(`c-${timeout}`).Hang(undefined, { timeout: Duration.seconds(timeout) }).pipe(
          Effect.catchTag("AskTimeout", () =>
            Effect.sync(() => void ended.push(timeout))),
          Effect.fork
        ))
      yield* TestClock.adjust("4 seconds")
      expect(ended).toEqual([1, 2, 3, 4])
      yield* TestClock.adjust("5 seconds")
      expect(ended).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9])
    }).pipe(Effect.provide(inOneProcess)))

  it.scopedLive("an ask whose deadline passes while the process computes is never handled", () =>
    Effect.gen(function*() {
      const real = yield* Effect.clock
      let ahead = 0n
      const clock: Clock.Clock = {
        ...real,
        [Clock.ClockTypeId]: Clock.ClockTypeId,
        sleep: (duration) => real.sleep(duration),
        unsafeCurrentTimeMillis: () => real.unsafeCurrentTimeMillis(),
        unsafeCurrentTimeNanos: () => real.unsafeCurrentTimeNanos() + ahead
      }
      const handled: Array<string> = []
      const Clog = Actor.make("Clog", [Rpc.make("Compute"), Rpc.make("Do")])
      const ClogLive = Clog.toLayer({
        Compute: () => Effect.sync(() => void (ahead += 10_000_000_000n)),
        Do: () => Effect.sync(() => void handled.push("do"))
      })
      const services = yield* Effect.withClock(
        Layer.build(Layer.provideMerge(ClogLive, ActorSystem.layer)),
        clock
      )
      const clog = (yield* Effect.provide(Clog.client, services))("c")
      yield* clog.Compute(undefined, { discard: true })
      expect(yield* Effect.flip(clog.Do())).toMatchObject({ outcome: "not-handled" })
      expect(handled).toEqual([])
    }))

  it.effect("an interrupted asker takes its queued message back; a running handler goes on", () =>
    Effect.gen(function*() {
      const gate = yield* Deferred.make<void>()
      const handled: Array<string> = []
      const Slow = Actor.make("Slow", [Rpc.make("Do", { payload: { name: Schema.String } })])
      const SlowLive = Slow.toLayer({
        Do: ({ name }) =>
          Effect.zipRight(Deferred.await(gate), Effect.sync(() => void handled.push(name)))
      })
      yield* Effect.gen(function*() {
        const slow = (yield* Slow.client)("s")
        const first = yield* Effect.fork(slow.Do({ name: "running" }))
        const second = yield* Effect.fork(slow.Do({ name: "queued" }))
        const third = yield* Effect.fork(slow.Do({ name: "kept" }))
        yield* Effect.yieldNow()
        yield* Fiber.interrupt(first)
        yield* Fiber.interrupt(second)
        yield* Deferred.succeed(gate, undefined)
        yield* Fiber.join(third)
        expect(handled).toEqual(["running", "kept"])
      }).pipe(Effect.provide(Layer.provideMerge(SlowLive, ActorSystem.layer)))
    }))

  it.effect("a timeout of zero, of below zero, or of more than a day is a programmer's error", () =>
    Effect.gen(function*() {
      const counter = (yield* Counter.client)("c")
      expect(() => counter.Get(undefined, { timeout: 0 })).toThrow(/timeout of 0 ms/)
      expect(() => counter.Get(undefined, { timeout: "2 days" })).toThrow(/at most a day/)
    }).pipe(Effect.provide(inOneProcess)))
})

describe("crashes", () => {
  it.effect("the asker of the message that crashed learns the cause; later messages are kept", () =>
    Effect.gen(function*() {
      const counter = (yield* Counter.client)("c")
      yield* counter.Increment({ by: 5 })
      const crashed = yield* Effect.fork(Effect.flip(counter.Break()))
      const later = yield* Effect.fork(counter.Get())
      yield* TestClock.adjust("10 millis")
      const error = yield* Fiber.join(crashed)
      expect(error).toMatchObject({ _tag: "ActorCrashed", tag: "Break" })
      expect(error.message).toContain("Counter/c crashed while handling Break: Error: broken")
      expect(yield* Fiber.join(later)).toBe(0)
    }).pipe(Effect.provide(inOneProcess)))

  it.effect("a handler that throws, and one that interrupts itself, are crashes", () => {
    const Bad = Actor.make("Bad", [Rpc.make("Throw"), Rpc.make("Interrupt"), Rpc.make("Ok")])
    const BadLive = Bad.toLayer({
      Throw: () => {
        throw new TypeError("thrown")
      },
      Interrupt: () => Effect.interrupt,
      Ok: () => Effect.void
    }, { supervision: Supervision.resume })
    return Effect.gen(function*() {
      const bad = (yield* Bad.client)("b")
      expect((yield* Effect.flip(bad.Throw())).message).toContain("thrown")
      expect(yield* Effect.flip(bad.Interrupt())).toMatchObject({ _tag: "ActorCrashed" })
      yield* bad.Ok()
    }).pipe(Effect.provide(Layer.provideMerge(BadLive, ActorSystem.layer)))
  })

  it.effect("with concurrency, a crash fails all messages at hand and keeps the queued ones", () =>
    Effect.gen(function*() {
      const Wide = Actor.make("Wide", [Rpc.make("Hang"), Rpc.make("Break"), Rpc.make("Ok")])
      const WideLive = Wide.toLayer(
        { Hang: () => Effect.never, Break: () => Effect.die("broken"), Ok: () => Effect.void },
        { concurrency: 2, supervision: Supervision.restart({ backoff: { min: "1 seconds" } }) }
      )
      yield* Effect.gen(function*() {
        const wide = (yield* Wide.client)("w")
        const hanging = yield* Effect.fork(Effect.flip(wide.Hang()))
        const breaking = yield* Effect.fork(Effect.flip(wide.Break()))
        const queued = yield* Effect.fork(wide.Ok())
        yield* TestClock.adjust("1 seconds")
        expect(yield* Fiber.join(hanging)).toMatchObject({ _tag: "ActorCrashed", tag: "Hang" })
        expect(yield* Fiber.join(breaking)).toMatchObject({ _tag: "ActorCrashed", tag: "Break" })
        yield* Fiber.join(queued)
      }).pipe(Effect.provide(Layer.provideMerge(WideLive, ActorSystem.layer)))
    }))
})

describe("streams", () => {
  const Ticker = Actor.make("Ticker", [
    Rpc.make("Count", { payload: { to: Schema.Int }, success: Schema.Int, stream: true }),
    Rpc.make("Forever", { success: Schema.Int, error: Schema.String, stream: true }),
    Rpc.make("Broken", { success: Schema.Int, stream: true }),
    Rpc.make("Break")
  ])
  const TickerLive = Layer.provideMerge(
    Ticker.toLayer({
      Count: ({ to }) => Stream.range(1, to),
      Forever: () => Stream.concat(Stream.make(1), Stream.never),
      Broken: () => Stream.concat(Stream.make(1), Stream.die("torn")),
      Break: () => Effect.die("broken")
    }),
    ActorSystem.layer
  )

  it.effect("an answer can be a stream, and later messages do not wait for its end", () =>
    Effect.gen(function*() {
      const ticker = (yield* Ticker.client)("t")
      const forever = yield* Effect.fork(Stream.runDrain(ticker.Forever()))
      const counted = yield* Stream.runCollect(ticker.Count({ to: 3 }))
      expect([...counted]).toEqual([1, 2, 3])
      yield* Fiber.interrupt(forever)
    }).pipe(Effect.provide(TickerLive)))

  it.effect("a stream ends with a typed reason when its actor stops, crashes, or it breaks", () =>
    Effect.gen(function*() {
      const system = yield* ActorSystem
      const ticker = (yield* Ticker.client)("t")
      const first = yield* failureOf(ticker.Forever())
      yield* system.stop({ type: "Ticker", id: "t" })
      expect(yield* Fiber.join(first)).toMatchObject({ _tag: "ActorStopped", reason: "stopped" })
      const second = yield* failureOf(ticker.Forever())
      yield* Effect.exit(ticker.Break())
      expect(yield* Fiber.join(second)).toMatchObject({ _tag: "ActorCrashed", tag: "Break" })
      yield* TestClock.adjust("1 seconds")
      const third = yield* Effect.flip(Stream.runDrain(ticker.Broken()))
      expect(third).toMatchObject({ _tag: "ActorCrashed", tag: "Broken" })
    }).pipe(Effect.provide(TickerLive)))
})

/** Runs a stream until its first element has come; the fiber gives what it fails with. */
const failureOf = <A, E>(stream: Stream.Stream<A, E>) =>
  Effect.gen(function*() {
    const flowing = yield* Deferred.make<void>()
    const failure = yield* stream.pipe(
      Stream.runForEach(() => Deferred.succeed(flowing, undefined)),
      Effect.flip,
      Effect.fork
    )
    yield* Deferred.await(flowing)
    return failure
  })

const mostAtOnce = (concurrency: number | "unbounded") =>
  Effect.gen(function*() {
    const gate = yield* Deferred.make<void>()
    let [now, most] = [0, 0]
    const Busy = Actor.make("Busy", [Rpc.make("Work")])
    const BusyLive = Busy.toLayer({
      Work: () =>
        Effect.acquireUseRelease(
          Effect.sync(() => (most = Math.max(most, ++now))),
          () => Deferred.await(gate),
          () => Effect.sync(() => now--)
        )
    }, { concurrency })
    return yield* Effect.gen(function*() {
      const busy = (yield* Busy.client)("b")
      const asked = yield* Effect.forkAll(Array.from({ length: 8 }, () => busy.Work()))
      // Time enough for every handler that may begin.
      yield* Effect.repeatN(Effect.yieldNow(), 64)
      yield* Deferred.succeed(gate, undefined)
      const exit = yield* Fiber.await(asked)
      expect(Exit.isSuccess(exit)).toBe(true)
      return most
    }).pipe(Effect.provide(Layer.provideMerge(BusyLive, ActorSystem.layer)))
  })
