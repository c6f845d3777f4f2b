import { Rpc } from "@effect/rpc"
import { describe, expect, it } from "@effect/vitest"
import { Actor, ActorContext } from "@plantd/actors"
import { Behaviour } from "@plantd/actors/testing"
import { Context, Effect, Exit, Schema, Stream } from "effect"

const Motor = Actor.make("Motor", [
  Rpc.make("Start", {
    payload: {
      speed: Schema.Int.pipe(Schema.propertySignature, Schema.withConstructorDefault(() => 1))
    }
  }),
  Rpc.make("Stop"),
  Rpc.make("Speed", { success: Schema.Int, error: Schema.String }),
  Rpc.make("Ready"),
  Rpc.make("Fetch"),
  Rpc.make("Follow", { payload: { id: Schema.String } }),
  Rpc.make("Forget"),
  Rpc.make("Speeds", { success: Schema.Int, stream: true })
])

class Limit extends Context.Tag("Limit")<Limit, number>() {}

/** Is ready after `Ready`: until then a start is put aside. */
const build = (log: Array<string>) =>
  Effect.gen(function*() {
    const self = yield* ActorContext
    const limit = yield* Limit
    let speed = 0
    let ready = false
    let unwatch = Effect.void
    const note = (text: string) => Effect.sync(() => void log.push(text))
    yield* self.onEnd((reason) => note(`${self.incarnation} ended: ${reason}`))
    yield* self.timers.every("poll", "1 seconds", note("poll"))
    yield* self.receiveTimeout("1 minutes", note("idle"))
    return Motor.of({
      Start: (payload) =>
        ready
          ? Effect.zipRight(
            self.timers.once("warm", 500, note("warm")),
            Effect.sync(() => void (speed = payload.speed))
          )
          : self.stash.hold,
      Stop: () => Effect.zipRight(self.timers.cancelAll, self.stopSelf),
      Speed: () => speed > limit ? Effect.fail("too fast") : Effect.succeed(speed),
      Ready: () =>
        Effect.sync(() => void (ready = true)).pipe(
          Effect.zipRight(self.stash.unstashAll),
          Effect.zipRight(self.inTurn(note("ready")))
        ),
      Fetch: () =>
        self.pipeToSelf(note("fetching").pipe(Effect.as(3)), (exit) =>
          Exit.isSuccess(exit) ? note(`fetched ${exit.value}`) : note("not fetched")),
      Follow: ({ id }) =>
        self.watch(Motor.at(id), ({ reason }) =>
          note(`${id} ended: ${reason}`)).pipe(
            Effect.map((watch) => void (unwatch = watch.unwatch)),
            Effect.orDie
          ),
      Forget: () => Effect.suspend(() => unwatch),
      Speeds: () => Stream.make(1, 2)
    })
  })

/** A motor at hand, and what it logged. */
const scene = Effect.gen(function*() {
  const log: Array<string> = []
  const motor = yield* Behaviour.run(Motor, build(log), { id: "m" })
  return { log, motor }
}).pipe(Effect.provideService(Limit, 10))

describe("call", () => {
  it.scoped("gives a handler's exit: a value, a typed error, a stream", () =>
    Effect.gen(function*() {
      const { motor } = yield* scene
      expect(motor).toMatchObject({ address: Motor.at("m"), incarnation: 1 })
      yield* motor.call("Ready")
      expect(yield* motor.call("Speed")).toEqual(Exit.succeed(0))
      yield* motor.call("Start", { speed: 11 })
      expect(yield* motor.call("Speed")).toEqual(Exit.fail("too fast"))
      const speeds = yield* yield* motor.call("Speeds")
      expect([...yield* Stream.runCollect(speeds)]).toEqual([1, 2])
    }))

  it.scoped("fills in a payload's defaults, as a client does", () =>
    Effect.gen(function*() {
      const { motor } = yield* scene
      yield* motor.call("Ready")
      yield* motor.call("Start", {})
      expect(yield* motor.call("Speed")).toEqual(Exit.succeed(1))
    }))

  it.scoped("gives a defect as an exit, and the behaviour is still at hand", () =>
    Effect.gen(function*() {
      const { motor } = yield* scene
      const exit = yield* motor.call("Follow", { id: "m" })
      expect(String(exit)).toContain("CannotWatchItself")
      expect(yield* motor.call("Speed")).toEqual(Exit.succeed(0))
    }))

  it.scoped("runs handlers that were given without a build", () =>
    Effect.gen(function*() {
      const Plain = Actor.make("Plain", [Rpc.make("Twice", { success: Schema.Int })])
      const plain = yield* Behaviour.run(Plain, { Twice: () => Effect.succeed(2) })
      expect(yield* plain.call("Twice")).toEqual(Exit.succeed(2))
    }))
})

