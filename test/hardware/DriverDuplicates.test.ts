import { describe, expect, it } from "@effect/vitest"
import { Driver, DriverStore, SimulatedTransport } from "@plantd/hardware"
import { Deferred, Effect, Layer, TestClock } from "effect"
import { commands, rawNode, settle, telemetry } from "./peers.ts"
import { handlersOf, makePlant, Pump, serve } from "./pump.ts"

const simulated = Effect.provide([SimulatedTransport.layer, DriverStore.memory])
const endpoints = { commands, telemetry }

/** A pump that counts what its handlers do, its driver, and a node in session with it. */
const counted = Effect.gen(function*() {
  const plant = makePlant()
  const handlers = handlersOf(plant)
  const written: Array<number> = []
  const speed = (value: number) =>
    Effect.zipRight(Effect.sync(() => written.push(value)), handlers.write.speed(value))
  const driver = yield* Driver.serve(Pump, { ...handlers, write: { speed } }, {
    device: "p-1",
    ...endpoints,
    settings: { goodbyeMillis: 0 }
  })
  const node = yield* rawNode(commands)
  yield* node.ask("HELLO", node.hello)
  return { plant, driver, node, written }
})

type Node = Effect.Effect.Success<typeof counted>["node"]

const write = (node: Node, commandId: string, value: unknown, more: object = {}) => ({
  ...node.command(0),
  commandId,
  attribute: "speed",
  value,
  ...more
})

const prime = (node: Node, commandId: string, payload: object) => ({
  ...node.command(0),
  commandId,
  command: "prime",
  payload
})

describe("a command that was done", () => {
  it.scoped("and is asked for again is answered the same, and not done again", () =>
    Effect.gen(function*() {
      const { driver, node, plant, written } = yield* counted
      yield* node.ask("WRITE", write(node, "a", 1))
      yield* node.ask("WRITE", write(node, "b", 2))
      expect(yield* node.ask("WRITE", write(node, "a", 1))).toMatchObject({
        kind: "REPLY",
        body: {}
      })
      expect([written, plant.speed]).toEqual([[1, 2], 2])
      const first = yield* node.ask("INVOKE", prime(node, "c", { seconds: 3 }))
      const again = yield* node.ask("INVOKE", prime(node, "c", { seconds: 3 }))
      expect([first.body, again.body, plant.primed]).toEqual([
        { result: true },
        { result: true },
        1
      ])
      expect(new TextDecoder().decode(again.id)).not.toBe(new TextDecoder().decode(first.id))
      expect(yield* driver.counters).toMatchObject({
        commandsExecuted: 3,
        commandsDuplicate: 2,
        commandsRefused: 0
      })
    }).pipe(simulated))

  it.scoped("and failed is answered as failed, and not tried again", () =>
    Effect.gen(function*() {
      const { driver, node } = yield* counted
      const failed = { kind: "ERROR", body: { code: "failed", message: "no water" } }
      expect(yield* node.ask("INVOKE", prime(node, "a", { seconds: -1 }))).toMatchObject(failed)
      expect(yield* node.ask("INVOKE", prime(node, "a", { seconds: -1 }))).toMatchObject(failed)
      expect((yield* driver.counters).commandsExecuted).toBe(1)
    }).pipe(simulated))

  it.scoped("is known to whichever node asks, however late and wherever it waits", () =>
    Effect.gen(function*() {
      const { node, plant, written } = yield* counted
      yield* node.ask("WRITE", write(node, "a", 1))
      const other = yield* rawNode(commands)
      yield* other.ask("HELLO", { ...other.hello, fence: 8 })
      yield* TestClock.adjust("1 minute")
      plant.gate = Effect.never
      const full = Array.from(
        { length: Driver.settings.commandQueueMax + 1 },
        (_, index) => write(node, `w${index}`, 5, { sentAt: 60_000, fence: 8 })
      )
      yield* Effect.forEach(full, (body) => other.send("WRITE", body))
      yield* settle
      const late = write(node, "a", 1, { fence: 8, sentAt: 0 })
      expect((yield* other.ask("WRITE", late)).kind).toBe("REPLY")
      expect(written).toEqual([1, 5])
    }).pipe(simulated))

  it.scoped("does not answer a node that was replaced", () =>
    Effect.gen(function*() {
      const { node } = yield* counted
      yield* node.ask("WRITE", write(node, "a", 1))
      const other = yield* rawNode(commands)
      yield* other.ask("HELLO", { ...other.hello, fence: 8 })
      expect((yield* node.ask("WRITE", write(node, "a", 1))).body).toMatchObject({
        code: "stale-fence",
        fence: 8
      })
    }).pipe(simulated))

  it.scoped("is forgotten by a driver that is started anew", () =>
    Effect.gen(function*() {
      const store = yield* Layer.build(DriverStore.memory)
      const plant = makePlant()
      const once = Effect.scoped(Effect.gen(function*() {
        yield* Effect.provide(serve(plant, endpoints), store)
        const node = yield* rawNode(commands)
        yield* node.ask("HELLO", node.hello)
        yield* node.ask("INVOKE", prime(node, "a", { seconds: 3 }))
      }))
      yield* once
      yield* once
      expect(plant.primed).toBe(2)
    }).pipe(Effect.provide(SimulatedTransport.layer)))
})

