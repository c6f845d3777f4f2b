import { describe, expect, it } from "@effect/vitest"
import {
  Attribute,
  Command,
  Device,
  DeviceStore,
  type DeviceStoreService,
  Driver,
  Link
} from "@plantd/hardware"
import { SimulatedNetwork } from "@plantd/hardware/SimulatedNetwork"
import { ActorSystem, Placement } from "@plantd/actors"
import { Context, Deferred, Effect, Fiber, Layer, Option, TestClock } from "effect"
import { inTime, settle, until } from "./peers.ts"
import { endpoints, simulated } from "./rig.ts"

/** A press with two ways to be stopped, each by an interlock of its own. */
const Press = Device.make("Press", {
  attributes: {
    force: Attribute.number({
      unit: "kN",
      access: "read-write",
      tolerance: 0.1,
      settle: "100 millis"
    }),
    level: Attribute.number({ unit: "m", range: [0, 10] }),
    heat: Attribute.number({ unit: "K" })
  },
  commands: {
    knock: Command.make({ effect: "pulse", timeout: "1 second" }),
    close: Command.make({ effect: "set", lane: "emergency" }),
    cool: Command.make({ effect: "set", lane: "emergency" })
  },
  interlocks: [
    {
      id: "flood",
      when: { attribute: "level", above: 3 },
      blocks: ["write.force", "knock"],
      onTrip: "close"
    },
    { id: "hot", when: { attribute: "heat", above: 3 }, blocks: [], onTrip: "cool" }
  ]
})

const rig = Effect.gen(function*() {
  const did: Array<string> = []
  const plant = { force: 0, closing: Effect.void }
  const does = (deed: string) => Effect.sync(() => void did.push(deed))
  const driver = yield* Driver.serve(Press, {
    read: {
      force: Effect.sync(() => plant.force),
      level: Effect.succeed(1),
      heat: Effect.succeed(1)
    },
    write: {
      force: (value: number) =>
        Effect.zipRight(
          does(`write ${value}`),
          Effect.sync(() => {
            plant.force = value
          })
        )
    },
    commands: {
      knock: () => does("knock"),
      close: () =>
        Effect.suspend(() => plant.closing).pipe(
          Effect.zipRight(does("close")),
          Effect.zipRight(Effect.sync(() => {
            plant.force = 0
          }))
        ),
      cool: () => does("cool")
    }
  }, { device: "p-1", ...endpoints, settings: { goodbyeMillis: 0 } })
  const context = yield* Layer.build(DeviceStore.layerMemory)
  const store = Context.get(context, DeviceStore)
  // Ordinary intents, and outcomes, can be held up.
  const gates = { intend: Effect.void, settle: Effect.void }
  const gated: DeviceStoreService = {
    ...store,
    intend: (holder, intent) =>
      Effect.zipLeft(
        store.intend(holder, intent),
        Effect.suspend(() => intent.name === "close" ? Effect.void : gates.intend)
      ),
    settle: (holder, id, known) =>
      Effect.zipRight(Effect.suspend(() => gates.settle), store.settle(holder, id, known))
  }
  const lease = { lasts: true }
  const hosted = yield* Placement.host({
    node: "here:1",
    hasLease: () => lease.lasts,
    isHere: () => true,
    isDirect: () => true,
    carry: (parcel) => parcel.redeliver(),
    watch: () => () => undefined,
    beforeClose: Effect.void
  })
  const node = yield* Layer.build(
    Press.toLayer({ link: () => Link.zmq(endpoints) }).pipe(
      Layer.provideMerge(Layer.succeed(ActorSystem, hosted.service)),
      Layer.provide(Layer.succeed(DeviceStore, gated))
    )
  )
  const press = (yield* Effect.provide(Press.client, node))("p-1")
  yield* inTime("it is online", Effect.map(press.link, ({ state }) => state === "online"))
  yield* until(
    "all is known",
    Effect.map(
      press.snapshot,
      ({ heat, level }) => level.quality === "good" && heat.quality === "good"
    )
  )
  return { did, driver, gates, network: yield* SimulatedNetwork, plant, press, node, store, lease }
})

const ended = <A, E>(fiber: Fiber.RuntimeFiber<A, E>) =>
  Effect.zipRight(
    inTime("it has ended", Effect.map(Fiber.poll(fiber), Option.isSome)),
    Fiber.join(fiber)
  )

describe("right before its first byte a command is asked for once more:", () => {
  it.scoped("what an interlock blocks by then is not sent", () =>
    Effect.gen(function*() {
      const { did, driver, gates, press } = yield* rig
      const gate = yield* Deferred.make<void>()
      gates.intend = Deferred.await(gate)
      const write = yield* Effect.fork(Effect.flip(press.write.force(5, { commandId: "w-1" })))
      yield* settle
      yield* driver.publish({ level: 4 })
      yield* until("it is closed", Effect.sync(() => did.includes("close")))
      yield* Deferred.succeed(gate, undefined)
      expect(yield* ended(write)).toMatchObject({ _tag: "CommandRejected", reason: "interlock" })
      expect(did).toEqual(["close"])
      expect(yield* press.journal.outcome("w-1")).toMatchObject({ state: "rejected" })
    }).pipe(simulated))

  it.scoped("what its asker waits for no more is not sent", () =>
    Effect.gen(function*() {
      const { did, gates, press } = yield* rig
      const gate = yield* Deferred.make<void>()
      gates.intend = Deferred.await(gate)
      const knock = yield* Effect.fork(Effect.flip(press.knock({ commandId: "k-1" })))
      yield* settle
      yield* TestClock.adjust("1 second")
      yield* Deferred.succeed(gate, undefined)
      expect(yield* ended(knock)).toMatchObject({ _tag: "CommandRejected", reason: "expired" })
      expect(did).toEqual([])
    }).pipe(simulated))
})

