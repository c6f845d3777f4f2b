import { describe, expect, it } from "@effect/vitest"
import {
  DeviceProtocol,
  Driver,
  DriverStore,
  SimulatedTransport,
  Transport
} from "@plantd/hardware"
import { Deferred, Effect, Exit, Fiber, Layer, Scope, TestClock } from "effect"
import { commands, rawNode, settle, telemetry, until } from "./peers.ts"
import { handlersOf, makePlant, Pump, serve } from "./pump.ts"

const simulated = Effect.provide([SimulatedTransport.layer, DriverStore.memory])
const endpoints = { commands, telemetry }

/** A driver of a pump, and a node by hand in session with it. */
const session = Effect.gen(function*() {
  const plant = makePlant()
  const driver = yield* serve(plant, endpoints)
  const node = yield* rawNode(commands)
  const ready = yield* node.ask("HELLO", node.hello)
  expect(ready.kind).toBe("READY")
  return { plant, driver, node, ready }
})

describe("a session", () => {
  it.scoped("READY tells the epoch, the place among readings, and the description", () =>
    Effect.gen(function*() {
      const { ready } = yield* session
      expect(ready.body).toEqual({
        protocol: 1,
        device: "p-1",
        epoch: 1,
        seq: 0,
        description: Pump.description,
        heartbeatMillis: 1_000,
        telemetry,
        fence: 0
      })
    }).pipe(simulated))

  it.scoped.each<readonly [string, object, string]>([
    ["unsupported-version", { protocol: [2, 3] }, "protocol versions 2, 3 are not supported"],
    ["description-mismatch", { device: "p-2" }, "the node says p-2, this is p-1"],
    [
      "description-mismatch",
      { description: { ...Pump.description, type: "Valve" } },
      'type: the node says "Valve", the device says "Pump"'
    ],
    ["description-mismatch", { description: {} }, "description.type: is missing"],
    ["malformed", { fence: -1 }, "HELLO.fence: Expected"]
  ])("HELLO is refused as %s: %j", ([code, change, message]) =>
    Effect.gen(function*() {
      yield* serve(makePlant(), endpoints)
      const node = yield* rawNode(commands)
      const { body, kind } = yield* node.ask("HELLO", { ...node.hello, ...change })
      expect(kind).toBe("ERROR")
      expect(body).toMatchObject({ code, message: expect.stringContaining(message) })
    }).pipe(simulated))

  it.scoped.each<object>([
    { description: null },
    { description: undefined },
    { device: null },
    { device: undefined, description: undefined }
  ])(
    "a peer that does not know the device is told what it is: %j",
    (change) =>
      Effect.gen(function*() {
        yield* serve(makePlant(), endpoints)
        const node = yield* rawNode(commands)
        expect(yield* node.ask("HELLO", { ...node.hello, ...change })).toMatchObject({
          kind: "READY",
          body: { device: "p-1", description: Pump.description }
        })
      }).pipe(simulated)
  )

  it.scoped("requests without a session are told so, and a BYE ends one", () =>
    Effect.gen(function*() {
      const { node } = yield* session
      yield* node.send("BYE", {})
      const { body } = yield* node.ask("READ", { sentAt: 0, deadlineMs: 100 })
      expect(body).toMatchObject({ code: "no-session" })
    }).pipe(simulated))

  it.scoped("a heartbeat is answered with place, lag and hardware", () =>
    Effect.gen(function*() {
      const { driver, node } = yield* session
      yield* driver.publish({ flow: 3 })
      const { body } = yield* node.ask("HEARTBEAT", { sentAt: 0 })
      expect(body).toEqual({ epoch: 1, seq: 1, loopLagMillis: 0, hardware: "ok" })
    }).pipe(simulated))

  it.scoped("a node with a lower fence than the highest seen is refused", () =>
    Effect.gen(function*() {
      const { node } = yield* session
      const other = yield* rawNode(commands)
      yield* other.ask("HELLO", { ...other.hello, fence: 7 })
      const again = yield* node.ask("HELLO", { ...node.hello, fence: 6 })
      expect(again.body).toMatchObject({ code: "stale-fence" })
      const write = { ...node.command(0), fence: 6, attribute: "speed", value: 1 }
      expect((yield* node.ask("WRITE", write)).body).toMatchObject({
        code: "stale-fence",
        message: "fence 6 is below 7: another node took over",
        fence: 7
      })
    }).pipe(simulated))

  it.scoped("when the driver ends, its nodes are told goodbye", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      yield* Scope.extend(serve(makePlant(), endpoints), scope)
      const node = yield* rawNode(commands)
      yield* node.ask("HELLO", node.hello)
      yield* Scope.close(scope, Exit.void)
      expect(yield* node.receive).toMatchObject({
        kind: "BYE",
        body: { reason: "the driver ends" }
      })
    }).pipe(simulated))

  it.scoped("beyond the bound the session longest unheard is forgotten", () =>
    Effect.gen(function*() {
      yield* Driver.serve(Pump, handlersOf(makePlant()), {
        device: "p-1",
        ...endpoints,
        settings: { sessionsMax: 1, goodbyeMillis: 0 }
      })
      const first = yield* rawNode(commands)
      const second = yield* rawNode(commands)
      yield* first.ask("HELLO", first.hello)
      yield* second.ask("HELLO", second.hello)
      expect((yield* first.ask("HEARTBEAT", { sentAt: 0 })).body).toMatchObject({
        code: "no-session"
      })
      expect((yield* second.ask("HEARTBEAT", { sentAt: 0 })).kind).toBe("HEARTBEAT")
    }).pipe(simulated))
})

