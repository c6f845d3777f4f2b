import { describe, expect, it } from "@effect/vitest"
import { ActorSystem, Supervision } from "@plantd/actors"
import * as Supervisor from "@plantd/actors/Supervisor"
import { ChildFailed } from "@plantd/actors/SupervisorError"
import { Cause, Deferred, Duration, Effect, Either, Fiber, Layer } from "effect"
import {
  Pump,
  quick,
  Site,
  base,
  pump,
  on,
  take,
  ready,
  pass,
  to,
  breakDown,
  stop,
  plant,
  statesOf
} from "./pumps.ts"

describe("a supervisor", () => {
  const Plant = plant()

  it.effect("starts its children in order, each when the one before has started", () =>
    Effect.gen(function*() {
      expect(yield* take).toEqual(["+a", "+b", "+c"])
      expect(yield* statesOf(Plant)).toEqual(["a running", "b running", "c running"])
    }).pipe(on(Plant.layer)))

  it.effect("stops its children in reverse, before itself", () =>
    Effect.gen(function*() {
      yield* take
      yield* stop(Plant, "main")
      expect(yield* take).toEqual(["-c supervisor", "-b supervisor", "-a supervisor"])
      expect(yield* Effect.flip((yield* to("a")).Count())).toMatchObject({
        _tag: "ActorStopped",
        reason: "supervisor"
      })
    }).pipe(on(Plant.layer)))

  it.effect("stops its children in reverse when the system drains, and when its layer goes", () =>
    Effect.gen(function*() {
      const ends = ["-c shutdown", "-b shutdown", "-a shutdown"]
      const drained = yield* Effect.gen(function*() {
        yield* take
        yield* (yield* ActorSystem).drain
        return yield* take
      }).pipe(on(Plant.layer))
      expect(drained).toEqual(ends)
      const log = yield* Effect.map(Site, ({ log }) => log).pipe(on(Plant.layer))
      expect(log).toEqual(["+a", "+b", "+c", ...ends])
    }))

  it.effect("gives a child that cannot start its restarts, before the next one starts", () =>
    Effect.gen(function*() {
      const started = Effect.gen(function*() {
        const site = yield* Site
        const layer = Plant.layer.pipe(Layer.provide(Layer.succeed(Site, site)))
        site.failing.set("b", 2)
        const building = yield* Effect.forkScoped(Layer.build(layer))
        yield* ready
        expect(yield* take).toEqual(["+a"])
        yield* pass("100 millis")
        expect(yield* take).toEqual([])
        yield* pass("100 millis")
        expect(yield* take).toEqual(["+b", "+c"])
        yield* Fiber.join(building)
      })
      yield* Effect.provide(Effect.scoped(started), base)
    }))
})