describe("a commandId with other content is refused:", () => {
  it.scoped.each<readonly [string, (node: Node) => ["WRITE" | "INVOKE", object], string]>([
    ["another value", (node) => ["WRITE", write(node, "a", 2)], "WRITE speed with another value"],
    ["a value of another type", (node) => ["WRITE", write(node, "a", true)], "another value"],
    [
      "another attribute",
      (node) => ["WRITE", { ...write(node, "a", 1), attribute: "label" }],
      "is of WRITE speed;"
    ],
    ["another kind", (node) => ["INVOKE", prime(node, "a", { seconds: 1 })], "is of WRITE speed;"]
  ])("%s", ([, ask, message]) =>
    Effect.gen(function*() {
      const { driver, node, plant, written } = yield* counted
      yield* node.ask("WRITE", write(node, "a", 1))
      const [kind, body] = ask(node)
      expect(yield* node.ask(kind, body)).toMatchObject({
        kind: "ERROR",
        body: { code: "duplicate-mismatch", message: expect.stringContaining(message) }
      })
      expect([written, plant.primed]).toEqual([[1], 0])
      expect(yield* driver.counters).toMatchObject({ commandsRefused: 1, commandsDuplicate: 0 })
    }).pipe(simulated))

  it.scoped("also while the first one is being done", () =>
    Effect.gen(function*() {
      const { node, plant } = yield* counted
      plant.gate = Effect.never
      yield* node.send("WRITE", write(node, "a", 1))
      expect((yield* node.ask("WRITE", write(node, "a", 2))).body).toMatchObject({
        code: "duplicate-mismatch"
      })
    }).pipe(simulated))
})

