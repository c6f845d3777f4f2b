import { describe, expect, it } from "@effect/vitest"
import { ActorSystem, Supervision } from "@plantd/actors"
import { TestSystem } from "@plantd/actors/testing"
import { Epoch, Fence } from "@plantd/core"
import { Attribute, Command, Device, DeviceStore, Driver, Link } from "@plantd/hardware"
import { Context, Effect, Fiber, Layer, Logger, Schedule, Stream, TestClock } from "effect"
import { inTime, settle, until } from "./peers.ts"
import { handlersOf, makePlant, type Plant, Pump } from "./pump.ts"
import { listen, type PumpClient, reaches, reads } from "./rig.ts"

const testNode = Layer.merge(TestSystem.layer, DeviceStore.layerMemory)
const unused = { commands: "-", telemetry: "-" }

/** Simulated pumps, each with its plant. */
const pumps = (options?: Link.SimulatedOptions) =>
  Effect.gen(function*() {
    const plants = new Map<string, Plant>()
    const simulated = yield* Link.simulated(Pump, (id) =>
      Effect.sync(() => {
        const plant = makePlant()
        plants.set(id, plant)
        return { handlers: handlersOf(plant) }
      }), options)
    return { ...simulated, plants }
  })

/** The clients of a node of its own, which ends with the scope. */
const node = (
  link: Link.SimulatedDevices<typeof Pump>["link"],
  store = DeviceStore.layerMemory
) =>
  Effect.gen(function*() {
    const context = yield* Layer.build(
      Pump.toLayer({ link, config: () => unused }).pipe(
        Layer.provide(store),
        Layer.provideMerge(ActorSystem.layer)
      )
    )
    return yield* Effect.provide(Pump.client, context)
  })

const plantOf = (plants: ReadonlyMap<string, Plant>, id: string): Plant => {
  const plant = plants.get(id)
  if (plant === undefined) throw new Error(`no plant of ${id} was made`)
  return plant
}

/** The pump p-1, online. */
const one = (options?: Link.SimulatedOptions) =>
  Effect.gen(function*() {
    const { device, link, plants } = yield* pumps(options)
    const pump = (yield* node(link))("p-1")
    yield* reaches(pump, "online")
    yield* reads(pump, "flow", (reading) => reading.quality === "good")
    return { device: device("p-1"), plant: plantOf(plants, "p-1"), pump }
  })

const reachesInTime = (pump: PumpClient, state: Link.LinkStatus["state"]) =>
  inTime(`the link is ${state}`, Effect.map(pump.link, (status) => status.state === state))

