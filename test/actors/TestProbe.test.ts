import { Rpc } from "@effect/rpc"
import { describe, expect, it } from "@effect/vitest"
import { Actor, ActorContext, ActorSystem } from "@plantd/actors"
import { TestProbe, TestSystem } from "@plantd/actors/testing"
import { Cause, Clock, Effect, Fiber, Layer, Schema, Stream } from "effect"

const Valve = Actor.make("Valve", [
  Rpc.make("Open", { payload: { percent: Schema.Number } }),
  Rpc.make("Close"),
  Rpc.make("Position", { success: Schema.Number, error: Schema.String }),
  Rpc.make("Trace", { success: Schema.Number, stream: true })
])

const Control = Actor.make("Control", [
  Rpc.make("Fill", { payload: { percent: Schema.Number } }),
  Rpc.make("FillLater")
])

/** Opens valve `v` at once, or after two seconds. */
const ControlLive = Control.toLayer(Effect.gen(function*() {
  const valve = (yield* Valve.client)("v")
  const { timers } = yield* ActorContext
  const open = (percent: number) => Effect.orDie(valve.Open({ percent }, { discard: true }))
  return {
    Fill: ({ percent }) => open(percent),
    FillLater: () => timers.once("fill", "2 seconds", open(100))
  }
}))

/** What a test needs: the probe, and a client of the actor that it probes. */
const scene = <A, E>(
  body: (
    probe: TestProbe.TestProbe<RpcsOf<typeof Valve>>,
    control: Actor.Client<RpcsOf<typeof Control>>
  ) => Effect.Effect<A, E, ActorSystem>,
  system = TestSystem.layer
) =>
  Effect.gen(function*() {
    const probe = yield* TestProbe.make(Valve)
    const plant = Layer.mergeAll(ControlLive, probe.layer).pipe(Layer.provideMerge(system))
    return yield* Effect.gen(function*() {
      return yield* body(probe, (yield* Control.client)("c"))
    }).pipe(Effect.provide(plant))
  })

type RpcsOf<A> = A extends Actor.Actor<infer _Name, infer Rpcs> ? Rpcs : never

const valve = Effect.map(Valve.client, (client) => client("v"))

describe("expect", () => {
  it.effect("gives the next message, with its payload, its actor and its time", () =>
    scene((probe, control) =>
      Effect.gen(function*() {
        yield* control.Fill({ percent: 10 })
        yield* control.Fill({ percent: 20 })
        const first = yield* probe.expect("Open")
        expect(first).toEqual({ id: "v", tag: "Open", payload: { percent: 10 }, at: 0 })
        yield* probe.expect("Open", ({ payload }) => payload.percent === 20)
        expect(yield* probe.received).toHaveLength(2)
      })
    ))

  it.effect("moves time to what is due and no further", () =>
    scene((probe, control) =>
      Effect.gen(function*() {
        yield* control.FillLater()
        expect(yield* probe.expect("Open")).toMatchObject({ at: 2_000 })
        expect(yield* Clock.currentTimeMillis).toBe(2_000)
      })
    ))

  it.effect("fails at its deadline, and says that nothing came", () =>
    scene((probe, control) =>
      Effect.gen(function*() {
        yield* control.FillLater()
        const error = yield* Effect.flip(probe.expect("Open", undefined, { within: "1999 millis" }))
        expect(error.message).toBe(
          "the probe of Valve expected Open within 1999 ms; nothing came"
        )
        expect(yield* Clock.currentTimeMillis).toBe(1_999)
        yield* probe.expect("Open", undefined, { within: "1 millis" })
      })
    ))

  it.effect("fails at another tag or at one that does not fit, and lists what came", () =>
    scene((probe, control) =>
      Effect.gen(function*() {
        yield* control.Fill({ percent: 10 })
        yield* (yield* valve).Close()
        const other = yield* Effect.flip(probe.expect("Close"))
        expect(other.message).toBe([
          "the probe of Valve expected Close within 3000 ms; this came:",
          '  at 0 ms: Open {"percent":10} to v',
          "  at 0 ms: Close to v"
        ].join("\n"))
        yield* control.Fill({ percent: 20 })
        yield* probe.expect("Close")
        const unfit = yield* Effect.flip(
          probe.expect("Open", ({ payload }) => payload.percent > 20)
        )
        expect(unfit).toMatchObject({ expected: "Open that fits its predicate" })
        expect(yield* Clock.currentTimeMillis).toBe(0)
      })
    ))

  it.live("works by the clock on the wall, too", () =>
    scene((probe, control) =>
      Effect.gen(function*() {
        const late = yield* Effect.fork(probe.expect("Open"))
        yield* Effect.yieldNow()
        yield* control.Fill({ percent: 10 })
        expect(yield* Fiber.join(late)).toMatchObject({ tag: "Open" })
        const error = yield* Effect.flip(probe.expect("Open", undefined, { within: "5 millis" }))
        expect(error).toMatchObject({ _tag: "ExpectationFailed", came: [] })
      }), ActorSystem.layer))

  it.effect("dies where the probe's layer was forgotten", () =>
    Effect.gen(function*() {
      const probe = yield* TestProbe.make(Valve)
      const exit = yield* Effect.exit(probe.expect("Open"))
      expect(exit._tag === "Failure" && Cause.pretty(exit.cause)).toContain(
        "the layer of the probe of Valve is not part of the program"
      )
    }))
})

