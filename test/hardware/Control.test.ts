import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, expect, it } from "@effect/vitest"
import { ActorError, ActorSystem, Placement } from "@plantd/actors"
import {
  Control,
  DeviceError,
  DriverStore,
  type NodeControl,
  Subscription,
  ZmqTransport
} from "@plantd/hardware"
import { Cause, Deferred, Effect, Fiber, Layer, Schedule, Stream } from "effect"
import { connect, endpoint, rig, rigAt, within } from "./controlRig.ts"
import { until } from "./peers.ts"
import { Pump } from "./pump.ts"
import { runtime, simulated } from "./rig.ts"

describe("a node's control", () => {
  it.scoped("is on that node, also where a cluster gives all others their actors", () =>
    Effect.gen(function*() {
      const hosted = yield* Placement.host({
        node: "here:1",
        hasLease: () => false,
        isHere: () => false,
        isDirect: () => false,
        carry: (parcel) => {
          const { address, tag } = parcel
          const detail = "the others are away"
          parcel.refuse(new ActorError.NotDelivered({ address, tag, detail }))
        },
        watch: () => () => undefined,
        beforeClose: Effect.void
      })
      const devices = [{ type: Pump, ids: ["p-1"] }]
      yield* Layer.build(
        Layer.provide(
          Control.layer({ node: "n-1", endpoint, devices }),
          Layer.succeed(ActorSystem, hosted.service)
        )
      )
      const client = yield* within(connect(endpoint))
      expect(yield* within(client.Node())).toMatchObject({ node: "n-1", devices: 1 })
      expect(yield* within(client.ListDevices())).toMatchObject([
        { device: "p-1", trouble: expect.stringContaining("the others are away") as unknown }
      ])
    }).pipe(simulated))

  it.scoped("lists the devices, also one that cannot be reached, and says why", () =>
    Effect.gen(function*() {
      const { client } = yield* rig
      const [first, second] = yield* within(client.ListDevices())
      expect(first).toMatchObject({
        device: "p-1",
        type: "Pump",
        link: { state: "online" },
        state: { value: "ready", quality: "good" }
      })
      expect(second).toMatchObject({
        device: "p-2",
        link: { state: "connecting" },
        state: { value: null, quality: "bad" }
      })
      expect(yield* within(client.Node())).toMatchObject({ node: "n-1", devices: 2 })
    }).pipe(simulated))

  it.scoped("describes a device as it is declared", () =>
    Effect.gen(function*() {
      const { client } = yield* rig
      const detail = yield* within(client.Describe({ device: "p-1" }))
      expect(detail.type).toBe("Pump")
      expect(detail.attributes).toMatchObject({
        flow: {
          type: "number",
          unit: "L/s",
          range: [0, 10],
          access: "read",
          maxAgeMillis: 2_000,
          deadband: 0.1
        },
        speed: { access: "read-write" }
      })
      expect(detail.commands).toMatchObject({
        prime: {
          arguments: [{ name: "seconds", type: "number", optional: false }],
          effect: "pulse",
          lane: "ordinary",
          allowedIn: ["ready", "priming"],
          timeoutMillis: 2_000
        },
        stop: { arguments: [], lane: "emergency" }
      })
      expect(detail.states).toEqual(["ready", "priming", "fault"])
    }).pipe(simulated))

  it.scoped("reads some attributes or all, of the device or of what is known", () =>
    Effect.gen(function*() {
      const { client, plant } = yield* rig
      plant.flow = 4
      const read = (known: boolean, ...attributes: ReadonlyArray<string>) =>
        within(client.Read({ device: "p-1", attributes, known }))
      expect(yield* read(true, "flow")).toMatchObject([{ attribute: "flow", value: 1 }])
      expect(yield* read(false, "speed", "flow", "flow")).toMatchObject([
        { attribute: "speed", value: 0 },
        { attribute: "flow", value: 4, unit: "L/s", quality: "good" }
      ])
      expect((yield* read(false)).map(({ attribute }) => attribute)).toEqual(
        Pump.order
      )
    }).pipe(simulated))

  it.scoped("writes what a person writes by the attribute's type, or says what was expected", () =>
    Effect.gen(function*() {
      const { client, plant } = yield* rig
      const write = (attribute: string, given: NodeControl.Given) =>
        within(client.Write({ device: "p-1", attribute, given }))
      yield* write("speed", { text: "1.2e3" })
      expect(plant.speed).toBe(1_200)
      yield* write("speed", { value: 30 })
      expect(plant.speed).toBe(30)
      const refused = (attribute: string, given: NodeControl.Given) =>
        Effect.map(Effect.flip(write(attribute, given)), (error) => {
          expect(error).toBeInstanceOf(DeviceError.CommandRejected)
          return error.message
        })
      expect(yield* refused("speed", { text: "fast" })).toContain(
        'expected a number in rpm, without it, got the string "fast"'
      )
      for (const text of ["", " 3", "0x10", "NaN", "Infinity", "1_000"]) {
        expect(yield* refused("speed", { text })).toContain("(validation)")
      }
      expect(yield* refused("speed", { text: "9000" })).toContain("outside of 0 to 3000 rpm")
      expect(yield* refused("flow", { text: "1" })).toContain("it can be read only")
      expect(plant.speed).toBe(30)
    }).pipe(simulated))

  it.scoped("calls a command with fields as a person writes them, or with data", () =>
    Effect.gen(function*() {
      const { client, plant } = yield* rig
      const call = (command: string, given?: NodeControl.GivenFields) =>
        within(client.Call({ device: "p-1", command, ...given === undefined ? {} : { given } }))
      expect(yield* call("prime", { text: { seconds: "3" } })).toEqual({ result: true })
      expect(yield* call("prime", { value: { seconds: 0.5 } })).toEqual({ result: false })
      expect(yield* call("stop")).toEqual({})
      expect(plant).toMatchObject({ primed: 2, stopped: 1 })
      const refused = (given?: NodeControl.GivenFields) =>
        Effect.map(Effect.flip(call("prime", given)), (error) => error.message)
      expect(yield* refused({ text: { seconds: "many" } })).toContain(
        'prime was rejected (validation): seconds: Expected number, actual "many"'
      )
      expect(yield* refused()).toContain("seconds: is missing")
      expect(yield* refused({ value: 3 })).toContain("its arguments: Expected")
      expect(yield* refused({ text: { second: "3" } })).toBe(
        'p-1 (prime) has no argument "second"; did you mean seconds? (arguments: seconds)'
      )
      expect(plant.primed).toBe(2)
    }).pipe(simulated))

  it.scoped("gives the failures of a device with their types", () =>
    Effect.gen(function*() {
      const { client } = yield* rig
      const call = (device: string, command: string, text: Record<string, string> = {}) =>
        within(Effect.flip(client.Call({ device, command, given: { text } })))
      const failed = yield* call("p-1", "prime", { seconds: "-1" })
      expect(failed).toBeInstanceOf(DeviceError.CommandFailed)
      expect(failed.message).toContain("no water")
      expect(yield* call("p-2", "stop")).toBeInstanceOf(DeviceError.DeviceUnavailable)
    }).pipe(simulated))

  it.scoped("names the nearest of what there is where a name is unknown", () =>
    Effect.gen(function*() {
      const { client } = yield* rig
      const message = <A>(effect: Effect.Effect<A, { readonly message: string }>) =>
        within(Effect.map(Effect.flip(effect), (error) => error.message))
      expect(yield* message(client.Describe({ device: "p1" }))).toBe(
        'node n-1 has no device "p1"; did you mean p-1? (devices: p-1, p-2)'
      )
      expect(yield* message(client.Describe({ device: "reactor" }))).toBe(
        'node n-1 has no device "reactor" (devices: p-1, p-2)'
      )
      const read = { device: "p-1", known: true }
      expect(yield* message(client.Read({ ...read, attributes: ["flow", "sped"] }))).toBe(
        'p-1 (Pump) has no attribute "sped"; did you mean speed?'
          + " (attributes: flow, label, leaking, speed, state)"
      )
      for (const name of ["constructor", "__proto__", "read"]) {
        expect(yield* message(client.Call({ device: "p-1", command: name }))).toContain(
          `has no command "${name}"`
        )
        expect(yield* message(client.Read({ ...read, attributes: [name] }))).toContain(
          `has no attribute "${name}"`
        )
      }
      expect(yield* message(client.Call({ device: "p-1", command: "Pirme" }))).toContain(
        "did you mean prime?"
      )
    }).pipe(simulated))

  it.scoped("streams readings, and marks where some are missing", () =>
    Effect.gen(function*() {
      const { client, driver } = yield* rig
      const seen: Array<unknown> = []
      yield* Effect.forkScoped(Stream.runForEach(
        client.Watch({ device: "p-1", attributes: ["flow"], mode: "all" }),
        (item) =>
          Effect.sync(() => {
            seen.push(Subscription.isGap(item) ? "gap" : item.value)
          })
      ))
      yield* within(Effect.repeat(Effect.sleep("10 millis"), { until: () => seen.length === 1 }))
      yield* driver.publish({ flow: 2 })
      yield* driver.publish({ flow: 3 })
      yield* within(Effect.repeat(Effect.sleep("10 millis"), { until: () => seen.length === 3 }))
      expect(seen).toEqual([1, 2, 3])
      const unknown = client.Watch({ device: "p-1", attributes: ["flwo"], mode: "all" })
      expect(yield* within(Effect.flip(Stream.runDrain(unknown)))).toMatchObject({
        _tag: "MemberUnknown",
        nearest: "flow"
      })
    }).pipe(simulated))

  it.scoped("lets an emergency command through, however many others are under way", () =>
    Effect.gen(function*() {
      const { client, plant } = yield* rig
      const gate = yield* Deferred.make<void>()
      plant.gate = Deferred.await(gate)
      const prime = client.Call({
        device: "p-1",
        command: "prime",
        given: { text: { seconds: "3" } },
        timeoutMillis: 60_000
      }, { timeout: "2 minutes" })
      const others = yield* Effect.forEach(
        Array.from({ length: 32 }),
        () => Effect.fork(Effect.exit(prime))
      )
      const refused = yield* within(Effect.flip(client.Describe({ device: "p-1" })))
      expect(refused).toMatchObject({ _tag: "ControlRefused", code: "busy" })
      yield* within(client.Call({ device: "p-1", command: "stop" }))
      expect(plant).toMatchObject({ stopped: 1, primed: 0 })
      yield* Deferred.succeed(gate, undefined)
      yield* within(Fiber.joinAll(others))
      yield* until("all are done", Effect.sync(() => plant.primed > 1))
    }).pipe(simulated))
})

