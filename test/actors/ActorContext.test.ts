import { Rpc } from "@effect/rpc"
import { describe, expect, it } from "@effect/vitest"
import { Actor, ActorContext, ActorSystem, Supervision } from "@plantd/actors"
import { pipesMax, turnsQueuedMax } from "@plantd/actors/ActorContext"
import { Deferred, Effect, Exit, Fiber, Layer, Schema, TestClock } from "effect"
import { ready, withActors } from "./stage.ts"

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

const Busy = Actor.make("Busy", [
  Rpc.make("Do"),
  Rpc.make("Block"),
  Rpc.make("Hello"),
  Rpc.make("Break")
])

type Self = ActorContext["Type"]

/** An actor whose `Do` does what is given, once; `Block` lasts until the gate opens. */
const busy = <A, E>(
  act: (self: Self, note: (what: string) => Effect.Effect<void>) => Effect.Effect<void>,
  body: (of: {
    readonly log: Array<string>
    readonly gate: Deferred.Deferred<void>
    readonly actor: Actor.Client<RpcsOf<typeof Busy>>
    readonly system: ActorSystem["Type"]
  }) => Effect.Effect<A, E>
) =>
  Effect.gen(function*() {
    const log: Array<string> = []
    const gate = yield* Deferred.make<void>()
    const note = (what: string) => Effect.sync(() => void log.push(what))
    const BusyLive = Busy.toLayer(
      Effect.gen(function*() {
        const self = yield* ActorContext
        yield* self.onEnd((reason) => note(`ended: ${reason}`))
        return {
          Do: () => act(self, note),
          Block: () => Effect.zipRight(Deferred.await(gate), note("unblocked")),
          Hello: () => note("hello"),
          Break: () => Effect.die("broken")
        }
      }),
      { supervision: Supervision.restart({ backoff: { min: "10 millis", jitter: 0 } }) }
    )
    return yield* Effect.gen(function*() {
      const actor = (yield* Busy.client)("b")
      return yield* body({ log, gate, actor, system: yield* ActorSystem })
    }).pipe(withActors(BusyLive))
  })

type RpcsOf<A> = A extends Actor.Actor<infer _Name, infer Rpcs> ? Rpcs : never

describe("pipeToSelf", () => {
  it.effect("runs beside the actor, and gives its end to the actor's own turn", () =>
    busy(
      ({ pipeToSelf }, note) =>
        pipeToSelf(
          Effect.as(Effect.sleep("1 seconds"), "done"),
          (exit) => note(`piped ${Exit.isSuccess(exit) ? exit.value : "failed"}`)
        ),
      ({ actor, gate, log }) =>
        Effect.gen(function*() {
          yield* actor.Do()
          const blocked = yield* Effect.fork(actor.Block())
          yield* ready
          yield* TestClock.adjust("1 seconds")
          expect(log).toEqual([])
          yield* Deferred.succeed(gate, undefined)
          yield* Fiber.join(blocked)
          yield* ready
          expect(log).toEqual(["unblocked", "piped done"])
        })
    ))

  it.effect("gives failures and defects as well, which are no crash of the actor", () =>
    busy(
      ({ pipeToSelf }, note) =>
        Effect.zipRight(
          pipeToSelf(Effect.fail("no"), (exit) => note(`failure ${Exit.isFailure(exit)}`)),
          pipeToSelf(Effect.die("broken"), (exit) => note(`defect ${Exit.isFailure(exit)}`))
        ),
      ({ actor, log, system }) =>
        Effect.gen(function*() {
          yield* actor.Do()
          yield* ready
          expect(log).toEqual(["failure true", "defect true"])
          expect(yield* system.stats).toMatchObject({ crashes: 0 })
        })
    ))

  it.effect("is interrupted with its incarnation, whose end it does not see", () =>
    busy(
      ({ pipeToSelf }, note) =>
        pipeToSelf(
          Effect.onInterrupt(Effect.never, () => note("interrupted")),
          () => note("piped")
        ),
      ({ actor, log }) =>
        Effect.gen(function*() {
          yield* actor.Do()
          yield* ready
          yield* Effect.exit(actor.Break())
          yield* TestClock.adjust("10 millis")
          yield* actor.Hello()
          expect(log).toEqual(["interrupted", "ended: restarting", "hello"])
        })
    ))

  it.effect("a defect in what it does with the end is a crash of the actor", () =>
    busy(
      ({ pipeToSelf }) => pipeToSelf(Effect.void, () => Effect.die("broken")),
      ({ actor, system }) =>
        Effect.gen(function*() {
          yield* actor.Do()
          yield* ready
          expect(yield* system.stats).toMatchObject({ crashes: 1 })
        })
    ))

  it.effect("one more than allowed is a crash that names the limit", () =>
    busy(
      ({ pipeToSelf }) =>
        Effect.forEach(
          Array.from({ length: pipesMax + 1 }),
          () => pipeToSelf(Effect.never, () => Effect.void),
          { discard: true }
        ),
      ({ actor }) =>
        Effect.gen(function*() {
          const error = yield* Effect.flip(actor.Do())
          expect(error.message).toContain(`would exceed pipesMax, which is ${pipesMax}`)
        })
    ))
})

