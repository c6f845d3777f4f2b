import { Rpc } from "@effect/rpc"
import { describe, expect, it } from "@effect/vitest"
import { Actor, ActorContext, ActorSystem, Supervision } from "@plantd/actors"
import * as StateMachine from "@plantd/actors/StateMachine"
import { Chunk, Context, Effect, Fiber, Layer, Option, Schema, Stream, TestClock } from "effect"
import { address, common, Light, lights, oneLight, quick, told, walk } from "./light.ts"

const { goto, stay } = StateMachine

describe("the end", () => {
  const ending = (ended: Array<string>, terminating: Effect.Effect<void> = Effect.void) =>
    StateMachine.make(Light, lights, {
      states: { Red: {}, Green: {}, Amber: { entry: () => Effect.die("no bulb") } },
      common: { ...common, Walk: walk },
      terminate: (reason, { state }) =>
        Effect.zipRight(Effect.sync(() => void ended.push(`${reason} at ${state}`)), terminating)
    })

  it.effect("terminate runs once at each end of an incarnation, with its reason and state", () => {
    const ended: Array<string> = []
    const layer = Light.toLayer(StateMachine.build(ending(ended)), { supervision: quick })
    return oneLight(layer, (light, system) =>
      Effect.gen(function*() {
        yield* light.Go({ to: "Green" })
        yield* Effect.flip(light.Break())
        yield* TestClock.adjust("1 second")
        expect(ended).toEqual(["restarting at Green"])
        expect(yield* light.Walk({ who: "ann" })).toBe("ann at Red")
        yield* Effect.flip(light.Go({ to: "Amber" }))
        yield* TestClock.adjust("1 second")
        yield* light.Go({ to: "Green" })
        yield* system.stop(address)
        expect(ended).toEqual(["restarting at Green", "restarting at Amber", "stopped at Green"])
      }))
  })

  it.effect("terminate runs where the machine crashed while it entered its first state", () => {
    const ended: Array<string> = []
    const Lights = StateMachine.make(Light, lights, {
      states: { Red: { entry: () => Effect.die("no power") }, Green: {}, Amber: {} },
      common: { ...common, Walk: walk },
      terminate: (reason) => Effect.sync(() => void ended.push(reason))
    })
    const layer = Light.toLayer(StateMachine.build(Lights), { supervision: Supervision.stop })
    return oneLight(layer, (light) =>
      Effect.gen(function*() {
        expect(yield* Effect.flip(light.Keep())).toMatchObject({ _tag: "ActorStopped" })
        expect(ended).toEqual(["crashed"])
      }))
  })

  it.effect("terminate has the time that the actor has to stop, and no more", () => {
    const ended: Array<string> = []
    const layer = Light.toLayer(StateMachine.build(ending(ended, Effect.never)), {
      shutdownTimeout: "2 seconds"
    })
    return oneLight(layer, (light, system) =>
      Effect.gen(function*() {
        yield* light.Keep()
        const stopping = yield* Effect.fork(system.stop(address))
        yield* TestClock.adjust("1 second")
        expect(yield* Fiber.poll(stopping)).toEqual(Option.none())
        yield* TestClock.adjust("1 second")
        yield* Fiber.join(stopping)
        expect(ended).toEqual(["stopped at Red"])
      }))
  })

  it.effect("what the machine acquired is released after terminate", () => {
    const log: Array<string> = []
    const note = (text: string) => Effect.sync(() => void log.push(text))
    const Lights = StateMachine.make(Light, lights, {
      states: {
        Red: { entry: () => Effect.asVoid(Effect.acquireRelease(note("on"), () => note("off"))) },
        Green: {},
        Amber: {}
      },
      common: { ...common, Walk: walk },
      terminate: () => note("safe")
    })
    return oneLight(
      Light.toLayer(StateMachine.build(Lights)),
      (light, system) =>
        Effect.gen(function*() {
          yield* light.Again()
          yield* system.stop(address)
          expect(log).toEqual(["on", "on", "safe", "off", "off"])
        })
    )
  })

  it.effect("where supervision goes on after a crash, the state entered has its timeout", () => {
    const log: Array<string> = []
    const Lights = StateMachine.make(Light, lights, {
      states: {
        Red: {},
        Green: {},
        Amber: {
          entry: () => Effect.die("no bulb"),
          timeout: { after: "1 second", run: () => goto("Red") }
        }
      },
      common: { ...common, Walk: walk },
      onTransition: ({ to }) => Effect.sync(() => void log.push(to))
    })
    const layer = Light.toLayer(StateMachine.build(Lights), { supervision: Supervision.resume })
    return oneLight(layer, (light) =>
      Effect.gen(function*() {
        yield* Effect.flip(light.Go({ to: "Amber" }))
        expect(yield* light.Walk({ who: "ann" })).toBe("ann at Amber")
        yield* TestClock.adjust("1 second")
        yield* light.Keep()
        expect(log).toEqual(["Red", "Amber", "Red"])
      }))
  })
})

