import { Rpc } from "@effect/rpc"
import { describe, expect, it } from "@effect/vitest"
import { Actor, ActorContext, ActorSystem, Supervision } from "@plantd/actors"
import * as Handling from "@plantd/actors/Handling"
import { Deferred, Effect, Exit, Fiber, Schema, TestClock } from "effect"
import { ready, withActors } from "./stage.ts"

const Machine = Actor.make("Machine", [
  Rpc.make("Run", { success: Schema.String }),
  Rpc.make("Count", { success: Schema.Int }),
  Rpc.make("State", { success: Schema.String }).annotate(Handling.Beside, true),
  Rpc.make("Wait", { success: Schema.String }).annotate(Handling.Beside, true),
  Rpc.make("Trip").annotate(Handling.Beside, true),
  Rpc.make("Move", { success: Schema.String }).annotate(Handling.Interruptible, true),
  Rpc.make("MoveBeside")
    .annotate(Handling.Beside, true)
    .annotate(Handling.Interruptible, true)
])

/** A machine whose `Run`, `Wait` and `Move` last until the gate opens. */
const scene = <A, E>(
  options: {
    readonly capacity?: number
    readonly supervision?: Supervision.Supervision
    readonly handlerTimeout?: "1 seconds"
    readonly build?: Effect.Effect<void>
  },
  body: (of: {
    readonly log: Array<string>
    readonly gate: Deferred.Deferred<void>
    readonly machine: Actor.Client<RpcsOf<typeof Machine>>
    readonly system: ActorSystem["Type"]
  }) => Effect.Effect<A, E>
) =>
  Effect.gen(function*() {
    const log: Array<string> = []
    const gate = yield* Deferred.make<void>()
    const MachineLive = Machine.toLayer(
      Effect.gen(function*() {
        const { incarnation } = yield* ActorContext
        yield* options.build ?? Effect.void
        let state = "idle"
        let count = 0
        const move = (what: string) =>
          Effect.sync(() => void (state = what)).pipe(
            Effect.zipRight(Deferred.await(gate)),
            Effect.as(`${what} done in ${incarnation}`),
            Effect.onInterrupt(() => Effect.sync(() => void log.push(`${what} interrupted`)))
          )
        return {
          Run: () => move("run"),
          Count: () => Effect.sync(() => ++count),
          State: () => Effect.sync(() => `${state} in ${incarnation}`),
          Wait: () => move("wait"),
          Trip: () => Effect.die("tripped"),
          Move: () => move("move"),
          MoveBeside: () => move("beside")
        }
      }),
      {
        supervision: options.supervision
          ?? Supervision.restart({ backoff: { min: "10 millis", jitter: 0 } }),
        ...(options.capacity === undefined
          ? {}
          : { mailbox: { capacity: options.capacity, overflow: "reject" } }),
        ...(options.handlerTimeout === undefined ? {} : { handlerTimeout: options.handlerTimeout })
      }
    )
    return yield* Effect.gen(function*() {
      const machine = (yield* Machine.client)("m")
      return yield* body({ log, gate, machine, system: yield* ActorSystem })
    }).pipe(withActors(MachineLive))
  })

type RpcsOf<A> = A extends Actor.Actor<infer _Name, infer Rpcs> ? Rpcs : never

const address = Machine.at("m")

