import { describe, expect, it } from "@effect/vitest"
import { Pid } from "@plantd/example-tank"
import * as fc from "fast-check"

const settings: Pid.PidSettings = {
  gain: 2,
  integralTime: 1,
  derivativeTime: 0.1,
  derivativeFilter: 8,
  setpointWeight: 0.7,
  trackingTime: 0.3,
  outputMin: 0,
  outputMax: 10
}

/** dy/dt = (gain u + load - y) / lag, exactly over each step. */
const plant = { gain: 0.8, lag: 1.2 }

const loop = (options: {
  readonly settings?: Pid.PidSettings
  readonly setpoint: (time: number) => number
  readonly load?: (time: number) => number
  readonly start?: number
  readonly state?: Pid.PidState
  readonly seconds: number
}) => {
  const dt = 0.05
  const trace: Array<{ time: number; y: number; u: number; integral: number }> = []
  let y = options.start ?? 0
  let state = options.state ?? Pid.initial
  for (let k = 0; k * dt < options.seconds; k++) {
    const time = k * dt
    const next = Pid.step(options.settings ?? settings, state, {
      setpoint: options.setpoint(time),
      measurement: y,
      seconds: dt
    })
    state = next.state
    trace.push({ time, y, u: next.output, integral: state.integral })
    const rest = plant.gain * next.output + (options.load?.(time) ?? 0)
    y = rest + (y - rest) * Math.exp(-dt / plant.lag)
  }
  return trace
}

describe("Pid", () => {
  it("the output never leaves its limits, whatever is measured and wanted", () => {
    const value = fc.double({ min: -1e6, max: 1e6, noNaN: true })
    const inputs = fc.array(
      fc.record({
        setpoint: value,
        measurement: value,
        seconds: fc.double({ min: 0, max: 100, noNaN: true })
      }),
      { minLength: 1, maxLength: 30 }
    )
    fc.assert(fc.property(inputs, (steps) => {
      let state = Pid.initial
      for (const input of steps) {
        const next = Pid.step(settings, state, input)
        expect(next.output).toBeGreaterThanOrEqual(settings.outputMin)
        expect(next.output).toBeLessThanOrEqual(settings.outputMax)
        expect(Number.isFinite(next.state.integral)).toBe(true)
        state = next.state
      }
    }))
  })

  it("the error vanishes in a first-order plant, in spite of a constant load", () => {
    const trace = loop({ setpoint: () => 3, load: (time) => time > 10 ? -1 : 0, seconds: 25 })
    expect(Math.abs(trace.at(190)!.y - 3)).toBeLessThan(0.001)
    expect(Math.abs(trace.at(-1)!.y - 3)).toBeLessThan(0.001)
  })

  it("without the integral an error stays, as the theory says", () => {
    const proportional = {
      ...settings,
      integralTime: Number.POSITIVE_INFINITY,
      derivativeTime: 0,
      setpointWeight: 1
    }
    const trace = loop({ settings: proportional, setpoint: () => 3, seconds: 20 })
    const open = settings.gain * plant.gain
    expect(trace.at(-1)!.y).toBeCloseTo(3 * open / (1 + open), 4)
  })

  it("the integral does not wind up while the output is limited", () => {
    // 12 cannot be reached with 10 x 0.8; the setpoint comes back into reach after a minute.
    const trace = loop({ setpoint: (time) => time < 60 ? 12 : 4, seconds: 80 })
    expect(Math.max(...trace.map((at) => at.integral))).toBeLessThan(2 * settings.outputMax)
    const after = trace.filter((at) => at.time >= 60)
    const left = after.find((at) => at.u < settings.outputMax)!
    expect(left.time - 60).toBeLessThan(0.11)
    const settled = after.filter((at) => at.time > 65)
    for (const at of settled) expect(Math.abs(at.y - 4)).toBeLessThan(0.08)
  })

  it("without back-calculation the same loop winds up", () => {
    const windy = { ...settings, trackingTime: Number.POSITIVE_INFINITY }
    const trace = loop({ settings: windy, setpoint: (time) => time < 60 ? 12 : 4, seconds: 80 })
    expect(Math.max(...trace.map((at) => at.integral))).toBeGreaterThan(20 * settings.outputMax)
    expect(trace.at(-1)!.u).toBe(settings.outputMax)
  })

  it("one long step gives back no more than the whole excess", () => {
    const wound = { ...Pid.initial, integral: 50 }
    const input = { setpoint: 1, measurement: 1, seconds: 1_000 }
    const next = Pid.step({ ...settings, setpointWeight: 1 }, wound, input)
    expect(next.output).toBe(settings.outputMax)
    expect(next.state.integral).toBeCloseTo(settings.outputMax, 9)
  })

  it("a step of the setpoint does not kick the derivative", () => {
    const state = Pid.takeOver(settings, { setpoint: 1, measurement: 1, output: 5 })
    const next = Pid.step(settings, state, { setpoint: 2, measurement: 1, seconds: 0.05 })
    expect(next.state.derivative).toBe(0)
    expect(next.output - 5).toBeCloseTo(settings.gain * settings.setpointWeight, 9)
  })

  it("the derivative brakes a rising measurement and is filtered", () => {
    const rise = { setpoint: 1, measurement: 1.1, seconds: 0.001 }
    const state = { ...Pid.initial, measurement: 1 }
    const first = Pid.step(settings, state, rise).state.derivative
    expect(first).toBeLessThan(0)
    // Never more than gain x N x change, however short the step is.
    expect(Math.abs(first)).toBeLessThan(settings.gain * settings.derivativeFilter * 0.1)
    const settled = { ...rise, seconds: 10 }
    const later = Pid.step(settings, { ...state, derivative: first, measurement: 1.1 }, settled)
    expect(Math.abs(later.state.derivative)).toBeLessThan(Math.abs(first) / 100)
  })

  it("the first step has no derivative, since nothing came before", () => {
    const next = Pid.step(settings, Pid.initial, { setpoint: 1, measurement: 5, seconds: 0.05 })
    expect(next.state.derivative).toBe(0)
  })

  it("taking over starts at the output that is in force, wherever the level is", () => {
    const value = fc.double({ min: -100, max: 100, noNaN: true })
    const within = fc.double({ min: 0, max: 10, noNaN: true })
    fc.assert(fc.property(value, value, within, (setpoint, measurement, output) => {
      const state = Pid.takeOver(settings, { setpoint, measurement, output })
      const next = Pid.step(settings, state, { setpoint, measurement, seconds: 0 })
      expect(Math.abs(next.output - output)).toBeLessThan(1e-9)
    }))
  })

  it("taking over in a loop at rest moves nothing", () => {
    const output = 3 / plant.gain
    const state = Pid.takeOver(settings, { setpoint: 3, measurement: 3, output })
    const trace = loop({ setpoint: () => 3, start: 3, state, seconds: 5 })
    for (const at of trace) expect(Math.abs(at.u - output)).toBeLessThan(1e-9)
  })

  it("taking over from an output beyond the limits starts at the limit", () => {
    const from = { setpoint: 1, measurement: 1, output: 25 }
    const state = Pid.takeOver(settings, from)
    expect(Pid.step(settings, state, { ...from, seconds: 0 }).output).toBe(settings.outputMax)
  })
})