describe("a simulated device", () => {
  it.scoped("is read, written and commanded as a device process is, and publishes", () =>
    Effect.gen(function*() {
      const { device, plant, pump } = yield* one()
      plant.flow = 3
      expect(yield* pump.read.flow).toMatchObject({ value: 3, quality: "good", epoch: 1 })
      yield* pump.write.speed(1_200)
      expect(plant.speed).toBe(1_200)
      expect(yield* pump.prime({ seconds: 3 })).toBe(true)
      expect(yield* Effect.flip(pump.write.speed(13))).toMatchObject({
        _tag: "CommandRejected",
        reason: "state",
        detail: "13 is unlucky"
      })
      expect(yield* Effect.flip(pump.prime({ seconds: -1 }))).toMatchObject({
        _tag: "CommandFailed",
        detail: "no water"
      })
      plant.state = "fault"
      expect(yield* Effect.flip(pump.prime({ seconds: 1 }))).toMatchObject({ reason: "state" })
      yield* device.publish({ flow: 5 })
      yield* reads(pump, "flow", ({ seq, value }) => value === 5 && seq === 1)
    }))

  it.scoped("has a model of its own for each id", () =>
    Effect.gen(function*() {
      const { link, plants } = yield* pumps()
      const pumpOf = yield* node(link)
      yield* reaches(pumpOf("p-1"), "online")
      yield* reaches(pumpOf("p-2"), "online")
      yield* pumpOf("p-2").write.speed(70)
      expect(plantOf(plants, "p-1").speed).toBe(0)
      expect(plantOf(plants, "p-2").speed).toBe(70)
      expect([...plants.keys()]).toEqual(["p-1", "p-2"])
    }))

  it.scoped("publishes what its model does in time, and the model outlives its process", () =>
    Effect.gen(function*() {
      const simulated = yield* Link.simulated(Pump, () =>
        Effect.sync(() => {
          const plant = makePlant()
          const step = Effect.sync(() => ({ flow: plant.flow += 1 }))
          return {
            handlers: handlersOf(plant),
            publish: Stream.repeatEffectWithSchedule(step, Schedule.spaced("1 seconds"))
          }
        }))
      const pump = (yield* node(simulated.link))("p-1")
      yield* reaches(pump, "online")
      yield* reads(pump, "flow", (reading) => reading.value === 2)
      yield* TestClock.adjust("3 seconds")
      yield* reads(pump, "flow", (reading) => reading.value === 5)
      const device = simulated.device("p-1")
      yield* device.kill
      yield* settle
      yield* TestClock.adjust("4 seconds")
      yield* device.start
      yield* reachesInTime(pump, "online")
      yield* reads(pump, "flow", ({ quality, value }) => quality === "good" && Number(value) >= 9)
    }))

  it.scoped("whose readings crash goes on answering, and the log says so", () =>
    Effect.gen(function*() {
      const lines: Array<string> = []
      const logger = Logger.make(({ message }) => lines.push(String(message)))
      const simulated = yield* Link.simulated(Pump, () =>
        Effect.succeed({
          handlers: handlersOf(makePlant()),
          publish: Stream.dieMessage("a bug in the model")
        })).pipe(Effect.provide(Logger.replace(Logger.defaultLogger, logger)))
      const pump = (yield* node(simulated.link))("p-1")
      yield* reaches(pump, "online")
      expect((yield* pump.read.flow).value).toBe(1)
      expect(lines.join()).toContain("the readings of the model ended, since it crashed")
    }))

  it.scoped("whose handlers are incomplete crashes its actor, with what is missing", () =>
    Effect.gen(function*() {
      const simulated = yield* Link.simulated(Pump, () => {
        const { read, write } = handlersOf(makePlant())
        return Effect.succeed({ handlers: { read, write } as never })
      })
      const plant = Pump.toLayer({
        link: simulated.link,
        config: () => unused,
        supervision: Supervision.stop
      })
      const error = yield* Effect.flatMap(Pump.client, (pumpOf) => Effect.flip(pumpOf("p-1").link))
        .pipe(Effect.provide(Layer.provideMerge(plant, testNode)))
      expect(error.message).toContain('the handlers of device "Pump": commands.prime: missing')
    }))

  it.scoped("has handlers that use the services around it", () =>
    Effect.gen(function*() {
      class Weather extends Context.Tag("Weather")<Weather, { readonly celsius: number }>() {}
      const Sensor = Device.make("Sensor", {
        attributes: { temperature: Attribute.number({ unit: "°C" }) },
        commands: { reset: Command.make({ effect: "set" }) }
      })
      const simulated = yield* Link.simulated(Sensor, (id) =>
        Effect.succeed({
          handlers: {
            read: { temperature: Effect.map(Weather, ({ celsius }) => celsius) },
            commands: { reset: () => Driver.refuse("busy", `${id} is busy`) }
          }
        })).pipe(Effect.provideService(Weather, { celsius: 21 }))
      const plant = Sensor.toLayer({ link: simulated.link })
      yield* Effect.gen(function*() {
        const sensor = (yield* Sensor.client)("s-1")
        yield* sensor.link
        yield* TestSystem.settle
        expect((yield* sensor.read.temperature).value).toBe(21)
        expect((yield* Effect.flip(sensor.reset())).message).toContain("s-1 is busy")
      }).pipe(Effect.provide(Layer.provideMerge(plant, testNode)))
    }))
})

