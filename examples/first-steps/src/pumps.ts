// node --conditions=plantd-source --import tsx examples/first-steps/src/pumps.ts
/** Four simulated pumps, read and set as one; one is cut off, and one refuses. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { ActorSystem } from "@plantd/actors"
import {
  Attribute,
  Device,
  DeviceGroup,
  DeviceStore,
  Driver,
  GroupReport,
  Link
} from "@plantd/hardware"
import { Console, Effect, Layer, Schedule, Stream } from "effect"

const Pump = Device.make("Pump", {
  attributes: {
    flow: Attribute.number({ unit: "L/s", range: [0, 10], maxAge: "2 seconds" }),
    speed: Attribute.number({ unit: "rpm", range: [0, 3_000], access: "read-write" })
  }
})

/** A pump whose flow follows its speed; in a plant the handlers stand in a device process. */
const model = (id: string) =>
  Effect.sync(() => {
    let [flow, speed] = [0, 0]
    const step = Effect.sync(() => ({ flow: flow += (speed / 300 - flow) / 2 }))
    return {
      handlers: {
        read: { flow: Effect.sync(() => flow), speed: Effect.sync(() => speed) },
        write: {
          speed: (rpm: number) =>
            id === "pump-3" && rpm > 1_500
              ? Driver.refuse("state", "its valve is half closed")
              : Effect.sync(() => void (speed = rpm))
        }
      },
      publish: Stream.repeatEffectWithSchedule(step, Schedule.spaced("20 millis"))
    }
  })

const ids = ["pump-1", "pump-2", "pump-3", "pump-4"]

const operator = Effect.gen(function*() {
  const pumpOf = yield* Pump.client
  yield* Effect.forEach(
    ids,
    (id) => Stream.runHead(Stream.filter(pumpOf(id).linkChanges, ({ state }) => state === "online"))
  )
  const pumps = yield* DeviceGroup.make(Pump, ids)
  yield* Effect.flatMap(pumps.write.speed(600), GroupReport.orFail)
  yield* Effect.sleep("1 seconds")
  const flows = yield* pumps.read.flow
  for (const { device, value: { quality, unit, value } } of flows.succeeded) {
    yield* Console.log(`${device}: ${Number(value).toFixed(2)} ${unit}, ${quality}`)
  }
  return pumps
})

const main = Effect.gen(function*() {
  const { device, link } = yield* Link.simulated(Pump, model)
  const node = Layer.merge(ActorSystem.layer, DeviceStore.layerMemory)
  yield* Effect.gen(function*() {
    const pumps = yield* operator
    yield* device("pump-4").cut("from-bound") // it hears, and its answers are lost
    const report = yield* pumps.write.speed(1_800, { timeout: "500 millis" })
    for (const { _tag, device } of report.outcomes) yield* Console.log(`${device}: ${_tag}`)
    yield* Console.log((yield* Effect.flip(GroupReport.orFail(report))).message)
  }).pipe(Effect.provide(Layer.provideMerge(Pump.toLayer({ link }), node)))
})
NodeRuntime.runMain(Effect.scoped(main))
