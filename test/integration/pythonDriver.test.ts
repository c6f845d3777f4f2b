/** A driver in Python, written from the protocol's document alone, and a node in TypeScript. */
import { FileSystem } from "@effect/platform"
import { NodeContext } from "@effect/platform-node"
import { describe, expect, it } from "@effect/vitest"
import { ActorSystem } from "@plantd/actors"
import {
  Attribute,
  Command,
  Device,
  DeviceProtocol as Protocol,
  DeviceStore,
  Link,
  Transport,
  ZmqTransport
} from "@plantd/hardware"
import { Clock, Effect, Either, Layer, Logger, Schema } from "effect"
import * as harness from "./harness.ts"
import { needing } from "./python.ts"

const pyzmq = needing("zmq, msgpack", "python3-zmq python3-msgpack")
const timeout = 60_000

/** As heater.py describes itself. */
const Heater = Device.make("Heater", {
  config: Schema.Struct({ commands: Schema.String, telemetry: Schema.String }),
  attributes: {
    temperature: Attribute.number({ unit: "°C", range: [0, 300], maxAge: "3 seconds" }),
    power: Attribute.number({ unit: "W", range: [0, 500], access: "read-write" })
  },
  commands: {
    heatTo: Command.make({
      payload: { celsius: Schema.Number },
      success: Schema.Number,
      effect: "set",
      allowedIn: ["ready"],
      timeout: "20 seconds"
    }),
    off: Command.make({ effect: "set", lane: "emergency" })
  },
  states: ["ready", "heating"]
})

const Told = Schema.parseJson(
  Schema.Struct({ commands: Schema.String, telemetry: Schema.String, epoch: Schema.Number })
)

const startDriver = (state: string) =>
  Effect.gen(function*() {
    const any = "tcp://127.0.0.1:*"
    const driver = yield* harness.startCommand(
      pyzmq.python,
      "examples/drivers/python/heater.py",
      "--state",
      state,
      "--commands",
      any,
      "--telemetry",
      any
    )
    const line = yield* harness.waitUntil(
      "the driver serves",
      () => /^\{.*\}\n/.exec(driver.stdout())?.[0]
    )
    return { driver, ...yield* Schema.decode(Told)(line) }
  })

const directory = Effect.flatMap(
  FileSystem.FileSystem,
  (files) => files.makeTempDirectoryScoped({ prefix: "plantd-python-" })
)

const eventually = <E, R>(what: string, check: Effect.Effect<boolean, E, R>) =>
  Effect.gen(function*() {
    const until = (yield* Clock.currentTimeMillis) + 20_000
    while (!(yield* check)) {
      if ((yield* Clock.currentTimeMillis) > until) {
        return yield* Effect.dieMessage(`waited in vain until ${what}`)
      }
      yield* Effect.sleep("20 millis")
    }
  })

const rig = Effect.gen(function*() {
  const { commands, driver, telemetry } = yield* startDriver(yield* directory)
  const context = yield* Layer.build(
    Heater.toLayer({
      link: ({ config }) => Link.zmq(config),
      config: () => ({ commands, telemetry })
    }).pipe(
      Layer.provideMerge(Layer.mergeAll(ActorSystem.layer, DeviceStore.layerMemory)),
      Layer.provideMerge(ZmqTransport.layer)
    )
  )
  const heater = (yield* Effect.provide(Heater.client, context))("heater-1")
  yield* eventually("it is online", Effect.map(heater.link, ({ state }) => state === "online"))
  return { driver, heater }
})

/** A node by hand, frame by frame. */
const node = (endpoint: string) =>
  Effect.gen(function*() {
    const { open } = yield* Transport.Transport
    const dealer = yield* open({ kind: "dealer", mode: "connect", endpoint })
    yield* dealer.event
    let requests = 0
    const receive = Effect.map(
      dealer.receive,
      (frames) => Either.getOrThrow(Protocol.decodeAnswer(frames))
    )
    const ask = (kind: Protocol.Request["kind"], body: object) =>
      Effect.gen(function*() {
        const id = Protocol.idOf(`n${++requests}`)
        yield* dealer.send(Either.getOrThrow(Protocol.encode(kind, id, body)))
        return yield* receive
      })
    const hello = (fence: number) =>
      ask("HELLO", { protocol: [1], node: "test", fence, epoch: 1, sentAt: 0 })
    return { dealer, ask, hello }
  })

const quiet = Effect.provide([
  NodeContext.layer,
  ZmqTransport.layer,
  Logger.replace(Logger.defaultLogger, Logger.none)
])

