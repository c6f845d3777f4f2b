import { describe, expect } from "@effect/vitest"
import { DriverCheck, DriverStore, Transport } from "@plantd/hardware"
import { Deferred, Effect, Fiber } from "effect"
import { type Defect, defective, defects } from "./brokenDrivers.ts"
import { makePlant, serve } from "./pump.ts"
import { type Harness, simulated, zmq } from "./transports.ts"

/** Checks a pump by way of these rules; its own defects are between the wire and the driver. */
const checked = (
  harness: Harness,
  options: Partial<DriverCheck.Options> = {},
  defect: Defect = {}
) =>
  Effect.gen(function*() {
    const plant = makePlant()
    plant.speed = 7
    const transport = yield* Transport.Transport
    const driver = yield* serve(plant).pipe(
      Effect.provideService(Transport.Transport, defective(transport, defect)),
      Effect.provide(DriverStore.memory)
    )
    const report = yield* harness.within(DriverCheck.run({
      commands: driver.endpoints.commands,
      ruleMillis: 1_000,
      ...options
    }))
    return { driver, plant, report }
  })

const not = ({ findings }: DriverCheck.Report, result: "Failed" | "Skipped") =>
  findings.filter((finding) => finding.result._tag === result)

const ids = (findings: ReadonlyArray<{ readonly id: string }>) => findings.map(({ id }) => id)

describe.each([simulated, zmq])("over $name", (harness) => {
  harness.test("a driver of this package does all that it must", () =>
    Effect.gen(function*() {
      const told: Array<DriverCheck.Finding> = []
      const { plant, report } = yield* checked(harness, {
        onFinding: (finding) => Effect.sync(() => void told.push(finding))
      })
      expect(not(report, "Failed")).toEqual([])
      expect(not(report, "Skipped")).toEqual([])
      expect(told).toEqual(report.findings)
      expect(ids(told)).toEqual(ids(DriverCheck.rules))
      expect(new Set(ids(told)).size).toBe(told.length)
      expect(report).toMatchObject({
        device: { id: "p-1", type: "Pump", epoch: 1 },
        fence: { before: 0, after: 2 },
        attribute: { name: "speed", values: [300, 600], before: 7, restored: true }
      })
      expect(plant).toMatchObject({ speed: 7, primed: 0, stopped: 0 })
    }))
})

describe("a driver fails the rule that it breaks, and no other, when it", () => {
  for (const [does, { rule, ...defect }] of Object.entries(defects)) {
    simulated.test(`${does}: ${rule}`, () =>
      Effect.gen(function*() {
        const { report } = yield* checked(simulated, {}, defect)
        expect(ids(not(report, "Failed"))).toEqual([rule])
        const [failed] = not(report, "Failed")
        expect(failed?.result).toMatchObject({
          expected: expect.stringMatching(/./),
          got: expect.stringMatching(/./)
        })
      }))
  }
})

simulated.test("a driver that is checked again begins with the fence it has", () =>
  Effect.gen(function*() {
    const { driver } = yield* checked(simulated)
    const options = { commands: driver.endpoints.commands, ruleMillis: 1_000 }
    const report = yield* simulated.within(DriverCheck.run(options))
    expect(not(report, "Failed")).toEqual([])
    expect(report.fence).toEqual({ before: 2, after: 4 })
  }))

simulated.test("where nothing answers, that is said, and how long it was waited for", () =>
  Effect.gen(function*() {
    const commands = "tcp://127.0.0.1:5999"
    const error = yield* simulated.within(
      Effect.flip(DriverCheck.run({ commands, ruleMillis: 500 }))
    )
    expect(error).toMatchObject({ _tag: "DriverCheckError", reason: "no-answer" })
    expect(error.message).toBe(
      `${commands}: waited in vain for a connection to ${commands}, for 500 ms: is a device`
        + " process running, and is this its endpoint of commands?"
    )
  }))

simulated.test("what cannot be checked is skipped, with the reason", () =>
  Effect.gen(function*() {
    const { report } = yield* checked(simulated, {}, {
      answer: (kind, { telemetry, ...body }) => kind === "READY" ? body : { telemetry, ...body }
    })
    expect(not(report, "Failed")).toEqual([])
    expect(not(report, "Skipped")).toMatchObject([{
      id: "telemetry",
      result: { reason: "READY tells no endpoint of telemetry, and none was given" }
    }])
  }))

/** A check that is in the middle, right after its WRITEs. */
const underway = (defect: Defect = {}) =>
  Effect.gen(function*() {
    const plant = makePlant()
    plant.speed = 7
    const transport = yield* Transport.Transport
    const driver = yield* serve(plant).pipe(
      Effect.provideService(Transport.Transport, defective(transport, defect)),
      Effect.provide(DriverStore.memory)
    )
    const written = yield* Deferred.make<void>()
    const fiber = yield* Effect.fork(DriverCheck.run({
      commands: driver.endpoints.commands,
      ruleMillis: 3_000,
      onFinding: ({ id }) =>
        id === "write"
          ? Effect.zipRight(Deferred.succeed(written, undefined), Effect.never)
          : Effect.void
    }))
    yield* simulated.within(Deferred.await(written))
    expect(plant.speed).toBe(600)
    return { plant, fiber }
  })

simulated.test("interrupted, it sets back what it has written", () =>
  Effect.gen(function*() {
    const { fiber, plant } = yield* underway()
    yield* simulated.within(Fiber.interrupt(fiber))
    expect(plant.speed).toBe(7)
  }))

simulated.test("interrupted while the driver does not answer, it ends all the same", () =>
  Effect.gen(function*() {
    let isMute = false
    const { fiber, plant } = yield* underway({ frames: (frames) => isMute ? undefined : frames })
    isMute = true
    yield* simulated.within(Fiber.interrupt(fiber))
    expect(plant.speed).toBe(600)
  }))

describe("nothing is written where", () => {
  const refused = (options: Partial<DriverCheck.Options>, reason: string, says: string) =>
    Effect.gen(function*() {
      const plant = makePlant()
      const driver = yield* Effect.provide(serve(plant), DriverStore.memory)
      const { commands } = driver.endpoints
      const error = yield* simulated.within(
        Effect.flip(DriverCheck.run({ commands, ...options }))
      )
      expect(error).toMatchObject({ _tag: "DriverCheckError", reason })
      expect(error.message).toContain(says)
      expect((yield* driver.counters).commandsExecuted).toBe(0)
    })

  simulated.test("another device is expected", () =>
    refused({ device: "p-2" }, "other-device", "this is p-1, not p-2"))

  simulated.test("the attribute cannot be written", () =>
    refused({ attribute: "flow" }, "attribute", '"flow" is none that may be written: only speed'))
})
