import { NodeContext } from "@effect/platform-node"
import { FileSystem } from "@effect/platform"
import { describe, expect, it } from "@effect/vitest"
import { Epoch, Fence } from "@plantd/core"
import { Driver, DriverStore, SimulatedTransport } from "@plantd/hardware"
import { Deferred, Effect, Fiber, Layer, TestClock } from "effect"
import { commands, rawNode, settle, telemetry } from "./peers.ts"
import { handlersOf, makePlant, type Plant, Pump, serve } from "./pump.ts"

const simulated = Effect.provide([SimulatedTransport.layer, DriverStore.memory])
const endpoints = { commands, telemetry }

/** A node that sends one fence with all it says. */
const fenced = (fence: number) =>
  Effect.map(rawNode(commands), (node) => {
    const command = (more: object, sentAt = 0) => ({ ...node.command(sentAt), fence, ...more })
    return {
      node,
      hello: node.ask("HELLO", { ...node.hello, fence }),
      write: (value: number) => node.ask("WRITE", command({ attribute: "speed", value })),
      post: (value: number) => node.send("WRITE", command({ attribute: "speed", value })),
      stop: Effect.suspend(() => node.ask("INVOKE", command({ command: "stop" }))),
      read: node.ask("READ", { sentAt: 0, deadlineMs: 100, attributes: ["speed"] })
    }
  })

const replaced = (by: number) => ({ kind: "ERROR", body: { code: "stale-fence", fence: by } })

describe("of two nodes in session", () => {
  it.scoped("the one with the lower fence is refused whatever it asks to do, and may read", () =>
    Effect.gen(function*() {
      const plant = makePlant()
      yield* serve(plant, endpoints)
      const old = yield* fenced(7)
      expect(yield* old.hello).toMatchObject({ kind: "READY", body: { fence: 7 } })
      expect((yield* old.write(1)).kind).toBe("REPLY")
      const owner = yield* fenced(8)
      expect(yield* owner.hello).toMatchObject({ kind: "READY", body: { fence: 8 } })
      expect(yield* old.write(2)).toMatchObject(replaced(8))
      expect(yield* old.stop).toMatchObject(replaced(8))
      expect(yield* old.hello).toMatchObject(replaced(8))
      expect(plant).toMatchObject({ speed: 1, stopped: 0 })
      expect((yield* old.read).kind).toBe("REPLY")
      expect((yield* owner.write(3)).kind).toBe("REPLY")
      expect((yield* owner.stop).kind).toBe("REPLY")
      expect(plant).toMatchObject({ speed: 3, stopped: 1 })
    }).pipe(simulated))

  it.scoped("a write raises the fence as a HELLO does", () =>
    Effect.gen(function*() {
      yield* serve(makePlant(), endpoints)
      const [old, owner] = [yield* fenced(7), yield* fenced(7)]
      yield* old.hello
      yield* owner.hello
      yield* owner.node.ask("WRITE", {
        ...owner.node.command(0),
        fence: 8,
        attribute: "speed",
        value: 1
      })
      expect(yield* old.write(2)).toMatchObject(replaced(8))
    }).pipe(simulated))

  it.scoped("what the old one has waiting is not begun any more", () =>
    Effect.gen(function*() {
      const plant = makePlant()
      const gate = yield* Deferred.make<void>()
      plant.gate = Deferred.await(gate)
      yield* serve(plant, endpoints)
      const [old, owner] = [yield* fenced(7), yield* fenced(8)]
      yield* old.hello
      yield* old.post(1)
      yield* old.post(2)
      yield* settle
      yield* owner.hello
      yield* Deferred.succeed(gate, undefined)
      expect((yield* old.node.receive).kind).toBe("REPLY")
      expect(yield* old.node.receive).toMatchObject(replaced(8))
      expect(plant.speed).toBe(1)
    }).pipe(simulated))
})

