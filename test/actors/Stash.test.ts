import { Rpc } from "@effect/rpc"
import { describe, expect, it } from "@effect/vitest"
import { Actor, ActorContext, ActorSystem, Supervision } from "@plantd/actors"
import { Deferred, Effect, Fiber, Schema, TestClock } from "effect"
import { collectEvents, ready, withActors } from "./stage.ts"

const Door = Actor.make("Door", [
  Rpc.make("Open"),
  Rpc.make("Enter", { payload: { n: Schema.Int }, success: Schema.String }),
  Rpc.make("Size", { success: Schema.Int }),
  Rpc.make("Block"),
  Rpc.make("Late"),
  Rpc.make("Break"),
  Rpc.make("Everybody", { payload: { n: Schema.Int } })
])

/** A door that is closed at first: who enters is put aside until `Open`. */
const scene = <A, E, R = never>(
  options: { readonly capacity?: number; readonly handlerTimeout?: "1 seconds" },
  body: (of: {
    readonly log: Array<string>
    readonly gate: Deferred.Deferred<void>
    readonly door: Actor.Client<RpcsOf<typeof Door>>
    readonly system: ActorSystem["Type"]
  }) => Effect.Effect<A, E, R>
) =>
  Effect.gen(function*() {
    const log: Array<string> = []
    const gate = yield* Deferred.make<void>()
    const DoorLive = Door.toLayer(
      Effect.gen(function*() {
        const { incarnation, stash } = yield* ActorContext
        let open = false
        const enter = (what: string) =>
          Effect.suspend(() => {
            if (!open) return stash.hold
            log.push(what)
            return Effect.succeed(`${what} in ${incarnation}`)
          })
        return {
          Open: () => {
            open = true
            return stash.unstashAll
          },
          Enter: ({ n }) => enter(`${n}`),
          Everybody: ({ n }) =>
            Effect.zipRight(Effect.sync(() => void log.push(`try ${n}`)), stash.hold),
          Size: () => stash.size,
          Block: () => Effect.zipRight(Deferred.await(gate), Effect.sync(() => log.push("block"))),
          Late: () => Effect.zipRight(Deferred.await(gate), stash.hold),
          Break: () => Effect.die("broken")
        }
      }),
      {
        supervision: Supervision.restart({ backoff: { min: "10 millis", jitter: 0 } }),
        ...(options.capacity === undefined ? {} : { stash: { capacity: options.capacity } }),
        ...(options.handlerTimeout === undefined ? {} : { handlerTimeout: options.handlerTimeout })
      }
    )
    return yield* Effect.gen(function*() {
      const door = (yield* Door.client)("d")
      return yield* body({ log, gate, door, system: yield* ActorSystem })
    }).pipe(withActors(DoorLive))
  })

type RpcsOf<A> = A extends Actor.Actor<infer _Name, infer Rpcs> ? Rpcs : never

const address = Door.at("d")

describe("putting aside and giving back", () => {
  it.effect("what was put aside is handled once it is given back; its asker gets the answer", () =>
    scene({}, ({ door }) =>
      Effect.gen(function*() {
        const entered = yield* Effect.fork(door.Enter({ n: 1 }))
        yield* ready
        expect(yield* Fiber.poll(entered)).toMatchObject({ _tag: "None" })
        expect(yield* door.Size()).toBe(1)
        yield* door.Open()
        expect(yield* Fiber.join(entered)).toBe("1 in 1")
        expect(yield* door.Size()).toBe(0)
      })))

  it.effect("messages given back are handled oldest first, before those in the mailbox", () =>
    scene({}, ({ door, gate, log }) =>
      Effect.gen(function*() {
        for (const n of [1, 2, 3]) yield* door.Enter({ n }, { discard: true })
        yield* Effect.fork(door.Block())
        yield* ready
        const opened = yield* Effect.fork(door.Open())
        yield* ready
        yield* door.Enter({ n: 4 }, { discard: true })
        yield* Deferred.succeed(gate, undefined)
        yield* Fiber.join(opened)
        yield* door.Size()
        expect(log).toEqual(["block", "1", "2", "3", "4"])
      })))

  it.effect("messages put aside again keep their order among those still to come", () => {
    const log: Array<string> = []
    const Picky = Actor.make("Picky", [
      Rpc.make("Take", { payload: { n: Schema.Int } }),
      Rpc.make("Allow", { payload: { n: Schema.Int } })
    ])
    const PickyLive = Picky.toLayer(Effect.gen(function*() {
      const { stash } = yield* ActorContext
      let allowed = 0
      return {
        // Takes numbers in order alone; each that it takes gives back all the others.
        Take: ({ n }) =>
          Effect.suspend(() => {
            log.push(`${n}${n === allowed + 1 ? "!" : ""}`)
            if (n !== allowed + 1) return stash.hold
            allowed = n
            return stash.unstashAll
          }),
        Allow: ({ n }) => Effect.zipRight(Effect.sync(() => (allowed = n)), stash.unstashAll)
      }
    }))
    return Effect.gen(function*() {
      const picky = (yield* Picky.client)("p")
      for (const n of [4, 2, 3, 5, 6]) yield* picky.Take({ n }, { discard: true })
      yield* ready
      log.length = 0
      yield* picky.Allow({ n: 1 })
      yield* ready
      expect(log).toEqual(["4", "2!", "4", "3!", "4!", "5!", "6!"])
    }).pipe(withActors(PickyLive))
  })

  it.effect("unstashAll within a message given back loses none, and takes none twice", () =>
    scene({}, ({ door, log }) =>
      Effect.gen(function*() {
        for (const n of [1, 2]) yield* door.Everybody({ n }, { discard: true })
        yield* door.Enter({ n: 3 }, { discard: true })
        yield* door.Open()
        yield* door.Open()
        yield* ready
        expect(log).toEqual(["try 1", "try 2", "try 1", "try 2", "3", "try 1", "try 2"])
        expect(yield* door.Size()).toBe(2)
      })))

  it.effect("a handler with a timeout can put its message aside as well", () =>
    scene({ handlerTimeout: "1 seconds" }, ({ door, system }) =>
      Effect.gen(function*() {
        const entered = yield* Effect.fork(door.Enter({ n: 1 }))
        yield* ready
        yield* TestClock.adjust("2 seconds")
        yield* door.Open()
        expect(yield* Fiber.join(entered)).toBe("1 in 1")
        expect(yield* system.stats).toMatchObject({ crashes: 0 })
      })))
})