describe("what the parts of a node offer", () => {
  const offered = (...parts: ReadonlyArray<Control.Served>) =>
    Effect.map(Control.Offers, ({ all }) => all()).pipe(
      Effect.provide(
        Layer.provideMerge(
          Layer.mergeAll(Layer.empty, ...parts.map(Control.offer)),
          Control.Offers.layer
        )
      )
    )

  it.effect("is all of it", () =>
    Effect.gen(function*() {
      const parts = [{ type: Pump, ids: ["p-1"] }, { type: Pump, ids: ["p-2", "p-3"] }]
      const ids = (yield* offered(...parts)).flatMap((served) => served.ids)
      expect(ids.toSorted()).toEqual(["p-1", "p-2", "p-3"])
    }))

  it.effect("has no device twice", () =>
    Effect.gen(function*() {
      const parts = [{ type: Pump, ids: ["p-1"] }, { type: Pump, ids: ["p-2", "p-1"] }]
      const cause = yield* Effect.flip(Effect.sandbox(offered(...parts)))
      expect(Cause.pretty(cause)).toContain("device p-1 is offered twice")
    }))
})

it("a device id that is there twice is a mistake of the program", async () => {
  const devices = [{ type: Pump, ids: ["p-1"] }, { type: Pump, ids: ["p-2", "p-1"] }]
  const built = Layer.launch(Control.layer({ node: "n", endpoint, devices })).pipe(
    Effect.provide([runtime, ZmqTransport.layer])
  )
  await expect(Effect.runPromise(built)).rejects.toThrow("device p-1 is offered twice")
})

it.scopedLive("over a real ipc socket a device is written and watched", () =>
  Effect.gen(function*() {
    const directory = yield* Effect.acquireRelease(
      Effect.sync(() => mkdtempSync(join(tmpdir(), "plantd-control-"))),
      (path) => Effect.sync(() => rmSync(path, { recursive: true }))
    )
    const control = `ipc://${join(directory, "n-1.sock")}`
    const any = "tcp://127.0.0.1:*"
    const { driver, plant } = yield* rigAt({ control, commands: any, telemetry: any })
    const client = yield* connect(control)
    const write = client.Write({ device: "p-1", attribute: "speed", given: { text: "70" } })
    yield* Effect.retry(write, Schedule.spaced("20 millis"))
    expect(plant.speed).toBe(70)
    const watched = client.Watch({ device: "p-1", attributes: ["flow"], mode: "latest" }).pipe(
      Stream.takeUntil((item) => !Subscription.isGap(item) && item.value === 5),
      Stream.runDrain
    )
    const published = Effect.repeat(driver.publish({ flow: 5 }), Schedule.spaced("20 millis"))
    yield* Effect.raceFirst(watched, published)
  }).pipe(Effect.provide([ZmqTransport.layer, DriverStore.memory])))