describe("reads", () => {
  it.scoped("of all attributes give all values, and a broken one its reason", () =>
    Effect.gen(function*() {
      const { node } = yield* session
      const { body, kind } = yield* node.ask("READ", { sentAt: 0, deadlineMs: 100 })
      expect(kind).toBe("REPLY")
      expect(body).toMatchObject({
        epoch: 1,
        seq: 0,
        readings: [[0, 1], [1, "P-1"], [2, null, 0, "bad", "the sensor is broken"], [3, 0], [
          4,
          "ready"
        ]]
      })
    }).pipe(simulated))

  it.scoped("of an attribute that is not there are refused", () =>
    Effect.gen(function*() {
      const { node } = yield* session
      const { body } = yield* node.ask("READ", {
        sentAt: 0,
        deadlineMs: 100,
        attributes: ["flow", "toString"]
      })
      expect(body).toEqual({
        code: "unknown-attribute",
        message: 'the device has no attribute "toString"'
      })
    }).pipe(simulated))

  it.scoped("are answered while a command is carried out", () =>
    Effect.gen(function*() {
      const { node, plant } = yield* session
      plant.gate = Effect.never
      yield* node.send("WRITE", { ...node.command(0), attribute: "speed", value: 1 })
      const read = yield* node.ask("READ", { sentAt: 0, deadlineMs: 100, attributes: ["flow"] })
      expect(read.kind).toBe("REPLY")
    }).pipe(simulated))

  it.scoped("beyond the bound are refused as busy", () =>
    Effect.gen(function*() {
      const handlers = handlersOf(makePlant())
      yield* Driver.serve(
        Pump,
        { ...handlers, read: { ...handlers.read, flow: Effect.never } },
        { device: "p-1", ...endpoints, settings: { readsMax: 2, goodbyeMillis: 0 } }
      )
      const node = yield* rawNode(commands)
      yield* node.ask("HELLO", node.hello)
      const read = { sentAt: 0, deadlineMs: 100, attributes: ["flow"] }
      yield* node.send("READ", read)
      yield* node.send("READ", read)
      expect((yield* node.ask("READ", read)).body).toMatchObject({ code: "busy" })
    }).pipe(simulated))
})