describe("expectNothing", () => {
  it.effect("lets its time pass, and fails when a message comes in it", () =>
    scene((probe, control) =>
      Effect.gen(function*() {
        yield* control.FillLater()
        yield* probe.expectNothing("1999 millis")
        const error = yield* Effect.flip(probe.expectNothing("1 seconds"))
        expect(error.message).toContain("expected nothing within 1000 ms; this came:")
        expect(error.came).toEqual(['  at 2000 ms: Open {"percent":100} to v'])
      })
    ))
})

describe("fish", () => {
  it.effect("lets others pass, and gives the first that fits", () =>
    scene((probe, control) =>
      Effect.gen(function*() {
        yield* control.FillLater()
        yield* control.Fill({ percent: 10 })
        yield* (yield* valve).Close()
        const caught = yield* probe.fish(({ tag }) => tag === "Close")
        expect(caught.tag).toBe("Close")
        const full = yield* probe.fish((message) =>
          message.tag === "Open" && message.payload.percent === 100
        )
        expect(full.at).toBe(2_000)
      })
    ))

  it.effect("fails beyond its most others and at its deadline, and lists those that passed", () =>
    scene((probe, control) =>
      Effect.gen(function*() {
        yield* Effect.forEach([1, 2, 3], (percent) => control.Fill({ percent }))
        const many = yield* Effect.flip(probe.fish(({ tag }) => tag === "Close", { max: 1 }))
        expect(many.message).toContain("after at most 1 others")
        expect(many.came).toHaveLength(2)
        const late = yield* Effect.flip(
          probe.fish(({ tag }) => tag === "Close", { within: "1 seconds" })
        )
        expect(late.came).toEqual(['  at 0 ms: Open {"percent":3} to v'])
      })
    ))
})

describe("answers", () => {
  it.effect("come one after the other, and the last goes on", () =>
    scene((probe) =>
      Effect.gen(function*() {
        const { Position } = yield* valve
        yield* probe.reply("Position", 1, 2)
        expect([yield* Position(), yield* Position(), yield* Position()]).toEqual([1, 2, 2])
      })
    ))

  it.effect("go to messages that wait for them; one that asks for nothing does not wait", () =>
    scene((probe) =>
      Effect.gen(function*() {
        const client = yield* valve
        const first = yield* Effect.fork(client.Position())
        const second = yield* Effect.fork(client.Position())
        yield* client.Close()
        yield* probe.fish(({ tag }) => tag === "Close")
        yield* probe.reply("Position", 7, 8)
        expect([yield* Fiber.join(first), yield* Fiber.join(second)]).toEqual([7, 8])
      })
    ))

  it.effect("can be made by a handler: errors, crashes and streams as well", () =>
    scene((probe) =>
      Effect.gen(function*() {
        const client = yield* valve
        const traced = yield* Effect.fork(Stream.runCollect(client.Trace()))
        yield* probe.expect("Trace")
        yield* probe.handle("Trace", () => Stream.make(1, 2))
        expect([...yield* Fiber.join(traced)]).toEqual([1, 2])
        yield* probe.handle("Position", ({ id }) => Effect.fail(`${id} is stuck`))
        expect(yield* Effect.flip(client.Position())).toBe("v is stuck")
        yield* probe.handle("Close", () => Effect.die("jammed"))
        expect(yield* Effect.flip(client.Close())).toMatchObject({ _tag: "ActorCrashed" })
      })
    ))

  it.effect("that never come let the asker's deadline pass", () =>
    scene((probe) =>
      Effect.gen(function*() {
        const asked = yield* Effect.fork(Effect.flip((yield* valve).Position()))
        yield* probe.expect("Position")
        yield* TestSystem.advance("5 seconds")
        expect(yield* Fiber.join(asked)).toMatchObject({ _tag: "AskTimeout" })
      })
    ))
})
