import { Rpc } from "@effect/rpc"
import { describe, expect, it } from "@effect/vitest"
import { Actor, ActorContext, ActorSystem, ReceptionistError, Supervision } from "@plantd/actors"
import { Receptionist, type Settings } from "@plantd/actors/Receptionist"
import { Deferred, Effect, Exit, Fiber, Layer, Scope, Stream, TestClock } from "effect"

const Pump = Actor.make("Pump", [
  Rpc.make("Join"),
  Rpc.make("Break"),
  Rpc.make("Leave")
])
const Valve = Actor.make("Valve", [Rpc.make("Join")])

const Pumps = Receptionist.keyOf("pumps", Pump)
const Valves = Receptionist.keyOf("pumps", Valve)

/** Pumps that register themselves as they are built, but for shy ones; slow ones end in 1 s. */
const PumpLive = Pump.toLayer(
  Effect.gen(function*() {
    const { address: { id }, onEnd, stopSelf } = yield* ActorContext
    const linger = Effect.sleep("1 seconds")
    if (id === "slow") yield* onEnd((why) => why === "stopped" ? linger : Effect.void)
    const receptionist = yield* Receptionist
    if (!id.startsWith("shy")) yield* receptionist.register(Pumps, id)
    return { Join: () => Effect.void, Break: () => Effect.die("broken"), Leave: () => stopSelf }
  }),
  { supervision: Supervision.restart({ backoff: { min: "1 seconds", jitter: 0 } }) }
)
const ValveLive = Valve.toLayer({ Join: () => Effect.void })

const plant = (settings: Partial<Settings> = {}) =>
  Layer.mergeAll(PumpLive, ValveLive).pipe(
    Layer.provideMerge(Receptionist.layerWith(settings)),
    Layer.provideMerge(ActorSystem.layer)
  )

/** Lets every fiber that is ready run to where it waits. */
const ready = Effect.repeatN(Effect.yieldNow(), 50)

const ids = Effect.gen(function*() {
  return (yield* (yield* Receptionist).find(Pumps)).map(({ id }) => id)
})

const join = (...ids: ReadonlyArray<string>) =>
  Effect.flatMap(Pump.client, (pump) => Effect.forEach(ids, (id) => pump(id).Join()))

describe("keys", () => {
  it("a name that is no identifier is refused when the key is made", () => {
    expect(() => Receptionist.keyOf("all pumps", Pump)).toThrow(/"all pumps" is not an identifier/)
  })

  it.effect("keys of one name and of different types are different keys", () =>
    Effect.gen(function*() {
      const receptionist = yield* Receptionist
      yield* receptionist.register(Valves, "v-1")
      yield* receptionist.register(Pumps, "p-1")
      expect(yield* receptionist.find(Valves)).toEqual([Valve.at("v-1")])
      expect(yield* receptionist.find(Pumps)).toEqual([Pump.at("p-1")])
    }).pipe(Effect.provide(plant())))
})

describe("registering", () => {
  it.effect("actors are found in the order in which they registered, each once", () =>
    Effect.gen(function*() {
      const receptionist = yield* Receptionist
      expect(yield* ids).toEqual([])
      yield* join("b", "a", "c")
      yield* receptionist.register(Pumps, "b")
      expect(yield* ids).toEqual(["b", "a", "c"])
      expect(yield* receptionist.find(Pumps)).toBe(yield* receptionist.find(Pumps))
    }).pipe(Effect.provide(plant())))

  it.effect("an actor that is not alive is started to be listed", () =>
    Effect.gen(function*() {
      const receptionist = yield* Receptionist
      yield* receptionist.register(Pumps, "shy")
      expect(yield* ids).toEqual(["shy"])
      expect((yield* (yield* ActorSystem).stats).started).toBe(1)
    }).pipe(Effect.provide(plant())))

  it.effect("an actor that cannot be started is not listed, and the error says why", () =>
    Effect.gen(function*() {
      const receptionist = yield* Receptionist
      const Tank = Actor.make("Tank", [])
      const Tanks = Receptionist.keyOf("tanks", Tank)
      expect(yield* Effect.flip(receptionist.register(Tanks, "t"))).toMatchObject({
        _tag: "ActorNotRegistered"
      })
      expect(yield* receptionist.find(Tanks)).toEqual([])
    }).pipe(Effect.provide(plant())))

  it.effect("clients reach those who are listed", () =>
    Effect.gen(function*() {
      yield* join("a", "b")
      const clients = yield* (yield* Receptionist).clients(Pumps)
      yield* Effect.forEach(clients, (client) => client.Leave())
      yield* ready
      expect(yield* ids).toEqual([])
      expect(clients).toHaveLength(2)
    }).pipe(Effect.provide(plant())))
})

