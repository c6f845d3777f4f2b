import { Rpc } from "@effect/rpc"
import { describe, expect, it } from "@effect/vitest"
import { Actor, ActorContext, ActorSystem, Supervision } from "@plantd/actors"
import type { LifecycleEvent } from "@plantd/actors"
import { Context, Effect, Layer, Schema, Stream } from "effect"
import * as fc from "fast-check"
import { SwiftClock } from "./swiftClock.ts"

const targets = ["t0", "t1", "t2"] as const
const watchers = ["w0", "w1"] as const

const step = fc.record({
  what: fc.constantFrom(
    "hello",
    "hello",
    "watch",
    "watch",
    "watch",
    "unwatch",
    "break",
    "leave",
    "stop",
    "long",
    "wait",
    "breakWatcher",
    "longWatcher",
    "stopWatcher",
    "revive"
  ),
  target: fc.constantFrom(...targets),
  watcher: fc.constantFrom(...watchers),
  which: fc.nat(20),
  yields: fc.nat(6)
})
const plan = fc.array(step, { maxLength: 40, size: "max" })
type Plan = typeof plan extends fc.Arbitrary<infer T> ? T : never

const Target = Actor.make("Target", [
  Rpc.make("Hello"),
  Rpc.make("Break"),
  Rpc.make("Leave"),
  Rpc.make("Long")
])
const Watcher = Actor.make("Watcher", [
  Rpc.make("Watch", { payload: { target: Schema.String } }),
  Rpc.make("Unwatch", { payload: { which: Schema.Int } }),
  Rpc.make("Break"),
  Rpc.make("Long")
])

/** One watch, and what came of it. */
interface Seen {
  told: number
  /** How often it was told when its `unwatch` had ended. */
  toldAtEnd: number | undefined
  /** Its watcher's incarnation has ended, by crash or stop. */
  over: boolean
}

const run = (plan: Plan) =>
  Effect.gen(function*() {
    const clock = new SwiftClock()
    const all: Array<Seen> = []
    const supervision = Supervision.restart({
      maxRestarts: 2,
      within: "1 seconds",
      backoff: { min: "3 millis", jitter: 0 }
    })
    const TargetLive = Target.toLayer(
      Effect.gen(function*() {
        const { stopSelf } = yield* ActorContext
        return {
          Hello: () => Effect.void,
          Break: () => Effect.die("broken"),
          Leave: () => stopSelf,
          Long: () => Effect.sleep("5 millis")
        }
      }),
      { supervision, passivateAfter: "400 millis" }
    )
    const WatcherLive = Watcher.toLayer(
      Effect.gen(function*() {
        const { onEnd, watch } = yield* ActorContext
        const mine: Array<{ readonly seen: Seen; readonly unwatch: Effect.Effect<void> }> = []
        yield* onEnd(() =>
          Effect.sync(() => {
            for (const { seen } of mine) {
              seen.over = true
              seen.toldAtEnd ??= seen.told
            }
          })
        )
        return {
          Watch: ({ target }) => {
            const seen: Seen = { told: 0, toldAtEnd: undefined, over: false }
            all.push(seen)
            return watch(Target.at(target), () => Effect.sync(() => void seen.told++)).pipe(
              Effect.orDie,
              Effect.map(({ unwatch }) => void mine.push({ seen, unwatch }))
            )
          },
          Unwatch: ({ which }) => {
            const one = mine[which % Math.max(1, mine.length)]
            if (one === undefined) return Effect.void
            // Later, the news may be on its way already.
            const late = which % 2 === 0 ? Effect.sleep("5 millis") : Effect.void
            return Effect.map(Effect.zipRight(late, one.unwatch), () => {
              one.seen.over = true
              one.seen.toldAtEnd ??= one.seen.told
            })
          },
          Break: () => Effect.die("broken"),
          Long: () => Effect.sleep("5 millis")
        }
      }),
      { supervision }
    )
    const services = yield* Effect.withClock(
      Layer.build(
        Layer.provideMerge(
          Layer.merge(TargetLive, WatcherLive),
          ActorSystem.layerWith({ linesLogged: 0 })
        )
      ),
      clock
    )
    const system = Context.get(services, ActorSystem)
    const target = yield* Effect.provide(Target.client, services)
    const watcher = yield* Effect.provide(Watcher.client, services)
    /** Watches from outside: each fiber ends once, by the end of its target. */
    let [begun, ended] = [0, 0]
    const tell = { discard: true } as const
    const act = (step: Plan[number]): Effect.Effect<unknown, unknown> => {
      switch (step.what) {
        case "hello":
          return target(step.target).Hello(undefined, tell)
        case "break":
          return target(step.target).Break(undefined, tell)
        case "leave":
          return target(step.target).Leave(undefined, tell)
        case "long":
          return target(step.target).Long(undefined, tell)
        case "watch": {
          begun++
          const outside = Effect.map(system.watch(Target.at(step.target)), () => void ended++)
          return Effect.zipRight(
            Effect.forkDaemon(outside),
            watcher(step.watcher).Watch({ target: step.target }, tell)
          )
        }
        case "unwatch":
          return watcher(step.watcher).Unwatch({ which: step.which }, tell)
        case "breakWatcher":
          return watcher(step.watcher).Break(undefined, tell)
        case "longWatcher":
          return watcher(step.watcher).Long(undefined, tell)
        case "stop":
          return Effect.forkDaemon(system.stop(Target.at(step.target)))
        case "stopWatcher":
          return Effect.forkDaemon(system.stop(Watcher.at(step.watcher)))
        case "revive":
          return Effect.zipRight(
            system.revive(Target.at(step.target)),
            system.revive(Watcher.at(step.watcher))
          )
        default:
          return clock.advance(1 + step.which)
      }
    }
    for (const step of plan) {
      yield* Effect.exit(act(step))
      yield* Effect.repeatN(Effect.yieldNow(), step.yields)
    }
    yield* clock.advance(1_500)
    // Those that are alive still have not been told; now all come to their end.
    for (const id of targets) yield* Effect.forkDaemon(system.stop(Target.at(id)))
    yield* clock.advance(1_500)
    // As it is now: the closing of the system is no part of it.
    return { all: all.map((seen) => ({ ...seen })), begun, ended }
  }).pipe(Effect.scoped)

