import { describe, expect, it } from "@effect/vitest"
import { TestSystem } from "@plantd/actors/testing"
import { Epoch, Fence } from "@plantd/core"
import {
  Attribute,
  Command,
  Device,
  DeviceStore,
  Driver,
  Link,
  Subscription
} from "@plantd/hardware"
import { requestsMax } from "@plantd/hardware/MockLink"
import { Cause, Effect, Fiber, Layer, Logger, Schema, Stream } from "effect"

const Pump = Device.make("Pump", {
  attributes: {
    flow: Attribute.number({ unit: "L/s", range: [0, 10], maxAge: "2 seconds" }),
    speed: Attribute.number({ unit: "rpm", range: [100, 3_000], access: "read-write" }),
    cold: Attribute.number({ unit: "°C", range: [-90, -20] }),
    mode: Attribute.string({ values: ["manual", "auto"], access: "read-write" }),
    label: Attribute.string(),
    leaking: Attribute.boolean()
  },
  commands: {
    prime: Command.make({
      payload: { seconds: Schema.Number },
      success: Schema.Boolean,
      effect: "pulse",
      timeout: "2 seconds"
    }),
    stop: Command.make({ effect: "set", lane: "emergency" })
  },
  states: ["ready", "priming"]
})

type Pumps = Link.MockDevices<typeof Pump>
type Mock = Link.MockDevice<typeof Pump>
type Client = ReturnType<Effect.Effect.Success<typeof Pump.client>>

/** Runs a test with the client of p-1, whose link is this mock. */
const withPump = <E, R>(
  pumps: Pumps,
  test: (pump: Client, mock: Mock) => Effect.Effect<void, E, R>
) =>
  Effect.gen(function*() {
    const pump = (yield* Pump.client)("p-1")
    yield* pump.link
    yield* test(pump, pumps.device("p-1"))
  }).pipe(
    Effect.provide(
      Pump.toLayer({ link: pumps.link }).pipe(
        Layer.provideMerge(Layer.merge(TestSystem.layer, DeviceStore.layerMemory))
      )
    )
  )

const mocked = <E, R>(test: (pump: Client, mock: Mock) => Effect.Effect<void, E, R>) =>
  Effect.flatMap(
    Link.mock(Pump, { commands: { prime: true } }),
    (pumps) => withPump(pumps, test)
  )

/** What came of an effect that takes this long in virtual time. */
const within = <A, E, R>(duration: string, effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const fiber = yield* Effect.fork(effect)
    yield* TestSystem.advance(duration as "1 seconds")
    return yield* Fiber.join(fiber)
  })

/** Whoever opens a link to a mock by hand. */
const owner: Link.LinkOwner = {
  device: "p-1",
  node: "test",
  fence: Fence.none,
  epoch: Epoch.first,
  description: Pump.description,
  onBatch: () => {},
  onSnapshot: () => {},
  onMissing: () => {},
  onStatus: () => {}
}

