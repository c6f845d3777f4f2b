import { expect, it } from "@effect/vitest"
import { TestSystem } from "@plantd/actors/testing"
import { Attribute, Command, Device, DeviceStore, Driver, Link } from "@plantd/hardware"
import { Effect, Layer, Schedule, Stream } from "effect"
import { readFileSync } from "node:fs"

const Pump = Device.make("Pump", {
  attributes: {
    level: Attribute.number({ unit: "m", range: [0, 5], maxAge: "2 seconds" }),
    speed: Attribute.number({ unit: "rpm", range: [0, 3_000], access: "read-write" })
  },
  commands: { stop: Command.make({ effect: "set", lane: "emergency" }) }
})
const node = Layer.merge(TestSystem.layer, DeviceStore.layerMemory)

/** The code to be tested: stops a pump whose tank is too full, or whose level nobody knows. */
const guard = Effect.gen(function*() {
  const pump = (yield* Pump.client)("p-1")
  const { quality, value } = (yield* pump.snapshot).level
  if (quality !== "good" || value === null || value > 4) yield* pump.stop()
})

it.scoped("a tank that is too full stops its pump, and so does a broken sensor", () =>
  Effect.gen(function*() {
    const pumps = yield* Link.mock(Pump, { values: { level: 3 } })
    const mock = pumps.device("p-1")
    yield* Effect.gen(function*() {
      yield* guard
      expect(yield* mock.requests).toEqual([]) // all is well: nothing was asked
      yield* mock.set("level", 4.5)
      yield* guard
      yield* mock.set("level", { value: null, quality: "bad", reason: "a broken wire" })
      yield* mock.script("stop", Driver.refuse("busy", "not now"))
      expect((yield* Effect.flip(guard))._tag).toBe("CommandRejected")
      expect(yield* mock.requests).toMatchObject([{ operation: "stop" }, { operation: "stop" }])
    }).pipe(Effect.provide(Layer.provideMerge(Pump.toLayer({ link: pumps.link }), node)))
  }))

it.scoped("a pump that fills its tank is stopped, also when its driver was gone meanwhile", () =>
  Effect.gen(function*() {
    const pumps = yield* Link.simulated(Pump, () =>
      Effect.sync(() => {
        let [level, speed] = [3, 0]
        const set = (rpm: number) => Effect.sync(() => void (speed = rpm))
        const step = Effect.sync(() => ({ level: level += speed / 3_000 }))
        const read = { level: Effect.sync(() => level), speed: Effect.sync(() => speed) }
        return {
          handlers: { read, write: { speed: set }, commands: { stop: () => set(0) } },
          publish: Stream.repeatEffectWithSchedule(step, Schedule.spaced("1 seconds"))
        }
      }))
    yield* Effect.gen(function*() {
      const pump = (yield* Pump.client)("p-1")
      yield* pump.link // the first message starts the actor, and so the device
      yield* TestSystem.settle
      yield* pump.write.speed(900)
      yield* pumps.device("p-1").kill
      yield* TestSystem.advance("10 seconds")
      expect(yield* Effect.flip(guard)).toMatchObject({ _tag: "DeviceUnavailable" })
      yield* pumps.device("p-1").start
      yield* TestSystem.advance("5 seconds") // it is found again, and its model has gone on
      yield* guard
      expect((yield* pump.read.speed).value).toBe(0)
    }).pipe(Effect.provide(Layer.provideMerge(Pump.toLayer({ link: pumps.link }), node)))
  }))

it("what the docs show of it is what is tested here", () => {
  const folder = new URL("../../", import.meta.url)
  const text = (path: string) => readFileSync(new URL(path, folder), "utf8")
  const [, onwards = ""] = text("docs/testing.md").split("## Testing device code")
  const [section = ""] = onwards.split("\n## ")
  const blocks = [...section.matchAll(/```ts\n(.*?)```/gs)].map(([, code = ""]) => code)
  expect(blocks.length).toBe(2)
  for (const code of blocks) {
    expect(code.split("\n").length).toBeLessThan(41)
    for (const part of code.split("\n\n").map((paragraph) => paragraph.trim())) {
      expect(text("test/hardware/testingExample.test.ts")).toContain(part)
    }
  }
})
