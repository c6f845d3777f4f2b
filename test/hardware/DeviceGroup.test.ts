import { describe, expect, it } from "@effect/vitest"
import { ActorError, ActorSystem } from "@plantd/actors"
import { TestSystem } from "@plantd/actors/testing"
import {
  Attribute,
  Command,
  Device,
  DeviceGroup,
  DeviceStore,
  Driver,
  GroupReport,
  Link
} from "@plantd/hardware"
import { Deferred, Effect, Fiber, Layer, Schema } from "effect"

const Pump = Device.make("Pump", {
  attributes: {
    flow: Attribute.number({ unit: "L/s" }),
    speed: Attribute.number({ unit: "rpm", range: [0, 3_000], access: "read-write" })
  },
  commands: {
    prime: Command.make({
      payload: { seconds: Schema.Number },
      success: Schema.Boolean,
      effect: "pulse",
      timeout: "2 seconds"
    }),
    stop: Command.make({ effect: "set", lane: "emergency", timeout: "1 seconds" })
  }
})

const ids = ["p-1", "p-2", "p-3", "p-4"]

type Mocks = Link.MockDevices<typeof Pump>
type Group = Effect.Effect.Success<ReturnType<typeof pumps>>

const pumps = (names: ReadonlyArray<string>, options?: DeviceGroup.Options) =>
  DeviceGroup.make(Pump, names, options)

/** Runs a test on a group of mocks. */
const grouped = <E, R>(
  options: DeviceGroup.Options & { readonly names?: ReadonlyArray<string> },
  test: (group: Group, mocks: Mocks) => Effect.Effect<void, E, R>
) =>
  Effect.gen(function*() {
    const mocks = yield* Link.mock(Pump, { commands: { prime: true } })
    const node = Layer.merge(TestSystem.layer, DeviceStore.layerMemory)
    yield* Effect.gen(function*() {
      const group = yield* pumps(options.names ?? ids, options)
      yield* group.snapshot
      yield* test(group, mocks)
    }).pipe(Effect.provide(Layer.provideMerge(Pump.toLayer({ link: mocks.link }), node)))
  })

const tagsOf = (report: GroupReport.GroupReport<unknown, unknown>) =>
  report.outcomes.map(({ _tag, device }) => `${device} ${_tag}`)

