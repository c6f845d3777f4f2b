import { Rpc } from "@effect/rpc"
import { expect, it } from "@effect/vitest"
import { Actor, ActorContext, ActorSystem } from "@plantd/actors"
import { Effect, Layer, Schema } from "effect"

it.effect("while it is built, an actor knows its address and can reach itself by it", () => {
  const Echo = Actor.make("Echo", [
    Rpc.make("Start"),
    Rpc.make("Note", { payload: { text: Schema.String } }),
    Rpc.make("Notes", { success: Schema.Array(Schema.String) })
  ])
  const EchoLive = Echo.toLayer(Effect.gen(function*() {
    const { address, incarnation } = yield* ActorContext
    const self = (yield* Echo.client)(address.id)
    const notes = [`${address.type}/${address.id} ${incarnation}`]
    return {
      Start: () => Effect.orDie(self.Note({ text: "from itself" }, { discard: true })),
      Note: ({ text }) => Effect.sync(() => void notes.push(text)),
      Notes: () => Effect.sync(() => [...notes])
    }
  }))
  return Effect.gen(function*() {
    const echo = (yield* Echo.client)("e")
    yield* echo.Start()
    expect(yield* echo.Notes()).toEqual(["Echo/e 1", "from itself"])
  }).pipe(Effect.provide(Layer.provideMerge(EchoLive, ActorSystem.layer)))
})

it.effect("finalizers run in reverse order; a broken one is reported and stops no other", () => {
  const ended: Array<string> = []
  const Fragile = Actor.make("Fragile", [Rpc.make("Hello")])
  const FragileLive = Fragile.toLayer(Effect.gen(function*() {
    const { onEnd } = yield* ActorContext
    yield* onEnd(() => Effect.sync(() => void ended.push("first")))
    yield* onEnd(() => Effect.die("broken finalizer"))
    yield* onEnd(() => Effect.sync(() => void ended.push("last")))
    return { Hello: () => Effect.void }
  }))
  return Effect.gen(function*() {
    const system = yield* ActorSystem
    yield* (yield* Fragile.client)("f").Hello()
    yield* system.stop({ type: "Fragile", id: "f" })
    expect(ended).toEqual(["last", "first"])
    expect(yield* system.stats).toMatchObject({ actors: 0, crashes: 1 })
  }).pipe(Effect.provide(Layer.provideMerge(FragileLive, ActorSystem.layer)))
})
