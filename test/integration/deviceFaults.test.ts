import { describe, expect, it } from "@effect/vitest"
import { ActorSystem } from "@plantd/actors"
import { DeviceStore, Link, ZmqTransport } from "@plantd/hardware"
import { Clock, Effect, Fiber, Layer, Logger } from "effect"
import { faultProxy, tcpProxy } from "./faultProxy.ts"
import { folder, startDriver } from "./plant.ts"
import { device, Valve } from "./valve.ts"

const timeout = 60_000

const nodeOn = (endpoints: { readonly commands: string; readonly telemetry: string }) =>
  Effect.gen(function*() {
    const context = yield* Layer.build(
      Valve.toLayer({ link: ({ config }) => Link.zmq(config), config: () => endpoints }).pipe(
        Layer.provide(ZmqTransport.layer),
        Layer.provideMerge(Layer.merge(ActorSystem.layer, DeviceStore.layerMemory))
      )
    )
    const valve = (yield* Effect.provide(Valve.client, context))(device)
    yield* eventually("it is online", Effect.map(valve.link, ({ state }) => state === "online"))
    // The snapshot that begins a session is there: what is asked from now on is the test's.
    yield* eventually(
      "it is known",
      Effect.map(valve.snapshot, ({ opening }) => opening.quality === "good")
    )
    return valve
  })

const eventually = <E, R>(what: string, check: Effect.Effect<boolean, E, R>) =>
  Effect.gen(function*() {
    const until = (yield* Clock.currentTimeMillis) + 20_000
    while (!(yield* check)) {
      if ((yield* Clock.currentTimeMillis) > until) {
        return yield* Effect.dieMessage(`waited in vain until ${what}`)
      }
      yield* Effect.sleep("10 millis")
    }
  })

type ValveClient = Effect.Effect.Success<ReturnType<typeof nodeOn>>

const becomes = (valve: ValveClient, id: string, state: string) =>
  eventually(
    `${id} is ${state}`,
    Effect.map(valve.journal.outcome(id), (status) => status.state === state)
  )

/** A node and a driver, with faults in every message between them at a test's command. */
const rig = Effect.gen(function*() {
  const driver = yield* startDriver(yield* folder)
  const proxy = yield* faultProxy(driver.endpoints.commands)
  const valve = yield* nodeOn({ ...driver.endpoints, commands: proxy.endpoint })
  return { driver, proxy, valve }
})

/** The same, with connections that can break. */
const wired = Effect.gen(function*() {
  const driver = yield* startDriver(yield* folder)
  const portOf = (endpoint: string) => Number(endpoint.split(":").at(-1))
  const commands = yield* tcpProxy(portOf(driver.endpoints.commands))
  const telemetry = yield* tcpProxy(portOf(driver.endpoints.telemetry))
  const valve = yield* nodeOn({
    commands: `tcp://127.0.0.1:${commands.port}`,
    telemetry: `tcp://127.0.0.1:${telemetry.port}`
  })
  return { driver, commands, telemetry, valve }
})

const quiet = Effect.provide(Logger.replace(Logger.defaultLogger, Logger.none))

describe("a reply that is dropped", () => {
  it.scopedLive(
    "leaves a pulse unknown; it is not sent twice, and what is seen settles it",
    () =>
      Effect.gen(function*() {
        const { driver, proxy, valve } = yield* rig
        proxy.fault({ of: "answers", kind: "REPLY", does: "drop", count: 1 })
        const error = yield* Effect.flip(valve.turn({ commandId: "t-1" }))
        expect(error).toMatchObject({ _tag: "OutcomeUnknown", commandId: "t-1" })
        yield* becomes(valve, "t-1", "succeeded")
        expect(yield* valve.journal.outcome("t-1")).toMatchObject({ settledBy: "verify" })
        expect([proxy.seen("requests", "INVOKE"), driver.did("turn")]).toEqual([1, 1])
      }).pipe(quiet),
    timeout
  )

  it.scopedLive("lets a write be read back", () =>
    Effect.gen(function*() {
      const { driver, proxy, valve } = yield* rig
      proxy.fault({ of: "answers", kind: "REPLY", does: "drop", count: 1 })
      yield* valve.write.opening(40, { commandId: "w-1", timeout: "2 seconds" })
      expect(yield* valve.journal.outcome("w-1")).toMatchObject({
        state: "succeeded",
        settledBy: "readback"
      })
      expect([proxy.seen("requests", "WRITE"), driver.did("write")]).toEqual([1, 1])
    }).pipe(quiet), timeout)

  it.scopedLive("lets a read be asked again", () =>
    Effect.gen(function*() {
      const { proxy, valve } = yield* rig
      const before = proxy.seen("requests", "READ")
      proxy.fault({ of: "answers", kind: "REPLY", does: "drop", count: 1 })
      expect((yield* valve.read.opening).quality).toBe("good")
      expect(proxy.seen("requests", "READ")).toBe(before + 2)
    }).pipe(quiet), timeout)
})