describe("within an actor", () => {
  class Lamp extends Context.Tag("Lamp")<Lamp, (color: string) => Effect.Effect<void>>() {}

  it.effect("handlers use services, and the context of their actor", () => {
    const shown: Array<string> = []
    const Lights = StateMachine.make(Light, lights, {
      states: {
        Red: { entry: () => Effect.flatMap(Lamp, (show) => show("red")) },
        Green: {},
        Amber: {}
      },
      common: {
        ...common,
        Walk: () => Effect.map(ActorContext, ({ address }) => stay({ reply: address.id }))
      }
    })
    const LightLive = Light.toLayer(StateMachine.build(Lights))
    const lacking: typeof LightLive extends Layer.Layer<never, never, ActorSystem> ? false : true =
      true // the lamp is missing
    expect(lacking).toBe(true)
    const show = (color: string) => Effect.sync(() => void shown.push(color))
    return oneLight(
      Layer.provide(LightLive, Layer.succeed(Lamp, show)),
      (light) =>
        Effect.gen(function*() {
          expect(yield* light.Walk({ who: "ann" })).toBe("l-1")
          expect(shown).toEqual(["red"])
        })
    )
  })

  it.effect("messages side by side are a crash that says what to set", () => {
    const Lights = StateMachine.make(Light, lights, {
      states: { Red: {}, Green: {}, Amber: {} },
      common: { ...common, Keep: () => Effect.never, Walk: walk }
    })
    const layer = Light.toLayer(StateMachine.build(Lights), { concurrency: 2 })
    return oneLight(layer, (light) =>
      Effect.gen(function*() {
        yield* light.Keep(undefined, told)
        const crashed = yield* Effect.flip(light.Walk({ who: "ann" }))
        expect(crashed.message).toMatch(/Light is a state machine .* set its concurrency to 1/)
      }))
  })

  it.effect("what the types forbid is a crash that names the state", () => {
    const forbidden: { readonly [Name in "Amber" | "Green"]: () => never } = {
      Amber: () => goto("Red") as never,
      Green: () => stay({ start: { gong: "1 second" } }) as never
    }
    const Lights = StateMachine.make(Light, lights, {
      states: { Red: {}, Green: { entry: forbidden.Green }, Amber: { entry: forbidden.Amber } },
      common: { ...common, Walk: walk }
    })
    const layer = Light.toLayer(StateMachine.build(Lights), { supervision: Supervision.resume })
    return oneLight(layer, (light) =>
      Effect.gen(function*() {
        const left = yield* Effect.flip(light.Go({ to: "Amber" }))
        expect(left.message).toMatch(/the entry of state Amber can only stay in it/)
        const started = yield* Effect.flip(light.Go({ to: "Green" }))
        expect(started.message).toMatch(/state Green has no handler for timer gong/)
      }))
  })

  it.effect("answers that are streams stand beside the machine", () => {
    const Feed = Actor.make("Feed", [
      Rpc.make("Next"),
      Rpc.make("All", { success: Schema.Int, stream: true })
    ])
    const Feeds = StateMachine.make(Feed, { states: ["On"], initial: "On", data: 0 }, {
      states: { On: { on: { Next: (_, { data }) => stay({ data: data + 1 }) } } }
    })
    const FeedLive = Feed.toLayer(
      Effect.map(StateMachine.build(Feeds), (handlers) => ({
        ...handlers,
        All: () => Stream.make(1, 2)
      }))
    )
    return Effect.gen(function*() {
      const feed = (yield* Feed.client)("f")
      yield* feed.Next()
      expect(Chunk.toArray(yield* Stream.runCollect(feed.All()))).toEqual([1, 2])
    }).pipe(Effect.provide(Layer.provideMerge(FeedLive, ActorSystem.layer)))
  })
})