describe("whatever happens to watchers and to whom they watch", () => {
  it.live.prop(
    "each watch is told exactly once; none after its end",
    [plan],
    ([plan]) =>
      Effect.map(run(plan), ({ all }) => {
        const wrong = all.filter(({ over, told, toldAtEnd }) =>
          over ? told > 1 || told !== toldAtEnd : told !== 1
        )
        expect(wrong).toEqual([])
      }),
    { fastCheck: { numRuns: 150 } }
  )

  it.live.prop(
    "each watch from outside of all actors ends exactly once",
    [plan],
    ([plan]) =>
      Effect.map(run(plan), ({ begun, ended }) => {
        expect(ended).toBe(begun)
      }),
    { fastCheck: { numRuns: 100 } }
  )

  it.live("the programs come to all that they are about", () =>
    Effect.gen(function*() {
      let [told, over, both] = [0, 0, 0]
      for (const sample of fc.sample(plan, { numRuns: 60, seed: 2 })) {
        const { all } = yield* run(sample)
        told += all.filter((seen) => seen.told === 1 && !seen.over).length
        over += all.filter((seen) => seen.told === 0 && seen.over).length
        both += all.filter((seen) => seen.told === 1 && seen.over).length
      }
      expect(Math.min(told, over, both)).toBeGreaterThan(10)
    }))
})

describe("drain", () => {
  const life = fc.array(
    fc.record({
      id: fc.constantFrom("a", "b", "c", "d", "e"),
      what: fc.constantFrom("hello", "hello", "hello", "stop", "break", "leave", "long", "wait"),
      yields: fc.nat(4)
    }),
    { maxLength: 30, size: "max" }
  )

  it.live.prop("stops actors in the reverse of the order in which they were started", [life], ([
    life
  ]) =>
    Effect.gen(function*() {
      const clock = new SwiftClock()
      const TargetLive = Target.toLayer(
        Effect.gen(function*() {
          const { stopSelf } = yield* ActorContext
          return {
            Hello: () => Effect.void,
            Break: () => Effect.die("broken"),
            Leave: () => stopSelf,
            Long: () => Effect.sleep("5 millis")
          }
        }),
        { supervision: Supervision.restart({ backoff: { min: "3 millis", jitter: 0 } }) }
      )
      const services = yield* Effect.withClock(
        Layer.build(
          Layer.provideMerge(TargetLive, ActorSystem.layerWith({ linesLogged: 0 }))
        ),
        clock
      )
      const system = Context.get(services, ActorSystem)
      const target = yield* Effect.provide(Target.client, services)
      const events: Array<LifecycleEvent.LifecycleEvent> = []
      yield* Effect.forkScoped(
        Stream.runForEach(system.events, (event) => Effect.sync(() => void events.push(event)))
      )
      yield* clock.advance(0)
      const tell = { discard: true } as const
      for (const { id, what, yields } of life) {
        const one = target(id)
        if (what === "hello") yield* Effect.exit(one.Hello(undefined, tell))
        if (what === "break") yield* Effect.exit(one.Break(undefined, tell))
        if (what === "leave") yield* Effect.exit(one.Leave(undefined, tell))
        if (what === "long") yield* Effect.exit(one.Long(undefined, tell))
        if (what === "stop") yield* Effect.forkDaemon(system.stop(Target.at(id)))
        if (what === "wait") yield* clock.advance(2)
        yield* Effect.repeatN(Effect.yieldNow(), yields)
      }
      yield* clock.advance(1_000)
      const started: Array<string> = []
      for (const event of events) {
        if (event._tag === "Started" && event.incarnation === 1) started.push(event.address.id)
        if (event._tag === "Stopped") started.splice(started.lastIndexOf(event.address.id), 1)
      }
      const before = events.length
      yield* Effect.forkDaemon(system.drain)
      yield* clock.advance(10_000)
      const stopped = events.slice(before).flatMap((event) =>
        event._tag === "Stopped" ? [event.address.id] : []
      )
      expect(stopped).toEqual(started.toReversed())
    }).pipe(Effect.scoped), { fastCheck: { numRuns: 150 } })
})
