/** One definition on three links: what a client sees is the same, in virtual and in real time. */
import { describe, expect, it } from "@effect/vitest"
import { ActorSystem } from "@plantd/actors"
import { DeviceStore, Driver, DriverStore, Link, ZmqTransport } from "@plantd/hardware"
import { Effect, Exit, Fiber, Layer, Schedule, Scope, TestClock } from "effect"
import { inTime, settle } from "./peers.ts"
import { handlersOf, makePlant, Pump, pumpLayer } from "./pump.ts"
import { endpoints, type PumpClient } from "./rig.ts"

/** The side of the device, whatever it is made of. */
interface Side {
  readonly layer: Layer.Layer<never, never, ActorSystem | DeviceStore>
  /** The device itself changes its flow, and publishes it. */
  readonly setFlow: (value: number) => Effect.Effect<void>
  readonly speed: Effect.Effect<number | null>
  /** What the next `prime` does. */
  readonly next: (deed: Effect.Effect<boolean, unknown>) => Effect.Effect<void>
  readonly lose: Effect.Effect<void>
  readonly restore: Effect.Effect<void>
}

interface Kind {
  readonly name: string
  readonly side: Effect.Effect<Side, unknown, Scope.Scope>
  /** Waits until a condition holds, while time passes. */
  readonly eventually: <E>(what: string, holds: Effect.Effect<boolean, E>) => Effect.Effect<void, E>
  /** Lets this much time pass while something is under way. */
  readonly during: <A, E>(fiber: Fiber.Fiber<A, E>, millis: number) => Effect.Effect<A, E>
  readonly run: (
    name: string,
    body: () => Effect.Effect<void, unknown, Scope.Scope>
  ) => void
}

/** The handlers of a pump whose next `prime` can be given. */
const scripted = () => {
  const plant = makePlant()
  const deeds: Array<Effect.Effect<boolean, unknown>> = []
  const handlers = handlersOf(plant)
  return {
    plant,
    handlers: {
      ...handlers,
      commands: {
        ...handlers.commands,
        prime: (payload: { readonly seconds: number }) =>
          Effect.suspend(() => deeds.shift() ?? handlers.commands.prime(payload))
      }
    },
    next: (deed: Effect.Effect<boolean, unknown>) => Effect.sync(() => void deeds.push(deed))
  }
}

const virtual: Pick<Kind, "eventually" | "during" | "run"> = {
  eventually: inTime,
  during: (fiber, millis) =>
    settle.pipe(
      Effect.zipRight(TestClock.adjust(millis)),
      Effect.zipRight(Fiber.join(fiber))
    ) as Effect.Effect<never>,
  run: (name, body) => it.scoped(name, body)
}

const mock: Kind = {
  name: "Link.mock",
  ...virtual,
  side: Effect.map(
    Link.mock(Pump, {
      values: { flow: 1, speed: 0 },
      commands: { prime: ({ seconds }) => Effect.succeed(seconds > 1) }
    }),
    ({ device, link }) => {
      const pump = device("p-1")
      return {
        layer: Pump.toLayer({ link, config: () => endpoints }),
        setFlow: (value) => pump.set("flow", value),
        speed: pump.value("speed"),
        next: (deed) => pump.script("prime", deed),
        lose: pump.lose(),
        restore: pump.restore
      }
    }
  )
}

const simulated: Kind = {
  name: "Link.simulated",
  ...virtual,
  side: Effect.gen(function*() {
    const { handlers, next, plant } = scripted()
    const { device, link } = yield* Link.simulated(Pump, () => Effect.succeed({ handlers }))
    const pump = device("p-1")
    return {
      layer: Pump.toLayer({ link, config: () => endpoints }),
      setFlow: (value) => Effect.suspend(() => pump.publish({ flow: plant.flow = value })),
      speed: Effect.sync(() => plant.speed),
      next,
      lose: pump.kill,
      restore: pump.start
    }
  })
}

const zmq: Kind = {
  name: "Link.zmq over sockets",
  eventually: (what, holds) =>
    holds.pipe(
      Effect.repeat({ until: (held) => held, schedule: Schedule.spaced("5 millis") }),
      Effect.timeoutFail({
        duration: "10 seconds",
        onTimeout: () => `waited in vain until ${what}`
      }),
      Effect.orDie
    ),
  during: (fiber) => Fiber.join(fiber),
  run: (name, body) => it.scopedLive(name, body),
  side: Effect.gen(function*() {
    const { handlers, next, plant } = scripted()
    const outer = yield* Effect.scope
    const context = yield* Layer.build(Layer.merge(ZmqTransport.layer, DriverStore.memory))
    const serve = (at: { readonly commands: string; readonly telemetry: string }) =>
      Effect.gen(function*() {
        const scope = yield* Scope.fork(outer, outer.strategy)
        const driver = yield* Driver.serve(Pump, handlers, { device: "p-1", ...at }).pipe(
          Effect.provide(context),
          Scope.extend(scope),
          Effect.orDie
        )
        return { driver, scope }
      })
    let served = yield* serve({ commands: "tcp://127.0.0.1:*", telemetry: "tcp://127.0.0.1:*" })
    const place = served.driver.endpoints
    return {
      layer: Layer.provide(pumpLayer(place), Layer.succeedContext(context)),
      setFlow: (value) => Effect.suspend(() => served.driver.publish({ flow: plant.flow = value })),
      speed: Effect.sync(() => plant.speed),
      next,
      lose: Effect.suspend(() => Scope.close(served.scope, Exit.void)),
      restore: Effect.map(serve(place), (again) => void (served = again))
    }
  })
}

