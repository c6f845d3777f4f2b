/** `plantd driver check` against the drivers that plantd comes with, each in its own process. */
import { FileSystem } from "@effect/platform"
import { NodeContext } from "@effect/platform-node"
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import * as harness from "./harness.ts"
import * as ModbusServer from "./modbusServer.ts"
import { needing } from "./python.ts"

const pyzmq = needing("zmq, msgpack", "python3-zmq python3-msgpack")
const pymodbus = needing("pymodbus.server.async_io", "python3-pymodbus python3-serial-asyncio")

/** A check takes some seconds; one whose rules fail takes the time of each. */
const timeout = 120_000

const anyPorts = ["--commands", "tcp://127.0.0.1:*", "--telemetry", "tcp://127.0.0.1:*"]

const state = Effect.flatMap(
  FileSystem.FileSystem,
  (files) => files.makeTempDirectoryScoped({ prefix: "plantd-check-" })
)

const commandsOf = (driver: harness.Running) =>
  harness.waitUntil(
    "the driver serves",
    () => /"?commands"?(?:: "| on )(tcp:[^",\s]+)/.exec(driver.stdout())?.[1]
  )

/** Checks a driver that has just been started, twice: the second time its fence is not 0. */
const passes = (driver: harness.Running, device: string) =>
  Effect.gen(function*() {
    const commands = yield* commandsOf(driver)
    for (const fence of [2, 4]) {
      const check = yield* harness.plantd("driver", "check", commands, "--device", device, "--json")
      const code = yield* check.ended
      const lines = check.stdout().trim().split("\n").map((line): unknown => JSON.parse(line))
      expect(lines.filter((line) => (line as { readonly result?: string }).result !== "ok"))
        .toMatchObject([{ type: "summary", failed: 0, skipped: 0, fence: { after: fence } }])
      expect(lines.at(-1)).toMatchObject({ attribute: { restored: true } })
      expect([code, check.stderr()]).toEqual([0, ""])
    }
  })

const live = Effect.provide(NodeContext.layer)

it.scopedLive("the tank's process does all that a driver must", () =>
  Effect.gen(function*() {
    const script = "examples/tank/src/tankProcess.ts"
    yield* passes(yield* harness.start(script, "--state", yield* state, ...anyPorts), "tank-1")
  }).pipe(live), timeout)

describe.skipIf(pyzmq.skip)(`the driver in Python (${pyzmq.missing ?? "pyzmq"})`, () => {
  it.scopedLive("does all that a driver must", () =>
    Effect.gen(function*() {
      const script = "examples/drivers/python/heater.py"
      const args = [script, "--state", yield* state, ...anyPorts]
      yield* passes(yield* harness.startCommand(pyzmq.python, ...args), "heater-1")
    }).pipe(live), timeout)
})

describe.skipIf(pymodbus.skip)(`the Modbus driver (${pymodbus.missing ?? "pymodbus"})`, () => {
  it.scopedLive("does all that a driver must", () =>
    Effect.gen(function*() {
      const server = yield* ModbusServer.start(pymodbus.python)
      const driver = yield* harness.start(
        "examples/drivers/modbus/src/modbusProcess.ts",
        "examples/drivers/modbus/maps/pump.json",
        "--target",
        `127.0.0.1:${server.port}`,
        "--state",
        yield* state,
        ...anyPorts
      )
      yield* passes(driver, "pump-1")
    }).pipe(live), timeout)
})

it.scopedLive(
  "where nothing answers, the exit code is 1, and one line says so",
  () =>
    Effect.gen(function*() {
      const check = yield* harness.plantd(
        "driver",
        "check",
        "tcp://127.0.0.1:1",
        "--limit",
        "200ms"
      )
      expect(yield* check.ended).toBe(1)
      expect(check.stdout()).toBe("")
      expect(check.stderr()).toMatch(/^plantd: tcp:.*waited in vain for a connection to .*\n$/)
      const wrong = yield* harness.plantd("driver", "check", "127.0.0.1:1")
      expect(yield* wrong.ended).toBe(2)
    }),
  timeout
)
