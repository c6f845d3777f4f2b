import { FileSystem, Path } from "@effect/platform"
import { NodeContext } from "@effect/platform-node"
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { start, waitUntil } from "../integration/harness.ts"
import { pumpJson } from "./maps.ts"

const script = "examples/drivers/modbus/src/modbusProcess.ts"
const pump = "examples/drivers/modbus/maps/pump.json"

/** Several processes are started one after another, each from its sources. */
const timeout = 90_000

const directory = Effect.flatMap(FileSystem.FileSystem, (files) => files.makeTempDirectoryScoped())

const anyPorts = ["--commands", "tcp://127.0.0.1:*", "--telemetry", "tcp://127.0.0.1:*"]

describe("modbusProcess", () => {
  it.scopedLive("shows its options", () =>
    Effect.gen(function*() {
      const running = yield* start(script, "--help")
      expect(yield* running.ended).toBe(0)
      expect(running.stdout()).toContain("--target HOST:PORT")
    }), timeout)

  it.scopedLive("checks a map, and says what would be read", () =>
    Effect.gen(function*() {
      const running = yield* start(script, pump, "--check")
      expect(yield* running.ended).toBe(0)
      expect(running.stdout()).toContain(`${pump} is well`)
      expect(running.stdout()).toContain("coil 0, discrete 0, holding 0-3, input 0-5; each 500 ms")
    }), timeout)

  it.scopedLive.each<[string, ReadonlyArray<string>, RegExp]>([
    ["a wrong option", [pump, "--sede"], /^modbus: .*'--sede'.*--help.*\n$/],
    ["a map that is not there", ["gone.json"], /^modbus: gone.json: unreadable.*\n$/]
  ])(
    "ends with exit code 1 and one line where there is %s",
    ([, args, line]) =>
      Effect.gen(function*() {
        const running = yield* start(script, ...args)
        expect(yield* running.ended).toBe(1)
        expect(running.stderr()).toMatch(line)
        expect(running.stdout()).toBe("")
      }),
    timeout
  )

  it.scopedLive(
    "names the fields of a map that are wrong, and opens nothing",
    () =>
      Effect.gen(function*() {
        const files = yield* FileSystem.FileSystem
        const path = yield* Path.Path
        const file = path.join(yield* directory, "bad.json")
        yield* files.writeFileString(file, pumpJson({ port: 0, unitId: "one" }))
        const running = yield* start(script, file, ...anyPorts)
        expect(yield* running.ended).toBe(1)
        expect(running.stderr()).toBe(
          `modbus: ${file}: port: expected a whole number from 1 to 65535, got 0;`
            + ' unitId: expected a whole number from 0 to 255, got "one"\n'
        )
      }).pipe(Effect.provide(NodeContext.layer)),
    timeout
  )

  it.scopedLive(
    "serves without its device, keeps its epoch, and Ctrl-C ends it",
    () =>
      Effect.gen(function*() {
        const files = yield* FileSystem.FileSystem
        const path = yield* Path.Path
        const state = yield* directory
        const running = yield* start(
          script,
          pump,
          ...anyPorts,
          "--state",
          state,
          "--target",
          "127.0.0.1:9"
        )
        yield* waitUntil(
          "it serves",
          () => /^pump-1: commands on tcp:\S+, telemetry on tcp:\S+\n$/.test(running.stdout())
        )
        yield* waitUntil(
          "it says that the device is not there",
          () => /level=WARN .*the device at 127.0.0.1:9 is down/.test(running.stderr())
        )
        yield* running.signal("SIGINT")
        expect(yield* running.ended).toBe(0)
        const kept = yield* files.readFileString(path.join(state, "pump-1.json"))
        expect(JSON.parse(kept)).toMatchObject({ epoch: 1 })
      }).pipe(Effect.provide(NodeContext.layer)),
    timeout
  )
})