describe("a crash of a child", () => {
  it.effect.each(
    [
      ["one-for-one", ["-b restarting"], ["+b"]],
      ["rest-for-one", ["-b restarting", "-c restarting"], ["+b", "+c"]],
      ["one-for-all", ["-b restarting", "-c restarting", "-a restarting"], ["+a", "+b", "+c"]]
    ] as const
  )(
    "under %s ends %j, and after the delay starts %j",
    ([strategy, ends, starts]) =>
      Effect.gen(function*() {
        yield* take
        yield* breakDown("b")
        yield* pass("99 millis")
        expect(yield* take).toEqual(ends)
        yield* pass("1 millis")
        expect(yield* take).toEqual(starts)
      }).pipe(on(plant({ strategy }).layer))
  )

  it.effect("lets the messages of all that are restarted wait in their mailboxes", () =>
    Effect.gen(function*() {
      yield* breakDown("b")
      const counts = yield* Effect.fork(
        Effect.forEach(["a", "b", "c"], (id) => Effect.flatMap(to(id), (it) => it.Count()), {
          concurrency: "unbounded"
        })
      )
      yield* pass("99 millis")
      expect(counts.unsafePoll()).toBeNull()
      yield* pass("1 millis")
      expect(yield* Fiber.join(counts)).toEqual([1, 1, 1])
    }).pipe(on(plant({ strategy: "one-for-all" }).layer)))

  it.effect("that is resumed leaves it the state it has", () =>
    Effect.gen(function*() {
      yield* take
      yield* (yield* to("a")).Count()
      yield* breakDown("a")
      expect(yield* (yield* to("a")).Count()).toBe(2)
      expect(yield* take).toEqual([])
    }).pipe(on(plant({ children: [pump("a", { supervision: Supervision.resume })] }).layer)))

  it.effect("does what a function of its cause says, which is asked once", () => {
    const causes: Array<string> = []
    const supervision = Supervision.by((cause) => {
      causes.push(String(Cause.squash(cause)))
      return causes.length === 1 ? Supervision.resume : Supervision.stop
    })
    return Effect.gen(function*() {
      yield* take
      yield* breakDown("a")
      yield* breakDown("a")
      expect(causes).toEqual(["a broke", "a broke"])
      expect(yield* take).toEqual(["-a restarting"])
      expect(yield* Effect.flip((yield* to("a")).Count())).toMatchObject({ reason: "crashed" })
    }).pipe(on(plant({ children: [pump("a", { supervision })] }).layer))
  })

  it.effect("of an immediate first message is judged as any other", () =>
    Effect.gen(function*() {
      yield* breakDown("a")
      const again = yield* to("a")
      const [crashed, count] = yield* Effect.fork(
        Effect.all([Effect.flip(again.Break()), again.Count()], { concurrency: 2 })
      ).pipe(Effect.zipLeft(pass("100 millis")), Effect.flatMap(Fiber.join))
      expect(crashed._tag).toBe("ActorCrashed")
      expect(count).toBe(1)
    }).pipe(
      on(
        plant({
          children: [
            pump("a", {
              supervision: Supervision.by((cause) =>
                String(Cause.squash(cause)) === "a broke" && firstOf.delete("a")
                  ? quick
                  : Supervision.resume
              )
            })
          ]
        }).layer
      )
    ))
  const firstOf = new Set(["a"])
})

describe("more crashes than allowed", () => {
  const exhaust = (id: string) =>
    Effect.gen(function*() {
      for (let n = 0; n < 2; n++) {
        yield* breakDown(id)
        yield* pass("100 millis")
      }
      yield* take
      yield* breakDown(id)
    })

  it.effect("fail the supervisor, which restarts all its children by its own supervision", () =>
    Effect.gen(function*() {
      yield* exhaust("b")
      expect(yield* take).toEqual(["-b restarting", "-c restarting", "-a restarting"])
      yield* pass("100 millis")
      expect(yield* take).toEqual(["+a", "+b", "+c"])
    }).pipe(on(plant({ supervision: quick }).layer)))

  it.effect.each(["b", "c"])(
    "keep the mailbox of %s through the supervisor's restart",
    (id) =>
      Effect.gen(function*() {
        yield* exhaust("b")
        const count = yield* Effect.fork(Effect.flatMap(to(id), (it) => it.Count()))
        yield* ready
        expect(count.unsafePoll()).toBeNull()
        yield* pass("100 millis")
        expect(yield* Fiber.join(count)).toBe(1)
      }).pipe(on(plant({ supervision: quick }).layer))
  )

  it.effect("stop the tree in reverse where the supervisor's supervision is stop", () => {
    const failures: Array<unknown> = []
    const supervision = Supervision.by((cause) => {
      failures.push(Cause.squash(cause))
      return Supervision.stop
    })
    return Effect.gen(function*() {
      yield* exhaust("b")
      expect(yield* take).toEqual(["-b restarting", "-c supervisor", "-a supervisor"])
      const [failure] = failures
      expect(failure).toBeInstanceOf(ChildFailed)
      expect(failure).toMatchObject({
        supervisor: { type: "Plant", id: "main" },
        child: { type: "Pump", id: "b" },
        reason: "restart-limit"
      })
      expect((failure as ChildFailed).message).toMatch(/Pump\/b, a child of Plant\/main/)
      for (const id of ["a", "b", "c"]) {
        expect(yield* Effect.flip((yield* to(id)).Count())).toMatchObject({ _tag: "ActorStopped" })
      }
    }).pipe(on(plant({ supervision }).layer))
  })

  it.effect("leave the failed child stopped where the supervisor is resumed", () => {
    const Plant = plant({ supervision: Supervision.resume })
    return Effect.gen(function*() {
      yield* exhaust("b")
      expect(yield* statesOf(Plant)).toEqual(["a running", "b stopped", "c running"])
    }).pipe(on(Plant.layer))
  })

  it.effect("are counted for each child alone", () =>
    Effect.gen(function*() {
      for (const id of ["a", "b", "a", "b"]) {
        yield* breakDown(id)
        yield* pass("100 millis")
      }
      yield* take
      yield* breakDown("c")
      yield* pass("100 millis")
      expect(yield* take).toEqual(["-c restarting", "+c"])
    }).pipe(on(plant().layer)))
})

