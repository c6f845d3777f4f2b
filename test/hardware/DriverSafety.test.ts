import { describe, expect, it } from "@effect/vitest"
import { type DeviceProtocol, Driver, DriverStore, SimulatedTransport } from "@plantd/hardware"
import { Deferred, Effect, TestClock } from "effect"
import { commands, rawNode, settle, telemetry } from "./peers.ts"
import { handlersOf, makePlant, Pump, serve } from "./pump.ts"

const simulated = Effect.provide([SimulatedTransport.layer, DriverStore.memory])
const endpoints = { commands, telemetry }

/** A pump whose first write waits for the gate while others wait for their turn. */
const queued = Effect.gen(function*() {
  const plant = makePlant()
  const done: Array<string> = []
  const gate = yield* Deferred.make<void>()
  plant.gate = Deferred.await(gate)
  const handlers = handlersOf(plant)
  const speed = (value: number) =>
    Effect.tap(handlers.write.speed(value), () => done.push(`speed ${value}`))
  yield* Driver.serve(Pump, { ...handlers, write: { speed } }, {
    device: "p-1",
    ...endpoints,
    onSilence: { after: "2 seconds", run: Effect.sync(() => done.push("safe")) },
    settings: { goodbyeMillis: 0 }
  })
  const node = yield* rawNode(commands)
  yield* node.ask("HELLO", node.hello)
  const write = (value: number) =>
    node.send("WRITE", { ...node.command(0, 60_000), attribute: "speed", value })
  yield* Effect.forEach([1, 2, 3], write)
  yield* settle
  return { done, node, write, open: Deferred.succeed(gate, undefined) }
})

const expired = (message: string) => ({
  kind: "ERROR",
  body: { code: "expired", message: expect.stringContaining(message) }
})

describe("commands that wait", () => {
  it.scoped("are not begun after silence, and what ran then is followed by the safe state", () =>
    Effect.gen(function*() {
      const { done, node, open, write } = yield* queued
      yield* TestClock.adjust("5 seconds")
      expect(done).toEqual(["safe"])
      yield* open
      expect((yield* node.receive).kind).toBe("REPLY")
      expect(yield* node.receive).toMatchObject(expired("the node fell silent"))
      expect(yield* node.receive).toMatchObject(expired("the node fell silent"))
      expect(done).toEqual(["safe", "speed 1", "safe"])
      yield* write(4)
      expect((yield* node.receive).kind).toBe("REPLY")
      expect(done).toEqual(["safe", "speed 1", "safe", "speed 4"])
    }).pipe(simulated))

  it.scoped("are not begun after the goodbye of their node, even when it is back", () =>
    Effect.gen(function*() {
      const { done, node, open, write } = yield* queued
      yield* node.send("BYE", {})
      expect((yield* node.ask("HELLO", node.hello)).kind).toBe("READY")
      yield* write(4)
      yield* settle
      yield* open
      expect((yield* node.receive).kind).toBe("REPLY")
      expect(yield* node.receive).toMatchObject(expired("said goodbye"))
      expect(yield* node.receive).toMatchObject(expired("said goodbye"))
      expect((yield* node.receive).kind).toBe("REPLY")
      expect(done).toEqual(["speed 1", "speed 4"])
    }).pipe(simulated))

  it.scoped("are not begun after a node with a higher fence said HELLO", () =>
    Effect.gen(function*() {
      const { done, node, open } = yield* queued
      const other = yield* rawNode(commands)
      yield* other.ask("HELLO", { ...other.hello, fence: 7 })
      yield* open
      expect((yield* node.receive).kind).toBe("REPLY")
      expect((yield* node.receive).body).toMatchObject({ code: "stale-fence" })
      expect(done).toEqual(["speed 1"])
    }).pipe(simulated))

  it.scoped("are not begun when silence comes while the state is read for them", () =>
    Effect.gen(function*() {
      const plant = makePlant()
      const handlers = handlersOf(plant)
      const gate = yield* Deferred.make<void>()
      const state = Effect.zipRight(Deferred.await(gate), handlers.read.state)
      yield* Driver.serve(Pump, { ...handlers, read: { ...handlers.read, state } }, {
        device: "p-1",
        ...endpoints,
        onSilence: { after: "2 seconds", run: Effect.void },
        settings: { goodbyeMillis: 0 }
      })
      const node = yield* rawNode(commands)
      yield* node.ask("HELLO", node.hello)
      const prime = { ...node.command(0, 60_000), command: "prime", payload: { seconds: 3 } }
      yield* node.send("INVOKE", prime)
      yield* settle
      yield* TestClock.adjust("5 seconds")
      yield* Deferred.succeed(gate, undefined)
      expect(yield* node.receive).toMatchObject(expired("the node fell silent"))
      expect(plant.primed).toBe(0)
    }).pipe(simulated))
})

