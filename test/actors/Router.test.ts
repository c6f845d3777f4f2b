import { Rpc } from "@effect/rpc"
import { describe, expect, it } from "@effect/vitest"
import { Actor, ActorContext, ActorSystem, RouterError } from "@plantd/actors"
import { Receptionist } from "@plantd/actors/Receptionist"
import * as Router from "@plantd/actors/Router"
import { Effect, Fiber, Layer, Schema, Stream } from "effect"

const Pump = Actor.make("Pump", [
  Rpc.make("Who", { success: Schema.String }),
  Rpc.make("Serve", { payload: { tank: Schema.String }, success: Schema.String }),
  Rpc.make("Levels", { success: Schema.String, stream: true }),
  Rpc.make("Refuse", { error: Schema.String }),
  Rpc.make("Block"),
  Rpc.make("Count", { success: Schema.Number })
])

const Pumps = Receptionist.keyOf("pumps", Pump)

const PumpLive = Pump.toLayer(Effect.gen(function*() {
  const { address: { id } } = yield* ActorContext
  let served = 0
  return {
    Who: () => Effect.sync(() => (served++, id)),
    Serve: ({ tank }) => Effect.sync(() => (served++, `${id} serves ${tank}`)),
    Levels: () => Stream.make(`${id}: 1`, `${id}: 2`),
    Refuse: () => Effect.fail(`${id} refuses`),
    Block: () => Effect.never,
    Count: () => Effect.sync(() => served)
  }
}))

const plant = PumpLive.pipe(
  Layer.provideMerge(Receptionist.layer),
  Layer.provideMerge(ActorSystem.layer)
)

const routees = ["a", "b", "c"]

/** Lets every fiber that is ready run to where it waits. */
const ready = Effect.repeatN(Effect.yieldNow(), 50)

describe("a router", () => {
  it.effect("asks, tells and streams as a client does, and passes typed errors on", () =>
    Effect.gen(function*() {
      const router = yield* Router.make(Pump, { routees, strategy: Router.roundRobin })
      expect(yield* router.Serve({ tank: "t" })).toBe("a serves t")
      yield* router.Serve({ tank: "t" }, { discard: true })
      expect(yield* (yield* Pump.client)("b").Count()).toBe(1)
      expect(yield* Effect.flip(router.Refuse())).toBe("c refuses")
      expect([...yield* Stream.runCollect(router.Levels())]).toEqual(["a: 1", "a: 2"])
    }).pipe(Effect.provide(plant)))

  it.effect("without routees fails each message with NoRoutee, which names it", () =>
    Effect.gen(function*() {
      const none = yield* Router.make(Pump, { routees: [], strategy: Router.leastMailbox })
      const error = yield* Effect.flip(none.Serve({ tank: "t" }))
      expect(error).toBeInstanceOf(RouterError.NoRoutee)
      expect(error).toMatchObject({ _tag: "NoRoutee", among: "Pump", tag: "Serve" })
      const listed = yield* Router.listed(Pumps, { strategy: Router.roundRobin })
      const told = yield* Effect.flip(listed.Who(undefined, { discard: true }))
      expect(told.message).toContain("no Pump under the key pumps, so Who was not sent")
      expect(yield* Effect.flip(Stream.runDrain(listed.Levels()))).toMatchObject({
        _tag: "NoRoutee"
      })
    }).pipe(Effect.provide(plant)))

  it("that is given an actor twice, or too many, is refused", () => {
    const strategy = Router.roundRobin
    expect(() => Router.make(Pump, { routees: ["a", "a"], strategy })).toThrow(/stands there twice/)
    const many = Array.from({ length: Router.routeesMax + 1 }, (_, n) => `${n}`)
    expect(() => Router.make(Pump, { routees: many, strategy })).toThrow(/at most 4096/)
  })

  it.effect("follows the listing of a key: who registers is sent to, who ends is not", () =>
    Effect.gen(function*() {
      const receptionist = yield* Receptionist
      const router = yield* Router.listed(Pumps, { strategy: Router.roundRobin })
      const four = Effect.map(
        Effect.all([1, 2, 3, 4].map(() => router.Who())),
        (all) => all.toSorted().join("")
      )
      yield* receptionist.register(Pumps, "a")
      expect(yield* four).toBe("aaaa")
      yield* receptionist.register(Pumps, "b")
      expect(yield* four).toBe("aabb")
      yield* (yield* ActorSystem).stop(Pump.at("a"))
      yield* ready
      expect(yield* four).toBe("bbbb")
    }).pipe(Effect.provide(plant)))
})