describe("an escalated crash", () => {
  const children = [pump("a"), pump("b", { supervision: Supervision.escalate })]

  it.effect("is a crash of the supervisor, and the child keeps its mailbox", () =>
    Effect.gen(function*() {
      yield* take
      const b = yield* to("b")
      const broken = yield* Effect.fork(Effect.flip(b.Break()))
      const count = yield* Effect.fork(b.Count())
      yield* ready
      yield* Fiber.join(broken)
      expect(yield* take).toEqual(["-b restarting", "-a restarting"])
      yield* pass("100 millis")
      expect(yield* take).toEqual(["+a", "+b"])
      expect(yield* Fiber.join(count)).toBe(1)
    }).pipe(on(plant({ children, supervision: quick }).layer)))

  it.effect("leaves the child stopped where the supervisor is resumed", () => {
    const Plant = plant({ children, supervision: Supervision.resume })
    return Effect.gen(function*() {
      yield* breakDown("b")
      expect(yield* statesOf(Plant)).toEqual(["a running", "b stopped"])
    }).pipe(on(Plant.layer))
  })

  it.effect("goes from supervisor to supervisor until one knows what to do", () => {
    const Line = Supervisor.make("Line", {
      children: [pump("x", { supervision: Supervision.escalate }), pump("y")],
      supervision: Supervision.escalate
    })
    const Plant = plant({
      children: [pump("a"), Supervisor.child(Line, "l")],
      strategy: "one-for-all",
      supervision: quick
    })
    return Effect.gen(function*() {
      expect(yield* take).toEqual(["+a", "+x", "+y"])
      yield* breakDown("x")
      expect(yield* take).toEqual(["-x restarting", "-y restarting", "-a restarting"])
      yield* pass("100 millis")
      expect(yield* take).toEqual(["+a", "+x", "+y"])
    }).pipe(on(Layer.provide(Plant.layer, Line.nestedLayer)))
  })
})

describe("a supervisor as a child", () => {
  const Line = Supervisor.make("Line", {
    children: (id) => [pump(`${id}1`), pump(`${id}2`)],
    supervision: quick
  })
  const Plant = plant({
    strategy: "rest-for-one",
    children: [Supervisor.child(Line, "l"), Supervisor.child(Line, "m"), pump("z")]
  })
  const live = Layer.provide(Plant.layer, Line.nestedLayer)

  it.effect("starts when its own children have, and ends when they have", () =>
    Effect.gen(function*() {
      expect(yield* take).toEqual(["+l1", "+l2", "+m1", "+m2", "+z"])
      yield* stop(Plant, "main")
      const ends = ["z", "m2", "m1", "l2", "l1"].map((id) => `-${id} supervisor`)
      expect(yield* take).toEqual(ends)
    }).pipe(on(live)))

  it.effect("is restarted with its children, which keep their mailboxes", () =>
    Effect.gen(function*() {
      yield* take
      for (let n = 0; n < 2; n++) {
        yield* breakDown("m1")
        yield* pass("100 millis")
      }
      yield* take
      yield* breakDown("m1")
      const count = yield* Effect.fork(Effect.flatMap(to("m2"), (it) => it.Count()))
      yield* ready
      expect(yield* take).toEqual(["-m1 restarting", "-z restarting", "-m2 restarting"].toSorted())
      yield* pass("100 millis")
      expect(yield* take).toEqual(["+m1", "+m2", "+z"])
      expect(yield* Fiber.join(count)).toBe(1)
    }).pipe(on(live)))
})