describe("the probe of the hardware", () => {
  const probed = (hardware: Effect.Effect<DeviceProtocol.Hardware>) =>
    Effect.gen(function*() {
      const plant = makePlant()
      yield* Driver.serve(Pump, handlersOf(plant), {
        device: "p-1",
        ...endpoints,
        hardware,
        settings: { goodbyeMillis: 0 }
      })
      const node = yield* rawNode(commands)
      yield* node.ask("HELLO", node.hello)
      const health = Effect.map(
        node.ask("HEARTBEAT", { sentAt: 0 }),
        ({ body }) => (body as { readonly hardware: string }).hardware
      )
      return { plant, node, health }
    })

  it.scoped("that hangs holds up no heartbeat and no emergency stop, and is degraded", () =>
    Effect.gen(function*() {
      let probes = 0
      const gate = yield* Deferred.make<DeviceProtocol.Hardware>()
      const { health, node, plant } = yield* probed(
        Effect.suspend(() => {
          probes++
          return Deferred.await(gate)
        })
      )
      expect(yield* health).toBe("ok")
      const stop = yield* node.ask("INVOKE", { ...node.command(0), command: "stop" })
      expect([stop.kind, plant.stopped]).toEqual(["REPLY", 1])
      yield* TestClock.adjust("2 seconds")
      expect(yield* health).toBe("ok")
      yield* TestClock.adjust("1 second")
      expect(yield* health).toBe("degraded")
      expect(probes).toBe(1)
      yield* Deferred.succeed(gate, "ok")
      yield* settle
      expect(yield* health).toBe("ok")
      expect(probes).toBe(2)
    }).pipe(simulated))

  it.scoped("that crashes is told as degraded, and asked again", () =>
    Effect.gen(function*() {
      let probes = 0
      const { health } = yield* probed(
        Effect.suspend(() => ++probes === 1 ? Effect.dieMessage("a bug") : Effect.succeed("down"))
      )
      expect(yield* health).toBe("degraded")
      expect(yield* health).toBe("down")
    }).pipe(simulated))
})

it.scoped("a READ is as old as its beginning: what is published meanwhile is newer", () =>
  Effect.gen(function*() {
    const handlers = handlersOf(makePlant())
    const gate = yield* Deferred.make<void>()
    const flow = Effect.as(Deferred.await(gate), 1)
    const driver = yield* Driver.serve(
      Pump,
      { ...handlers, read: { ...handlers.read, flow } },
      { device: "p-1", ...endpoints, settings: { goodbyeMillis: 0 } }
    )
    const node = yield* rawNode(commands)
    yield* node.ask("HELLO", node.hello)
    yield* driver.publish({ flow: 1 })
    yield* node.send("READ", { sentAt: 0, deadlineMs: 9, attributes: ["flow"] })
    yield* settle
    yield* TestClock.adjust("1 second")
    yield* driver.publish({ flow: 2 })
    yield* Deferred.succeed(gate, undefined)
    expect((yield* node.receive).body).toMatchObject({ seq: 1, time: 0, readings: [[0, 1]] })
  }).pipe(simulated))

it.scoped("making safe once more is tried again each second while it fails", () =>
  Effect.gen(function*() {
    const plant = makePlant()
    const gate = yield* Deferred.make<void>()
    plant.gate = Deferred.await(gate)
    let tries = 0
    const run = Effect.suspend(() => ++tries === 2 ? Effect.fail("stuck") : Effect.void)
    yield* serve(plant, { ...endpoints, onSilence: { after: "2 seconds", run } })
    const node = yield* rawNode(commands)
    yield* node.ask("HELLO", node.hello)
    yield* node.send("WRITE", { ...node.command(0), attribute: "speed", value: 1 })
    yield* settle
    yield* TestClock.adjust("5 seconds")
    expect(tries).toBe(1)
    yield* Deferred.succeed(gate, undefined)
    yield* settle
    expect(tries).toBe(2)
    yield* TestClock.adjust("10 seconds")
    expect(tries).toBe(3)
  }).pipe(simulated))

describe("silence", () => {
  const silent = (run: Effect.Effect<unknown, unknown>) =>
    Effect.gen(function*() {
      yield* serve(makePlant(), { ...endpoints, onSilence: { after: "2 seconds", run } })
      const node = yield* rawNode(commands)
      return node
    })

  it.scoped("after the last sign of a node makes safe, once until the next one", () =>
    Effect.gen(function*() {
      let safe = 0
      const node = yield* silent(Effect.sync(() => safe++))
      yield* TestClock.adjust("10 seconds")
      expect(safe).toBe(0)
      yield* node.ask("HELLO", node.hello)
      for (let i = 0; i < 5; i++) {
        yield* TestClock.adjust("1500 millis")
        yield* node.ask("HEARTBEAT", { sentAt: 0 })
      }
      expect(safe).toBe(0)
      yield* TestClock.adjust("20 seconds")
      expect(safe).toBe(1)
      yield* node.ask("HEARTBEAT", { sentAt: 0 })
      yield* TestClock.adjust("20 seconds")
      expect(safe).toBe(2)
    }).pipe(simulated))

  it.scoped("when making safe fails, it is tried again each second", () =>
    Effect.gen(function*() {
      let tries = 0
      const node = yield* silent(Effect.suspend(() => {
        tries++
        return tries < 3 ? Effect.fail("stuck") : Effect.void
      }))
      yield* node.ask("HELLO", node.hello)
      yield* TestClock.adjust("30 seconds")
      expect(tries).toBe(3)
    }).pipe(simulated))
})
