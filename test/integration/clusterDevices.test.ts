/** `plantd device` beside the nodes of a cluster. */
import { expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { chmodSync, mkdirSync, readdirSync } from "node:fs"
import { join } from "node:path"
import { untilSo } from "./clusterHarness.ts"
import * as harness from "./harness.ts"
import { folder } from "./plant.ts"
import { freePort } from "./ports.ts"

it.scopedLive(
  "an operator commands a device by any node of its cluster, also when the node of it was killed",
  () =>
    Effect.gen(function*() {
      const place = yield* folder
      mkdirSync(join(place, "run"), { mode: 0o700 })
      const [commands, telemetry] = [yield* freePort, yield* freePort]
      const environment = {
        XDG_RUNTIME_DIR: join(place, "run"),
        PLANTD_STORAGE: join(place, "cluster.db"),
        PLANTD_MODULES: "examples/tank/src/tankNode.ts",
        TANK_COMMANDS: `tcp://127.0.0.1:${commands}`,
        TANK_TELEMETRY: `tcp://127.0.0.1:${telemetry}`
      }
      const rig = ["--commands", environment.TANK_COMMANDS, "--telemetry"]
      yield* harness.start(
        "examples/tank/src/tankProcess.ts",
        ...rig,
        environment.TANK_TELEMETRY,
        "--state",
        join(place, "rig")
      )
      const plantd = (...args: ReadonlyArray<string>) =>
        harness.startIn(environment, "packages/node/src/main.ts", ...args)
      const start = (name: string) =>
        Effect.gen(function*() {
          const node = yield* plantd(
            "node",
            "start",
            "--name",
            name,
            "--port",
            `${yield* freePort}`
          )
          yield* harness.waitUntil(`${name} is up`, () => node.stderr().includes("is up at"))
          return node
        })
      const device = (...args: ReadonlyArray<string>) =>
        Effect.scoped(Effect.gen(function*() {
          const run = yield* plantd("device", ...args)
          return { code: yield* run.ended, stdout: run.stdout(), stderr: run.stderr() }
        }))
      const isOnline = (node: string) =>
        Effect.map(device("list", "--node", node, "--json"), ({ code, stdout }) =>
          code === 0 && stdout.includes('"device":"tank-1"') && stdout.includes('"online"'))

      const nodes = yield* Effect.all({ a: start("a"), b: start("b") }, { concurrency: 2 })
      yield* untilSo("it is online by one node", isOnline("a"))
      expect(yield* isOnline("b")).toBe(true)
      expect(yield* device("list")).toMatchObject({ code: 1, stdout: "" })

      for (const [node, opening] of [["a", "40"], ["b", "60"]] as const) {
        const write = yield* device("write", "tank-1", "valveOpening", opening, "--node", node)
        expect(write).toMatchObject({ code: 0, stderr: "" })
      }
      const known = yield* device("commands", "tank-1", "--node", "a", "--json")
      expect(known.stdout.match(/"state":"succeeded"/g)).toHaveLength(2)

      // One of them had its actor: whichever that was, the other one goes on.
      yield* nodes.a.signal("SIGKILL")
      yield* untilSo("it is online by the other one", isOnline("b"))
      expect(yield* device("write", "tank-1", "valveOpening", "80")).toMatchObject({ code: 0 })
      yield* nodes.b.signal("SIGTERM")
      expect(yield* nodes.b.ended).toBe(0)
      expect(
        readdirSync(join(place, "run", "plantd")).filter((name) =>
          name.startsWith("b.")
        )
      ).toEqual([])
    }),
  120_000
)

it.scopedLive("a node that cannot be operated says so, and runs", () =>
  Effect.gen(function*() {
    const place = yield* folder
    mkdirSync(join(place, "plantd"))
    chmodSync(join(place, "plantd"), 0o755)
    const node = yield* harness.startIn(
      {
        XDG_RUNTIME_DIR: place,
        PLANTD_STORAGE: join(place, "cluster.db"),
        PLANTD_MODULES: "examples/tank/src/tankNode.ts"
      },
      "packages/node/src/main.ts",
      "node",
      "start",
      "--port",
      `${yield* freePort}`
    )
    yield* harness.waitUntil("it is up", () => node.stderr().includes("is up at"))
    yield* harness.waitUntil("it says so", () => node.stderr().includes("others can enter it"))
    yield* node.signal("SIGTERM")
    expect(yield* node.ended).toBe(0)
  }))
