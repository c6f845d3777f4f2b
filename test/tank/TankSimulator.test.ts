import { describe, expect, it } from "@effect/vitest"
import { TankModel, TankSimulator } from "@plantd/example-tank"
import { Effect, Option, TestClock } from "effect"

describe("TankSimulator", () => {
  it.effect("a new rig is dry, its pump off and its valve half open", () =>
    Effect.gen(function*() {
      const rig = yield* TankSimulator.make({ seed: 1 })
      const { state } = yield* rig.kept
      expect(state).toMatchObject({ level1: 0, level2: 0, pumpSpeed: 0, valveOpening: 50 })
    }))

  it.effect("the water moves with the clock, not with the number of looks at it", () =>
    Effect.gen(function*() {
      const rig = yield* TankSimulator.make({ seed: 1 })
      const watched = yield* TankSimulator.make({ seed: 1 })
      yield* rig.tell({ pumpSpeed: 60 })
      yield* watched.tell({ pumpSpeed: 60 })
      for (let i = 0; i < 40; i++) {
        yield* TestClock.adjust("50 millis")
        yield* watched.view
      }
      const { state: expected } = yield* rig.kept
      const { state: seen } = yield* watched.kept
      expect(expected.level1).toBeGreaterThan(0.1)
      expect(Math.abs(seen.level1 - expected.level1)).toBeLessThan(1e-9)
      expect(Math.abs(seen.level2 - expected.level2)).toBeLessThan(1e-9)
    }))

  it.effect("telling one actuator leaves the other where it was told to be", () =>
    Effect.gen(function*() {
      const rig = yield* TankSimulator.make({ seed: 1 })
      yield* rig.tell({ pumpSpeed: 60 })
      yield* rig.tell({ valveOpening: 20 })
      yield* TestClock.adjust("5 seconds")
      const view = yield* rig.view
      expect(view.pumpSpeed).toBeCloseTo(60, 3)
      expect(view.valveOpening).toBeCloseTo(20, 3)
    }))

  it.effect("what an actuator is told counts from then on, not for the time before", () =>
    Effect.gen(function*() {
      const rig = yield* TankSimulator.make({ seed: 1 })
      yield* TestClock.adjust("10 seconds")
      yield* rig.tell({ pumpSpeed: 100 })
      expect((yield* rig.kept).state.level1).toBe(0)
    }))

  it.effect("the instruments show noisy levels, and flows in litres per second", () =>
    Effect.gen(function*() {
      const rig = yield* TankSimulator.make({ seed: 1 })
      yield* rig.tell({ pumpSpeed: 45 })
      yield* TestClock.adjust("60 seconds")
      const { state } = yield* rig.kept
      const view = yield* rig.view
      expect(view.inflow).toBeCloseTo(0.9, 3)
      expect(view.outflow).toBeCloseTo(0.9, 3)
      expect(view.level2).not.toBe(state.level2)
      expect(Math.abs(view.level2 - state.level2)).toBeLessThan(5 * TankModel.standard.levelNoise)
      expect((yield* rig.view).level2).not.toBe(view.level2)
    }))

  it.effect("a rig goes on from where it was, with the pump told off and the valve left", () =>
    Effect.gen(function*() {
      const before = {
        ...TankModel.empty(9),
        level1: 0.3,
        level2: 0.25,
        pumpSpeed: 80,
        valveOpening: 30
      }
      const rig = yield* TankSimulator.make({
        seed: 1,
        from: Option.some({ state: before, stopped: false })
      })
      expect((yield* rig.kept).state).toEqual(before)
      yield* TestClock.adjust("3 seconds")
      const { state: later } = yield* rig.kept
      expect(later.pumpSpeed).toBeLessThan(0.001)
      expect(later.valveOpening).toBe(30)
      expect(later.level2).toBeLessThan(0.25)
    }))

  it.effect("a stopped rig keeps its pump off until it is released", () =>
    Effect.gen(function*() {
      const rig = yield* TankSimulator.make({ seed: 1 })
      yield* rig.tell({ pumpSpeed: 80 })
      yield* TestClock.adjust("2 seconds")
      yield* rig.stop
      expect((yield* rig.view).state).toBe("stopped")
      const refused = yield* Effect.flip(rig.tell({ pumpSpeed: 30 }))
      expect(refused.message).toContain("until the command release")
      yield* TestClock.adjust("3 seconds")
      expect((yield* rig.view).pumpSpeed).toBeLessThan(0.001)
      yield* rig.release
      expect((yield* rig.view).state).toBe("ready")
      yield* TestClock.adjust("3 seconds")
      expect((yield* rig.view).pumpSpeed).toBeLessThan(0.001)
      yield* rig.tell({ pumpSpeed: 30 })
      yield* TestClock.adjust("3 seconds")
      expect((yield* rig.view).pumpSpeed).toBeCloseTo(30, 3)
    }))

  it.effect("a stopped rig lets its pump be turned off and its valve be moved", () =>
    Effect.gen(function*() {
      const rig = yield* TankSimulator.make({ seed: 1 })
      yield* rig.stop
      yield* rig.tell({ pumpSpeed: 0 })
      yield* rig.tell({ valveOpening: 100 })
      yield* TestClock.adjust("3 seconds")
      expect((yield* rig.view).valveOpening).toBeCloseTo(100, 3)
    }))
})