describe("a mock", () => {
  it.scoped("is online at once, with the plainest values that the declarations allow", () =>
    mocked((pump) =>
      Effect.gen(function*() {
        expect(yield* pump.link).toMatchObject({ state: "online", epoch: 1, hardware: "ok" })
        const values = Object.entries(yield* pump.snapshot).map(([name, { quality, value }]) => [
          name,
          value,
          quality
        ])
        expect(Object.fromEntries(values.map(([name, value]) => [name, value]))).toEqual({
          flow: 0,
          speed: 100,
          cold: -20,
          mode: "manual",
          label: "",
          leaking: false,
          state: "ready"
        })
        expect(values.every(([, , quality]) => quality === "good")).toBe(true)
      })
    ))

  it.scoped("begins with the values that are given", () =>
    Effect.gen(function*() {
      const pumps = yield* Link.mock(Pump, {
        values: { flow: 5, leaking: { value: null, reason: "no sensor" } },
        commands: { prime: true }
      })
      yield* withPump(pumps, (pump) =>
        Effect.gen(function*() {
          expect((yield* pump.read.flow).value).toBe(5)
          expect(yield* pump.read.leaking).toMatchObject({ quality: "bad", reason: "no sensor" })
        }))
    }))

  it.scoped("publishes what is set, and what is written", () =>
    mocked((pump, mock) =>
      Effect.gen(function*() {
        const seen = yield* Effect.fork(
          pump.subscribe(["speed", "mode"], { mode: "all" }).pipe(
            Stream.filter((item) => !Subscription.isGap(item)),
            Stream.take(5),
            Stream.runCollect
          )
        )
        yield* TestSystem.settle
        yield* pump.write.speed(900)
        yield* mock.set("mode", "auto")
        yield* mock.set("speed", { value: 901, quality: "uncertain", reason: "drifts" })
        const told = [...yield* Fiber.join(seen)].map((reading) =>
          "value" in reading ? `${reading.attribute} ${reading.value} ${reading.quality}` : ""
        )
        expect(told).toEqual([
          "mode manual good",
          "speed 100 good",
          "speed 900 good",
          "mode auto good",
          "speed 901 uncertain"
        ])
        expect(yield* mock.value("speed")).toBe(901)
      })
    ))

  it.scoped("remembers what reached it: what, with which id, fence and deadline", () =>
    mocked((pump, mock) =>
      Effect.gen(function*() {
        yield* pump.write.speed(900)
        yield* pump.prime({ seconds: 3 })
        yield* TestSystem.advance("1 seconds")
        yield* pump.stop()
        yield* pump.read.flow
        const requests = yield* mock.requests
        expect(requests).toMatchObject([
          { operation: "write.speed", value: 900, fence: 1, effect: "set", lane: "ordinary" },
          { operation: "prime", payload: { seconds: 3 }, effect: "pulse", at: 0 },
          { operation: "stop", effect: "set", lane: "emergency", at: 1_000 },
          { operation: "read.flow", deadlineMillis: 2_000 }
        ])
        expect(requests[1]?.deadlineMillis).toBe(2_000)
        const ids = requests.flatMap((request) => "commandId" in request ? request.commandId : [])
        expect(new Set(ids).size).toBe(3)
      })
    ))

  it.scoped("refuses no more than the node does: what is invalid never reaches it", () =>
    mocked((pump, mock) =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(pump.write.speed(9_000))
        expect(error).toMatchObject({ _tag: "CommandRejected", reason: "validation" })
        expect(yield* mock.requests).toEqual([])
      })
    ))

  it.scoped("is one of its own for each id, and outlives its actor", () =>
    Effect.gen(function*() {
      const pumps = yield* Link.mock(Pump, { commands: { prime: true } })
      yield* withPump(pumps, (pump) => Effect.asVoid(pump.write.speed(500)))
      expect(yield* pumps.device("p-2").value("speed")).toBe(100)
      yield* withPump(pumps, (pump) =>
        Effect.gen(function*() {
          expect((yield* pump.read.speed).value).toBe(500)
        }))
      expect((yield* pumps.device("p-1").requests).length).toBe(2)
    }))

  it.scoped("keeps its readings fresh, unless told to be silent or stale", () =>
    Effect.gen(function*() {
      yield* mocked((pump, mock) =>
        Effect.gen(function*() {
          yield* TestSystem.advance("1 minutes")
          expect((yield* pump.snapshot).flow.quality).toBe("good")
          yield* mock.set("flow", { value: 3, quality: "stale", reason: "frozen" })
          yield* TestSystem.advance("1 minutes")
          expect((yield* pump.snapshot).flow).toMatchObject({ quality: "stale", reason: "frozen" })
          yield* mock.set("flow", { value: 3, time: 100_000 })
          yield* TestSystem.advance("2 seconds")
          expect((yield* pump.snapshot).flow.quality).toBe("stale")
        })
      )
      const silent = yield* Link.mock(Pump, { commands: { prime: true }, renews: false })
      yield* withPump(silent, (pump) =>
        Effect.gen(function*() {
          yield* TestSystem.advance("3 seconds")
          expect((yield* pump.snapshot).flow.quality).toBe("stale")
        }))
    }))

  it.scoped("remembers the newest requests only", () =>
    Effect.gen(function*() {
      const { device, link } = yield* Link.mock(Pump, { commands: { prime: true } })
      const opened = yield* link({ id: "p-1" })(owner)
      const read = (attribute: string, times: number) =>
        opened.read(Array.from({ length: times }, () => attribute), { deadlineMillis: 1_000 })
      yield* read("speed", 3)
      yield* read("flow", requestsMax - 1)
      const requests = yield* device("p-1").requests
      expect(requests.length).toBe(requestsMax)
      expect(requests.filter(({ operation }) => operation === "read.speed").length).toBe(1)
    }))

  it.scoped("gives a command that comes again under its id the same answer, and does it once", () =>
    Effect.gen(function*() {
      const { device, link } = yield* Link.mock(Pump, { commands: { prime: true } })
      const opened = yield* link({ id: "p-1" })(owner)
      let [primed, sent] = [0, 0]
      const prime = (commandId: string) =>
        opened.invoke("prime", { seconds: 1 }, {
          commandId,
          deadlineMillis: 1_000,
          effect: "pulse",
          onSent: () => void sent++
        })
      yield* device("p-1").script(
        "prime",
        Driver.refuse("busy", "not now"),
        Effect.sync(() => ++primed > 1)
      )
      expect(yield* Effect.flip(prime("c-1"))).toMatchObject({ _tag: "Refused" })
      expect(yield* prime("c-1")).toBe(false)
      expect(yield* prime("c-1")).toBe(false)
      expect(yield* prime("c-2")).toBe(true)
      expect([primed, sent]).toEqual([1, 4])
      expect((yield* device("p-1").requests).length).toBe(4)
    }))
})