describe.skipIf(pyzmq.skip)(`a driver in Python (${pyzmq.missing ?? "pyzmq"})`, () => {
  it("has what it needs", () => {
    expect(pyzmq.missing).toBeUndefined()
  })

  it.scopedLive(
    "is read, written and commanded by a node, and stopped in the middle",
    () =>
      Effect.gen(function*() {
        const { heater } = yield* rig
        yield* heater.write.power(100)
        expect((yield* heater.read.power).value).toBe(100)
        const refused = yield* Effect.flip(heater.write.power(900))
        expect(refused).toMatchObject({ _tag: "CommandRejected", reason: "validation" })
        expect(yield* heater.heatTo({ celsius: 24 })).toBeGreaterThan(0)
        const long = yield* Effect.fork(Effect.flip(heater.heatTo({ celsius: 200 })))
        yield* eventually(
          "it is heating",
          Effect.map(heater.read.state, ({ value }) => value === "heating")
        )
        yield* heater.off()
        expect(yield* long).toMatchObject({ _tag: "CommandFailed" })
        expect((yield* heater.read.power).value).toBe(0)
      }).pipe(quiet),
    timeout
  )

  it.scopedLive(
    "refuses fence 7 after 8, also when it was killed and started anew",
    () =>
      Effect.gen(function*() {
        const state = yield* directory
        const first = yield* startDriver(state)
        const eight = yield* node(first.commands)
        expect(yield* eight.hello(8)).toMatchObject({ kind: "READY", body: { fence: 8 } })
        const seven = yield* node(first.commands)
        expect((yield* seven.hello(7)).body).toMatchObject({ code: "stale-fence" })
        yield* first.driver.signal("SIGKILL")
        yield* first.driver.ended
        const second = yield* startDriver(state)
        expect(second.epoch).toBe(first.epoch + 1)
        const late = yield* node(second.commands)
        expect((yield* late.hello(7)).body).toMatchObject({ code: "stale-fence" })
        expect((yield* late.hello(8)).kind).toBe("READY")
      }).pipe(quiet),
    timeout
  )

  it.scopedLive(
    "carries out a command that is asked for twice once, and refuses another",
    () =>
      Effect.gen(function*() {
        const { commands } = yield* startDriver(yield* directory)
        const peer = yield* node(commands)
        yield* peer.hello(1)
        const write = (commandId: string, value: number, deadlineMs = 5_000) =>
          peer.ask("WRITE", {
            sentAt: 0,
            deadlineMs,
            commandId,
            fence: 1,
            epoch: 1,
            attribute: "power",
            value
          })
        expect((yield* write("a", 10)).kind).toBe("REPLY")
        expect((yield* write("b", 20)).kind).toBe("REPLY")
        expect((yield* write("a", 10, 0)).kind).toBe("REPLY")
        expect((yield* write("a", 30)).body).toMatchObject({ code: "duplicate-mismatch" })
        const read = yield* peer.ask("READ", {
          sentAt: 0,
          deadlineMs: 60_000,
          attributes: ["power"]
        })
        expect(read.body).toMatchObject({ readings: [[0, 20]] })
      }).pipe(quiet),
    timeout
  )

  it.scopedLive("is not ended by garbage", () =>
    Effect.gen(function*() {
      const { commands, driver } = yield* startDriver(yield* directory)
      const peer = yield* node(commands)
      const text = new TextEncoder()
      const garbage = [
        [text.encode("x")],
        [text.encode("PDP1")],
        [text.encode("PDP1"), text.encode("READ"), text.encode("i"), new Uint8Array([0xc1])],
        [text.encode("PDP1"), text.encode("READ"), new Uint8Array(64), new Uint8Array([0x80])],
        [text.encode("PDP9"), text.encode("READ"), text.encode("i"), new Uint8Array([0x80])],
        [text.encode("PDP1"), text.encode("NOPE"), text.encode("i"), new Uint8Array([0x80])],
        [text.encode("PDP1"), text.encode("HELLO"), text.encode("i"), new Uint8Array([0x90])]
      ]
      const codes: Array<unknown> = []
      for (const frames of garbage) yield* peer.dealer.send(frames)
      while (codes.length < 4) {
        const answer = Either.getOrThrow(Protocol.decodeAnswer(yield* peer.dealer.receive))
        codes.push("code" in answer.body ? answer.body.code : answer.kind)
      }
      expect(codes).toEqual(["malformed", "unsupported-version", "malformed", "malformed"])
      expect((yield* peer.hello(1)).kind).toBe("READY")
      yield* driver.signal("SIGINT")
      expect(yield* driver.ended).toBe(0)
    }).pipe(quiet), timeout)
})