describe("a child that ends by itself", () => {
  const leave = Effect.flatMap(to("b"), (b) => Effect.zipRight(b.Leave(), ready))

  it.effect.each(
    [
      ["permanent", "stopSelf", leave, ["-b stopped", "+b"], ["b running"]],
      ["permanent", "ActorSystem.stop", stop(Pump, "b"), ["-b stopped", "+b"], ["b running"]],
      ["transient", "stopSelf", leave, ["-b stopped"], ["b stopped"]],
      ["transient", "ActorSystem.stop", stop(Pump, "b"), ["-b stopped"], ["b stopped"]],
      ["temporary", "stopSelf", leave, ["-b stopped"], []]
    ] as const
  )("%s, by %s: then it is as it is to be", ([restart, , end, log, states]) => {
    const Plant = plant({ children: [pump("b", { restart })] })
    return Effect.gen(function*() {
      yield* take
      yield* end
      yield* pass("100 millis")
      expect(yield* take).toEqual(log)
      expect(yield* statesOf(Plant)).toEqual(states)
      const counted = yield* Effect.either((yield* to("b")).Count())
      expect(Either.isRight(counted)).toBe(restart === "permanent")
    }).pipe(on(Plant.layer))
  })

  it.effect("takes no message after a crash where it is temporary, and is forgotten", () => {
    const Plant = plant({ children: [pump("a"), pump("b", { restart: "temporary" })] })
    return Effect.gen(function*() {
      yield* breakDown("b")
      expect(yield* Effect.flip((yield* to("b")).Count())).toMatchObject({ reason: "crashed" })
      expect(yield* statesOf(Plant)).toEqual(["a running"])
    }).pipe(on(Plant.layer))
  })
})

describe("a shutdown deadline", () => {
  const slow = pump("b", { shutdown: "5 seconds" })

  it.effect("interrupts what a child is at, and the child goes on to end", () =>
    Effect.gen(function*() {
      yield* Effect.fork(Effect.flatMap(to("b"), (b) => b.Block(undefined, { timeout: "1 hours" })))
      yield* Deferred.await((yield* Site).blocked)
      yield* take
      const stopping = yield* Effect.fork(stop({ at: (id) => ({ type: "Plant", id }) }, "main"))
      yield* pass("1 seconds")
      expect(yield* take).toEqual(["-c supervisor"])
      yield* pass("5 seconds")
      expect(yield* take).toEqual(["-b supervisor", "-a supervisor"])
      yield* Fiber.join(stopping)
    }).pipe(on(plant({ children: [pump("a"), slow, pump("c")] }).layer)))

  it.effect("of a restart keeps the mailbox of the child that was interrupted", () =>
    Effect.gen(function*() {
      const b = yield* to("b")
      yield* Effect.fork(b.Block(undefined, { timeout: "1 hours" }))
      yield* Deferred.await((yield* Site).blocked)
      const count = yield* Effect.fork(b.Count(undefined, { timeout: "1 hours" }))
      yield* breakDown("a")
      yield* take
      yield* pass("5 seconds")
      expect(yield* take).toEqual(["-b restarting", "+a", "+b"])
      expect(yield* Fiber.join(count)).toBe(1)
    }).pipe(on(plant({ strategy: "one-for-all", children: [pump("a"), slow] }).layer)))
})

