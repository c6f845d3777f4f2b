import { expect, it } from "@effect/vitest"
import { Codec } from "@plantd/core"
import {
  DeviceProtocol as Protocol,
  Driver,
  DriverStore,
  SimulatedTransport,
  type Transport
} from "@plantd/hardware"
import { Effect, Either } from "effect"
import fc from "fast-check"
import { commands, openLink, rawDriver, rawNode, settle, telemetry, until } from "./peers.ts"
import { handlersOf, makePlant, Pump } from "./pump.ts"

const simulated = Effect.provide([SimulatedTransport.layer, DriverStore.memory])
const utf8 = new TextEncoder()
const pack = (value: unknown) =>
  Either.getOrElse(Codec.msgpack.encode(value), () => utf8.encode("x"))

const command = { sentAt: 0, deadlineMs: 1_000, commandId: "g", fence: 0, epoch: 1 }
const requests = {
  HELLO: {
    protocol: [1],
    device: "p-1",
    node: "n",
    fence: 0,
    epoch: 1,
    sentAt: 0,
    description: Pump.description
  },
  READ: { sentAt: 0, deadlineMs: 1_000, attributes: ["flow"] },
  WRITE: { ...command, attribute: "speed", value: 1 },
  INVOKE: { ...command, command: "stop" },
  HEARTBEAT: { sentAt: 0 },
  BYE: { reason: "x" }
}
const answers = {
  READY: { protocol: 1, device: "p-1", epoch: 1, seq: 0, description: {}, heartbeatMillis: 1_000 },
  PROGRESS: { progress: 0.5 },
  REPLY: { result: true },
  ERROR: { code: "busy", message: "x" },
  HEARTBEAT: { epoch: 1, seq: 0, loopLagMillis: 0, hardware: "ok" },
  BYE: {}
}

/** Messages of these kinds with bodies cut short, with bits turned, with other fields, or none. */
const spoiled = (bodies: Record<string, object>): fc.Arbitrary<Transport.Frames> =>
  fc.constantFrom(...Object.entries(bodies)).chain(([kind, body]) => {
    const whole = pack(body)
    const id = fc.uint8Array({ minLength: 0, maxLength: 34 })
    const content = fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      fc.anything().map(pack),
      fc.nat(whole.length - 1).map((end) => whole.subarray(0, end)),
      fc.tuple(fc.nat(whole.length - 1), fc.nat(255)).map(([at, bits]) =>
        whole.map((byte, index) => (index === at ? byte ^ bits : byte))
      ),
      fc.tuple(fc.constantFrom(...Object.keys(body), "x"), fc.anything()).map(([key, value]) =>
        pack({ ...body, [key]: value })
      )
    )
    const frames = fc.tuple(id, content).map(([key, bytes]) => [
      utf8.encode("PDP1"),
      utf8.encode(kind),
      key,
      bytes
    ])
    return fc.oneof(
      { weight: 4, arbitrary: frames },
      { weight: 1, arbitrary: fc.tuple(frames, fc.nat(3)).map(([all, at]) => all.toSpliced(at, 1)) }
    )
  })

it.scoped("no spoiled message reaches a handler of a driver, and none ends it", () =>
  Effect.gen(function*() {
    const handlers = handlersOf(makePlant())
    const touched: Array<string> = []
    const watched = (name: string) => Effect.sync(() => void touched.push(name))
    const driver = yield* Driver.serve(Pump, {
      read: { ...handlers.read, flow: Effect.as(watched("flow"), 1) },
      write: { speed: () => watched("speed") },
      commands: {
        prime: () => Effect.as(watched("prime"), true),
        crash: () => watched("crash"),
        stop: () => watched("stop")
      }
    }, { device: "p-1", commands, telemetry, settings: { goodbyeMillis: 0 } })
    const node = yield* rawNode(commands)
    yield* node.ask("HELLO", node.hello)
    const messages = fc.sample(spoiled(requests), 1_000).filter((frames) =>
      frames.length > 0 && Either.isLeft(Protocol.decodeRequest(frames))
    )
    expect(messages.length).toBeGreaterThan(300)
    for (const frames of messages) {
      yield* node.dealer.send(frames)
      yield* settle
    }
    expect(touched).toEqual([])
    expect((yield* driver.counters).framesMalformed).toBe(messages.length)
    yield* node.send("HEARTBEAT", { sentAt: 0 }, "last")
    const last = yield* Effect.repeat(node.dealer.receive, {
      until: (frames) => new TextDecoder().decode(frames[2]) === "last"
    })
    expect(new TextDecoder().decode(last[1])).toBe("HEARTBEAT")
  }).pipe(simulated))

it.scoped("no spoiled message reaches the owner of a link, and none ends it", () =>
  Effect.gen(function*() {
    const driver = yield* rawDriver
    const { link, reaches, told } = yield* openLink()
    const hello = yield* driver.accept()
    yield* reaches("online")
    yield* until("the snapshot was told", Effect.sync(() => told.snapshots.length === 1))
    const spoiledAnswers = fc.sample(spoiled(answers), 500).filter((frames) =>
      frames.length > 0 && Either.isLeft(Protocol.decodeAnswer(frames))
    )
    for (const frames of spoiledAnswers) {
      yield* driver.router.send([hello.peer, ...frames])
      yield* settle
    }
    const batches = fc.sample(fc.oneof(fc.anything().map(pack), fc.uint8Array()), 500)
    for (const bytes of batches) {
      yield* driver.publisher.send([utf8.encode("p-1"), utf8.encode("PDP1"), bytes])
      yield* settle
    }
    const { counters } = yield* link.status
    expect(counters.framesMalformed).toBe(spoiledAnswers.length + batches.length)
    expect([told.batches.length, told.snapshots.length]).toEqual([0, 1])
  }).pipe(simulated))