describe("a command of a mock", () => {
  it.scoped("answers what it is given, or what a handler makes of the payload", () =>
    Effect.gen(function*() {
      const pumps = yield* Link.mock(Pump, {
        commands: {
          prime: ({ seconds }, { commandId }) =>
            seconds < 0
              ? Driver.refuse("validation", `${commandId.length > 0} seconds`)
              : Effect.succeed(seconds > 1)
        }
      })
      yield* withPump(pumps, (pump) =>
        Effect.gen(function*() {
          expect(yield* pump.prime({ seconds: 3 })).toBe(true)
          expect(yield* pump.prime({ seconds: 1 })).toBe(false)
          expect(yield* Effect.flip(pump.prime({ seconds: -1 }))).toMatchObject({
            _tag: "CommandRejected",
            detail: "true seconds"
          })
          expect(yield* pump.stop()).toBeUndefined()
        }))
    }))

  it.scoped("does next what is scripted, in order, then what it always does", () =>
    mocked((pump, mock) =>
      Effect.gen(function*() {
        yield* mock.script("prime", Driver.refuse("busy", "not now"), Effect.fail("dry"))
        yield* mock.script("prime", Driver.unknown("a cable came off"), Effect.succeed(false))
        const tags = []
        for (let n = 0; n < 3; n++) {
          tags.push((yield* Effect.flip(pump.prime({ seconds: 1 }))).message)
        }
        expect(tags).toEqual([
          "p-1: prime was rejected (busy): not now",
          "p-1: prime failed: dry",
          expect.stringMatching(/it is unknown whether prime was carried out: .*a cable came off/)
        ])
        expect(yield* pump.prime({ seconds: 1 })).toBe(false)
        expect(yield* pump.prime({ seconds: 1 })).toBe(true)
        expect((yield* mock.requests).length).toBe(5)
      })
    ))

  it.scoped("that never answers has an unknown outcome at its deadline", () =>
    mocked((pump, mock) =>
      Effect.gen(function*() {
        yield* mock.script("prime", Effect.never)
        const prime = yield* Effect.fork(Effect.flip(pump.prime({ seconds: 1 })))
        yield* TestSystem.advance("1999 millis")
        expect(prime.unsafePoll()).toBeNull()
        yield* TestSystem.advance("1 millis")
        expect(yield* Fiber.join(prime)).toMatchObject({ _tag: "OutcomeUnknown" })
      })
    ))

  it.scoped("that takes longer than its deadline is carried out all the same", () =>
    mocked((pump, mock) =>
      Effect.gen(function*() {
        yield* mock.script("write.mode", Effect.sleep("3 seconds"), Effect.sleep("7 seconds"))
        yield* within("3 seconds", pump.write.mode("auto"))
        expect(yield* mock.value("mode")).toBe("auto")
        const error = yield* within("6 seconds", Effect.flip(pump.write.mode("manual")))
        expect(error).toMatchObject({ _tag: "OutcomeUnknown" })
        expect(yield* mock.value("mode")).toBe("auto")
        yield* TestSystem.advance("2 seconds")
        expect(yield* mock.value("mode")).toBe("manual")
      })
    ))

  it.scoped("whose result is not what the definition says was carried out", () =>
    mocked((pump, mock) =>
      Effect.gen(function*() {
        yield* mock.script("prime", Effect.succeed("yes" as never))
        const error = yield* Effect.flip(pump.prime({ seconds: 1 }))
        expect(error).toMatchObject({
          _tag: "ResultInvalid",
          detail: 'result: Expected boolean, actual "yes"'
        })
      })
    ))

  it.scoped("whose script crashes has failed, and the log says why", () =>
    Effect.gen(function*() {
      const lines: Array<string> = []
      const logger = Logger.make(({ cause, message }) =>
        lines.push(`${String(message)}: ${Cause.pretty(cause)}`)
      )
      yield* mocked((pump, mock) =>
        Effect.gen(function*() {
          yield* mock.script("stop", Effect.dieMessage("a bug in the test"))
          expect(yield* Effect.flip(pump.stop())).toMatchObject({ _tag: "CommandFailed" })
        })
      ).pipe(Effect.provide(Logger.replace(Logger.defaultLogger, logger)))
      expect(lines.join("\n")).toContain("what was scripted for a mock crashed")
      expect(lines.join("\n")).toContain("a bug in the test")
    }))
})

