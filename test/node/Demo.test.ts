import * as NodeContext from "@effect/platform-node/NodeContext"
import { expect, it } from "@effect/vitest"
import { Demo, DemoOutput } from "@plantd/node"
import { Effect, Exit, Fiber, Layer, Logger, LogLevel } from "effect"

const system = Layer.merge(NodeContext.layer, Logger.minimumLogLevel(LogLevel.None))

/** What a demo writes, object by object. */
const written = () => {
  const objects: Array<Record<string, unknown>> = []
  const output = DemoOutput.json((text) => Effect.sync(() => void objects.push(JSON.parse(text))))
  const events = () => objects.flatMap(({ events }) => (Array.isArray(events) ? events : []))
  return { events: () => events().join("\n"), objects, output }
}

it.live(
  "a killed device process is found lost, its level stale, and the level recovers",
  () =>
    Effect.gen(function*() {
      const { events, objects, output } = written()
      yield* Demo.run({ forMillis: 30_000, chaos: true, output })
      const summary = objects.at(-1)
      expect(summary).toMatchObject({
        type: "summary",
        problems: [],
        ok: true,
        deadLetters: 0,
        staleWhileLost: true,
        pumpCommandsWhileLost: 0,
        recovered: true
      })
      expect(summary?.["linkLostAfterMs"]).toBeLessThanOrEqual(5_000)
      expect(summary?.["levelErrorPercent"]).toBeLessThanOrEqual(2)
      expect(events()).toMatch(/operator sets.*link lost.*started again.*link online/s)
    }).pipe(Effect.provide(system)),
  120_000
)

it.live(
  "a demo that does not show what it should fails, and says what was missing",
  () =>
    Effect.gen(function*() {
      const { objects, output } = written()
      const error = yield* Effect.flip(Demo.run({ forMillis: 100, chaos: false, output }))
      expect(error.message).toContain("the level was not good")
      expect(objects.at(-1)).toMatchObject({ type: "summary", ok: false })
    }).pipe(Effect.provide(system)),
  60_000
)

it.live("an interrupted demo shows its summary all the same", () =>
  Effect.gen(function*() {
    const { objects, output } = written()
    const demo = yield* Effect.fork(Demo.run({ forMillis: undefined, chaos: false, output }))
    yield* Effect.repeat(Effect.sleep("20 millis"), { until: () => objects.length > 0 })
    const exit = yield* Fiber.interrupt(demo)
    expect(Exit.isInterrupted(exit)).toBe(true)
    expect(objects.at(-1)).toMatchObject({ type: "summary" })
  }).pipe(Effect.provide(system)), 60_000)