describe("a node whose lease is over", () => {
  it.scoped("commands nothing, not even what it was about to send", () =>
    Effect.gen(function*() {
      const { did, gates, lease, press } = yield* rig
      const gate = yield* Deferred.make<void>()
      gates.intend = Deferred.await(gate)
      const knock = yield* Effect.fork(Effect.flip(press.knock({ commandId: "k-1" })))
      yield* settle
      lease.lasts = false
      yield* Deferred.succeed(gate, undefined)
      expect(yield* ended(knock)).toMatchObject({ reason: "stale-fence" })
      expect(yield* Effect.flip(press.close())).toMatchObject({ reason: "stale-fence" })
      expect(did).toEqual([])
    }).pipe(simulated))
})

describe("the command of an interlock", () => {
  it.scoped("does not wait for that of another one", () =>
    Effect.gen(function*() {
      const { did, driver, plant, press } = yield* rig
      plant.closing = Effect.sleep("4 seconds")
      yield* driver.publish({ level: 4 })
      yield* driver.publish({ heat: 4 })
      yield* until("it is cooled", Effect.sync(() => did.includes("cool")))
      expect(did).toEqual(["cool"])
      yield* inTime("it is closed", Effect.sync(() => did.includes("close")))
      expect((yield* press.snapshot).heat.value).toBe(4)
    }).pipe(simulated))

  it.scoped("is given for a value beyond its range, too", () =>
    Effect.gen(function*() {
      const { did, driver } = yield* rig
      yield* driver.publish({ level: 99 })
      yield* until("it is closed", Effect.sync(() => did.includes("close")))
    }).pipe(simulated))

  it.scoped("is told to be done in time, whether or not its outcome can be stored", () =>
    Effect.gen(function*() {
      const { did, gates, press } = yield* rig
      gates.settle = Effect.never
      const close = yield* Effect.fork(press.close({ timeout: "1 second" }))
      yield* settle
      yield* TestClock.adjust("300 millis")
      yield* ended(close)
      expect(did).toEqual(["close"])
    }).pipe(simulated))
})

describe("what is seen on a device", () => {
  it.scoped("says nothing of a command while a stop was under way that was sent before it", () =>
    Effect.gen(function*() {
      const { did, network, plant, press } = yield* rig
      plant.closing = Effect.sleep("1 second")
      const close = yield* Effect.fork(press.close())
      yield* settle
      yield* network.cut(endpoints.commands, "from-bound")
      const write = yield* Effect.fork(
        Effect.flip(press.write.force(5, { commandId: "w-1", timeout: "800 millis" }))
      )
      yield* until("it is written", Effect.sync(() => did.includes("write 5")))
      yield* inTime("it is closed", Effect.sync(() => did.includes("close")))
      // What was read before that comes too late to be heard.
      for (let passed = 0; passed < 1_500; passed += 100) {
        yield* settle
        yield* TestClock.adjust("100 millis")
      }
      yield* network.heal(endpoints.commands)
      expect((yield* ended(write))._tag).toBe("OutcomeUnknown")
      yield* ended(close)
      yield* inTime(
        "a person must look",
        Effect.map(press.journal.outcome("w-1"), ({ state }) => state === "unresolved")
      )
    }).pipe(simulated))

  it.scoped("clears the alarm of a former life whose commands are all settled", () =>
    Effect.gen(function*() {
      const { network, node, press, store } = yield* rig
      yield* network.cut(endpoints.commands, "from-bound")
      const knock = yield* Effect.fork(Effect.flip(press.knock({ commandId: "k-1" })))
      yield* settle
      yield* TestClock.adjust("1 second")
      yield* ended(knock)
      const alarm = Effect.map(
        press.alarms.list,
        (all) => all.find(({ alarm }) => alarm === "unresolved")?.state
      )
      yield* inTime("it is raised", Effect.map(alarm, (state) => state === "active-unacked"))
      yield* network.heal(endpoints.commands)
      // As where the node ends after the command was settled, and before the alarm is.
      const device = { type: "Press", id: "p-1" }
      yield* Context.get(node, ActorSystem).stop(device)
      const { fence } = yield* store.claim(device, { fence: undefined })
      const known = { state: "succeeded", settledBy: "person", outcomeAt: 1 } as const
      yield* store.settle({ device, fence }, "k-1", known)
      yield* inTime("it is online", Effect.map(press.link, ({ state }) => state === "online"))
      yield* inTime("it is cleared", Effect.map(alarm, (state) => state !== "active-unacked"))
    }).pipe(simulated))
})