describe("a request that is dropped", () => {
  it.scopedLive(
    "is, of a pulse, not sent again, and known not to have been carried out",
    () =>
      Effect.gen(function*() {
        const { driver, proxy, valve } = yield* rig
        proxy.fault({ of: "requests", kind: "INVOKE", does: "drop", count: 1 })
        expect((yield* Effect.flip(valve.turn({ commandId: "t-1" })))._tag).toBe("OutcomeUnknown")
        yield* becomes(valve, "t-1", "failed")
        expect([proxy.seen("requests", "INVOKE"), driver.did("turn")]).toEqual([1, 0])
      }).pipe(quiet),
    timeout
  )

  it.scopedLive(
    "is, of a write, sent again under its id, and acts once",
    () =>
      Effect.gen(function*() {
        const { driver, proxy, valve } = yield* rig
        proxy.fault({ of: "requests", kind: "WRITE", does: "drop", count: 1 })
        yield* valve.write.opening(40, { commandId: "w-1", timeout: "2 seconds" })
        expect([proxy.seen("requests", "WRITE"), driver.did("write")]).toEqual([2, 1])
      }).pipe(quiet),
    timeout
  )
})

describe("a request", () => {
  it.scopedLive("that comes twice acts once", () =>
    Effect.gen(function*() {
      const { driver, proxy, valve } = yield* rig
      proxy.fault({ of: "requests", kind: "INVOKE", does: "duplicate" })
      proxy.fault({ of: "requests", kind: "WRITE", does: "duplicate" })
      yield* valve.turn()
      yield* valve.write.opening(40)
      yield* valve.read.opening
      expect([driver.did("turn"), driver.did("write")]).toEqual([1, 1])
    }).pipe(quiet), timeout)

  it.scopedLive(
    "that is held up past its deadline is refused by the device",
    () =>
      Effect.gen(function*() {
        const { driver, proxy, valve } = yield* rig
        proxy.fault({ of: "requests", kind: "INVOKE", does: { delayMillis: 1_300 }, count: 1 })
        expect((yield* Effect.flip(valve.turn({ commandId: "t-1" })))._tag).toBe("OutcomeUnknown")
        yield* becomes(valve, "t-1", "failed")
        yield* eventually("it was refused", Effect.sync(() => proxy.seen("answers", "ERROR") === 1))
        expect(driver.did("turn")).toBe(0)
      }).pipe(quiet),
    timeout
  )
})

describe("a connection", () => {
  it.scopedLive(
    "that is reset in a command leaves it unknown until the link is back",
    () =>
      Effect.gen(function*() {
        const { commands, driver, valve } = yield* wired
        commands.freeze()
        const turn = yield* Effect.fork(Effect.flip(valve.turn({ commandId: "t-1" })))
        yield* eventually(
          "it is under way",
          Effect.map(
            Effect.option(valve.journal.outcome("t-1")),
            (status) => status._tag === "Some" && status.value.state === "executing"
          )
        )
        commands.reset()
        commands.thaw()
        expect((yield* Fiber.join(turn))._tag).toBe("OutcomeUnknown")
        yield* becomes(valve, "t-1", "failed")
        expect(driver.did("turn")).toBe(0)
      }).pipe(quiet),
    timeout
  )

  it.scopedLive(
    "that is open and mute is lost within seconds, and nothing is sent meanwhile",
    () =>
      Effect.gen(function*() {
        const { commands, driver, telemetry, valve } = yield* wired
        commands.freeze()
        telemetry.freeze()
        expect((yield* Effect.flip(valve.turn({ commandId: "t-1" })))._tag).toBe("OutcomeUnknown")
        yield* eventually("it is lost", Effect.map(valve.link, ({ state }) => state === "lost"))
        expect((yield* valve.snapshot).opening.quality).toBe("stale")
        expect((yield* Effect.flip(valve.turn({ commandId: "t-2" })))._tag).toBe(
          "DeviceUnavailable"
        )
        commands.thaw()
        telemetry.thaw()
        yield* eventually("it is online", Effect.map(valve.link, ({ state }) => state === "online"))
        yield* becomes(valve, "t-1", "failed")
        expect(driver.did("turn")).toBe(0)
      }).pipe(quiet),
    timeout
  )
})