describe("when its actor is started anew", () => {
  it.scoped("the device is as it was, in the same epoch, and knows the highest fence", () =>
    Effect.gen(function*() {
      const { link, plants } = yield* pumps()
      const store = Layer.succeedContext(yield* Layer.build(DeviceStore.layerMemory))
      yield* Effect.scoped(Effect.gen(function*() {
        const pump = (yield* node(link, store))("p-1")
        yield* reaches(pump, "online")
        yield* pump.write.speed(800)
      }))
      const pump = (yield* node(link, store))("p-1")
      yield* reaches(pump, "online")
      expect(yield* pump.read.speed).toMatchObject({ value: 800, epoch: 1 })
      expect(plants.size).toBe(1)
    }))

  const open = (link: Link.SimulatedDevices<typeof Pump>["link"], fence: number) =>
    Effect.gen(function*() {
      const opened = yield* link({ id: "p-1" })({
        device: "p-1",
        node: "test",
        fence: Fence.Fence.make(fence),
        epoch: Epoch.first,
        description: Pump.description,
        onBatch: () => {},
        onSnapshot: () => {},
        onMissing: () => {},
        onStatus: () => {}
      })
      yield* settle
      return opened
    })

  it.scoped("a node with a lower fence than the highest gets no session, nor after a kill", () =>
    Effect.gen(function*() {
      const { device, link } = yield* pumps()
      yield* Effect.scoped(Effect.gen(function*() {
        expect((yield* (yield* open(link, 7)).status).state).toBe("online")
      }))
      const refused = {
        state: "disconnected",
        reason: expect.stringContaining("fence 6 is below 7")
      }
      expect(yield* (yield* open(link, 6)).status).toMatchObject(refused)
      yield* device("p-1").kill
      yield* device("p-1").start
      expect(yield* (yield* open(link, 6)).status).toMatchObject(refused)
    }))

  it.scoped("a command that was done before is answered, and not done again", () =>
    Effect.gen(function*() {
      const { link, plants } = yield* pumps()
      const prime = (fence: number) =>
        Effect.scoped(
          Effect.flatMap(open(link, fence), (opened) =>
            opened.invoke("prime", { seconds: 3 }, {
              commandId: "c-1",
              deadlineMillis: 1_000,
              effect: "pulse"
            }))
        )
      expect(yield* prime(1)).toBe(true)
      expect(yield* prime(2)).toBe(true)
      expect(plantOf(plants, "p-1").primed).toBe(1)
    }))
})

describe("what can go wrong with a device process", () => {
  it.scoped("killed while it acts: the outcome is unknown, then nothing is sent", () =>
    Effect.gen(function*() {
      const { device, plant, pump } = yield* one()
      plant.gate = Effect.never
      const write = yield* Effect.fork(Effect.flip(pump.write.speed(5)))
      yield* settle
      yield* device.kill
      expect(yield* Fiber.join(write)).toMatchObject({ _tag: "OutcomeUnknown" })
      // It could not say goodbye: the link waits a while for its return.
      expect((yield* pump.link).state).toBe("degraded")
      yield* reachesInTime(pump, "lost")
      expect((yield* pump.snapshot).flow.quality).toBe("stale")
      expect(yield* Effect.flip(pump.write.speed(6))).toMatchObject({ _tag: "DeviceUnavailable" })
      expect(yield* device.counters).toBeUndefined()
      yield* device.publish({ flow: 9 })
      yield* device.kill
    }))

  it.scoped("started again it is found, in a new epoch, on the model as it was", () =>
    Effect.gen(function*() {
      const { device, plant, pump } = yield* one()
      yield* pump.write.speed(5)
      yield* device.kill
      yield* reachesInTime(pump, "lost")
      yield* device.start
      yield* device.start
      yield* reachesInTime(pump, "online")
      expect(yield* pump.read.speed).toMatchObject({ value: 5, epoch: 2 })
      expect(plant.speed).toBe(5)
    }))

  it.scoped("a link to one that was killed waits for its start", () =>
    Effect.gen(function*() {
      const { device, link } = yield* pumps()
      yield* device("p-1").kill
      const pump = (yield* node(link))("p-1")
      yield* TestClock.adjust("10 seconds")
      expect((yield* pump.link).state).toBe("connecting")
      yield* device("p-1").start
      yield* reachesInTime(pump, "online")
    }))

  it.scoped("cut off it is degraded, then lost, and comes back when the way is healed", () =>
    Effect.gen(function*() {
      const { device, pump } = yield* one()
      yield* device.cut()
      yield* reachesInTime(pump, "degraded")
      yield* reachesInTime(pump, "lost")
      yield* device.heal
      yield* reachesInTime(pump, "online")
    }))

  it.scoped("shaped it loses messages, and unshaped none but those that its network loses", () =>
    Effect.gen(function*() {
      const { device, pump } = yield* one()
      yield* device.shape({ loss: 1 })
      yield* reachesInTime(pump, "lost")
      yield* device.unshape
      yield* reachesInTime(pump, "online")
    }))

  it.scoped("what comes too late through a way that was cut is not carried out", () =>
    Effect.gen(function*() {
      const { device, plant, pump } = yield* one()
      yield* device.cut("to-bound")
      const write = yield* Effect.fork(
        Effect.flip(pump.write.speed(5, { timeout: "500 millis" }))
      )
      yield* settle
      yield* TestClock.adjust("1 seconds")
      expect(yield* Fiber.join(write)).toMatchObject({ _tag: "OutcomeUnknown" })
      yield* device.heal
      yield* settle
      expect(plant.speed).toBe(0)
      expect(yield* device.counters).toMatchObject({ commandsExecuted: 0, commandsRefused: 2 })
    }))

  it.scoped("that hears of no node any more it brings itself into its safe state", () =>
    Effect.gen(function*() {
      const plant = makePlant()
      const simulated = yield* Link.simulated(Pump, () =>
        Effect.succeed({
          handlers: handlersOf(plant),
          onSilence: { after: "2 seconds", run: Effect.sync(() => void (plant.speed = 0)) }
        }))
      const pump = (yield* node(simulated.link))("p-1")
      yield* reaches(pump, "online")
      yield* pump.write.speed(300)
      yield* simulated.device("p-1").cut()
      yield* inTime("it is safe", Effect.sync(() => plant.speed === 0))
    }))
})