describe("a group", () => {
  it.scoped("reads, writes and commands all of its devices, in its order", () =>
    grouped({ names: ["p-3", "p-1", "p-2"] }, (group, mocks) =>
      Effect.gen(function*() {
        yield* mocks.device("p-1").set("flow", 7)
        const flows = yield* group.read.flow
        expect(flows.allSucceeded).toBe(true)
        expect(flows.operation).toBe("read.flow")
        expect(flows.succeeded.map(({ device, value }) => [device, value.value])).toEqual([
          ["p-3", 0],
          ["p-1", 7],
          ["p-2", 0]
        ])
        expect((yield* group.write.speed(900)).allSucceeded).toBe(true)
        const known = yield* group.snapshot
        expect(known.succeeded.map(({ value }) => value.speed.value)).toEqual([900, 900, 900])
        const primed = yield* group.prime({ seconds: 3 })
        expect(primed.outcomes).toEqual([
          { _tag: "Succeeded", device: "p-3", value: true },
          { _tag: "Succeeded", device: "p-1", value: true },
          { _tag: "Succeeded", device: "p-2", value: true }
        ])
        expect((yield* group.stop()).allSucceeded).toBe(true)
      })))

  it.scoped("never fails: beside those that succeeded stand those that did not, and why", () =>
    grouped({}, (group, mocks) =>
      Effect.gen(function*() {
        yield* mocks.device("p-2").script("prime", Driver.refuse("busy", "not now"))
        yield* mocks.device("p-3").script("prime", Driver.unknown("a cable came off"))
        yield* mocks.device("p-4").lose()
        const report = yield* group.prime({ seconds: 3 })
        expect(tagsOf(report)).toEqual([
          "p-1 Succeeded",
          "p-2 Failed",
          "p-3 Unknown",
          "p-4 Failed"
        ])
        expect(report.allSucceeded).toBe(false)
        expect(report.succeeded).toEqual([{ _tag: "Succeeded", device: "p-1", value: true }])
        expect(report.failed.map(({ error }) => error._tag)).toEqual([
          "CommandRejected",
          "DeviceUnavailable"
        ])
        expect(report.unknown.map(({ error }) => error._tag)).toEqual(["OutcomeUnknown"])
      })))

  it.scoped("a read that fails is never of unknown outcome, since it changes nothing", () =>
    grouped({}, (group, mocks) =>
      Effect.gen(function*() {
        yield* mocks.device("p-2").script("read.flow", Effect.never)
        const report = yield* Effect.fork(group.read.flow)
        yield* TestSystem.advance("3 seconds")
        expect(tagsOf(yield* Fiber.join(report))).toEqual([
          "p-1 Succeeded",
          "p-2 Failed",
          "p-3 Succeeded",
          "p-4 Succeeded"
        ])
        const address = { type: "Pump", id: "p-1" }
        const late = new ActorError.AskTimeout({
          address,
          tag: "Read",
          timeoutMillis: 1,
          outcome: "unknown",
          chain: []
        })
        const client = { read: { flow: Effect.fail(late) }, prime: () => Effect.fail(late) }
        const slow = { ...Pump, client: Effect.succeed(() => client as never) }
        const others = yield* DeviceGroup.make(slow, ["p-1"])
        expect(tagsOf(yield* others.read.flow)).toEqual(["p-1 Failed"])
        expect(tagsOf(yield* others.prime({ seconds: 1 }))).toEqual(["p-1 Unknown"])
      })))

  it.scoped("what is refused for all is refused for each, and reaches none", () =>
    grouped({}, (group, mocks) =>
      Effect.gen(function*() {
        const report = yield* group.write.speed(9_000)
        expect(report.failed.map(({ error }) => error._tag)).toEqual(
          ids.map(() => "CommandRejected")
        )
        expect(yield* mocks.device("p-1").requests).toEqual([])
      })))

  it.scoped("gives each device's command an id of its own", () =>
    grouped({}, (group, mocks) =>
      Effect.gen(function*() {
        yield* group.prime({ seconds: 1 })
        const requests = yield* Effect.forEach(ids, (id) => mocks.device(id).requests)
        const sent = requests.flat().flatMap((of) => "commandId" in of ? of.commandId : [])
        expect(sent.length).toBe(4)
        expect(new Set(sent).size).toBe(4)
      })))
})

describe("a device that does not answer", () => {
  it.scoped("holds the report up to its own deadline, and none of the others", () =>
    grouped({}, (group, mocks) =>
      Effect.gen(function*() {
        yield* mocks.device("p-1").script("prime", Effect.never)
        yield* mocks.device("p-2").script("prime", Effect.never)
        const report = yield* Effect.fork(group.prime({ seconds: 1 }, { timeout: "800 millis" }))
        yield* TestSystem.settle
        const others = yield* Effect.forEach(["p-3", "p-4"], (id) => mocks.device(id).requests)
        expect(others.map((requests) => requests.length)).toEqual([1, 1])
        yield* TestSystem.advance("799 millis")
        expect(report.unsafePoll()).toBeNull()
        yield* TestSystem.advance("1 millis")
        expect(tagsOf(yield* Fiber.join(report))).toEqual([
          "p-1 Unknown",
          "p-2 Unknown",
          "p-3 Succeeded",
          "p-4 Succeeded"
        ])
      })))

  it.scoped("makes those that wait for their turn wait no longer than that", () =>
    grouped({ concurrency: 1 }, (group, mocks) =>
      Effect.gen(function*() {
        yield* mocks.device("p-1").script("prime", Effect.never)
        const report = yield* Effect.fork(group.prime({ seconds: 1 }, { timeout: "800 millis" }))
        yield* TestSystem.advance("799 millis")
        expect(yield* mocks.device("p-2").requests).toEqual([])
        yield* TestSystem.advance("1 millis")
        const [request] = yield* mocks.device("p-2").requests
        expect(request).toMatchObject({ operation: "prime", deadlineMillis: 800 })
        expect(tagsOf(yield* Fiber.join(report))).toEqual([
          "p-1 Unknown",
          "p-2 Succeeded",
          "p-3 Succeeded",
          "p-4 Succeeded"
        ])
      })))

  it.scoped("holds up no emergency command: those are sent to all at once", () =>
    grouped({ concurrency: 1 }, (group, mocks) =>
      Effect.gen(function*() {
        yield* mocks.device("p-1").script("stop", Effect.never)
        yield* Effect.fork(group.stop())
        yield* TestSystem.settle
        const requests = yield* Effect.forEach(ids, (id) => mocks.device(id).requests)
        expect(requests.map((of) => of.length)).toEqual([1, 1, 1, 1])
      })))
})

