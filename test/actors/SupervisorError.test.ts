import * as Rpc from "@effect/rpc/Rpc"
import { describe, expect, it } from "@effect/vitest"
import { Actor, ActorSystem, Supervision } from "@plantd/actors"
import * as Supervisor from "@plantd/actors/Supervisor"
import { ChildFailed, DuplicateChild, faultIn } from "@plantd/actors/SupervisorError"
import { Cause, Effect, Fiber, Layer } from "effect"
import { base, on, pass, plant, Pump, pump, quick, ready, Site, stop, take } from "./pumps.ts"

const at = (type: string, id = "main") => ({ type, id })
const Ghost = Actor.make("Ghost", [Rpc.make("Boo")])

/** What the layer of a tree fails with; no time passes. */
const faultOf = <E>(layer: Layer.Layer<never, E, ActorSystem>) =>
  Effect.flip(Effect.provide(Effect.void, Layer.provide(layer, base)))

describe("a tree that is written wrong is not tried again, and its layer says why:", () => {
  it.effect("a supervisor of itself", () =>
    Effect.gen(function*() {
      const itself = Supervisor.child({ at: (id) => at("Plant", id) }, "main")
      const fault = yield* faultOf(plant({ children: [pump("a"), itself] }).layer)
      expect(fault).toMatchObject({
        _tag: "SupervisionCycle",
        chain: [at("Plant"), at("Plant")]
      })
    }))

  it.effect("a supervisor of itself through others, with the whole chain", () =>
    Effect.gen(function*() {
      const Line = Supervisor.make("Line", {
        children: [pump("x"), Supervisor.child({ at: (id) => at("Plant", id) }, "main")]
      })
      const line = Supervisor.child(Line, "l", { supervision: quick })
      const Plant = plant({ children: [line] })
      const fault = yield* faultOf(Layer.provide(Plant.layer, Line.nestedLayer))
      expect(fault).toMatchObject({
        _tag: "SupervisionCycle",
        chain: [at("Plant"), at("Line", "l"), at("Plant")]
      })
      expect(fault.message).toContain("Plant/main supervises Line/l supervises Plant/main")
    }))

  it.effect("a child twice", () =>
    Effect.gen(function*() {
      const fault = yield* faultOf(plant({ children: [pump("a"), pump("b"), pump("a")] }).layer)
      expect(fault).toMatchObject({ _tag: "DuplicateChild", child: at("Pump", "a") })
      expect(fault.message).toBe("Plant/main has the child Pump/a already")
    }))

  it.effect("a child under two supervisors", () =>
    Effect.gen(function*() {
      const Other = Supervisor.make("Other", { children: [pump("z"), pump("b")] })
      const fault = yield* faultOf(Layer.provide(plant().layer, Other.layer))
      expect(fault).toMatchObject({
        _tag: "AlreadySupervised",
        address: at("Pump", "b"),
        supervisor: at("Other")
      })
    }))

  it.effect("a child of a type that is not registered", () =>
    Effect.gen(function*() {
      const fault = yield* faultOf(plant({ children: [Supervisor.child(Ghost, "g")] }).layer)
      expect(fault).toMatchObject({ _tag: "ActorNotRegistered", address: at("Ghost", "g") })
    }))

  it.effect("more children than allowed", () =>
    Effect.gen(function*() {
      const fault = yield* faultOf(plant({ childrenMax: 2 }).layer)
      expect(fault).toMatchObject({ _tag: "TooManyChildren", childrenMax: 2 })
      expect(fault.message).toContain("raise childrenMax")
    }))
})

describe("a supervisor that could not start", () => {
  it.effect("has stopped what it took in before the fault, and lets go of it", () =>
    Effect.gen(function*() {
      const { log } = yield* Site
      const Other = plant({ children: [pump("a"), Supervisor.child(Ghost, "g")] })
      yield* Effect.flip(Effect.scoped(Layer.build(Other.layer)))
      const Line = Supervisor.make("Line", { children: [pump("a")] })
      yield* Effect.provide(Effect.sync(() => expect(log).toEqual(["+a"])), Line.layer)
    }).pipe(Effect.provide(base)))

  it.effect("fails its layer with the child that failed it", () =>
    Effect.gen(function*() {
      const { failing } = yield* Site
      failing.set("b", 1)
      const Plant = plant({
        children: [pump("a"), pump("b", { supervision: Supervision.escalate })],
        supervision: Supervision.stop
      })
      const failure = yield* Effect.flip(Effect.scoped(Layer.build(Plant.layer)))
      expect(failure).toMatchObject({
        _tag: "ChildFailed",
        reason: "escalated",
        child: at("Pump", "b")
      })
      expect(failure.message).toContain("Error: b cannot start")
      expect(yield* take).toEqual(["+a", "-a supervisor"])
    }).pipe(Effect.provide(base)))
})

describe("what a supervisor is asked fails with", () => {
  const Plant = plant({ childrenMax: 4 })
  const client = Effect.map(Plant.client, (of) => of("main"))

  it.effect("the reason why a child cannot be added", () =>
    Effect.gen(function*() {
      const plant = yield* client
      const why = (type: string, id: string) =>
        Effect.flip(plant.StartChild({ address: at(type, id) }))
      expect(yield* why("Pump", "a")).toMatchObject({ _tag: "DuplicateChild" })
      expect(yield* why("Ghost", "g")).toMatchObject({ _tag: "ActorNotRegistered" })
      expect(yield* why("Plant", "main")).toMatchObject({ _tag: "SupervisionCycle" })
      yield* plant.StartChild({ address: Pump.at("d") })
      expect(yield* why("Pump", "e")).toMatchObject({ _tag: "TooManyChildren" })
    }).pipe(on(Plant.layer)))

  it.effect("ChildNotStarted where the child stopped before it took a message", () =>
    Effect.gen(function*() {
      const { failing } = yield* Site
      failing.set("d", 9)
      const plant = yield* client
      const address = Pump.at("d")
      const failed = yield* Effect.flip(plant.StartChild({ address, restart: "temporary" }))
      expect(failed).toMatchObject({ _tag: "ChildNotStarted", child: address, reason: "crashed" })
      expect(failed.message).toContain("Pump/d did not start: it has stopped (crashed)")
    }).pipe(on(Plant.layer)))

  it.effect("UnknownChild for a child that it does not have", () =>
    Effect.gen(function*() {
      const unknown = yield* Effect.flip((yield* client).StopChild({ address: Pump.at("x") }))
      expect(unknown.message).toBe("Plant/main has no child Pump/x")
    }).pipe(on(Plant.layer)))

  it.effect("no wait of theirs that outlives their deadline", () =>
    Effect.gen(function*() {
      const { failing } = yield* Site
      failing.set("d", 9)
      const adding = yield* Effect.fork(
        Effect.flip((yield* client).StartChild({ address: Pump.at("d") }, { timeout: "99 millis" }))
      )
      yield* ready
      yield* pass("99 millis")
      expect(yield* Fiber.join(adding)).toMatchObject({ _tag: "AskTimeout" })
      yield* stop(Plant, "main")
      expect(yield* take).toContain("-a supervisor")
    }).pipe(on(Plant.layer)))
})

it("faultIn finds the fault of a tree through the supervisors that report it", () => {
  const fault = { supervisor: at("Plant"), child: at("Line") }
  const inner = new DuplicateChild(fault)
  const failed = new ChildFailed({ ...fault, reason: "escalated", cause: Cause.die(inner) })
  expect(faultIn(Cause.die(failed))).toBe(inner)
  expect(faultIn(Cause.die("anything else"))).toBeUndefined()
})
