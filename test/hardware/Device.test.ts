import { describe, expect, it } from "@effect/vitest"
import { ActorSystem, Supervision } from "@plantd/actors"
import {
  Attribute,
  Device,
  DriverStore,
  Link,
  SimulatedNetwork,
  Subscription
} from "@plantd/hardware"
import { Context, Deferred, Effect, Fiber, Layer, Logger, Schema, Stream, TestClock } from "effect"
import { commands, inTime, rawDriver, settle, telemetry, until } from "./peers.ts"
import { makePlant, Pump, pumpLayer, serve } from "./pump.ts"
import {
  clientOf,
  endpoints,
  listen,
  type PumpClient,
  reaches,
  reads,
  rig,
  runtime,
  simulated
} from "./rig.ts"

describe("reading", () => {
  it.scoped("asks the device itself, and says what is known of the value", () =>
    Effect.gen(function*() {
      const { plant, pump } = yield* rig
      plant.flow = 3
      expect(yield* pump.read.flow).toEqual({
        device: "p-1",
        attribute: "flow",
        value: 3,
        quality: "good",
        sourceTime: 0,
        serverTime: 0,
        unit: "L/s",
        epoch: 1,
        seq: 0
      })
      expect((yield* pump.snapshot).flow.value).toBe(3)
    }).pipe(simulated))

  it.scoped("a value outside of its range is uncertain, a broken sensor bad, with the reason", () =>
    Effect.gen(function*() {
      const { plant, pump } = yield* rig
      plant.flow = 11
      expect(yield* pump.read.flow).toMatchObject({
        value: 11,
        quality: "uncertain",
        reason: "11 L/s is outside of 0 to 10 L/s"
      })
      expect(yield* pump.read.leaking).toMatchObject({
        value: null,
        quality: "bad",
        reason: "the sensor is broken"
      })
    }).pipe(simulated))

  it.scoped("before the link is online is unavailable, and what was never read is bad", () =>
    Effect.gen(function*() {
      const pump = yield* clientOf(endpoints)
      expect((yield* pump.snapshot).flow).toMatchObject({ quality: "bad", reason: "never read" })
      const error = yield* Effect.flip(pump.read.flow)
      expect(error).toMatchObject({ _tag: "DeviceUnavailable", operation: "read.flow" })
    }).pipe(simulated))
})