describe("how many are asked at a time", () => {
  const most = (concurrency: number | undefined, asked: number) =>
    grouped(
      {
        names: Array.from({ length: 40 }, (_, n) => `p-${n}`),
        ...(concurrency === undefined ? {} : { concurrency })
      },
      (group, mocks) =>
        Effect.gen(function*() {
          const open = yield* Deferred.make<boolean>()
          for (let n = 0; n < 40; n++) {
            yield* mocks.device(`p-${n}`).script("prime", Deferred.await(open))
          }
          const report = yield* Effect.fork(group.prime({ seconds: 1 }))
          yield* TestSystem.settle
          const requests = yield* Effect.forEach(
            Array.from({ length: 40 }, (_, n) => `p-${n}`),
            (id) => mocks.device(id).requests
          )
          expect(requests.flat().length).toBe(asked)
          yield* Deferred.succeed(open, true)
          yield* TestSystem.settle
          expect((yield* Fiber.join(report)).succeeded.length).toBe(40)
        })
    )

  it.scoped("is 16 where nothing is said", () => most(undefined, 16))
  it.scoped("is what is said", () => most(3, 3))
})

describe("a group cannot be made", () => {
  it.scoped.each<readonly [ReadonlyArray<string>, DeviceGroup.Options, string]>([
    [["p-1", "p-2", "p-1"], {}, "named twice: p-1; name each device once"],
    [[], {}, "it has no devices"],
    [["p-1"], { concurrency: 0 }, "concurrency: expected a whole number of at least 1, got 0"],
    [["p-1"], { concurrency: 1.5 }, "concurrency: expected a whole number"],
    [
      Array.from({ length: DeviceGroup.devicesMax + 1 }, (_, n) => `p-${n}`),
      {},
      "it has 4097 devices, at most 4096"
    ]
  ])("of %j with %j", ([names, options, detail]) =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(pumps(names, options))
      expect(error).toMatchObject({ _tag: "GroupInvalid", type: "Pump" })
      expect(error.message).toContain(`a group of Pump cannot be made: ${detail}`)
    }).pipe(Effect.provide(ActorSystem.layer)))
})

it.scoped("a call that crashes on its way hides no other, and its outcome is unknown", () =>
  grouped({}, (group) =>
    Effect.gen(function*() {
      const wrong = { timeout: "soon" as "1 seconds" }
      const report = yield* group.prime({ seconds: 1 }, wrong)
      expect(tagsOf(report)).toEqual(ids.map((id) => `${id} Unknown`))
      expect(report.unknown[0]?.error).toMatchObject({ _tag: "CallCrashed", operation: "prime" })
    })))

it.scoped("whoever stops waiting for a group stops waiting for each", () =>
  grouped({ concurrency: 2 }, (group, mocks) =>
    Effect.gen(function*() {
      yield* Effect.forEach(ids, (id) => mocks.device(id).script("prime", Effect.never))
      const report = yield* Effect.fork(group.prime({ seconds: 1 }))
      yield* TestSystem.settle
      yield* Fiber.interrupt(report)
      yield* TestSystem.advance("10 seconds")
      expect(yield* mocks.device("p-3").requests).toEqual([])
    })))

it("a group has the types of its device's client", () => {
  const mistakes = (group: Group) => [
    // @ts-expect-error: speed is a number
    group.write.speed("fast"),
    // @ts-expect-error: flow cannot be written
    group.write.flow,
    // @ts-expect-error: there is no such command
    group["primes"],
    // @ts-expect-error: each command has an id of its own
    group.stop({ commandId: "c-1" }),
    // @ts-expect-error: prime takes seconds
    group.prime(),
    Effect.map(
      group.prime({ seconds: 1 }),
      ({ succeeded }): ReadonlyArray<boolean> => succeeded.map(({ value }) => value)
    )
  ]
  expect(mistakes).toBeDefined()
})
