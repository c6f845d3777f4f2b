import { FileSystem, Path } from "@effect/platform"
import { NodeContext } from "@effect/platform-node"
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { spawn } from "node:child_process"
import { exists, root, start, waitUntil } from "../integration/harness.ts"

const script = "examples/tank/src/tankProcess.ts"

/** Several processes are started one after another, each from its sources. */
const timeout = 90_000

const directory = Effect.flatMap(FileSystem.FileSystem, (files) => files.makeTempDirectoryScoped())

const anyPorts = ["--commands", "tcp://127.0.0.1:*", "--telemetry", "tcp://127.0.0.1:*"]

const served = /tank-1: commands on (tcp:\S+), telemetry on (tcp:\S+)\n/

const serve = (state: string, ...args: ReadonlyArray<string>) =>
  Effect.gen(function*() {
    const running = yield* start(script, "--state", state, ...anyPorts, ...args)
    const line = yield* waitUntil("the rig serves", () => served.exec(running.stdout()) ?? false)
    return { ...running, commands: line[1] ?? "" }
  })

describe("tankProcess", () => {
  it.scopedLive(
    "a wrong option ends it with exit code 1 and one line that names the option",
    () =>
      Effect.gen(function*() {
        const running = yield* start(script, "--sede", "3")
        expect(yield* running.ended).toBe(1)
        expect(running.stderr()).toMatch(/^tank: .*'--sede'.*--help.*\n$/)
      }),
    timeout
  )

  it.scopedLive("it shows its options", () =>
    Effect.gen(function*() {
      const running = yield* start(script, "--help")
      expect(yield* running.ended).toBe(0)
      expect(running.stdout()).toContain("--telemetry URL")
    }), timeout)

  it.scopedLive(
    "it keeps its water and its epoch, and a port in use is one line that names it",
    () =>
      Effect.gen(function*() {
        const files = yield* FileSystem.FileSystem
        const path = yield* Path.Path
        const state = yield* directory
        const running = yield* serve(state)
        const second = yield* start(script, "--state", state, "--commands", running.commands)
        expect(yield* second.ended).toBe(1)
        expect(second.stderr()).toMatch(/^tank: bind tcp:.* \(address-in-use\)\n$/)
        expect(second.stderr()).toContain(running.commands)
        yield* running.signal("SIGTERM")
        expect(yield* running.ended).toBe(0)
        const kept = yield* files.readFileString(path.join(state, "tank-1.water.json"))
        expect(JSON.parse(kept)).toMatchObject({ version: 1, stopped: false })
        const epoch = yield* files.readFileString(path.join(state, "tank-1.json"))
        expect(JSON.parse(epoch)).toEqual({ epoch: 1, fence: 0 })
      }).pipe(Effect.provide(NodeContext.layer)),
    timeout
  )

  it.scopedLive("Ctrl-C ends it with exit code 0", () =>
    Effect.gen(function*() {
      const running = yield* serve(yield* directory)
      yield* running.signal("SIGINT")
      expect(yield* running.ended).toBe(0)
    }).pipe(Effect.provide(NodeContext.layer)), timeout)

  it.scopedLive(
    "it ends where its parent is another process than it was told",
    () =>
      Effect.gen(function*() {
        const running = yield* serve(yield* directory, "--parent", "1")
        expect(yield* running.ended).toBe(0)
        expect(running.stderr()).toContain("the process that started this one has ended")
      }).pipe(Effect.provide(NodeContext.layer)),
    timeout
  )

  it.scopedLive(
    "it is not left behind when the process that started it is killed",
    () =>
      Effect.gen(function*() {
        const state = yield* directory
        const node = ["--conditions=plantd-source", "--import", "tsx", script, "--state", state]
        const line = [process.execPath, ...node, ...anyPorts].map((word) => `'${word}'`).join(" ")
        const shell = yield* Effect.acquireRelease(
          Effect.sync(() =>
            spawn("sh", ["-c", `${line} & echo pid=$!; wait`], {
              cwd: root,
              stdio: ["ignore", "pipe", "ignore"]
            })
          ),
          (child) => Effect.sync(() => child.kill("SIGKILL"))
        )
        let said = ""
        shell.stdout.on("data", (chunk: Buffer) => (said += chunk.toString()))
        yield* waitUntil("the rig serves", () => served.test(said))
        const pid = Number(/pid=(\d+)/.exec(said)?.[1])
        expect(exists(pid)).toBe(true)
        shell.kill("SIGKILL")
        yield* waitUntil("the rig's process ends", () => !exists(pid))
        expect(exists(pid)).toBe(false)
      }).pipe(Effect.provide(NodeContext.layer)),
    timeout
  )
})