describe("a command that is not done yet", () => {
  it.scoped("is done once, and tells all who asked, each under its own id", () =>
    Effect.gen(function*() {
      const { driver, node, plant, written } = yield* counted
      const gate = yield* Deferred.make<void>()
      plant.gate = Deferred.await(gate)
      yield* node.send("WRITE", write(node, "running", 1), "r1")
      yield* node.send("WRITE", write(node, "queued", 2), "q1")
      yield* node.send("WRITE", write(node, "running", 1), "r2")
      yield* node.send("WRITE", write(node, "queued", 2), "q2")
      const other = yield* rawNode(commands)
      yield* other.ask("HELLO", other.hello)
      yield* other.send("WRITE", write(node, "queued", 2), "o1")
      yield* settle
      expect(written).toEqual([1])
      yield* Deferred.succeed(gate, undefined)
      const told: Array<string> = []
      for (let answers = 0; answers < 4; answers++) {
        const { id, kind } = yield* node.receive
        told.push(`${kind} ${new TextDecoder().decode(id)}`)
      }
      expect(told).toEqual(["REPLY r1", "REPLY r2", "REPLY q1", "REPLY q2"])
      expect((yield* other.receive).kind).toBe("REPLY")
      expect(written).toEqual([1, 2])
      expect((yield* driver.counters).commandsDuplicate).toBe(3)
    }).pipe(simulated))

  it.scoped("is done under the fence and the deadline of the newest message", () =>
    Effect.gen(function*() {
      const { node, plant, written } = yield* counted
      plant.gate = Effect.sleep("2 seconds")
      yield* node.send("WRITE", write(node, "running", 1))
      yield* node.send("WRITE", write(node, "queued", 2))
      yield* settle
      yield* TestClock.adjust("1 second")
      const owner = yield* rawNode(commands)
      yield* owner.ask("HELLO", { ...owner.hello, fence: 8, sentAt: 1_000 })
      yield* owner.send(
        "WRITE",
        write(node, "queued", 2, { fence: 8, sentAt: 1_000, deadlineMs: 2_000 })
      )
      yield* node.send("BYE", {})
      yield* settle
      yield* TestClock.adjust("1 second")
      yield* settle
      yield* TestClock.adjust("2 seconds")
      expect((yield* owner.receive).kind).toBe("REPLY")
      expect(written).toEqual([1, 2])
    }).pipe(simulated))

  it.scoped("gets no more time from a message that came too late itself", () =>
    Effect.gen(function*() {
      const { node, plant, written } = yield* counted
      plant.gate = Effect.sleep("3 seconds")
      yield* node.send("WRITE", write(node, "running", 1))
      yield* node.send("WRITE", write(node, "queued", 2, { deadlineMs: 1_000 }), "q1")
      yield* settle
      yield* TestClock.adjust("2 seconds")
      yield* node.send("WRITE", write(node, "queued", 2, { deadlineMs: 1_500 }), "q2")
      yield* settle
      yield* TestClock.adjust("1 second")
      expect((yield* node.receive).kind).toBe("REPLY")
      for (const _ of ["q1", "q2"]) {
        expect((yield* node.receive).body).toMatchObject({ code: "expired" })
      }
      expect(written).toEqual([1])
    }).pipe(simulated))

  it.scoped("tells the eight who asked last, and each of them once", () =>
    Effect.gen(function*() {
      const { node, plant } = yield* counted
      const gate = yield* Deferred.make<void>()
      plant.gate = Deferred.await(gate)
      for (const id of ["1", "2", "2", "3", "4", "5", "6", "7", "8", "9", "9"]) {
        yield* node.send("WRITE", write(node, "a", 1), id)
      }
      yield* settle
      yield* Deferred.succeed(gate, undefined)
      const told: Array<string> = []
      for (let answers = 0; answers < 8; answers++) {
        told.push(new TextDecoder().decode((yield* node.receive).id))
      }
      expect(told).toEqual(["2", "3", "4", "5", "6", "7", "8", "9"])
      expect((yield* node.ask("HEARTBEAT", { sentAt: 0 })).kind).toBe("HEARTBEAT")
    }).pipe(simulated))

  it.scoped("of the emergency lane is done once as well", () =>
    Effect.gen(function*() {
      const { node, plant } = yield* counted
      const stop = { ...node.command(0), command: "stop" }
      expect((yield* node.ask("INVOKE", stop)).kind).toBe("REPLY")
      expect((yield* node.ask("INVOKE", { ...stop, payload: null })).kind).toBe("REPLY")
      expect(plant.stopped).toBe(1)
    }).pipe(simulated))
})

describe("a command that was refused is not remembered:", () => {
  it.scoped("for its value, at once", () =>
    Effect.gen(function*() {
      const { node, written } = yield* counted
      expect((yield* node.ask("WRITE", write(node, "a", "fast"))).body).toMatchObject({
        code: "validation"
      })
      expect((yield* node.ask("WRITE", write(node, "a", 1))).kind).toBe("REPLY")
      expect(written).toEqual([1])
    }).pipe(simulated))

  it.scoped("by its handler", () =>
    Effect.gen(function*() {
      const { node, plant, written } = yield* counted
      const refused = { code: "state", message: "13 is unlucky" }
      expect((yield* node.ask("WRITE", write(node, "a", 13))).body).toMatchObject(refused)
      expect((yield* node.ask("WRITE", write(node, "a", 13))).body).toMatchObject(refused)
      expect(written).toEqual([13, 13])
      expect((yield* node.ask("WRITE", write(node, "a", 12))).kind).toBe("REPLY")
      expect(plant.speed).toBe(12)
    }).pipe(simulated))

  it.scoped("when its turn came, and the same may be asked for again", () =>
    Effect.gen(function*() {
      const { node, plant } = yield* counted
      plant.state = "fault"
      expect((yield* node.ask("INVOKE", prime(node, "a", { seconds: 3 }))).body).toMatchObject({
        code: "state"
      })
      plant.state = "ready"
      expect((yield* node.ask("INVOKE", prime(node, "a", { seconds: 3 }))).kind).toBe("REPLY")
      expect(plant.primed).toBe(1)
    }).pipe(simulated))
})