describe.each([mock, simulated, zmq])("on $name", ({ during, eventually, run, side }) => {
  const test = (
    name: string,
    body: (pump: PumpClient, device: Side) => Effect.Effect<void, unknown, Scope.Scope>
  ) =>
    run(name, () =>
      Effect.gen(function*() {
        const device = yield* side
        const node = Layer.merge(ActorSystem.layer, DeviceStore.layerMemory)
        const context = yield* Layer.build(Layer.provideMerge(device.layer, node))
        const pump = (yield* Effect.provide(Pump.client, context))("p-1")
        yield* isLink(pump, "online")
        yield* isGood(pump)
        yield* body(pump, device)
      }))
  const isLink = (pump: PumpClient, state: Link.LinkStatus["state"]) =>
    eventually(`the link is ${state}`, Effect.map(pump.link, (link) => link.state === state))
  const isGood = (pump: PumpClient) =>
    eventually(
      "the readings are good",
      Effect.map(pump.snapshot, ({ flow }) => flow.quality === "good")
    )

  test("a reading is the device's, with quality, unit and epoch", (pump) =>
    Effect.gen(function*() {
      expect(yield* pump.read.flow).toMatchObject({
        device: "p-1",
        attribute: "flow",
        value: 1,
        quality: "good",
        unit: "L/s",
        epoch: 1
      })
    }))

  test(
    "a write is carried out, and one that is not allowed never sent",
    (pump, device) =>
      Effect.gen(function*() {
        yield* pump.write.speed(1_200)
        expect(yield* device.speed).toBe(1_200)
        expect((yield* pump.read.speed).value).toBe(1_200)
        expect(yield* Effect.flip(pump.write.speed(9_000))).toMatchObject({
          _tag: "CommandRejected",
          reason: "validation"
        })
        expect(yield* device.speed).toBe(1_200)
      })
  )

  test("what the device publishes is known", (pump, device) =>
    Effect.gen(function*() {
      yield* device.setFlow(5)
      yield* eventually("it is 5", Effect.map(pump.snapshot, ({ flow }) => flow.value === 5))
      yield* device.setFlow(11)
      yield* eventually("it is 11", Effect.map(pump.snapshot, ({ flow }) => flow.value === 11))
      expect((yield* pump.snapshot).flow.quality).toBe("uncertain")
    }))

  test("a command gives its result", (pump) =>
    Effect.gen(function*() {
      expect(yield* pump.prime({ seconds: 3 })).toBe(true)
      expect(yield* pump.prime({ seconds: 1 })).toBe(false)
      expect(yield* pump.stop()).toBeUndefined()
    }))

  test(
    "a command under an id that is known already is answered, and done once",
    (pump, device) =>
      Effect.gen(function*() {
        let primed = 0
        const deed = Effect.sync(() => ++primed > 0)
        yield* device.next(deed)
        yield* device.next(deed)
        expect(yield* pump.prime({ seconds: 3 }, { commandId: "c-1" })).toBe(true)
        expect(yield* pump.prime({ seconds: 3 }, { commandId: "c-1" })).toBe(true)
        expect(primed).toBe(1)
        expect(yield* pump.journal.outcome("c-1")).toMatchObject({ state: "succeeded" })
      })
  )

  test(
    "a command that is refused was not carried out, one that failed was tried",
    (pump, device) =>
      Effect.gen(function*() {
        yield* device.next(Driver.refuse("busy", "not now"))
        expect(yield* Effect.flip(pump.prime({ seconds: 1 }))).toMatchObject({
          _tag: "CommandRejected",
          reason: "busy",
          detail: "not now"
        })
        yield* device.next(Effect.fail("no water"))
        expect(yield* Effect.flip(pump.prime({ seconds: 1 }))).toMatchObject({
          _tag: "CommandFailed",
          detail: "no water"
        })
      })
  )

  test(
    "a device that cannot tell leaves the outcome unknown",
    (pump, device) =>
      Effect.gen(function*() {
        yield* device.next(Driver.unknown("a cable came off"))
        expect(yield* Effect.flip(pump.prime({ seconds: 1 }))).toMatchObject({
          _tag: "OutcomeUnknown"
        })
      })
  )

  test(
    "a device that does not answer leaves it unknown, at the deadline",
    (pump, device) =>
      Effect.gen(function*() {
        yield* device.next(Effect.never)
        const prime = yield* Effect.fork(
          Effect.flip(pump.prime({ seconds: 1 }, { timeout: "600 millis" }))
        )
        expect(yield* during(prime, 600)).toMatchObject({ _tag: "OutcomeUnknown" })
      })
  )

  test(
    "a device that is lost while it acts leaves it unknown",
    (pump, device) =>
      Effect.gen(function*() {
        let begun = false
        yield* device.next(Effect.zipRight(Effect.sync(() => void (begun = true)), Effect.never))
        const prime = yield* Effect.fork(Effect.flip(pump.prime({ seconds: 1 })))
        yield* eventually("it is begun", Effect.sync(() => begun))
        yield* device.lose
        expect(yield* during(prime, 2_000)).toMatchObject({ _tag: "OutcomeUnknown" })
      })
  )

  test(
    "while it is lost readings are stale and nothing is sent; then it is found",
    (pump, device) =>
      Effect.gen(function*() {
        yield* device.lose
        yield* isLink(pump, "lost")
        expect((yield* pump.snapshot).flow.quality).toBe("stale")
        expect(yield* Effect.flip(pump.write.speed(7))).toMatchObject({ _tag: "DeviceUnavailable" })
        yield* device.restore
        yield* isLink(pump, "online")
        yield* isGood(pump)
        yield* pump.write.speed(8)
        expect(yield* device.speed).toBe(8)
      })
  )
})