describe("children that come and go", () => {
  const Plant = plant({ childrenMax: 4 })
  const client = Effect.map(Plant.client, (of) => of("main"))

  it.effect("one that is added starts last, and is the first to be stopped", () =>
    Effect.gen(function*() {
      yield* take
      yield* (yield* client).StartChild({ address: Pump.at("d") })
      expect(yield* take).toEqual(["+d"])
      expect(yield* statesOf(Plant)).toContain("d running")
      yield* stop(Plant, "main")
      expect((yield* take)[0]).toBe("-d supervisor")
    }).pipe(on(Plant.layer)))

  it.effect("one that was added is forgotten when it was stopped", () =>
    Effect.gen(function*() {
      const plant = yield* client
      yield* plant.StartChild({ address: Pump.at("d"), restart: "transient" })
      yield* plant.StopChild({ address: Pump.at("d") })
      expect(yield* statesOf(Plant)).not.toContain("d stopped")
      expect(yield* Effect.flip(plant.StopChild({ address: Pump.at("d") }))).toMatchObject({
        _tag: "UnknownChild",
        child: { id: "d" }
      })
    }).pipe(on(Plant.layer)))

  it.effect("one of the plan that was stopped stays so, until it is started", () =>
    Effect.gen(function*() {
      const plant = yield* client
      yield* plant.StopChild({ address: Pump.at("b") })
      yield* breakDown("a")
      yield* pass("100 millis")
      expect(yield* statesOf(Plant)).toEqual(["a running", "b stopped", "c running"])
      yield* plant.StartChild({ address: Pump.at("b") })
      expect(yield* statesOf(Plant)).toEqual(["a running", "b running", "c running"])
    }).pipe(on(Plant.layer)))

  it.effect("one that is started again is from then on restarted and ended as was asked", () =>
    Effect.gen(function*() {
      const plant = yield* client
      yield* plant.StopChild({ address: Pump.at("b") })
      yield* plant.StartChild({ address: Pump.at("b"), restart: "temporary", shutdownMillis: 99 })
      const children = yield* plant.Children()
      expect(children[1]).toMatchObject({ address: { id: "b" }, restart: "temporary" })
      yield* take
      yield* (yield* to("b")).Block(undefined, { discard: true })
      const stopping = yield* Effect.fork(plant.StopChild({ address: Pump.at("b") }))
      yield* ready
      yield* pass("99 millis")
      expect(yield* Fiber.poll(stopping)).toMatchObject({ _tag: "Some" })
      expect(yield* statesOf(Plant)).toEqual(["a running", "c running"])
    }).pipe(on(Plant.layer)))

  it.effect("an actor that was alive already is taken over as it is", () =>
    Effect.gen(function*() {
      expect(yield* (yield* to("d")).Count()).toBe(1)
      yield* (yield* client).StartChild({ address: Pump.at("d") })
      expect(yield* (yield* to("d")).Count()).toBe(2)
      yield* take
      yield* stop(Plant, "main")
      expect((yield* take)[0]).toBe("-d supervisor")
    }).pipe(on(Plant.layer)))
})

it.effect("a restart of a child is told and counted as any other", () =>
  Effect.gen(function*() {
    yield* breakDown("a")
    yield* pass("100 millis")
    expect((yield* (yield* ActorSystem).stats).restarts).toBe(1)
  }).pipe(on(plant().layer)))

it("a supervisor may take as long to end as all its children may, one after the other", () => {
  const Line = Supervisor.make("Line", { children: [pump("x", { shutdown: "2 seconds" })] })
  expect(Duration.toMillis(Line.shutdown)).toBe(5_000)
  const Plant = plant({ children: [Supervisor.child(Line, "l"), pump("a")] })
  expect(Duration.toMillis(Plant.shutdown)).toBe(21_000)
  expect(Duration.toMillis(plant({ shutdownTimeout: "3 seconds" }).shutdown)).toBe(3_000)
})

it.live("a restart comes however the looks at the clock fall about its time", () => {
  const supervision = Supervision.restart({
    maxRestarts: 1_000,
    within: "10 seconds",
    backoff: { min: "1 millis", max: "2 millis", jitter: 1 }
  })
  return Effect.gen(function*() {
    const a = yield* to("a")
    for (let n = 0; n < 150; n++) {
      yield* Effect.flip(a.Break())
      expect(yield* a.Count()).toBe(1)
    }
  }).pipe(on(plant({ children: [pump("a", { supervision })] }).layer))
})
