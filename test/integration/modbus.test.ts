/** A node, the driver's process and a real Modbus server (pymodbus), each by its own clock. */
import { FileSystem, Path } from "@effect/platform"
import { NodeContext } from "@effect/platform-node"
import { describe, expect, it } from "@effect/vitest"
import { ActorSystem } from "@plantd/actors"
import { ModbusClient, ModbusDevice, RegisterMap } from "@plantd/example-modbus"
import { DeviceStore, Link, ZmqTransport } from "@plantd/hardware"
import { Clock, Effect, Layer, Logger, Schema } from "effect"
import * as harness from "./harness.ts"
import * as ModbusServer from "./modbusServer.ts"
import { needing } from "./python.ts"

const pymodbus = needing(
  "pymodbus.server.async_io",
  "python3-pymodbus python3-serial-asyncio"
)

const timeout = 90_000

/** The requests of the driver may take so long; the delays here are longer. */
const requestTimeoutMillis = 600

const serves = /^pump-1: commands on (tcp:\S+), telemetry on (tcp:\S+)\n/

/** The map of the example, quicker, and with other attributes besides. */
const writeMap = (more: object) =>
  Effect.gen(function*() {
    const files = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const example = yield* files.readFileString(
      path.join(harness.root, "examples/drivers/modbus/maps/pump.json")
    )
    const fields = yield* Schema.decode(Schema.parseJson(Fields))(example)
    const file = path.join(yield* files.makeTempDirectoryScoped(), "pump.json")
    yield* files.writeFileString(
      file,
      JSON.stringify({
        ...fields,
        pollMillis: 200,
        requestTimeoutMillis,
        attributes: { ...fields.attributes, ...more }
      })
    )
    return file
  })

const Fields = Schema.Struct(
  { attributes: Schema.Record({ key: Schema.String, value: Schema.Unknown }) },
  { key: Schema.String, value: Schema.Unknown }
)

const optionsOf = (options: { readonly [name: string]: string }) =>
  Object.entries(options).flatMap(([name, value]) => [`--${name}`, value])

/** A client on a node, over a driver's process, to a server. */
const rigWith = (more: object = {}) =>
  Effect.gen(function*() {
    const server = yield* ModbusServer.start(pymodbus.python)
    const file = yield* writeMap(more)
    const state = yield* Effect.flatMap(
      FileSystem.FileSystem,
      (files) => files.makeTempDirectoryScoped()
    )
    const driver = yield* harness.start(
      "examples/drivers/modbus/src/modbusProcess.ts",
      file,
      ...optionsOf({
        target: `127.0.0.1:${server.port}`,
        state,
        commands: "tcp://127.0.0.1:*",
        telemetry: "tcp://127.0.0.1:*"
      })
    )
    const [, commands = "", telemetry = ""] = yield* harness.waitUntil(
      "the driver serves",
      () => serves.exec(driver.stdout()) ?? undefined
    )
    const device = ModbusDevice.deviceOf(yield* RegisterMap.load(file))
    const layer = device.toLayer({
      link: ({ config }) => Link.zmq(config),
      config: () => ({ commands, telemetry })
    })
    const context = yield* Layer.build(layer.pipe(
      Layer.provideMerge(Layer.mergeAll(ActorSystem.layer, DeviceStore.layerMemory)),
      Layer.provideMerge(ZmqTransport.layer)
    ))
    const pump = (yield* Effect.provide(ModbusClient.of(device), context))("pump-1")
    yield* eventually(
      "the link is online",
      Effect.map(pump.link, ({ state: at }) => at === "online")
    )
    return { server, driver, pump, file, endpoints: [commands, telemetry] }
  }).pipe(
    Effect.provide([NodeContext.layer, Logger.replace(Logger.defaultLogger, Logger.none)])
  )

const rig = rigWith()

/** As in the example's map. */
const speed = {
  kind: "number",
  table: "holding",
  address: 0,
  type: "uint16",
  unit: "rpm",
  access: "read-write",
  range: [0, 3_000]
}

/** A register that the device does not have. */
const beyond = { kind: "number", table: "holding", address: 100, type: "uint16" }

type Pump = Effect.Effect.Success<typeof rig>["pump"]

const eventually = <E, R>(what: string, check: Effect.Effect<boolean, E, R>) =>
  Effect.gen(function*() {
    const until = (yield* Clock.currentTimeMillis) + 30_000
    while (!(yield* check)) {
      if ((yield* Clock.currentTimeMillis) > until) {
        return yield* Effect.dieMessage(`waited in vain until ${what}`)
      }
      yield* Effect.sleep("20 millis")
    }
  })

const hardware = (pump: Pump, expected: string) =>
  eventually(
    `the hardware is ${expected}`,
    Effect.map(pump.link, (status) => status.hardware === expected)
  )

const reads = (pump: Pump, attribute: string, value: unknown) =>
  eventually(
    `${attribute} is ${String(value)}`,
    Effect.map(pump.snapshot, (all) => all[attribute]?.value === value)
  )

