import { expect, it } from "@effect/vitest"
import { ActorSystem, Placement } from "@plantd/actors"
import { TestSystem } from "@plantd/actors/testing"
import { DeviceStore, Link } from "@plantd/hardware"
import { type Deed, DriverObserver } from "@plantd/hardware/DriverObserver"
import { Effect, Fiber, Layer, TestClock } from "effect"
import { inTime, settle } from "./peers.ts"
import { handlersOf, makePlant, Pump } from "./pump.ts"
import { reaches } from "./rig.ts"

type Told = readonly [device: string, deed: Deed]

interface Options {
  readonly node?: string
  /** How often making it safe fails. */
  readonly breaks?: number
}

/** The pump p-1 on a node, and what its driver has told. */
const observed = ({ breaks = 0, ...options }: Options = {}) =>
  Effect.gen(function*() {
    let left = breaks
    const told: Array<Told> = []
    const plant = makePlant()
    const simulated = yield* Link.simulated(Pump, () =>
      Effect.succeed({
        handlers: handlersOf(plant),
        onSilence: {
          after: "2 seconds",
          run: Effect.suspend(() => left-- > 0 ? Effect.fail("the bus hangs") : Effect.void)
        }
      })).pipe(
        Effect.provideService(
          DriverObserver,
          ({ id, type }, deed) => void told.push([`${type}/${id}`, deed])
        )
      )
    const hosted = yield* Placement.host({
      node: `${"x".repeat(200)}.plant:7701`,
      hasLease: () => true,
      isHere: () => true,
      isDirect: () => true,
      carry: (parcel) => parcel.redeliver(),
      watch: () => () => undefined,
      beforeClose: Effect.void
    })
    const context = yield* Layer.build(
      Pump.toLayer({
        ...options,
        link: simulated.link,
        config: () => ({ commands: "-", telemetry: "-" })
      }).pipe(
        Layer.provide(DeviceStore.layerMemory),
        Layer.provideMerge(Layer.succeed(ActorSystem, hosted.service))
      )
    )
    const pump = (yield* Effect.provide(Pump.client, context))("p-1")
    yield* reaches(pump, "online")
    return { device: simulated.device("p-1"), pump, told }
  }).pipe(Effect.provide(TestSystem.layer))

it.scoped("is told what a driver does to its device, in order", () =>
  Effect.gen(function*() {
    const { device, pump, told } = yield* observed({ node: "n-1", breaks: 1 })
    yield* pump.write.speed(300, { commandId: "w-1" })
    yield* Effect.flip(pump.prime({ seconds: -1 }, { commandId: "p-1" }))
    yield* Effect.flip(pump.write.speed(13, { commandId: "w-2" }))
    yield* device.cut()
    yield* inTime(
      "it is safe",
      Effect.sync(() => told.some(([, { _tag }]) => _tag === "MadeSafe"))
    )
    const begun = { _tag: "Begun", fence: 1 }
    const [write, prime] = [{ title: "WRITE speed" }, { title: "INVOKE prime" }]
    expect(told).toEqual([
      { _tag: "Started", epoch: 1 },
      { _tag: "Greeted", node: "n-1", fence: 1 },
      { ...begun, ...write, commandId: "w-1", given: 300 },
      { _tag: "Ended", ...write, commandId: "w-1", trouble: undefined },
      { ...begun, ...prime, commandId: "p-1", given: { seconds: -1 } },
      {
        _tag: "Ended",
        ...prime,
        commandId: "p-1",
        trouble: { code: "failed", message: "no water" }
      },
      { ...begun, ...write, commandId: "w-2", given: 13 },
      {
        _tag: "Ended",
        ...write,
        commandId: "w-2",
        trouble: { code: "state", message: "13 is unlucky" }
      },
      { _tag: "NotMadeSafe", why: "no node was heard for 2000 ms" },
      { _tag: "MadeSafe", why: "no node was heard for 2000 ms" }
    ].map((deed) => ["Pump/p-1", deed]))
  }))

it.scoped("is told what a driver refuses, and why", () =>
  Effect.gen(function*() {
    const { device, pump, told } = yield* observed()
    yield* device.cut("to-bound")
    const write = yield* Effect.fork(
      Effect.exit(pump.write.speed(5, { timeout: "500 millis", commandId: "w-1" }))
    )
    yield* settle
    yield* TestClock.adjust("1 seconds")
    yield* Fiber.join(write)
    yield* device.heal
    yield* settle
    const refused = told.filter(([, { _tag }]) => _tag === "Refused")
    expect(refused).toHaveLength(2)
    expect(refused[0]).toMatchObject([
      "Pump/p-1",
      { title: "WRITE speed", commandId: "w-1", trouble: { code: "expired" } }
    ])
    expect(refused[0]?.[1]).toHaveProperty("node", expect.stringContaining("plant:7701"))
    expect(told.filter(([, { _tag }]) => _tag === "Begun")).toEqual([])
  }))

it.scoped("is told what is asked for again", () =>
  Effect.gen(function*() {
    const { device, pump, told } = yield* observed()
    yield* device.shape({ duplicate: 1 })
    yield* pump.write.speed(300, { commandId: "w-1" })
    yield* settle
    expect(told.map(([, { _tag }]) => _tag).filter((tag) => tag !== "Greeted")).toEqual(
      expect.arrayContaining(["Begun", "Ended", "Repeated"])
    )
    const repeated = told.find(([, { _tag }]) => _tag === "Repeated")?.[1]
    expect(repeated).toMatchObject({ title: "WRITE speed", commandId: "w-1" })
    expect(told.filter(([, { _tag }]) => _tag === "Begun")).toHaveLength(1)
  }))

it.scoped("is told the node by its address, of which a long one loses its beginning", () =>
  Effect.gen(function*() {
    const { told } = yield* observed()
    const greeted = told.find(([, { _tag }]) => _tag === "Greeted")?.[1]
    expect(greeted).toMatchObject({ node: `${"x".repeat(128 - 11)}.plant:7701` })
  }))