describe("writes and commands", () => {
  it.scoped("are carried out and answered", () =>
    Effect.gen(function*() {
      const { driver, node, plant } = yield* session
      const write = { ...node.command(0), attribute: "speed", value: 1_200 }
      expect(yield* node.ask("WRITE", write)).toMatchObject({ kind: "REPLY", body: {} })
      expect(plant.speed).toBe(1_200)
      const prime = { ...node.command(0), command: "prime", payload: { seconds: 3 } }
      expect((yield* node.ask("INVOKE", prime)).body).toEqual({ result: true })
      const stop = { ...node.command(0), command: "stop" }
      expect((yield* node.ask("INVOKE", stop)).body).toEqual({ result: null })
      expect(yield* driver.counters).toMatchObject({ commandsExecuted: 3, commandsRefused: 0 })
    }).pipe(simulated))

  it.scoped.each(
    [
      ["WRITE", { attribute: "depth", value: 1 }, "unknown-attribute", 'no attribute "depth"'],
      ["WRITE", { attribute: "flow", value: 1 }, "not-writable", '"flow" can only be read'],
      ["WRITE", { attribute: "speed", value: 3_001 }, "validation", "outside of 0 to 3000 rpm"],
      ["WRITE", { attribute: "speed", value: "fast" }, "validation", "speed: expected a number"],
      ["WRITE", { attribute: "speed", value: 13 }, "state", "13 is unlucky"],
      ["INVOKE", { command: "explode" }, "unknown-command", 'no command "explode"'],
      ["INVOKE", { command: "prime" }, "validation", "payload: Expected"],
      ["INVOKE", { command: "prime", payload: { seconds: "3" } }, "validation", "payload.seconds"],
      ["INVOKE", { command: "prime", payload: { seconds: -1 } }, "failed", "no water"],
      ["INVOKE", { command: "crash" }, "failed", "the handler crashed"],
      ["WRITE", { attribute: "speed" }, "validation", "expected a number, got nothing"]
    ] as const
  )("%s of %j is answered as %s", ([kind, body, code, message]) =>
    Effect.gen(function*() {
      const { node, plant } = yield* session
      const answer = yield* node.ask(kind, { ...node.command(0), ...body })
      expect(answer).toMatchObject({
        kind: "ERROR",
        body: { code, message: expect.stringContaining(message) }
      })
      expect(plant).toMatchObject({ speed: 0, primed: 0 })
      expect((yield* node.ask("HEARTBEAT", { sentAt: 0 })).kind).toBe("HEARTBEAT")
    }).pipe(simulated))

  it.scoped("are carried out one at a time, in their order; beyond the bound they are busy", () =>
    Effect.gen(function*() {
      const { node, plant } = yield* session
      const gate = yield* Deferred.make<void>()
      plant.gate = Deferred.await(gate)
      const write = (value: number) =>
        node.send("WRITE", { ...node.command(0), attribute: "speed", value }, `w${value}`)
      const all = Array.from({ length: Driver.settings.commandQueueMax + 2 }, (_, i) => i + 1)
      yield* Effect.forEach(all, write)
      const busy = yield* node.receive
      expect(busy.body).toMatchObject({ code: "busy" })
      expect(plant.speed).toBe(0)
      yield* Deferred.succeed(gate, undefined)
      for (const value of all.slice(0, -1)) {
        const { id, kind } = yield* node.receive
        expect([kind, new TextDecoder().decode(id)]).toEqual([
          value === 13 ? "ERROR" : "REPLY",
          `w${value}`
        ])
      }
      expect(plant.speed).toBe(Driver.settings.commandQueueMax + 1)
    }).pipe(simulated))

  it.scoped("of the emergency lane wait for no other", () =>
    Effect.gen(function*() {
      const { node, plant } = yield* session
      plant.gate = Effect.never
      yield* node.send("WRITE", { ...node.command(0), attribute: "speed", value: 1 })
      const stop = yield* node.ask("INVOKE", { ...node.command(0), command: "stop" })
      expect([stop.kind, plant.stopped]).toEqual(["REPLY", 1])
    }).pipe(simulated))

  it.scoped("that were held up beyond their deadline are refused, whatever the clocks say", () =>
    Effect.gen(function*() {
      const { node, plant } = yield* session
      yield* TestClock.adjust("2 seconds")
      const write = { ...node.command(500, 1_000), attribute: "speed", value: 1 }
      expect((yield* node.ask("WRITE", write)).body).toMatchObject({ code: "expired" })
      const inTime = { ...node.command(1_500, 1_000), attribute: "speed", value: 1 }
      expect((yield* node.ask("WRITE", inTime)).kind).toBe("REPLY")
      plant.gate = Effect.never
      yield* node.send("WRITE", { ...node.command(1_500, 1_000), attribute: "speed", value: 1 })
      // Not only when its turn comes: it takes no place in the queue.
      expect((yield* node.ask("WRITE", write)).body).toMatchObject({ code: "expired" })
      expect(plant.speed).toBe(1)
    }).pipe(simulated))

  it.scoped("whose deadline passes while they wait for their turn are refused", () =>
    Effect.gen(function*() {
      const { node, plant } = yield* session
      plant.gate = Effect.sleep("2 seconds")
      const write = (value: number) => ({ ...node.command(0), attribute: "speed", value })
      yield* node.send("WRITE", write(1))
      yield* node.send("WRITE", write(2))
      yield* settle
      yield* TestClock.adjust("2 seconds")
      expect((yield* node.receive).kind).toBe("REPLY")
      expect((yield* node.receive).body).toMatchObject({ code: "expired" })
      expect(plant.speed).toBe(1)
    }).pipe(simulated))

  it.scoped("are refused in a state that does not allow them, as it is right before", () =>
    Effect.gen(function*() {
      const { node, plant } = yield* session
      const gate = yield* Deferred.make<void>()
      plant.gate = Deferred.await(gate)
      yield* node.send("WRITE", { ...node.command(0), attribute: "speed", value: 1 })
      yield* node.send("INVOKE", {
        ...node.command(0),
        command: "prime",
        payload: { seconds: 3 }
      })
      yield* settle
      plant.state = "fault"
      yield* Deferred.succeed(gate, undefined)
      yield* node.receive
      expect((yield* node.receive).body).toEqual({
        code: "state",
        message: "prime is allowed in ready, priming, and the device is fault"
      })
      expect(plant.primed).toBe(0)
    }).pipe(simulated))
})