const settles = (pump: Pump, commandId: string, expected: object) =>
  Effect.flatMap(
    eventually(
      `${commandId} is settled`,
      Effect.map(pump.journal.outcome(commandId), ({ state }) =>
        state !== "executing" && state !== "outcome-unknown")
    ),
    () =>
      Effect.map(pump.journal.outcome(commandId), (status) => {
        expect(status).toMatchObject(expected)
      })
  )

const repliedLate = (server: ModbusServer.ModbusServer) =>
  eventually("the late reply was sent", Effect.map(server.report, (at) => at.repliesLate === 1))

describe.skipIf(pymodbus.skip)(`a Modbus device (${pymodbus.missing ?? "pymodbus"})`, () => {
  it("has what it needs", () => {
    expect(pymodbus.missing).toBeUndefined()
  })

  it.scopedLive(
    "is read and written over its driver, one request at a time",
    () =>
      Effect.gen(function*() {
        const { pump, server } = yield* rig
        yield* server.set("input", 0, [321, 0xffff])
        yield* reads(pump, "flow", 3.21)
        yield* reads(pump, "temperature", -0.1)
        yield* pump.write("speed", 1_200)
        yield* pump.write("mode", "automatic")
        yield* pump.write("target", 2.5)
        yield* pump.write("running", true)
        expect(yield* pump.read("speed")).toMatchObject({ value: 1_200, quality: "good" })
        expect(yield* pump.read("target")).toMatchObject({ value: 2.5, unit: "L/s" })
        expect(yield* pump.read("running")).toMatchObject({ value: true })
        yield* pump.invoke("dose", { liters: 40 })
        yield* pump.invoke("stop", {})
        const report = yield* server.report
        expect(report.writes).toEqual([
          { function: 6, address: 0, values: [1_200] },
          { function: 6, address: 1, values: [2] },
          { function: 16, address: 2, values: [0x4020, 0] },
          { function: 5, address: 0, values: [1] },
          { function: 6, address: 10, values: [40] },
          { function: 5, address: 0, values: [0] }
        ])
        expect(report).toMatchObject({ connections: 1, unansweredMax: 1 })
      }),
    timeout
  )

  it.scopedLive(
    "a write whose reply comes too late is unknown, read back, and written once",
    () =>
      Effect.gen(function*() {
        const { pump, server } = yield* rig
        yield* hardware(pump, "ok")
        yield* server.delay({ of: "writes", millis: 1_500 })
        // Not failed, and not repeated: the device was looked at.
        yield* pump.write("speed", 1_234, { commandId: "w-1" })
        expect(yield* pump.journal.outcome("w-1")).toMatchObject({
          state: "succeeded",
          settledBy: "readback"
        })
        expect((yield* server.report).repliesLate).toBe(0)
        // The late reply is not taken for that of what is asked then.
        yield* repliedLate(server)
        yield* server.set("holding", 0, [77])
        expect(yield* pump.read("speed")).toMatchObject({ value: 77, quality: "good" })
        expect((yield* server.report).writes).toEqual([
          { function: 6, address: 0, values: [1_234] }
        ])
      }),
    timeout
  )

  it.scopedLive(
    "an asker whose deadline passes first is told so, and can ask what became of it",
    () =>
      Effect.gen(function*() {
        const { pump, server } = yield* rig
        yield* server.delay({ of: "writes", millis: 1_500 })
        const told = pump.write("speed", 1_234, { commandId: "w-1", timeout: 100 })
        expect(yield* Effect.flip(told)).toMatchObject({ _tag: "OutcomeUnknown" })
        yield* settles(pump, "w-1", { state: "succeeded", settledBy: "readback" })
        // Asked again under its id, it is answered by what became of it.
        yield* pump.write("speed", 1_234, { commandId: "w-1" })
        expect((yield* server.report).writes.length).toBe(1)
      }),
    timeout
  )

  it.scopedLive(
    "a pulse is never repeated: what shows it settles it, or a person does",
    () =>
      Effect.gen(function*() {
        const dosed = { kind: "number", table: "holding", address: 10, type: "uint16" }
        const { pump, server } = yield* rigWith({ dosed })
        yield* server.delay({ of: "writes", millis: 1_500, count: 2 })
        yield* pump.invoke("stop", {}, { commandId: "s-1" })
        yield* settles(pump, "s-1", { state: "succeeded", settledBy: "verify" })
        const dose = yield* Effect.flip(pump.invoke("dose", { liters: 5 }, { commandId: "d-1" }))
        expect(dose).toMatchObject({ _tag: "OutcomeUnknown" })
        yield* settles(pump, "d-1", { state: "unresolved" })
        expect(yield* pump.read("dosed")).toMatchObject({ value: 5 })
        yield* pump.journal.resolve({ commandId: "d-1", outcome: "succeeded", by: "anna" })
        yield* settles(pump, "d-1", { state: "succeeded", settledBy: "person" })
        expect((yield* server.report).writes.length).toBe(2)
      }),
    timeout
  )

  it.scopedLive(
    "what acts after its request was given up is waited for as the map says",
    () =>
      Effect.gen(function*() {
        const { pump, server } = yield* rigWith({ speed: { ...speed, settleMillis: 4_000 } })
        yield* server.delay({ of: "writes", millis: 1_500, act: "late" })
        yield* pump.write("speed", 1_234, { commandId: "w-1", timeout: "10 seconds" })
        expect(yield* pump.journal.outcome("w-1")).toMatchObject({
          state: "succeeded",
          settledBy: "readback"
        })
        expect((yield* server.report).writes.length).toBe(1)
      }),
    timeout
  )

  it.scopedLive(
    "what acts later than the map says was called failed: no fence can stop it",
    () =>
      Effect.gen(function*() {
        const { pump, server } = yield* rigWith({ speed: { ...speed, settleMillis: 0 } })
        yield* server.delay({ of: "writes", millis: 3_000, act: "late" })
        const error = yield* Effect.flip(pump.write("speed", 1_234, { commandId: "w-1" }))
        expect(error).toMatchObject({ _tag: "OutcomeUnknown" })
        expect(error.message).toContain("no reply within 600 ms; it may act yet")
        yield* settles(pump, "w-1", { state: "failed", settledBy: "readback" })
        expect((yield* server.report).writes.length).toBe(0)
        yield* reads(pump, "speed", 1_234)
        expect((yield* server.report).writes.length).toBe(1)
      }),
    timeout
  )

  it.scopedLive(
    "a reply that comes too late is not taken for that of another request",
    () =>
      Effect.gen(function*() {
        const { pump, server } = yield* rig
        yield* server.set("holding", 0, [11])
        yield* reads(pump, "speed", 11)
        const before = (yield* server.report).connections
        yield* server.delay({ of: "reads", millis: 1_000, count: 3 })
        yield* eventually(
          "there is a new connection",
          Effect.map(server.report, ({ connections }) => connections > before)
        )
        yield* server.set("holding", 0, [22])
        yield* eventually(
          "the late replies were sent",
          Effect.gen(function*() {
            const { quality, value } = yield* pump.read("speed")
            if (quality === "good") expect(value).toBe(22)
            return (yield* server.report).repliesLate === 3
          })
        )
        yield* hardware(pump, "ok")
        expect(yield* pump.read("speed")).toMatchObject({ value: 22, quality: "good" })
      }),
    timeout
  )

  it.scopedLive(
    "an exception is a failure, and a reason for a reading",
    () =>
      Effect.gen(function*() {
        const { pump, server } = yield* rigWith({ beyond: { ...beyond, access: "read-write" } })
        const error = yield* Effect.flip(pump.write("beyond", 1))
        expect(error).toMatchObject({ _tag: "CommandFailed" })
        expect(error.message).toContain("holding 100: the device answered with exception 2")
        const reading = yield* pump.read("beyond")
        expect(reading).toMatchObject({ value: null, quality: "bad" })
        expect(reading.reason).toContain("illegal data address")
        expect(yield* pump.read("speed")).toMatchObject({ quality: "good" })
        yield* hardware(pump, "degraded")
        expect((yield* server.report).connections).toBe(1)
      }),
    timeout
  )

  it.scopedLive(
    "that is killed is down, refuses what it is told, and comes back by itself",
    () =>
      Effect.gen(function*() {
        const { driver, pump, server } = yield* rig
        yield* hardware(pump, "ok")
        yield* server.kill
        yield* hardware(pump, "down")
        const error = yield* Effect.flip(pump.write("speed", 1))
        expect(error).toMatchObject({ _tag: "CommandRejected", reason: "state" })
        yield* reads(pump, "speed", null)
        expect((yield* pump.snapshot)["speed"]).toMatchObject({ quality: "bad" })
        const again = yield* ModbusServer.start(pymodbus.python, server.port)
        yield* hardware(pump, "ok")
        yield* pump.write("speed", 5)
        expect((yield* again.report).writes.length).toBe(1)
        expect(driver.stderr()).toContain("is down")
      }),
    timeout
  )

  it.scopedLive("is worked by the operator of the example", () =>
    Effect.gen(function*() {
      const { endpoints, file, server } = yield* rig
      yield* server.set("input", 0, [400])
      const operator = yield* harness.start(
        "examples/drivers/modbus/src/operator.ts",
        file,
        ...endpoints
      )
      expect(yield* operator.ended).toBe(0)
      expect(operator.stdout()).toBe([
        "flow 4 L/s, good",
        "pump-1: write.speed was rejected (validation): 9000 rpm is outside of 0 to 3000 rpm",
        "stopped",
        ""
      ].join("\n"))
    }), timeout)
})
