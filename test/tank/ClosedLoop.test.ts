import { describe, expect, it } from "@effect/vitest"
import { Epoch, Identifier, type Quality, type Reading } from "@plantd/core"
import { LevelControl, TankModel } from "@plantd/example-tank"

const rig = TankModel.standard
const device = Identifier.DeviceId.make("tank-1")

/** Telemetry at 20 Hz; what is written reaches the pump one period later. */
const period = 0.05

interface Outage {
  readonly from: number
  readonly to: number
}

interface Sample {
  readonly time: number
  readonly errorPercent: number
  readonly state: TankModel.TankState
  readonly control: LevelControl.LevelControl
  readonly told: number | undefined
}

const run = (options: {
  readonly seed: number
  readonly seconds: number
  readonly setpoint: (time: number) => number
  readonly valve?: number
  readonly outage?: Outage
}): ReadonlyArray<Sample> => {
  const samples: Array<Sample> = []
  let state = TankModel.empty(options.seed)
  let control = LevelControl.make(options.setpoint(0))
  let pumpTold = 0
  for (let tick = 0; tick * period < options.seconds; tick++) {
    const time = tick * period
    const dead = options.outage !== undefined && time >= options.outage.from
      && time < options.outage.to
    const again = options.outage !== undefined && time >= options.outage.to
    const [measured, drawn] = TankModel.measure(rig, state)
    const read = (attribute: string, value: number, index: number): Reading.Reading => ({
      device,
      attribute,
      value,
      quality: (dead ? "stale" : "good") satisfies Quality.Quality,
      sourceTime: time * 1_000,
      serverTime: time * 1_000 + 3,
      unit: "",
      epoch: Epoch.Epoch.make(again ? 2 : 1),
      seq: 2 * tick + index
    })
    control = LevelControl.withSetpoint(control, options.setpoint(time))
    control = LevelControl.onPump(control, read("pumpSpeed", drawn.pumpSpeed, 0))
    const [next, decision] = LevelControl.onLevel(
      LevelControl.standard,
      control,
      read("level2", measured.level2, 1)
    )
    control = next
    const told = decision._tag === "Write" ? decision.pumpSpeed : undefined
    const wanted = options.setpoint(time)
    const errorPercent = Math.abs(measured.level2 - wanted) / wanted * 100
    samples.push({ time, errorPercent, state, control, told })
    const inputs = { pumpSpeed: dead ? 0 : pumpTold, valveOpening: options.valve ?? 50 }
    state = TankModel.step(rig, drawn, inputs, period)
    pumpTold = told ?? (dead ? 0 : pumpTold)
  }
  return samples
}

/** When the level is within 2 % for good, in s after `from`. */
const settled = (samples: ReadonlyArray<Sample>, from: number, to: number): number => {
  const outside = samples.filter((at) => at.time >= from && at.time < to && at.errorPercent > 2)
  return outside.length === 0 ? 0 : outside.at(-1)!.time + period - from
}

const worst = (samples: ReadonlyArray<Sample>, from: number, to: number): number =>
  Math.max(...samples.filter((at) => at.time >= from && at.time < to).map((at) => at.errorPercent))

const seeds = [1, 2, 3, 7, 42]
const setpoints = [0.1, 0.2, 0.3, 0.35]

describe("the level loop", () => {
  it("from dry tanks the level is within 2 % in 7 s and stays, at every setpoint and seed", () => {
    for (const seed of seeds) {
      for (const setpoint of setpoints) {
        const samples = run({ seed, seconds: 20, setpoint: () => setpoint })
        expect(settled(samples, 0, 20)).toBeLessThan(7)
        expect(worst(samples, 12, 20)).toBeLessThan(1.5)
      }
    }
  })

  it("an operator's change of the setpoint is followed within 6 s, up and down", () => {
    for (const seed of seeds) {
      for (const [before, after] of [[0.2, 0.3], [0.3, 0.2], [0.25, 0.3]] as const) {
        const setpoint = (time: number) => time < 12 ? before : after
        const samples = run({ seed, seconds: 25, setpoint })
        expect(settled(samples, 12, 25)).toBeLessThan(6)
        expect(worst(samples, 20, 25)).toBeLessThan(1.5)
      }
    }
  })

  it("after an outage of 6 s with the pump off the level is back within 2 % in 7 s", () => {
    for (const seed of seeds) {
      for (const setpoint of setpoints) {
        const outage = { from: 12, to: 18 }
        const samples = run({ seed, seconds: 35, setpoint: () => setpoint, outage })
        expect(worst(samples, 17, 18)).toBeGreaterThan(50)
        expect(settled(samples, 18, 35)).toBeLessThan(7)
        expect(worst(samples, 28, 35)).toBeLessThan(1.5)
      }
    }
  })

  it("during an outage the pump is told nothing, and then taken over from where it is", () => {
    const samples = run({
      seed: 1,
      seconds: 25,
      setpoint: () => 0.3,
      outage: { from: 12, to: 18 }
    })
    const during = samples.filter((at) => at.time >= 12 && at.time < 18)
    expect(during.every((at) => at.told === undefined)).toBe(true)
    expect(during.at(-1)!.control.mode).toBe("holding")
    expect(during.at(-1)!.control.holds).toBe(1)
    expect(during.at(-1)!.control.blindWritesAvoided).toBe(during.length)
    const first = samples.find((at) => at.time >= 18)!
    expect(first.told).toBeCloseTo(first.state.pumpSpeed, 9)
  })

  it("the loop stays stable with the valve from 30 to 80 %", () => {
    for (const valve of [30, 50, 80]) {
      const samples = run({ seed: 3, seconds: 20, setpoint: () => 0.3, valve })
      expect(settled(samples, 0, 20)).toBeLessThan(8)
      expect(worst(samples, 12, 20)).toBeLessThan(1.5)
    }
  })

  it("no tank runs over on the way to the highest setpoint", () => {
    const samples = run({ seed: 1, seconds: 20, setpoint: () => 0.35 })
    expect(samples.at(-1)!.state.overflowed).toBe(0)
    expect(Math.max(...samples.map((at) => at.state.level1))).toBeLessThan(rig.tank1.height)
  })
})