describe("writing and commanding", () => {
  it.scoped("reaches the device, and gives its answer", () =>
    Effect.gen(function*() {
      const { plant, pump } = yield* rig
      yield* pump.write.speed(1_200)
      expect(plant.speed).toBe(1_200)
      expect(yield* pump.prime({ seconds: 3 })).toBe(true)
      expect(yield* pump.prime({ seconds: 1 })).toBe(false)
      expect(yield* pump.stop()).toBeUndefined()
      expect(plant).toMatchObject({ primed: 2, stopped: 1 })
    }).pipe(simulated))

  const refusals: ReadonlyArray<
    readonly [string, (pump: PumpClient) => Effect.Effect<unknown, unknown>, object]
  > = [
    [
      "a value outside of the range is rejected by the node",
      (pump) => pump.write.speed(9_999),
      { _tag: "CommandRejected", reason: "validation", operation: "write.speed" }
    ],
    [
      "a payload that its schema does not allow is rejected by the client",
      (pump) => pump.prime({ seconds: "3" as never }),
      { _tag: "CommandRejected", reason: "validation", operation: "prime" }
    ],
    [
      "a refusal of the handler is a rejection",
      (pump) => pump.write.speed(13),
      { _tag: "CommandRejected", reason: "state", detail: "13 is unlucky" }
    ],
    [
      "a failure of the handler is a failure",
      (pump) => pump.prime({ seconds: -1 }),
      { _tag: "CommandFailed", detail: "no water" }
    ],
    [
      "a crash of the handler is a failure, and the driver lives",
      (pump) => Effect.zipRight(Effect.ignore(pump.crash()), pump.crash()),
      { _tag: "CommandFailed", detail: "the handler crashed" }
    ]
  ]
  it.scoped.each(refusals)("%s", ([, run, error]) =>
    Effect.gen(function*() {
      const { plant, pump } = yield* rig
      expect(yield* Effect.flip(run(pump))).toMatchObject(error)
      expect(plant).toMatchObject({ speed: 0, primed: 0 })
    }).pipe(simulated))

  it.scoped("a command that the state forbids is rejected before it is sent", () =>
    Effect.gen(function*() {
      const { driver, plant, pump } = yield* rig
      plant.state = "fault"
      yield* driver.publish({ state: "fault" })
      yield* reads(pump, "state", (reading) => reading.value === "fault")
      expect(yield* Effect.flip(pump.prime({ seconds: 3 }))).toMatchObject({
        reason: "state",
        detail: "it is allowed in ready, priming, and the device is fault"
      })
      expect((yield* driver.counters).commandsRefused).toBe(0)
    }).pipe(simulated))

  it.scoped("one command at a time; the emergency lane waits for none; too many are busy", () =>
    Effect.gen(function*() {
      const { plant, pump } = yield* rig
      const gate = yield* Deferred.make<void>()
      plant.gate = Deferred.await(gate)
      const writes = yield* Effect.forEach(
        Array.from({ length: Device.settings.commandQueueMax + 1 }, (_, i) => i + 20),
        (value) => Effect.fork(pump.write.speed(value))
      )
      yield* settle
      expect(yield* Effect.flip(pump.write.speed(99))).toMatchObject({
        _tag: "CommandRejected",
        reason: "busy"
      })
      yield* pump.stop()
      expect(plant).toMatchObject({ stopped: 1, speed: 0 })
      yield* Deferred.succeed(gate, undefined)
      yield* Fiber.joinAll(writes)
      expect(plant.speed).toBe(Device.settings.commandQueueMax + 20)
    }).pipe(simulated))

  it.scoped("a timeout bounds the waiting: in the queue it is expired, beyond it unknown", () =>
    Effect.gen(function*() {
      const { driver, plant, pump } = yield* rig
      plant.gate = Effect.never
      const sent = yield* Effect.fork(pump.write.speed(1, { timeout: "2 seconds" }))
      yield* settle
      const waits = yield* Effect.fork(pump.write.speed(2, { timeout: "1 second" }))
      yield* settle
      yield* TestClock.adjust("1 second")
      expect(yield* Effect.flip(Fiber.join(waits))).toMatchObject({
        _tag: "CommandRejected",
        reason: "expired"
      })
      yield* TestClock.adjust("1 second")
      const error = yield* Effect.flip(Fiber.join(sent))
      expect(error).toMatchObject({ _tag: "OutcomeUnknown", operation: "write.speed" })
      expect(error.message).toContain("read the device before trying again")
      expect((yield* driver.counters).commandsExecuted).toBe(0)
    }).pipe(simulated))
})

describe("when the device process dies", () => {
  it.scoped("readings are stale at once it is lost, nothing is sent, and all comes back", () =>
    Effect.gen(function*() {
      const network = yield* SimulatedNetwork.SimulatedNetwork
      const { plant, pump } = yield* rig
      const { told } = yield* listen(pump.subscribe(["flow"]))
      const write = yield* Effect.fork((plant.gate = Effect.never, pump.write.speed(7)))
      yield* settle
      yield* network.kill(commands)
      yield* network.kill(telemetry)
      expect((yield* Effect.flip(Fiber.join(write)))._tag).toBe("OutcomeUnknown")
      yield* TestClock.adjust("1 second")
      yield* reaches(pump, "lost")
      expect((yield* pump.snapshot).speed.quality).toBe("stale")
      yield* until("it is told", Effect.sync(() => told.length === 2))
      expect(told).toMatchObject([
        { value: 1, quality: "good" },
        { value: 1, quality: "stale", reason: expect.stringContaining("the link is lost: the") }
      ])
      const error = yield* Effect.flip(pump.write.speed(8))
      expect(error).toMatchObject({ _tag: "DeviceUnavailable", link: "lost" })
      const again = { ...makePlant(), flow: 5 }
      const store = yield* DriverStore.DriverStore
      expect(yield* store.nextEpoch("p-1")).toBe(2)
      yield* serve(again, endpoints)
      yield* inTime("the link is online", Effect.map(pump.link, (link) => link.state === "online"))
      expect(yield* reads(pump, "flow", (reading) => reading.quality === "good")).toMatchObject({
        value: 5,
        epoch: 3
      })
      expect(again.speed).toBe(0)
      // What is unknown is looked after first, for a second.
      const third = yield* Effect.fork(pump.write.speed(9))
      yield* TestClock.adjust("2 seconds")
      yield* Fiber.join(third)
      expect(again.speed).toBe(9)
    }).pipe(simulated))
})