describe("a read of a mock", () => {
  it.scoped("gives once what is scripted; one that fails is a bad reading, as of a driver", () =>
    mocked((pump, mock) =>
      Effect.gen(function*() {
        yield* mock.script("read.flow", Effect.succeed(7), Effect.fail("a broken wire"))
        expect((yield* pump.read.flow).value).toBe(7)
        expect(yield* pump.read.flow).toMatchObject({
          value: null,
          quality: "bad",
          reason: "a broken wire"
        })
        expect((yield* pump.read.flow).value).toBe(0)
      })
    ))

  it.scoped("that is never answered fails at its deadline", () =>
    mocked((pump, mock) =>
      Effect.gen(function*() {
        yield* mock.script("read.flow", Effect.never)
        expect(yield* within("3 seconds", Effect.flip(pump.read.flow))).toMatchObject({
          _tag: "ReadFailed"
        })
      })
    ))
})

describe("when the link of a mock is lost", () => {
  it.scoped("readings are stale, nothing is sent, and what is under way is unknown", () =>
    mocked((pump, mock) =>
      Effect.gen(function*() {
        yield* mock.script("prime", Effect.never)
        const prime = yield* Effect.fork(Effect.flip(pump.prime({ seconds: 1 })))
        yield* TestSystem.settle
        yield* mock.lose("a cable was cut")
        expect(yield* Fiber.join(prime)).toMatchObject({
          _tag: "OutcomeUnknown",
          detail: expect.stringContaining("a cable was cut")
        })
        expect(yield* pump.link).toMatchObject({ state: "lost", reason: "a cable was cut" })
        expect((yield* pump.snapshot).label.quality).toBe("stale")
        const error = yield* Effect.flip(pump.write.speed(200))
        expect(error).toMatchObject({ _tag: "DeviceUnavailable" })
        expect((yield* mock.requests).map(({ operation }) => operation)).toEqual(["prime"])
      })
    ))

  it.scoped("what changed meanwhile is known when it is back", () =>
    mocked((pump, mock) =>
      Effect.gen(function*() {
        yield* mock.restore
        yield* mock.lose()
        yield* mock.set("flow", 4)
        yield* TestSystem.advance("10 seconds")
        expect((yield* pump.snapshot).flow).toMatchObject({ value: 0, quality: "stale" })
        yield* mock.restore
        expect((yield* pump.snapshot).flow).toMatchObject({ value: 4, quality: "good" })
        expect((yield* pump.link).state).toBe("online")
        yield* pump.write.speed(200)
      })
    ))

  it.scoped("a link that is opened then is lost as well", () =>
    Effect.gen(function*() {
      const pumps = yield* Link.mock(Pump, { commands: { prime: true } })
      yield* pumps.device("p-1").lose()
      yield* withPump(pumps, (pump) =>
        Effect.gen(function*() {
          expect((yield* pump.link).state).toBe("lost")
          expect((yield* pump.snapshot).flow.quality).toBe("bad")
        }))
    }))
})

