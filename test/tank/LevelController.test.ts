import { describe, expect, it } from "@effect/vitest"
import { DurableStore } from "@plantd/actors"
import { LevelController, TankModel } from "@plantd/example-tank"
import { SimulatedNetwork } from "@plantd/hardware/SimulatedNetwork"
import { Context, Effect, Exit, Layer, Option } from "effect"
import {
  atRest,
  device,
  endpoints,
  errorPercent,
  pass,
  plantLayer,
  startNode,
  startNodeOn,
  startRig
} from "./plant.ts"

/** The loop takes at most this long to settle, from wherever it is, in s. */
const settling = 8

/** Virtual time is turned in small steps: seconds of it are seconds of the test, too. */
const timeout = 90_000

/** A rig and a node whose loop has settled at 0.3 m. */
const settledPlant = Effect.gen(function*() {
  const rig = yield* startRig({ from: Option.some(atRest) })
  const node = yield* startNode()
  yield* node.controller.Status()
  yield* pass(2)
  const status = yield* node.controller.Status()
  expect(status.mode).toBe("controlling")
  expect(errorPercent(status)).toBeLessThan(2)
  return { rig, ...node }
})

describe("LevelController", () => {
  it.scoped(
    "the level is brought to its setpoint over the device protocol, and kept there",
    () =>
      Effect.gen(function*() {
        const rig = yield* startRig()
        const { controller } = yield* startNode()
        yield* controller.Status()
        yield* pass(settling)
        for (let second = 0; second < 3; second++) {
          yield* pass(1)
          const status = yield* controller.Status()
          expect(errorPercent(status)).toBeLessThan(1.5)
          expect(status).toMatchObject({
            device,
            mode: "controlling",
            quality: "good",
            lastWrite: { outcome: "done" },
            writesFailed: 0,
            holds: 0,
            subscriptions: 1
          })
        }
        const { state } = yield* rig.simulator.kept
        expect(Math.abs(state.level2 - 0.3)).toBeLessThan(0.003)
      }).pipe(Effect.provide(plantLayer)),
    timeout
  )

  it.scoped("an operator's setpoint is followed", () =>
    Effect.gen(function*() {
      const { controller, rig } = yield* settledPlant
      yield* controller.SetSetpoint({ setpoint: 0.2 })
      yield* pass(6)
      const status = yield* controller.Status()
      expect(status.setpoint).toBe(0.2)
      expect(errorPercent(status)).toBeLessThan(2)
      const { state } = yield* rig.simulator.kept
      expect(Math.abs(state.level2 - 0.2)).toBeLessThan(0.004)
    }).pipe(Effect.provide(plantLayer)), timeout)

  it.scoped(
    "a setpoint out of range is refused with the range, and the old one stays",
    () =>
      Effect.gen(function*() {
        const { controller } = yield* startNode()
        for (const setpoint of [0.04, 0.36, -1, Number.NaN]) {
          const error = yield* Effect.flip(controller.SetSetpoint({ setpoint }))
          expect(error).toMatchObject({ _tag: "SetpointOutOfRange", min: 0.05, max: 0.35 })
          expect(error.message).toBe(`the setpoint ${setpoint} m is outside of 0.05 to 0.35 m`)
        }
        expect((yield* controller.Status()).setpoint).toBe(0.3)
      }).pipe(Effect.provide(plantLayer)),
    timeout
  )

  it("a first setpoint that no operator could choose is a fault of the program", () => {
    expect(() => LevelController.layer({ setpoint: 2 })).toThrow(
      new RangeError("the setpoint 2 m is outside of 0.05 to 0.35 m")
    )
  })

  it.scoped("without a device process it waits, and says why", () =>
    Effect.gen(function*() {
      const { controller } = yield* startNode()
      yield* controller.Status()
      yield* pass(2)
      const status = yield* controller.Status()
      expect(status).toMatchObject({ level: null, quality: "bad", mode: "waiting", writes: 0 })
      expect(status.reason).toContain("the level is bad")
      expect(status.lastWrite).toBeUndefined()
    }).pipe(Effect.provide(plantLayer)), timeout)

  it.scoped(
    "while the device process is dead the level is stale and the pump is told nothing",
    () =>
      Effect.gen(function*() {
        const { controller, rig } = yield* settledPlant
        yield* rig.kill
        yield* pass(2)
        const held = yield* controller.Status()
        expect(held).toMatchObject({ mode: "holding", quality: "stale", holds: 1 })
        expect(held.reason).toContain("stale")
        expect(held.blindWritesAvoided).toBeGreaterThan(0)
        yield* pass(4)
        expect((yield* controller.Status()).writes).toBe(held.writes)
      }).pipe(Effect.provide(plantLayer)),
    timeout
  )

  it.scoped(
    "after 6 s without its device process the level is back within 10 s",
    () =>
      Effect.gen(function*() {
        const { controller, rig } = yield* settledPlant
        const { state: before } = yield* rig.simulator.kept
        yield* rig.kill
        yield* pass(6)
        const off = { pumpSpeed: 0, valveOpening: before.valveOpening }
        const state = TankModel.step(TankModel.standard, before, off, 6)
        expect(state.level2).toBeLessThan(0.05)
        yield* startRig({ from: Option.some({ state, stopped: false }) })
        yield* pass(10)
        expect(errorPercent(yield* controller.Status())).toBeLessThan(2)
        yield* pass(2)
        const status = yield* controller.Status()
        expect(errorPercent(status)).toBeLessThan(1.5)
        expect(status).toMatchObject({ mode: "controlling", holds: 1, subscriptions: 1 })
      }).pipe(Effect.provide(plantLayer)),
    timeout
  )

  it.scoped(
    "when both ways fall silent the rig turns its pump off, and control comes back",
    () =>
      Effect.gen(function*() {
        const { controller, rig } = yield* settledPlant
        const network = yield* SimulatedNetwork
        yield* network.cut(endpoints.commands)
        yield* network.cut(endpoints.telemetry)
        yield* pass(5)
        expect((yield* rig.simulator.kept).state.pumpSpeed).toBeLessThan(0.1)
        expect(yield* controller.Status()).toMatchObject({ mode: "holding", quality: "stale" })
        yield* network.heal(endpoints.commands)
        yield* network.heal(endpoints.telemetry)
        yield* pass(12)
        expect(errorPercent(yield* controller.Status())).toBeLessThan(2)
      }).pipe(Effect.provide(plantLayer)),
    timeout
  )

  it.scoped(
    "while a write has no answer its operator is served, and its outcome is unknown",
    () =>
      Effect.gen(function*() {
        const { controller, rig } = yield* settledPlant
        const network = yield* SimulatedNetwork
        yield* network.cut(endpoints.commands, "from-bound")
        yield* pass(0.3)
        const waiting = yield* controller.Status()
        expect(waiting.lastWrite?.outcome).toBe("done")
        yield* controller.SetSetpoint({ setpoint: 0.29 })
        yield* pass(0.7)
        const lost = yield* controller.Status()
        expect(lost.lastWrite?.outcome).toBe("unknown")
        expect(lost.lastWrite?.detail).toContain("unknown whether write.pumpSpeed was carried out")
        expect(lost.writes - waiting.writes).toBe(lost.writesFailed)
        yield* network.heal(endpoints.commands)
        yield* pass(settling)
        const status = yield* controller.Status()
        expect(status).toMatchObject({ setpoint: 0.29, lastWrite: { outcome: "done" } })
        expect(errorPercent(status)).toBeLessThan(2)
        expect((yield* rig.simulator.kept).stopped).toBe(false)
      }).pipe(Effect.provide(plantLayer)),
    timeout
  )

  it.scoped(
    "when the tank's actor ends it holds, subscribes anew and goes on without a jump",
    () =>
      Effect.gen(function*() {
        const { controller, rig, system } = yield* settledPlant
        const { state: before } = yield* rig.simulator.kept
        yield* system.stop({ type: "Tank", id: device })
        yield* pass(0.05)
        const held = yield* controller.Status()
        expect(held).toMatchObject({ mode: "holding", level: null, quality: "bad" })
        expect(held.reason).toContain("the tank's readings ended")
        yield* pass(1)
        const status = yield* controller.Status()
        expect(status).toMatchObject({ mode: "controlling", subscriptions: 2, holds: 1 })
        const { state: after } = yield* rig.simulator.kept
        expect(Math.abs(after.pumpSpeed - before.pumpSpeed)).toBeLessThan(10)
        expect(errorPercent(status)).toBeLessThan(2)
      }).pipe(Effect.provide(plantLayer)),
    timeout
  )

  it.scoped(
    "a restarted controller keeps the operator's setpoint, counts on, and takes the pump over",
    () =>
      Effect.gen(function*() {
        const { controller, rig, system } = yield* settledPlant
        yield* controller.SetSetpoint({ setpoint: 0.25 })
        yield* pass(6)
        const { state: before } = yield* rig.simulator.kept
        const { writes } = yield* controller.Status()
        expect(writes).toBeGreaterThan(0)
        yield* system.stop({ type: "LevelController", id: device })
        expect((yield* controller.Status()).writes).toBeGreaterThanOrEqual(writes)
        yield* pass(0.5)
        const status = yield* controller.Status()
        expect(status.writes).toBeGreaterThan(writes)
        expect(status).toMatchObject({ setpoint: 0.25, mode: "controlling", holds: 0 })
        expect(errorPercent(status)).toBeLessThan(2)
        const { state: after } = yield* rig.simulator.kept
        expect(Math.abs(after.pumpSpeed - before.pumpSpeed)).toBeLessThan(10)
      }).pipe(Effect.provide(plantLayer)),
    timeout
  )

  it.scoped(
    "with a store, another node's controller goes on with the operator's setpoint, by a new fence",
    () =>
      Effect.gen(function*() {
        const store = Context.get(yield* Layer.build(DurableStore.layerMemory), DurableStore)
        const first = yield* startNodeOn(store)
        expect(yield* first.controller.Status()).toMatchObject({ setpoint: 0.3 })
        yield* first.controller.SetSetpoint({ setpoint: 0.25 })
        const second = yield* startNodeOn(store)
        expect(yield* second.controller.Status()).toMatchObject({ setpoint: 0.25, writes: 0 })
        // The first one is of a node that was taken for lost, and can keep nothing any more.
        const late = yield* Effect.exit(first.controller.SetSetpoint({ setpoint: 0.2 }))
        expect(Exit.isFailure(late)).toBe(true)
        expect(yield* second.controller.Status()).toMatchObject({ setpoint: 0.25 })
      }).pipe(Effect.provide(plantLayer)),
    timeout
  )

  it.scoped(
    "after an emergency stop writes are rejected until the release, then begin where the pump is",
    () =>
      Effect.gen(function*() {
        const { controller, rig, tank } = yield* settledPlant
        yield* tank.stop()
        yield* pass(4)
        const stopped = yield* controller.Status()
        expect(stopped.lastWrite).toMatchObject({ outcome: "rejected" })
        expect(stopped.lastWrite?.detail).toContain("the rig was stopped")
        expect((yield* rig.simulator.kept).state.pumpSpeed).toBeLessThan(0.1)
        yield* tank.release()
        yield* pass(0.1)
        const { lastWrite } = yield* controller.Status()
        expect(lastWrite?.outcome).toBe("done")
        expect(lastWrite?.pumpSpeed).toBeLessThan(30)
        yield* pass(10)
        const status = yield* controller.Status()
        expect(status.lastWrite?.outcome).toBe("done")
        expect(errorPercent(status)).toBeLessThan(2)
      }).pipe(Effect.provide(plantLayer)),
    timeout
  )
})