describe("staleness", () => {
  it.scoped("a reading older than its maxAge is stale, and good again with the next one", () =>
    Effect.gen(function*() {
      const { driver, pump } = yield* rig
      const { told } = yield* listen(pump.subscribe(["flow", "label"]))
      yield* TestClock.adjust("1999 millis")
      expect((yield* pump.snapshot).flow.quality).toBe("good")
      yield* TestClock.adjust("1 millis")
      expect((yield* pump.snapshot).flow).toMatchObject({
        value: 1,
        quality: "stale",
        reason: "nothing newer came within 2000 ms"
      })
      expect((yield* pump.snapshot).label.quality).toBe("good")
      yield* driver.publish({ flow: 1 })
      yield* until("it is told", Effect.sync(() => told.length === 4))
      expect(told.slice(2)).toMatchObject([{ quality: "stale" }, { quality: "good", seq: 1 }])
    }).pipe(simulated))
})

describe("subscriptions", () => {
  it.scoped("begin with a snapshot, and tell changes beyond the deadband", () =>
    Effect.gen(function*() {
      const { driver, pump } = yield* rig
      const { told } = yield* listen(pump.subscribe(["flow"], { mode: "all" }))
      yield* Effect.forEach([1.05, 1.2, 1.25, 11, 1.2], (flow) => driver.publish({ flow }))
      yield* until("all are told", Effect.sync(() => told.length === 4))
      expect(told).toMatchObject([
        { value: 1, seq: 0 },
        { value: 1.2, seq: 2 },
        { value: 11, quality: "uncertain" },
        { value: 1.2, quality: "good" }
      ])
    }).pipe(simulated))

  it.scoped("an unchanged value is told again before the last one grows stale", () =>
    Effect.gen(function*() {
      const { driver, pump } = yield* rig
      const { told } = yield* listen(pump.subscribe(["flow"]))
      for (let i = 0; i < 20; i++) {
        yield* TestClock.adjust("100 millis")
        yield* driver.publish({ flow: 1 })
        yield* settle
      }
      expect(told.map((item) => Subscription.isGap(item) || item.serverTime)).toEqual([
        0,
        1_000,
        2_000
      ])
    }).pipe(simulated))

  it.scoped("a gap on the way is marked in its place for those who want all", () =>
    Effect.gen(function*() {
      const driver = yield* rawDriver
      const pump = yield* clientOf(endpoints)
      yield* Effect.forkScoped(driver.accept())
      yield* reaches(pump, "online")
      yield* reads(pump, "flow", (reading) => reading.quality === "good")
      const { told } = yield* listen(pump.subscribe(["flow"], { mode: "all" }))
      const latest = yield* listen(pump.subscribe(["flow"]))
      yield* driver.publish(driver.batch(1, [[0, 2]]))
      yield* driver.publish(driver.batch(5, [[0, 5]]))
      yield* until("all are told", Effect.sync(() => told.length === 4 && latest.told.length > 1))
      expect(told).toMatchObject([
        { value: 1 },
        { value: 2 },
        { _tag: "Gap", missing: 3, cause: "link", seq: 5 },
        { value: 5 }
      ])
      expect(latest.told.some(Subscription.isGap)).toBe(false)
    }).pipe(simulated))

  it.scoped("beyond their bound are refused", () =>
    Effect.gen(function*() {
      yield* serve(makePlant(), endpoints)
      const layer = Pump.toLayer({
        link: ({ config }) => Link.zmq(config),
        config: () => endpoints,
        settings: { subscribersMax: 1 }
      })
      const context = yield* Layer.build(Layer.provideMerge(layer, runtime))
      const pump = (yield* Effect.provide(Pump.client, context))("p-1")
      yield* listen(pump.subscribe(["flow"]))
      const error = yield* Effect.flip(Stream.runDrain(pump.subscribe(["flow"])))
      expect(error).toMatchObject({ _tag: "SubscribersFull", subscribersMax: 1 })
    }).pipe(simulated))

  it.scoped("end with the reason when the device's actor stops, and its node says goodbye", () =>
    Effect.gen(function*() {
      const driver = yield* rawDriver
      const context = yield* Layer.build(
        pumpLayer(endpoints).pipe(Layer.provideMerge(runtime))
      )
      const pump = (yield* Effect.provide(Pump.client, context))("p-1")
      const accepted = yield* Effect.fork(driver.accept())
      yield* reaches(pump, "online")
      yield* Fiber.join(accepted)
      const { fiber } = yield* listen(pump.subscribe(["flow"]))
      yield* Context.get(context, ActorSystem).stop({ type: "Pump", id: "p-1" })
      expect(yield* Effect.flip(Fiber.join(fiber))).toMatchObject({ _tag: "ActorStopped" })
      expect((yield* driver.await("BYE")).request.body).toEqual({
        reason: "the device actor ended"
      })
    }).pipe(simulated))

  it.scoped("of the link tell what it is, and each change", () =>
    Effect.gen(function*() {
      const network = yield* SimulatedNetwork.SimulatedNetwork
      const { pump } = yield* rig
      const { told } = yield* listen(pump.linkChanges)
      yield* network.kill(commands)
      yield* settle
      yield* TestClock.adjust("1 second")
      yield* until("all is told", Effect.sync(() => told.length === 3))
      expect(told.map((status) => status.state)).toEqual(["online", "degraded", "lost"])
    }).pipe(simulated))
})