describe("a mistake in a test", () => {
  it.scoped("is a wrong name: it is told which", () =>
    mocked((_, mock) =>
      Effect.gen(function*() {
        const defects = yield* Effect.forEach([
          mock.set("flwo" as "flow", 1),
          mock.script("write.flwo" as "write.speed", Effect.void),
          mock.script("primes" as "prime", Effect.succeed(true))
        ], (mistake) => Effect.flip(Effect.sandbox(mistake)))
        expect(defects.map(String).join("\n")).toMatch(/"flwo"[^]*"flwo"[^]*"primes"/)
      })
    ))

  it.each<[string, object]>([
    ["commands.prime: say what it answers", {}],
    ["commands.primes: the device has no such command", { prime: true, primes: true }]
  ])("is a missing or a stray answer: %s", (message, commands) => {
    expect(() => Effect.runSync(Effect.scoped(Link.mock(Pump, { commands } as never)))).toThrow(
      `the mock of device "Pump": ${message}`
    )
  })

  it("is mostly found by its types", () => {
    const Valve = Device.make("Valve", {
      attributes: { open: Attribute.boolean() },
      commands: { close: Command.make({ effect: "set" }) }
    })
    const mistakes = (mock: Mock) => [
      // @ts-expect-error: what prime answers must be said
      Link.mock(Pump),
      // @ts-expect-error: what prime answers must be said
      Link.mock(Pump, {}),
      // @ts-expect-error: prime answers a truth value
      Link.mock(Pump, { commands: { prime: 1 } }),
      // @ts-expect-error: flow is a number
      Link.mock(Pump, { values: { flow: "5" }, commands: { prime: true } }),
      // @ts-expect-error: mode is manual or auto
      mock.set("mode", "off"),
      // @ts-expect-error: there is no such attribute
      mock.set("flwo", 5),
      // @ts-expect-error: flow cannot be written
      mock.script("write.flow", Effect.void),
      // @ts-expect-error: prime answers a truth value
      mock.script("prime", Effect.succeed(1)),
      Link.mock(Valve),
      Link.mock(Valve, { commands: { close: () => Effect.void } }),
      mock.script("write.speed", Effect.void, Driver.refuse("busy", "no"), Effect.never),
      mock.set("mode", { value: "auto", quality: "uncertain" })
    ]
    expect(mistakes).toBeDefined()
  })
})
