import { describe, expect, it } from "@effect/vitest"
import { TankModel } from "@plantd/example-tank"
import * as fc from "fast-check"

const rig = TankModel.standard
const dry = TankModel.empty(1)

const at = (state: Partial<TankModel.TankState>): TankModel.TankState => ({ ...dry, ...state })

const percent = fc.double({ min: 0, max: 100, noNaN: true })
const level = fc.double({ min: 0, max: rig.tank1.height, noNaN: true })
const anyState = fc.record({
  level1: level,
  level2: level,
  pumpSpeed: percent,
  valveOpening: percent
})
  .map(at)
const anyInputs = fc.record({ pumpSpeed: percent, valveOpening: percent })
const anyRun = fc.array(
  fc.tuple(anyInputs, fc.double({ min: 0.001, max: 3, noNaN: true })),
  { minLength: 1, maxLength: 8 }
)

const run = (
  state: TankModel.TankState,
  inputs: TankModel.TankInputs,
  seconds: number
): TankModel.TankState => TankModel.step(rig, state, inputs, seconds)

describe("TankModel", () => {
  it("no water is made or lost: the tanks hold what was pumped, less drain and overflow", () => {
    fc.assert(
      fc.property(anyState, anyRun, (start, steps) => {
        const end = steps.reduce((state, [inputs, seconds]) => run(state, inputs, seconds), start)
        const balance = TankModel.volume(rig, start) + end.pumped - end.drained - end.overflowed
        expect(Math.abs(TankModel.volume(rig, end) - balance)).toBeLessThan(1e-9)
      }),
      { numRuns: 60 }
    )
  })

  it("levels stay within their tanks and actuators within 0 to 100 %, whatever is told", () => {
    const told = fc.record({ pumpSpeed: fc.double(), valveOpening: fc.double() })
    fc.assert(
      fc.property(anyState, told, (start, inputs) => {
        const end = run(start, inputs, 2)
        expect(end.level1).toBeGreaterThanOrEqual(0)
        expect(end.level1).toBeLessThanOrEqual(rig.tank1.height)
        expect(end.level2).toBeGreaterThanOrEqual(0)
        expect(end.level2).toBeLessThanOrEqual(rig.tank2.height)
        expect(end.pumpSpeed >= 0 && end.pumpSpeed <= 100).toBe(true)
        expect(end.valveOpening >= 0 && end.valveOpening <= 100).toBe(true)
      }),
      { numRuns: 60 }
    )
  })

  it("even a tank that empties within one step gives no more than it holds", () => {
    const small = { area: 1e-6, height: 0.6 }
    const tiny = { ...rig, tank1: small, tank2: small }
    const start = at({ level1: 0.1, level2: 0.3, valveOpening: 100 })
    for (const seconds of [0.001, 0.01, 1]) {
      const end = TankModel.step(tiny, start, { pumpSpeed: 0, valveOpening: 100 }, seconds)
      const balance = TankModel.volume(tiny, start) - end.drained - end.overflowed
      expect(Math.abs(TankModel.volume(tiny, end) - balance)).toBeLessThan(1e-15)
    }
  })

  it("tank 2 drains along Torricelli's parabola", () => {
    // Without coupling: sqrt(h) falls linearly with time.
    const alone = { ...rig, couplingArea: 0 }
    const start = at({ level2: 0.4, valveOpening: 50 })
    const rate = rig.dischargeCoefficient * rig.valve.area * 0.5
      * Math.sqrt(2 * TankModel.gravity) / (2 * rig.tank2.area)
    for (const seconds of [1, 2, 3.5]) {
      const end = TankModel.step(alone, start, { pumpSpeed: 0, valveOpening: 50 }, seconds)
      const exact = Math.pow(Math.sqrt(0.4) - rate * seconds, 2)
      expect(Math.abs(end.level2 - exact)).toBeLessThan(0.0005)
    }
  })

  it("the coupling flows towards the lower level, and the levels meet with the valve shut", () => {
    for (const [level1, level2] of [[0.4, 0.1], [0.1, 0.4]] as const) {
      const start = at({ level1, level2 })
      expect(Math.sign(TankModel.flows(rig, start).coupling)).toBe(Math.sign(level1 - level2))
      const end = run(start, { pumpSpeed: 0, valveOpening: 0 }, 20)
      expect(Math.abs(end.level1 - 0.25)).toBeLessThan(1e-4)
      expect(Math.abs(end.level2 - 0.25)).toBeLessThan(1e-4)
    }
  })

  it("at rest the flows are equal, and follow from the laws", () => {
    const end = run(dry, { pumpSpeed: 45, valveOpening: 50 }, 60)
    const flow = TankModel.flows(rig, end)
    expect(Math.abs(flow.pump - 0.0009)).toBeLessThan(1e-8)
    expect(Math.abs(flow.coupling - flow.pump)).toBeLessThan(1e-7)
    expect(Math.abs(flow.drain - flow.pump)).toBeLessThan(1e-7)
    const head = Math.pow(0.0009 / (0.62 * 0.0006), 2) / (2 * TankModel.gravity)
    expect(Math.abs(end.level2 - head)).toBeLessThan(1e-4)
  })

  it("what does not fit runs over and is counted", () => {
    const end = run(dry, { pumpSpeed: 100, valveOpening: 0 }, 30)
    expect(end.level1).toBe(rig.tank1.height)
    expect(end.level2).toBeCloseTo(rig.tank2.height, 6)
    expect(end.overflowed).toBeGreaterThan(0.05)
  })

  it("actuators follow their command with a rate limit and a lag", () => {
    const inputs = { pumpSpeed: 100, valveOpening: 100 }
    const early = run(dry, inputs, 0.1)
    expect(early.pumpSpeed).toBeCloseTo(rig.pump.rateMax * 0.1, 6)
    expect(early.valveOpening).toBeCloseTo(rig.valve.rateMax * 0.1, 6)
    const late = run(dry, inputs, 3)
    expect(late.pumpSpeed).toBeGreaterThan(99.9)
    expect(late.pumpSpeed).toBeLessThanOrEqual(100)
  })

  it("a command that is not a number turns the pump off and shuts the valve", () => {
    const running = at({ level2: 0.2, pumpSpeed: 80, valveOpening: 80 })
    const end = run(running, { pumpSpeed: Number.NaN, valveOpening: Number.NaN }, 5)
    expect(end.pumpSpeed).toBeLessThan(0.001)
    expect(end.valveOpening).toBeLessThan(0.001)
  })

  it("time that does not pass changes nothing", () => {
    const start = at({ level1: 0.3, level2: 0.2, pumpSpeed: 50 })
    for (const seconds of [0, -1, Number.NaN]) {
      expect(run(start, { pumpSpeed: 100, valveOpening: 100 }, seconds)).toBe(start)
    }
  })

  it("steps of the simulation may be of any length without changing where the water goes", () => {
    const inputs = { pumpSpeed: 60, valveOpening: 40 }
    let fine = dry
    for (let i = 0; i < 250; i++) fine = run(fine, inputs, 0.02)
    const coarse = run(dry, inputs, 5)
    expect(Math.abs(fine.level1 - coarse.level1)).toBeLessThan(1e-9)
    expect(Math.abs(fine.level2 - coarse.level2)).toBeLessThan(1e-9)
  })

  it("a step of days is no more work than one of minutes, and ends in the same place", () => {
    const start = at({ level1: 0.5, level2: 0.1 })
    const inputs = { pumpSpeed: 40, valveOpening: 60 }
    expect(run(start, inputs, 90_000)).toEqual(run(start, inputs, TankModel.stepSecondsMax))
    expect(run(start, inputs, Number.POSITIVE_INFINITY).level2).toBeGreaterThan(0.1)
  })

  it("sensors are noisy around the true level, never negative, and repeat with their seed", () => {
    const measureMany = (state: TankModel.TankState) => {
      const levels: Array<number> = []
      let next = state
      for (let i = 0; i < 5_000; i++) {
        const [measured, after] = TankModel.measure(rig, next)
        levels.push(measured.level2)
        next = after
      }
      return levels
    }
    const levels = measureMany(at({ level2: 0.3 }))
    const errors = levels.map((value) => value - 0.3)
    const deviation = Math.sqrt(errors.reduce((sum, e) => sum + e * e, 0) / errors.length)
    expect(Math.abs(deviation / rig.levelNoise - 1)).toBeLessThan(0.05)
    expect(measureMany(at({ level2: 0.3 }))).toEqual(levels)
    expect(Math.min(...measureMany(dry))).toBe(0)
    expect(TankModel.measure(rig, dry)[1].noise).not.toBe(dry.noise)
  })
})