describe("Beside", () => {
  it.effect("a message beside others runs while a long handler runs", () =>
    scene({}, ({ gate, machine }) =>
      Effect.gen(function*() {
        const running = yield* Effect.fork(machine.Run())
        yield* ready
        expect(yield* machine.State()).toBe("run in 1")
        yield* Deferred.succeed(gate, undefined)
        expect(yield* Fiber.join(running)).toBe("run done in 1")
      })))

  it.effect("a full mailbox holds no message up that runs beside others", () =>
    scene({ capacity: 1 }, ({ machine }) =>
      Effect.gen(function*() {
        yield* Effect.fork(machine.Run())
        yield* ready
        yield* machine.Count(undefined, { discard: true })
        expect(yield* Effect.flip(machine.Count())).toMatchObject({ _tag: "MailboxFull" })
        expect(yield* machine.State()).toBe("run in 1")
      })))

  it.effect("a message beside others keeps no ordinary one waiting", () =>
    scene({}, ({ gate, machine }) =>
      Effect.gen(function*() {
        const waiting = yield* Effect.fork(machine.Wait())
        yield* ready
        expect(yield* machine.Count()).toBe(1)
        yield* Deferred.succeed(gate, undefined)
        expect(yield* Fiber.join(waiting)).toBe("wait done in 1")
      })))

  it.effect("beyond besideMax the sender gets MailboxFull, and ordinary messages still go", () =>
    scene({}, ({ gate, machine, system }) =>
      Effect.gen(function*() {
        const all = Array.from({ length: Handling.besideMax }, () => machine.Wait())
        const waiting = yield* Effect.forkAll(all)
        yield* Effect.repeatN(Effect.yieldNow(), 5_000)
        expect(yield* Effect.flip(machine.State())).toMatchObject({
          _tag: "MailboxFull",
          tag: "State",
          capacity: Handling.besideMax
        })
        const tell = machine.State(undefined, { discard: true })
        expect(yield* Effect.flip(tell)).toMatchObject({ _tag: "MailboxFull" })
        expect(yield* machine.Count()).toBe(1)
        yield* Deferred.succeed(gate, undefined)
        expect(yield* Fiber.join(waiting)).toHaveLength(Handling.besideMax)
        expect(yield* machine.State()).toBe("wait in 1")
        expect(yield* system.stats).toMatchObject({ deadLetters: 2 })
      })))

  it.effect("a crash beside a handler restarts the actor; the one at hand ends with it", () =>
    scene({}, ({ log, machine, system }) =>
      Effect.gen(function*() {
        const running = yield* Effect.fork(Effect.flip(machine.Run()))
        const waiting = yield* Effect.fork(Effect.flip(machine.Wait()))
        yield* ready
        const queued = yield* Effect.fork(machine.Count())
        yield* ready
        expect(yield* Effect.flip(machine.Trip())).toMatchObject({
          _tag: "ActorCrashed",
          tag: "Trip"
        })
        const [run, wait] = [yield* Fiber.join(running), yield* Fiber.join(waiting)]
        expect(run).toMatchObject({ _tag: "ActorCrashed", tag: "Run" })
        expect(run.message).toContain("tripped")
        expect(wait).toMatchObject({ _tag: "ActorCrashed", tag: "Wait" })
        expect(log.toSorted()).toEqual(["run interrupted", "wait interrupted"])
        yield* TestClock.adjust("10 millis")
        expect(yield* Fiber.join(queued)).toBe(1)
        expect(yield* machine.State()).toBe("idle in 2")
        expect(yield* system.stats).toMatchObject({ crashes: 1, restarts: 1, deadLetters: 0 })
      })))

  it.effect("a crash beside an idle actor restarts it as well", () =>
    scene({}, ({ machine }) =>
      Effect.gen(function*() {
        expect(yield* Effect.flip(machine.Trip())).toMatchObject({ _tag: "ActorCrashed" })
        yield* TestClock.adjust("10 millis")
        expect(yield* machine.State()).toBe("idle in 2")
      })))

  it.effect("supervision by resume lets the one at hand go on after a crash beside it", () =>
    scene({ supervision: Supervision.resume }, ({ gate, machine }) =>
      Effect.gen(function*() {
        const running = yield* Effect.fork(machine.Run())
        yield* ready
        yield* Effect.exit(machine.Trip())
        yield* Deferred.succeed(gate, undefined)
        expect(yield* Fiber.join(running)).toBe("run done in 1")
      })))

  it.effect("while the actor is built or waits for its restart, such a message waits", () =>
    scene({ build: Effect.sleep("1 seconds") }, ({ machine }) =>
      Effect.gen(function*() {
        const first = yield* Effect.fork(machine.State())
        yield* TestClock.adjust("999 millis")
        expect(yield* Fiber.poll(first)).toMatchObject({ _tag: "None" })
        yield* TestClock.adjust("1 millis")
        expect(yield* Fiber.join(first)).toBe("idle in 1")
        yield* Effect.exit(machine.Trip())
        const second = yield* Effect.fork(machine.State())
        yield* TestClock.adjust("10 millis")
        yield* TestClock.adjust("1 seconds")
        expect(yield* Fiber.join(second)).toBe("idle in 2")
      })))

  it.effect("a stop waits for what runs beside, and then for no longer than it may", () =>
    scene({}, ({ log, machine, system }) =>
      Effect.gen(function*() {
        const waiting = yield* Effect.fork(Effect.flip(machine.Wait()))
        yield* ready
        const stopping = yield* Effect.fork(system.stop(address))
        yield* TestClock.adjust("4999 millis")
        expect(yield* Fiber.poll(stopping)).toMatchObject({ _tag: "None" })
        yield* TestClock.adjust("1 millis")
        yield* Fiber.join(stopping)
        yield* Fiber.join(waiting)
        expect(log).toEqual(["wait interrupted"])
      })))
})