describe("by hand", () => {
  it.scoped("timers tick when the test says so, one that runs once is then gone", () =>
    Effect.gen(function*() {
      const { log, motor } = yield* scene
      yield* motor.call("Ready")
      yield* motor.call("Start", {})
      expect(motor.timers).toEqual([
        { key: "poll", millis: 1_000, periodic: true },
        { key: "warm", millis: 500, periodic: false }
      ])
      yield* motor.tick("warm")
      yield* motor.tick("poll")
      expect(log).toEqual(["ready", "warm", "poll"])
      const error = yield* Effect.flip(motor.tick("warm"))
      expect(error.message).toBe("there is no timer warm; there is: poll")
      yield* motor.receiveTimeout
      expect(log.at(-1)).toBe("idle")
    }))

  it.scoped("a message that was put aside is handled when the stash is given back", () =>
    Effect.gen(function*() {
      const { motor } = yield* scene
      expect(yield* motor.call("Start", { speed: 4 })).toMatchObject({
        cause: { error: { _tag: "Stashed", tag: "Start" } }
      })
      expect(motor.stashed).toEqual(["Start"])
      expect(yield* motor.call("Speed")).toEqual(Exit.succeed(0))
      yield* motor.call("Ready")
      expect(motor.stashed).toEqual([])
      expect(yield* motor.call("Speed")).toEqual(Exit.succeed(4))
      expect(motor.deeds).toEqual(expect.arrayContaining([
        { _tag: "Stashed", tag: "Start" },
        { _tag: "Unstashed", count: 1 },
        { _tag: "Handled", tag: "Start", exit: Exit.void },
        { _tag: "Handled", tag: "inTurn", exit: Exit.void }
      ]))
    }))

  it.scoped("a pipe ends by its own effect, or as the test says", () =>
    Effect.gen(function*() {
      const { log, motor } = yield* scene
      yield* motor.call("Fetch")
      yield* motor.call("Fetch")
      expect(motor.pipes).toBe(2)
      yield* motor.finishPipe(Exit.fail("offline"))
      yield* motor.finishPipe()
      expect(log).toEqual(["not fetched", "fetching", "fetched 3"])
      expect(yield* Effect.flip(motor.finishPipe())).toMatchObject({ what: "pipe" })
    }))

  it.scoped("a watch is told of an end once, and not after unwatch", () =>
    Effect.gen(function*() {
      const { log, motor } = yield* scene
      yield* motor.call("Follow", { id: "a" })
      yield* motor.call("Follow", { id: "b" })
      expect(motor.watched).toEqual([Motor.at("a"), Motor.at("b")])
      yield* motor.call("Forget")
      yield* motor.terminate(Motor.at("a"), "crashed")
      expect(log).toEqual(["a ended: crashed"])
      expect(yield* Effect.flip(motor.terminate(Motor.at("b")))).toMatchObject({
        _tag: "NothingToRun",
        what: "watch on Motor/b"
      })
      expect(motor.watched).toEqual([])
    }))
})

describe("its life", () => {
  it.scoped("a behaviour that stops itself says why, and its timers are gone", () =>
    Effect.gen(function*() {
      const { motor } = yield* scene
      expect(motor.stopping).toBeUndefined()
      yield* motor.call("Stop")
      expect(motor.stopping).toBe("stopped")
      expect(motor.timers).toEqual([])
      expect(motor.deeds.slice(-2)).toEqual([
        { _tag: "TimerCancelled", key: "poll" },
        { _tag: "Stopping", reason: "stopped" }
      ])
    }))

  it.scoped("a restart builds anew, with fresh state and the messages that were put aside", () =>
    Effect.gen(function*() {
      const { log, motor } = yield* scene
      yield* motor.call("Start", {})
      yield* motor.call("Follow", { id: "a" })
      yield* motor.restart
      expect(motor).toMatchObject({ incarnation: 2, watched: [], stashed: ["Start"] })
      expect(log).toEqual(["1 ended: restarting"])
    }))

  it.effect("finalizers run with the reason, at the end of the scope at the latest", () =>
    Effect.gen(function*() {
      const early = yield* Effect.scoped(
        Effect.tap(scene, ({ motor }) => motor.end("passivated"))
      )
      expect(early.log).toEqual(["1 ended: passivated"])
      const late = yield* Effect.scoped(scene)
      expect(late.log).toEqual(["1 ended: stopped"])
    }))
})
