import * as NodeContext from "@effect/platform-node/NodeContext"
import { expect, it } from "@effect/vitest"
import { ClusterDemo, DemoOutput } from "@plantd/node"
import { Effect, Exit, Fiber, Layer, Logger, LogLevel } from "effect"
import { existsSync } from "node:fs"

const system = Layer.merge(NodeContext.layer, Logger.minimumLogLevel(LogLevel.None))

/** What a demo writes, object by object. */
const written = () => {
  const objects: Array<Record<string, unknown>> = []
  const output = DemoOutput.json((text) => Effect.sync(() => void objects.push(JSON.parse(text))))
  const events = () => objects.flatMap(({ events }) => (Array.isArray(events) ? events : []))
  return { events: () => events().join("\n"), objects, output }
}

it.live(
  "a demo on several nodes that does not show what it should fails, and says what was missing",
  () =>
    Effect.gen(function*() {
      const { objects, output } = written()
      const options = { forMillis: 100, chaos: false, nodes: 1, output }
      const error = yield* Effect.flip(ClusterDemo.run(options))
      expect(error.message).toContain("the level never settled")
      expect(objects.at(-1)).toMatchObject({ type: "summary", ok: false, nodes: 1, moves: 0 })
    }).pipe(Effect.provide(system)),
  120_000
)

it.live(
  "an interrupted demo on several nodes shows its summary, and leaves no file behind",
  () =>
    Effect.gen(function*() {
      const { events, objects, output } = written()
      const options = { forMillis: undefined, chaos: false, nodes: 2, output }
      const demo = yield* Effect.fork(ClusterDemo.run(options))
      const controlled = () => objects.some(({ controller }) => controller === "controlling")
      yield* Effect.repeat(Effect.sleep("20 millis"), { until: controlled }).pipe(
        Effect.timeout("60 seconds")
      )
      const [, storage = ""] = /--storage (\S+)/.exec(events()) ?? []
      expect(existsSync(storage)).toBe(true)
      expect(events()).toMatch(/node-1, node-2 are up.*node-[12] runs the controller/s)
      expect(Exit.isInterrupted(yield* Fiber.interrupt(demo))).toBe(true)
      expect(objects.at(-1)).toMatchObject({ type: "summary", nodes: 2, nodesKilled: 0 })
      expect(existsSync(storage)).toBe(false)
    }).pipe(Effect.provide(system)),
  120_000
)