describe("Interruptible", () => {
  it.effect("such a handler is interrupted at its deadline, and the actor goes on", () =>
    scene({}, ({ log, machine, system }) =>
      Effect.gen(function*() {
        const asked = yield* Effect.fork(
          Effect.flip(machine.Move(undefined, { timeout: "1 seconds" }))
        )
        yield* ready
        const queued = yield* Effect.fork(machine.Count())
        yield* ready
        expect(yield* Fiber.poll(queued)).toMatchObject({ _tag: "None" })
        yield* TestClock.adjust("1 seconds")
        expect(yield* Fiber.join(asked)).toMatchObject({ _tag: "AskTimeout", outcome: "unknown" })
        expect(yield* Fiber.join(queued)).toBe(1)
        expect(log).toEqual(["move interrupted"])
        expect(yield* machine.State()).toBe("move in 1")
        expect(yield* system.stats).toMatchObject({ crashes: 0 })
      })))

  it.effect("such a handler is interrupted when its asker goes away, and the actor goes on", () =>
    scene({}, ({ log, machine, system }) =>
      Effect.gen(function*() {
        const asked = yield* Effect.fork(machine.Move())
        yield* ready
        yield* Fiber.interrupt(asked)
        expect(yield* machine.Count()).toBe(1)
        expect(log).toEqual(["move interrupted"])
        expect(yield* system.stats).toMatchObject({ crashes: 0 })
      })))

  it.effect("one that runs beside others is interrupted as well", () =>
    scene({}, ({ log, machine, system }) =>
      Effect.gen(function*() {
        const asked = yield* Effect.fork(machine.MoveBeside())
        yield* ready
        yield* Fiber.interrupt(asked)
        yield* ready
        expect(log).toEqual(["beside interrupted"])
        expect(yield* system.stats).toMatchObject({ crashes: 0 })
      })))

  it.effect("one whose asker stays is handled like any other, one at a time", () =>
    scene({}, ({ gate, machine }) =>
      Effect.gen(function*() {
        const first = yield* Effect.fork(machine.Move())
        const second = yield* Effect.fork(machine.Count())
        yield* ready
        expect(yield* Fiber.poll(second)).toMatchObject({ _tag: "None" })
        yield* Deferred.succeed(gate, undefined)
        expect(yield* Fiber.join(first)).toBe("move done in 1")
        expect(yield* Fiber.join(second)).toBe(1)
      })))

  it.effect("a tell to such a handler runs to its end: it has no asker who could go away", () =>
    scene({}, ({ gate, log, machine }) =>
      Effect.gen(function*() {
        yield* machine.Move(undefined, { discard: true })
        yield* TestClock.adjust("1 hours")
        yield* Deferred.succeed(gate, undefined)
        expect(yield* machine.Count()).toBe(1)
        expect(log).toEqual([])
      })))

  it.effect("a defect while such a handler is interrupted is a crash", () => {
    const Sloppy = Actor.make("Sloppy", [
      Rpc.make("Move").annotate(Handling.Interruptible, true),
      Rpc.make("Hello", { success: Schema.Int })
    ])
    const SloppyLive = Sloppy.toLayer(
      Effect.gen(function*() {
        const { incarnation } = yield* ActorContext
        return {
          Move: () => Effect.onInterrupt(Effect.never, () => Effect.die("cannot clean up")),
          Hello: () => Effect.succeed(incarnation)
        }
      }),
      { supervision: Supervision.restart({ backoff: { min: "10 millis", jitter: 0 } }) }
    )
    return Effect.gen(function*() {
      const sloppy = (yield* Sloppy.client)("s")
      const asked = yield* Effect.fork(sloppy.Move())
      yield* ready
      yield* Fiber.interrupt(asked)
      yield* ready
      yield* TestClock.adjust("10 millis")
      expect(yield* sloppy.Hello()).toBe(2)
    }).pipe(withActors(SloppyLive))
  })
})

describe("handlerTimeout", () => {
  it.effect("a handler that takes longer is interrupted, and that is a crash with its name", () =>
    scene({ handlerTimeout: "1 seconds" }, ({ log, machine, system }) =>
      Effect.gen(function*() {
        const running = yield* Effect.fork(Effect.flip(machine.Run()))
        yield* ready
        yield* TestClock.adjust("1 seconds")
        const error = yield* Fiber.join(running)
        expect(error).toMatchObject({ _tag: "ActorCrashed", tag: "Run" })
        expect(error.message).toContain("Machine/m handled Run for more than 1000 ms")
        expect(log).toEqual(["run interrupted"])
        yield* TestClock.adjust("10 millis")
        expect(yield* machine.State()).toBe("idle in 2")
        expect(yield* system.stats).toMatchObject({ crashes: 1 })
      })))

  it.effect("it bounds a tell and a message beside others, too", () =>
    scene({ handlerTimeout: "1 seconds" }, ({ log, machine, system }) =>
      Effect.gen(function*() {
        yield* machine.Run(undefined, { discard: true })
        yield* ready
        yield* TestClock.adjust("1 seconds")
        yield* TestClock.adjust("10 millis")
        const waiting = yield* Effect.fork(Effect.exit(machine.Wait()))
        yield* ready
        yield* TestClock.adjust("1 seconds")
        expect(Exit.isFailure(yield* Fiber.join(waiting))).toBe(true)
        expect(log).toEqual(["run interrupted", "wait interrupted"])
        expect(yield* system.stats).toMatchObject({ crashes: 2 })
      })))

  it.effect("a handler within its time is left alone", () =>
    scene({ handlerTimeout: "1 seconds" }, ({ gate, machine, system }) =>
      Effect.gen(function*() {
        const running = yield* Effect.fork(machine.Run())
        yield* ready
        yield* TestClock.adjust("999 millis")
        yield* Deferred.succeed(gate, undefined)
        expect(yield* Fiber.join(running)).toBe("run done in 1")
        yield* TestClock.adjust("1 seconds")
        expect(yield* system.stats).toMatchObject({ crashes: 0 })
      })))
})