describe("time", () => {
  it.scoped("passes on the way, as long as it is told to", () =>
    Effect.gen(function*() {
      const { pump } = yield* Effect.gen(function*() {
        const { link } = yield* pumps({ network: { latencyMillis: { min: 30, max: 30 } } })
        const pump = (yield* node(link))("p-1")
        yield* reachesInTime(pump, "online")
        return { pump }
      })
      const reading = yield* Effect.fork(pump.read.flow)
      yield* settle
      yield* TestClock.adjust("59 millis")
      expect(reading.unsafePoll()).toBeNull()
      yield* TestClock.adjust("1 millis")
      expect((yield* Fiber.join(reading)).value).toBe(1)
    }))

  it.scopedLive("can be real", () =>
    Effect.gen(function*() {
      const { link } = yield* pumps()
      const pump = (yield* node(link))("p-1")
      const seen = yield* pump.linkChanges.pipe(
        Stream.filter(({ state }) => state === "online"),
        Stream.runHead,
        Effect.timeout("10 seconds")
      )
      expect(seen._tag).toBe("Some")
      expect((yield* pump.read.flow).value).toBe(1)
    }))

  it.scopedLive("is that of the actor where the devices were made on another clock", () =>
    Effect.gen(function*() {
      const { link } = yield* pumps()
      const layer = Pump.toLayer({ link, config: () => unused }).pipe(
        Layer.provideMerge(testNode)
      )
      yield* Effect.gen(function*() {
        const pump = (yield* Pump.client)("p-1")
        yield* pump.link
        yield* TestSystem.advance("1 minutes")
        expect((yield* pump.link).state).toBe("online")
        expect((yield* pump.read.flow).value).toBe(1)
      }).pipe(Effect.provide(layer))
    }))
})

it.scoped("a subscriber is told what a simulated device publishes", () =>
  Effect.gen(function*() {
    const { device, pump } = yield* one()
    const { told } = yield* listen(pump.subscribe(["flow"], { mode: "all" }))
    yield* device.publish({ flow: 4 })
    yield* device.publish({ flow: { value: 5, quality: "uncertain", reason: "drifts" } })
    yield* until("all is told", Effect.sync(() => told.length === 3))
    expect(told).toMatchObject([
      { value: 1 },
      { value: 4, quality: "good" },
      { value: 5, quality: "uncertain", reason: "drifts" }
    ])
  }))