describe("bounds and ends", () => {
  it.scoped("beyond its capacity the asker gets StashFull, and the message is a dead letter", () =>
    scene({ capacity: 2 }, ({ door, system }) =>
      Effect.gen(function*() {
        const events = yield* Effect.provideService(collectEvents, ActorSystem, system)
        yield* door.Enter({ n: 1 }, { discard: true })
        yield* door.Enter({ n: 2 }, { discard: true })
        const error = yield* Effect.flip(door.Enter({ n: 3 }))
        expect(error).toMatchObject({ _tag: "StashFull", address, tag: "Enter", capacity: 2 })
        expect(error.message).toContain("Door/d has put aside 2 messages already")
        yield* door.Enter({ n: 4 }, { discard: true })
        expect(yield* door.Size()).toBe(2)
        yield* ready
        const letters = events.filter(({ _tag }) => _tag === "DeadLetter")
        expect(letters).toMatchObject([{ reason: "stash-full" }, { reason: "stash-full" }])
        expect(yield* system.stats).toMatchObject({ crashes: 0 })
      })))

  it.effect("an ask in the stash keeps its deadline, and leaves the stash with it", () =>
    scene({}, ({ door, log, system }) =>
      Effect.gen(function*() {
        const asked = yield* Effect.fork(
          Effect.flip(door.Enter({ n: 1 }, { timeout: "2 seconds" }))
        )
        yield* ready
        yield* TestClock.adjust("2 seconds")
        expect(yield* Fiber.join(asked)).toMatchObject({
          _tag: "AskTimeout",
          outcome: "not-handled"
        })
        expect(yield* door.Size()).toBe(0)
        yield* door.Open()
        expect(log).toEqual([])
        expect(yield* system.stats).toMatchObject({ deadLetters: 1 })
      })))

  it.effect("an asker that goes away takes its message out of the stash", () =>
    scene({}, ({ door, log }) =>
      Effect.gen(function*() {
        const asked = yield* Effect.fork(door.Enter({ n: 1 }))
        yield* ready
        expect(yield* door.Size()).toBe(1)
        yield* Fiber.interrupt(asked)
        expect(yield* door.Size()).toBe(0)
        yield* door.Open()
        expect(log).toEqual([])
      })))

  it.effect("a restart gives the stash back to the mailbox, before what waits there", () =>
    scene({}, ({ door, log }) =>
      Effect.gen(function*() {
        yield* door.Everybody({ n: 1 }, { discard: true })
        yield* door.Everybody({ n: 2 }, { discard: true })
        yield* Effect.exit(door.Break())
        yield* door.Everybody({ n: 3 }, { discard: true })
        yield* TestClock.adjust("10 millis")
        expect(yield* door.Size()).toBe(3)
        expect(log).toEqual(["try 1", "try 2", "try 1", "try 2", "try 3"])
      })))

  it.effect("a stop makes dead letters of the stash, and its askers get ActorStopped", () =>
    scene({}, ({ door, system }) =>
      Effect.gen(function*() {
        const asked = yield* Effect.fork(Effect.flip(door.Enter({ n: 1 })))
        yield* ready
        yield* door.Enter({ n: 2 }, { discard: true })
        yield* system.stop(address)
        expect(yield* Fiber.join(asked)).toMatchObject({ _tag: "ActorStopped", reason: "stopped" })
        expect(yield* system.stats).toMatchObject({ deadLetters: 2, actors: 0 })
        expect(yield* door.Size()).toBe(0)
      })))

  it.effect("a message put aside by an actor that is stopping is not left to the next one", () =>
    scene({}, ({ door, gate, system }) =>
      Effect.gen(function*() {
        const late = yield* Effect.fork(Effect.flip(door.Late()))
        yield* ready
        const stopping = yield* Effect.fork(system.stop(address))
        yield* ready
        const size = yield* Effect.fork(door.Size())
        yield* ready
        yield* Deferred.succeed(gate, undefined)
        yield* Fiber.join(stopping)
        expect(yield* Fiber.join(late)).toMatchObject({ _tag: "ActorStopped", reason: "stopped" })
        expect(yield* Fiber.join(size)).toBe(0)
        expect(yield* system.stats).toMatchObject({ deadLetters: 1, started: 2 })
      })))

  it("a stash without room is refused when the behaviour is given", () => {
    expect(() => Door.toLayer(Effect.never, { stash: { capacity: 0 } })).toThrow(
      /stash.capacity is 0/
    )
  })
})
