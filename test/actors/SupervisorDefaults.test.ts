import { Rpc } from "@effect/rpc"
import { expect, it } from "@effect/vitest"
import { Actor, ActorSystem } from "@plantd/actors"
import * as Supervisor from "@plantd/actors/Supervisor"
import { Effect, Fiber, Layer, TestClock } from "effect"

const Broken = Actor.make("Broken", [Rpc.make("Ping")])

it.effect("a supervisor gives up a child that never starts, and its layer says why", () =>
  Effect.gen(function*() {
    const BrokenLive = Broken.toLayer(Effect.die(new Error("no port")))
    const Root = Supervisor.make("Root", {
      strategy: "one-for-one",
      children: [Supervisor.child(Broken, "b")]
    })
    const layer = Root.layer.pipe(Layer.provide(BrokenLive), Layer.provide(ActorSystem.layer))
    const built = yield* Effect.fork(Effect.flip(Effect.scoped(Layer.build(layer))))
    yield* TestClock.adjust("1 minute")
    const error = yield* Fiber.join(built)
    expect(error.message).toContain("no port")
    expect(error._tag).toBe("ChildFailed")
  }))