describe("bad input from a device process", () => {
  it.scoped("readings of the wrong type or NaN are bad, with what was expected and what came", () =>
    Effect.gen(function*() {
      const driver = yield* rawDriver
      const lines: Array<string> = []
      const logger = Logger.make(({ message }) => lines.push(String(message)))
      const pump = yield* clientOf(endpoints).pipe(
        Effect.provide(Logger.replace(Logger.defaultLogger, logger))
      )
      yield* Effect.forkScoped(driver.accept())
      yield* reaches(pump, "online")
      yield* driver.publish(driver.batch(1, [[0, Number.NaN], [1, 7], [2, "yes"], [99, 1]]))
      const flow = yield* reads(pump, "flow", (reading) => reading.seq > 0)
      expect(flow).toMatchObject({
        quality: "bad",
        reason: "expected a finite number, got NaN",
        seq: 1
      })
      expect(yield* pump.snapshot).toMatchObject({
        label: { quality: "bad", reason: "expected a string, got 7" },
        leaking: { quality: "bad", reason: 'expected a boolean, got the string "yes"' }
      })
      expect(yield* pump.link).toMatchObject({
        state: "online",
        readingsInvalid: 3,
        readingsUnknown: 1
      })
      yield* settle
      expect(lines).toContain(
        "a reading of attribute flow is bad: expected a finite number, got NaN"
      )
      expect(lines).toContain("a reading of an unknown attribute, number 99, was dropped")
    }).pipe(simulated))

  it.scoped("a device process that does not fit is disconnected; other devices are untouched", () =>
    Effect.gen(function*() {
      const { pump } = yield* rig
      const Other = Device.make("Other", { attributes: { level: Attribute.number({ unit: "m" }) } })
      const layer = Other.toLayer({ link: () => Link.zmq(endpoints) })
      const context = yield* Layer.build(Layer.provideMerge(layer, runtime))
      const other = (yield* Effect.provide(Other.client, context))("p-1")
      const status = yield* until(
        "it is refused",
        Effect.map(other.link, (link) => link.state === "disconnected" && link)
      )
      expect(status.reason).toContain("(description-mismatch)")
      expect(status.reason).toContain("attributes.flow")
      expect((yield* pump.link).state).toBe("online")
      expect((yield* pump.read.flow).value).toBe(1)
    }).pipe(simulated))

  it.scoped("a configuration that is not what the definition says names device and field", () =>
    Effect.gen(function*() {
      const layer = Pump.toLayer({
        link: ({ config }) => Link.zmq(config),
        config: () => ({ commands: 7 }) as never,
        supervision: Supervision.stop
      })
      const context = yield* Layer.build(Layer.provideMerge(layer, runtime))
      const crashes = yield* Effect.forkScoped(
        Stream.runHead(
          Stream.filter(Context.get(context, ActorSystem).events, (e) => e._tag === "Crashed")
        )
      )
      yield* settle
      const pump = (yield* Effect.provide(Pump.client, context))("p-1")
      yield* Effect.exit(pump.link)
      const crash = yield* Fiber.join(crashes)
      const text = JSON.stringify(crash)
      expect(text).toContain("the configuration of Pump p-1 is not what its definition says")
      expect(text).toContain("commands")
    }).pipe(simulated))
})

it("the definition's types reach the client", () => {
  const check = (pump: PumpClient) => {
    // @ts-expect-error there is no such attribute
    expect(pump.read.depth).toBeUndefined()
    // @ts-expect-error flow can only be read
    expect(pump.write.flow).toBeUndefined()
    // @ts-expect-error speed is a number
    expect(() => pump.write.speed("fast")).not.toThrow()
    // @ts-expect-error prime takes seconds
    expect(() => pump.prime({ minutes: 1 })).not.toThrow()
    // @ts-expect-error there is no such command
    expect(pump.prmie).toBeUndefined()
  }
  const state = "ready" as const
  // @ts-expect-error "raedy" is none of the states
  Pump.commands.prime.allowedIn?.includes("raedy")
  expect(Pump.states).toContain(state)
  expect(check).toBeTypeOf("function")
  expect(Schema.isSchema(Pump.config)).toBe(true)
})