describe("inTurn", () => {
  it.effect("runs after the message at hand, in order, alternating with messages", () =>
    busy(
      ({ inTurn }, note) =>
        Effect.forEach([1, 2, 3], (n) => inTurn(note(`turn ${n}`)), { discard: true }).pipe(
          Effect.zipRight(Effect.yieldNow()),
          Effect.zipRight(note("done"))
        ),
      ({ actor, log }) =>
        Effect.gen(function*() {
          yield* actor.Do(undefined, { discard: true })
          yield* actor.Hello(undefined, { discard: true })
          yield* actor.Hello(undefined, { discard: true })
          yield* ready
          expect(log[0]).toBe("done")
          expect(log.filter((line) => line.startsWith("turn"))).toEqual([
            "turn 1",
            "turn 2",
            "turn 3"
          ])
          expect(log.indexOf("hello")).toBeLessThan(log.indexOf("turn 3"))
        })
    ))

  it.effect("ends with its incarnation", () =>
    busy(
      ({ inTurn }, note) => Effect.zipRight(inTurn(note("turn")), Effect.die("broken")),
      ({ actor, log }) =>
        Effect.gen(function*() {
          yield* Effect.exit(actor.Do())
          yield* TestClock.adjust("10 millis")
          yield* actor.Hello()
          expect(log).toEqual(["ended: restarting", "hello"])
        })
    ))

  it.effect("one more than allowed is a crash that names the limit", () =>
    busy(
      ({ inTurn }) =>
        Effect.forEach(
          Array.from({ length: turnsQueuedMax + 1 }),
          () => inTurn(Effect.void),
          { discard: true }
        ),
      ({ actor }) =>
        Effect.gen(function*() {
          const error = yield* Effect.flip(actor.Do())
          expect(error.message).toContain(`would exceed turnsQueuedMax, which is ${turnsQueuedMax}`)
        })
    ))
})

it.effect.each(["stopped", "passivated", "superseded"] as const)(
  "stopAs ends the actor after the message at hand, as %s",
  (reason) =>
    busy(
      ({ stopAs }, note) => Effect.zipRight(stopAs(reason), note("finished")),
      ({ actor, log, system }) =>
        Effect.gen(function*() {
          const watching = yield* Effect.fork(
            Effect.zipRight(actor.Hello(), system.watch(Busy.at("b")))
          )
          yield* ready
          yield* actor.Do()
          expect(yield* Fiber.join(watching)).toMatchObject({ reason })
          expect(log).toEqual(["hello", "finished", `ended: ${reason}`])
        })
    )
)
