import { NodeContext } from "@effect/platform-node"
import { FileSystem } from "@effect/platform"
import { expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { freePort } from "./ports.ts"
import * as harness from "./harness.ts"

interface Line {
  readonly address: string
  readonly state: string
  readonly shards: number
}

it.scopedLive(
  "plantd node start, cluster status and cluster drain: two nodes share, one is emptied and leaves",
  () =>
    Effect.gen(function*() {
      const files = yield* FileSystem.FileSystem
      const storage = `${yield* files.makeTempDirectoryScoped()}/cluster.db`
      const [one, two, idle] = [yield* freePort, yield* freePort, yield* freePort]
      const start = (port: number, environment = {}, more = ["--weight", "1"]) =>
        harness.startIn(
          { PLANTD_STORAGE: storage, ...environment },
          "packages/node/src/main.ts",
          "node",
          "start",
          "--port",
          `${port}`,
          ...more
        )
      const nodes = [yield* start(one), yield* start(two, { PLANTD_NAME: "other" })] as const
      const status = Effect.gen(function*() {
        const running = yield* harness.plantd("cluster", "status", "--json", "--storage", storage)
        expect(yield* running.ended).toBe(0)
        const lines = running.stdout().trim().split("\n").filter((line) => line !== "")
        return lines.map((line) => JSON.parse(line) as Line)
      })
      const until = (what: string, holds: (lines: ReadonlyArray<Line>) => boolean) =>
        Effect.gen(function*() {
          let lines: ReadonlyArray<Line> = []
          for (let tries = 0; tries < 20 && !holds(lines); tries++) lines = yield* status
          if (!holds(lines)) return yield* Effect.dieMessage(`${what}: ${JSON.stringify(lines)}`)
        })
      // A file that is not there yet is no cluster.
      yield* harness.waitUntil("one is up", () => nodes[0].stderr().includes("is up at"))
      yield* until("they share", (lines) =>
        lines.length === 2 && lines.every(({ shards, state }) =>
          state === "up" && shards === 128
        ))
      // It could run none of the actors that would live on it.
      const without = yield* start(idle, {}, [])
      yield* until("one without modules is a client", (lines) =>
        lines.some(({ shards, state }) =>
          state === "client" && shards === 0
        ))
      yield* harness.waitUntil("it says so", () => without.stderr().includes("takes no shards"))
      yield* without.signal("SIGINT")
      expect(yield* without.ended).toBe(0)
      yield* until("it has gone", (lines) => lines.length === 2)
      const drain = yield* harness.plantd(
        "cluster",
        "drain",
        `127.0.0.1:${two}`,
        "--storage",
        storage
      )
      expect(yield* drain.ended).toBe(0)
      expect(drain.stdout()).toContain("it can be stopped")
      const after = yield* status
      expect(after.map(({ shards, state }) => [state, shards])).toEqual([["up", 256], [
        "draining",
        0
      ]])
      yield* nodes[1].signal("SIGTERM")
      expect(yield* nodes[1].ended).toBe(0)
      yield* harness.waitUntil(
        "the other one hears that it left",
        () => nodes[0].stderr().includes(`node 127.0.0.1:${two} left`)
      )
      yield* until("it has left", (lines) => lines.length === 1)
      expect(nodes[1].stderr()).toContain(`node other is up at 127.0.0.1:${two}`)
    }).pipe(Effect.provide(NodeContext.layer)),
  120_000
)