describe("a driver that was started anew", () => {
  const twice = (plant: Plant) =>
    Effect.gen(function*() {
      yield* Effect.scoped(Effect.gen(function*() {
        yield* serve(plant, endpoints)
        const owner = yield* fenced(8)
        yield* owner.hello
        expect((yield* owner.write(1)).kind).toBe("REPLY")
      }))
      const driver = yield* serve(plant, endpoints)
      expect(driver.epoch).toBe(2)
      const old = yield* fenced(7)
      expect(yield* old.hello).toMatchObject(replaced(8))
      const owner = yield* fenced(8)
      expect(yield* owner.hello).toMatchObject({ kind: "READY", body: { fence: 8 } })
      expect((yield* owner.write(2)).kind).toBe("REPLY")
      expect(plant.speed).toBe(2)
    }).pipe(Effect.provide(SimulatedTransport.layer))

  it.scoped("refuses a lower fence than before", () =>
    Effect.gen(function*() {
      const store = yield* Layer.build(DriverStore.memory)
      yield* Effect.provide(twice(makePlant()), store)
    }))

  it.scopedLive("refuses it from what is in its file", () =>
    Effect.gen(function*() {
      const files = yield* FileSystem.FileSystem
      const directory = yield* files.makeTempDirectoryScoped()
      yield* Effect.provide(twice(makePlant()), DriverStore.file(directory))
      expect(yield* files.readFileString(`${directory}/p-1.json`)).toBe('{"epoch":2,"fence":8}')
    }).pipe(Effect.provide(NodeContext.layer)))
})

/** A driver whose store keeps fences as it is told. */
const storedBy = (keepFence: DriverStore.DriverStoreService["keepFence"]) =>
  Effect.gen(function*() {
    const plant = makePlant()
    yield* Effect.provideService(serve(plant, endpoints), DriverStore.DriverStore, {
      nextEpoch: () => Effect.succeed(Epoch.first),
      highestFence: () => Effect.succeed(Fence.Fence.make(5)),
      keepFence
    })
    return plant
  })

describe("a higher fence", () => {
  it.scoped("is stored before its HELLO is answered, and once for all messages that carry it", () =>
    Effect.gen(function*() {
      const kept: Array<string> = []
      const stored = yield* Deferred.make<void>()
      const plant = yield* storedBy((device, fence) =>
        Effect.zipRight(
          Effect.sync(() => kept.push(`${device} ${fence}`)),
          Deferred.await(stored)
        )
      )
      const owner = yield* fenced(8)
      const ready = yield* Effect.fork(owner.hello)
      yield* settle
      expect(kept).toEqual(["p-1 8"])
      expect(yield* Fiber.poll(ready)).toMatchObject({ _tag: "None" })
      yield* Deferred.succeed(stored, undefined)
      expect((yield* Fiber.join(ready)).kind).toBe("READY")
      for (const value of [1, 2, 3]) yield* owner.write(value)
      yield* owner.hello
      expect([kept.length, plant.speed]).toEqual([1, 3])
    }).pipe(simulated))

  it.scoped("that cannot be stored is not obeyed, and the one of before goes on", () =>
    Effect.gen(function*() {
      const plant = yield* storedBy((device) =>
        Effect.fail(
          new DriverStore.DriverStoreError({
            operation: "keep the fence",
            device,
            place: "the disk",
            detail: "no space left"
          })
        )
      )
      const before = yield* fenced(5)
      yield* before.hello
      const owner = yield* fenced(8)
      const refused = { kind: "ERROR", body: { code: "not-stored" } }
      const told = yield* owner.hello
      expect(told).toMatchObject(refused)
      expect(told.body).toMatchObject({ message: expect.stringContaining("no space left") })
      yield* owner.node.ask("HELLO", { ...owner.node.hello, fence: 5 })
      expect(yield* owner.write(1)).toMatchObject(refused)
      expect(plant.speed).toBe(0)
      expect((yield* before.write(2)).kind).toBe("REPLY")
      expect(yield* before.hello).toMatchObject({ kind: "READY", body: { fence: 5 } })
    }).pipe(simulated))

  it.scoped("whose storing hangs is refused in time, and holds up nobody else's stop", () =>
    Effect.gen(function*() {
      const plant = yield* storedBy(() => Effect.uninterruptible(Effect.never))
      const before = yield* fenced(5)
      yield* before.hello
      const owner = yield* fenced(8)
      const told = yield* Effect.fork(owner.hello)
      yield* settle
      expect((yield* before.stop).kind).toBe("REPLY")
      expect(plant.stopped).toBe(1)
      yield* TestClock.adjust(Driver.settings.storeMillis)
      expect(yield* Fiber.join(told)).toMatchObject({
        kind: "ERROR",
        body: { code: "not-stored", message: "fence 8 was not stored within 2000 ms (storeMillis)" }
      })
    }).pipe(simulated))
})