describe("garbage", () => {
  it.scoped("is counted and reaches no handler, and the driver serves on", () =>
    Effect.gen(function*() {
      const { driver, node } = yield* session
      const utf8 = new TextEncoder()
      yield* node.dealer.send([utf8.encode("GET / HTTP/1.1")])
      yield* node.dealer.send([new Uint8Array(0), new Uint8Array([0xff, 0xfe])])
      yield* node.dealer.send(["PDP1", "READ", "id", "not msgpack"].map((x) => utf8.encode(x)))
      const told = yield* node.receive
      expect(told).toMatchObject({ kind: "ERROR", body: { code: "malformed" } })
      expect(new TextDecoder().decode(told.id)).toBe("id")
      expect((yield* driver.counters).framesMalformed).toBe(3)
      expect((yield* node.ask("HEARTBEAT", { sentAt: 0 })).kind).toBe("HEARTBEAT")
    }).pipe(simulated))

  it.scoped("of another version is answered with the versions that are spoken", () =>
    Effect.gen(function*() {
      const { node } = yield* session
      const utf8 = new TextEncoder()
      yield* node.dealer.send(["PDP2", "HELLO", "id", "?"].map((x) => utf8.encode(x)))
      expect((yield* node.receive).body).toEqual({
        code: "unsupported-version",
        message: "protocol PDP2 is not supported, only PDP1 is"
      })
    }).pipe(simulated))
})