describe("leaving", () => {
  it.effect("an actor that ends is listed no more", () =>
    Effect.gen(function*() {
      yield* join("a", "b")
      yield* (yield* ActorSystem).stop(Pump.at("a"))
      yield* ready
      expect(yield* ids).toEqual(["b"])
    }).pipe(Effect.provide(plant())))

  it.effect("a restart keeps the entry and its place", () =>
    Effect.gen(function*() {
      yield* join("a", "b")
      yield* Effect.exit((yield* Pump.client)("a").Break())
      yield* ready
      expect(yield* ids).toEqual(["a", "b"])
      yield* TestClock.adjust("1 seconds")
      yield* join("a")
      expect((yield* (yield* ActorSystem).stats).restarts).toBe(1)
      expect(yield* ids).toEqual(["a", "b"])
      yield* (yield* ActorSystem).stop(Pump.at("a"))
      yield* ready
      expect(yield* ids).toEqual(["b"])
    }).pipe(Effect.provide(plant())))

  it.effect("an actor that goes on as a new activation is listed anew", () =>
    Effect.gen(function*() {
      const slow = (yield* Pump.client)("slow")
      yield* slow.Join()
      yield* slow.Leave()
      yield* ready
      // It comes while the actor closes, so the next activation begins where this one ends.
      const next = yield* Effect.fork(slow.Join())
      yield* TestClock.adjust("1 seconds")
      yield* Fiber.join(next)
      yield* ready
      expect((yield* (yield* ActorSystem).stats).started).toBe(2)
      expect(yield* ids).toEqual(["slow"])
    }).pipe(Effect.provide(plant())))

  it.effect("deregister takes an actor off, and it lives on", () =>
    Effect.gen(function*() {
      const receptionist = yield* Receptionist
      yield* join("a", "b")
      yield* receptionist.deregister(Pumps, "a")
      yield* receptionist.deregister(Pumps, "nobody")
      expect(yield* ids).toEqual(["b"])
      expect((yield* (yield* ActorSystem).stats).actors).toBe(2)
    }).pipe(Effect.provide(plant())))

  it.effect("registerScoped lists an actor for as long as the scope is open", () =>
    Effect.gen(function*() {
      const receptionist = yield* Receptionist
      const scope = yield* Scope.make()
      yield* Scope.extend(receptionist.registerScoped(Pumps, "shy"), scope)
      expect(yield* ids).toEqual(["shy"])
      yield* Scope.close(scope, Exit.void)
      expect(yield* ids).toEqual([])
    }).pipe(Effect.provide(plant())))
})

describe("subscribing", () => {
  it.effect("a stream begins with the listing and goes on with each change", () =>
    Effect.gen(function*() {
      const seen: Array<ReadonlyArray<string>> = []
      yield* join("a")
      const stream = (yield* Receptionist).subscribe(Pumps)
      yield* Effect.forkScoped(
        Stream.runForEach(
          stream,
          (all) => Effect.sync(() => void seen.push(all.map(({ id }) => id)))
        )
      )
      yield* ready
      yield* join("b")
      yield* ready
      yield* (yield* ActorSystem).stop(Pump.at("a"))
      yield* ready
      expect(seen).toEqual([["a"], ["a", "b"], ["b"]])
    }).pipe(Effect.scoped, Effect.provide(plant())))

  it.effect("a slow reader misses listings, and gets the newest", () =>
    Effect.gen(function*() {
      const seen: Array<number> = []
      const gate = yield* Deferred.make<void>()
      const stream = (yield* Receptionist).subscribe(Pumps)
      yield* Effect.forkScoped(
        Stream.runForEach(stream, (all) => {
          seen.push(all.length)
          return Deferred.await(gate)
        })
      )
      yield* ready
      yield* join("a", "b", "c", "d")
      yield* ready
      yield* Deferred.succeed(gate, undefined)
      yield* ready
      expect(seen).toEqual([0, 4])
    }).pipe(Effect.scoped, Effect.provide(plant())))

  it.effect("a stream ends with the receptionist", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(plant(), scope)
      const reader = yield* Effect.provide(
        Effect.flatMap(Receptionist, ({ subscribe }) =>
          Effect.fork(Stream.runCollect(subscribe(Pumps)))),
        context
      )
      yield* ready
      yield* Scope.close(scope, Exit.void)
      expect((yield* Fiber.join(reader)).length).toBeGreaterThan(0)
    }))
})

describe("limits", () => {
  it.effect("beyond actorsPerKeyMax, keysMax and readersPerKeyMax the error names the limit", () =>
    Effect.gen(function*() {
      const receptionist = yield* Receptionist
      yield* receptionist.register(Pumps, "shy-1")
      const actors = yield* Effect.flip(receptionist.register(Pumps, "shy-2"))
      expect(actors).toBeInstanceOf(ReceptionistError.ReceptionistFull)
      expect(actors).toMatchObject({ _tag: "ReceptionistFull", limit: "actorsPerKeyMax", max: 1 })
      expect(actors.message).toContain("Receptionist.layerWith")
      const keys = yield* Effect.flip(receptionist.register(Valves, "v"))
      expect(keys).toMatchObject({ _tag: "ReceptionistFull", limit: "keysMax" })
      const first = yield* Effect.fork(Stream.runDrain(receptionist.subscribe(Pumps)))
      yield* ready
      const readers = yield* Effect.flip(Stream.runDrain(receptionist.subscribe(Pumps)))
      expect(readers).toMatchObject({ _tag: "ReceptionistFull", limit: "readersPerKeyMax" })
      yield* Fiber.interrupt(first)
      yield* Stream.runDrain(Stream.take(receptionist.subscribe(Pumps), 1))
    }).pipe(Effect.provide(plant({ keysMax: 1, actorsPerKeyMax: 1, readersPerKeyMax: 1 }))))

  it.effect("a key that nobody uses any more makes room for another", () =>
    Effect.gen(function*() {
      const receptionist = yield* Receptionist
      yield* receptionist.register(Pumps, "shy")
      yield* receptionist.deregister(Pumps, "shy")
      yield* Stream.runDrain(Stream.take(receptionist.subscribe(Pumps), 1))
      yield* receptionist.register(Valves, "v")
      expect(yield* receptionist.find(Valves)).toHaveLength(1)
    }).pipe(Effect.provide(plant({ keysMax: 1 }))))
})