/** A driver that is storing a fence, and the node that brought it, in session. */
const storing = Effect.gen(function*() {
  const stored = yield* Deferred.make<void>()
  const plant = yield* storedBy(() => Deferred.await(stored))
  const owner = yield* fenced(8)
  yield* owner.node.ask("HELLO", { ...owner.node.hello, fence: 5 })
  return { plant, owner, stored: Deferred.succeed(stored, undefined) }
})

it.scoped("the messages of a fence that is being stored keep their order", () =>
  Effect.gen(function*() {
    const { owner, plant, stored } = yield* storing
    const done: Array<number> = []
    plant.gate = Effect.sync(() => done.push(plant.speed))
    yield* Effect.forEach([1, 2, 3, 4, 5], owner.post)
    yield* settle
    yield* stored
    // It comes while the others are let through.
    yield* owner.post(6)
    for (let answers = 0; answers < 6; answers++) yield* owner.node.receive
    expect([...done, plant.speed]).toEqual([0, 1, 2, 3, 4, 5, 6])
  }).pipe(simulated))

it.scoped("beyond the bound, messages of a fence that is being stored are refused", () =>
  Effect.gen(function*() {
    const { owner, plant } = yield* storing
    yield* Effect.forEach(Array.from({ length: 17 }, (_, index) => index + 1), owner.post)
    expect((yield* owner.node.receive).body).toEqual({
      code: "not-stored",
      message: "16 messages wait for a fence to be stored already"
    })
    expect(plant.speed).toBe(0)
  }).pipe(simulated))

it.scoped("what a fence took to be stored makes no later message younger", () =>
  Effect.gen(function*() {
    const plant = yield* storedBy(() => Effect.sleep("1 second"))
    const owner = yield* fenced(8)
    const ready = yield* Effect.fork(owner.hello)
    yield* settle
    yield* TestClock.adjust("1 second")
    expect((yield* Fiber.join(ready)).kind).toBe("READY")
    yield* TestClock.adjust("1 second")
    const late = { ...owner.node.command(500, 1_000), fence: 8, attribute: "speed", value: 1 }
    expect((yield* owner.node.ask("WRITE", late)).body).toMatchObject({ code: "expired" })
    expect(plant.speed).toBe(0)
  }).pipe(simulated))

it.scoped("a driver that cannot read the highest fence does not start", () =>
  Effect.gen(function*() {
    const error = yield* Effect.flip(
      Effect.provideService(
        Driver.serve(Pump, handlersOf(makePlant()), { device: "p-1", ...endpoints }),
        DriverStore.DriverStore,
        {
          nextEpoch: () => Effect.succeed(Epoch.first),
          highestFence: (device) =>
            Effect.fail(
              new DriverStore.DriverStoreError({
                operation: "read the highest fence",
                device,
                place: "the disk",
                detail: "the file is damaged"
              })
            ),
          keepFence: () => Effect.void
        }
      )
    )
    expect(error.message).toBe(
      "cannot read the highest fence for device p-1 in the disk: the file is damaged"
    )
  }).pipe(simulated))