describe("publishing", () => {
  const subscriber = Effect.gen(function*() {
    const transport = yield* Transport.Transport
    const socket = yield* transport.open({
      kind: "sub",
      mode: "connect",
      endpoint: telemetry,
      topics: ["p-1"]
    })
    yield* socket.event
    return Effect.flatMap(socket.receive, (frames) => DeviceProtocol.decodeTelemetry(frames))
  })

  it.scoped("numbers readings one after the other, and shows life without any", () =>
    Effect.gen(function*() {
      const driver = yield* serve(makePlant(), endpoints)
      const receive = yield* subscriber
      expect((yield* receive).batch).toMatchObject({ seq: 0, samples: [] })
      yield* driver.publish({ flow: 1, label: "x" })
      yield* driver.publishAll([
        { attribute: "flow", value: 2, time: -5 },
        { attribute: "flow", value: null, reason: "blocked" }
      ])
      yield* driver.publish({})
      yield* TestClock.adjust("1 second")
      const first = yield* receive
      expect(first.batch).toMatchObject({ seq: 1, samples: [{ index: 0 }, { index: 1 }] })
      expect((yield* receive).batch).toMatchObject({
        seq: 3,
        samples: [
          { value: 2, offsetMillis: -5, quality: "good" },
          { value: null, quality: "bad", reason: "blocked" }
        ]
      })
      expect((yield* receive).batch).toMatchObject({ seq: 4, samples: [] })
      expect((yield* driver.counters).readingsPublished).toBe(4)
    }).pipe(simulated))

  it.scoped("more readings than fit into a batch go out as several, in order", () =>
    Effect.gen(function*() {
      const driver = yield* serve(makePlant(), endpoints)
      const receive = yield* subscriber
      yield* receive
      const readings = Array.from({ length: DeviceProtocol.batchReadingsMax + 1 }, (_, value) => ({
        attribute: "flow" as const,
        value
      }))
      yield* driver.publishAll(readings)
      const first = (yield* receive).batch
      const second = (yield* receive).batch
      expect([first.seq, first.samples.length + second.samples.length]).toEqual([
        1,
        readings.length
      ])
      expect(second.seq).toBe(first.samples.length + 1)
    }).pipe(simulated))

  it.scoped("what the device does not have is a fault of the program", () =>
    Effect.gen(function*() {
      const driver = yield* serve(makePlant(), endpoints)
      const exit = yield* Effect.exit(driver.publish({ depth: 1 } as never))
      expect(String(Exit.isFailure(exit) && exit.cause)).toContain(
        'cannot publish "depth": device Pump has no such attribute'
      )
    }).pipe(simulated))
})

describe("the start", () => {
  it.scoped("on an endpoint that is taken fails, takes no epoch, and names the endpoint", () =>
    Effect.gen(function*() {
      yield* serve(makePlant(), endpoints)
      const error = yield* Effect.flip(serve(makePlant(), { ...endpoints, device: "p-2" }))
      expect(error.message).toContain("address-in-use")
      expect(error.message).toContain(commands)
      const store = yield* DriverStore.DriverStore
      expect(yield* store.nextEpoch("p-2")).toBe(1)
    }).pipe(simulated))

  it.scoped("each start has the next epoch", () =>
    Effect.gen(function*() {
      const store = yield* Layer.build(DriverStore.memory)
      const start = Effect.scoped(Effect.provide(serve(makePlant(), endpoints), store))
      expect((yield* start).epoch).toBe(1)
      expect((yield* start).epoch).toBe(2)
    }).pipe(Effect.provide(SimulatedTransport.layer)))

  it.scoped("without a handler, or with one for nothing, is a fault of the program", () =>
    Effect.gen(function*() {
      const options = { device: "p-1", ...endpoints }
      const handlers = handlersOf(makePlant())
      const start = (given: object) =>
        Effect.map(
          Effect.exit(Driver.serve(Pump, given as typeof handlers, options)),
          (exit) => String(Exit.isFailure(exit) && exit.cause)
        )
      expect(yield* start({ ...handlers, read: {} })).toContain("read.flow: missing")
      expect(yield* start({ ...handlers, write: undefined })).toContain("write.speed: missing")
      const extra = { ...handlers.commands, prmie: handlers.commands.stop }
      expect(yield* start({ ...handlers, commands: extra })).toContain(
        "commands.prmie: the device has no such member"
      )
    }).pipe(simulated))
})

it.scoped("handlers may need services", () =>
  Effect.gen(function*() {
    const answers = yield* Effect.fork(until("it serves", Effect.succeed(true)))
    const handlers = handlersOf(makePlant())
    const scoped = { ...handlers.read, flow: Effect.scoped(Effect.as(Effect.scope, 4)) }
    yield* Driver.serve(Pump, { ...handlers, read: scoped }, { device: "p-1", ...endpoints })
    expect(yield* Fiber.join(answers)).toBe(true)
    const node = yield* rawNode(commands)
    yield* node.ask("HELLO", node.hello)
    const { body } = yield* node.ask("READ", { sentAt: 0, deadlineMs: 9, attributes: ["flow"] })
    expect(body).toMatchObject({ readings: [[0, 4]] })
    yield* node.send("BYE", {})
    yield* settle
  }).pipe(simulated))