describe("round robin", () => {
  it.effect("takes the routees in their order, again and again", () =>
    Effect.gen(function*() {
      const router = yield* Router.make(Pump, { routees, strategy: Router.roundRobin })
      const seen = yield* Effect.all(Array.from({ length: 7 }, () => router.Who()))
      expect(seen.join("")).toBe("abcabca")
    }).pipe(Effect.provide(plant)))

  it.effect("chooses when a message is sent, not when its effect is made", () =>
    Effect.gen(function*() {
      const router = yield* Router.make(Pump, { routees, strategy: Router.roundRobin })
      const who = router.Who()
      expect([yield* who, yield* who, yield* who]).toEqual(["a", "b", "c"])
    }).pipe(Effect.provide(plant)))
})

describe("least mailbox", () => {
  it.effect("sends to the routee with the fewest messages waiting", () =>
    Effect.gen(function*() {
      const pump = yield* Pump.client
      const router = yield* Router.make(Pump, { routees, strategy: Router.leastMailbox })
      const blocked = yield* Effect.forEach(["a", "a", "a", "b", "b"], (id) =>
        Effect.fork(pump(id).Block()))
      yield* ready
      expect([yield* router.Who(), yield* router.Who(), yield* router.Who()]).toEqual(
        ["c", "c", "c"]
      )
      yield* Fiber.interruptAll(blocked)
    }).pipe(Effect.provide(plant)))

  it.effect("takes turns among equals", () =>
    Effect.gen(function*() {
      const router = yield* Router.make(Pump, { routees, strategy: Router.leastMailbox })
      const seen = yield* Effect.all(Array.from({ length: 6 }, () => router.Who()))
      expect(seen.toSorted().join("")).toBe("aabbcc")
    }).pipe(Effect.provide(plant)))

  it.effect("spreads messages that are sent before any is handled", () =>
    Effect.gen(function*() {
      const router = yield* Router.make(Pump, { routees, strategy: Router.leastMailbox })
      const seen = yield* Effect.all(Array.from({ length: 30 }, () => router.Who()), {
        concurrency: "unbounded"
      })
      for (const id of routees) expect(seen.filter((one) => one === id)).toHaveLength(10)
    }).pipe(Effect.provide(plant)))
})

describe("consistent hash", () => {
  const byTank = Router.consistentHash<RpcsOf<typeof Pump>>((message) =>
    message.tag === "Serve" ? message.payload.tank : message.tag
  )

  it.effect("sends the same key to the same routee, and different keys to all of them", () =>
    Effect.gen(function*() {
      const router = yield* Router.make(Pump, { routees, strategy: byTank })
      const tanks = Array.from({ length: 30 }, (_, n) => `tank-${n}`)
      const serve = Effect.forEach(tanks, (tank) => router.Serve({ tank }))
      const first = yield* serve
      expect(yield* serve).toEqual(first)
      expect(new Set(first.map((answer) => answer[0])).size).toBe(3)
    }).pipe(Effect.provide(plant)))

  it.effect("a routee that leaves moves its own keys alone", () =>
    Effect.gen(function*() {
      const receptionist = yield* Receptionist
      const router = yield* Router.listed(Pumps, {
        strategy: Router.consistentHash(({ payload }) => String(payload?.tank))
      })
      yield* Effect.forEach(routees, (id) => receptionist.register(Pumps, id))
      const tanks = Array.from({ length: 30 }, (_, n) => `tank-${n}`)
      const serve = Effect.forEach(tanks, (tank) => router.Serve({ tank }))
      const before = yield* serve
      yield* receptionist.deregister(Pumps, "b")
      const after = yield* serve
      expect(after.filter((answer) => answer.startsWith("b"))).toEqual([])
      const kept = before.filter((answer) => !answer.startsWith("b"))
      expect(after).toEqual(expect.arrayContaining(kept))
    }).pipe(Effect.provide(plant)))
})

type RpcsOf<A> = A extends Actor.Actor<infer _Name, infer Rpcs> ? Rpcs : never
