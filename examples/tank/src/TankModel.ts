/**
 * The water: two coupled tanks with a pump, a drain valve and noisy level sensors, as pure steps.
 *
 * The pump fills tank 1, an orifice at the bottom couples it with tank 2, a valve drains tank 2.
 * Outflow by Torricelli (q = Cd A sqrt(2 g h)); the coupling flows towards the lower level. The rig
 * is the coupled-tanks bench of control courses, with orifices wide enough to settle in seconds.
 */
import * as Noise from "./Noise.ts"

/** A tank with vertical walls: what comes above its rim is lost over it. In m2 and m. */
export interface Tank {
  readonly area: number
  readonly height: number
}

/** How an actuator follows its command: a first-order lag (s) and a limit of its rate (%/s). */
export interface Actuator {
  readonly lag: number
  readonly rateMax: number
}

/** The constants of the rig, in SI units unless a name says otherwise. */
export interface TankParameters {
  readonly tank1: Tank
  readonly tank2: Tank
  /** The flow of the pump at 100 %, in m3/s. */
  readonly pump: Actuator & { readonly flowMax: number }
  /** The opening between the tanks, in m2. */
  readonly couplingArea: number
  /** The opening of the drain valve at 100 %, in m2. */
  readonly valve: Actuator & { readonly area: number }
  /** Cd: the part of the ideal flow that passes a sharp-edged orifice; about 0.62 for water. */
  readonly dischargeCoefficient: number
  /** Standard deviation of the level sensors, in m. */
  readonly levelNoise: number
}

/** Two tanks of 3 L and 0.6 m, a pump of 2 L/s, sensors with 0.04 % of the span as noise. */
export const standard: TankParameters = {
  tank1: { area: 0.005, height: 0.6 },
  tank2: { area: 0.005, height: 0.6 },
  pump: { lag: 0.15, rateMax: 250, flowMax: 0.002 },
  couplingArea: 0.0015,
  valve: { lag: 0.2, rateMax: 100, area: 0.0012 },
  dischargeCoefficient: 0.62,
  levelNoise: 0.00025
}

/** Where the rig is. Volumes are counted since `empty`, in m3, so that water can be balanced. */
export interface TankState {
  /** Levels over the bottom, in m. */
  readonly level1: number
  readonly level2: number
  /** Where the actuators are, not what they were told; in %. */
  readonly pumpSpeed: number
  readonly valveOpening: number
  readonly pumped: number
  readonly drained: number
  readonly overflowed: number
  readonly noise: Noise.Noise
}

/** What the actuators are told, in %. Beyond 0 to 100 is limited; not a number counts as 0. */
export interface TankInputs {
  readonly pumpSpeed: number
  readonly valveOpening: number
}

/** What flows now, in m3/s; `coupling` is negative where it flows back into tank 1. */
export interface TankFlows {
  readonly pump: number
  readonly coupling: number
  readonly drain: number
}

/** The sensors' view of the levels, in m; never below 0. */
export interface TankLevels {
  readonly level1: number
  readonly level2: number
}

/** Standard gravity, in m/s2. */
export const gravity = 9.80665

/** The longest step of the integration, in s: a hundredth of the fastest time constant. */
export const substepMax = 0.002

/** A longer step counts as this long, in s: by then the water has found its level. */
export const stepSecondsMax = 600

/** Below this head (m) the orifice is taken as laminar: linear, with the same flow at the limit. */
export const laminarHead = 0.0005

/** Dry tanks, the pump off and the valve shut. */
export const empty = (seed: number): TankState => ({
  level1: 0,
  level2: 0,
  pumpSpeed: 0,
  valveOpening: 0,
  pumped: 0,
  drained: 0,
  overflowed: 0,
  noise: Noise.make(seed)
})

/** The water in both tanks, in m3. */
export const volume = (parameters: TankParameters, state: TankState): number =>
  parameters.tank1.area * state.level1 + parameters.tank2.area * state.level2

/** What flows through pump, coupling and drain in this state. */
export const flows = (parameters: TankParameters, state: TankState): TankFlows => {
  const cd = parameters.dischargeCoefficient
  const opening = parameters.valve.area * state.valveOpening / 100
  return {
    pump: parameters.pump.flowMax * state.pumpSpeed / 100,
    coupling: torricelli(cd * parameters.couplingArea, state.level1 - state.level2),
    drain: torricelli(cd * opening, state.level2)
  }
}

/**
 * The state `seconds` later with constant inputs, by explicit Euler steps of at most `substepMax`.
 * No water is made or lost but by pump, drain and overflow, and no level leaves its tank.
 */
export const step = (
  parameters: TankParameters,
  state: TankState,
  inputs: TankInputs,
  seconds: number
): TankState => {
  if (!(seconds > 0)) return state
  const bounded = Math.min(seconds, stepSecondsMax)
  const count = Math.ceil(bounded / substepMax)
  const told = { pumpSpeed: percent(inputs.pumpSpeed), valveOpening: percent(inputs.valveOpening) }
  let next = state
  for (let i = 0; i < count; i++) next = substep(parameters, next, told, bounded / count)
  return next
}

/** Reads both level sensors: the levels with noise, and the state with the noise drawn. */
export const measure = (
  parameters: TankParameters,
  state: TankState
): readonly [TankLevels, TankState] => {
  const [noise1, between] = Noise.gaussian(state.noise)
  const [noise2, noise] = Noise.gaussian(between)
  const sense = (level: number, draw: number) => Math.max(0, level + parameters.levelNoise * draw)
  return [
    { level1: sense(state.level1, noise1), level2: sense(state.level2, noise2) },
    { ...state, noise }
  ]
}

const substep = (
  parameters: TankParameters,
  state: TankState,
  inputs: TankInputs,
  dt: number
): TankState => {
  const { tank1, tank2 } = parameters
  const moved = {
    ...state,
    pumpSpeed: follow(parameters.pump, state.pumpSpeed, inputs.pumpSpeed, dt),
    valveOpening: follow(parameters.valve, state.valveOpening, inputs.valveOpening, dt)
  }
  const flow = flows(parameters, moved)
  const water1 = tank1.area * state.level1
  const water2 = tank2.area * state.level2
  // A tank gives at most what it holds, so that the balance is exact even as it runs dry.
  const coupled = Math.max(-water2, Math.min(water1, flow.coupling * dt))
  const drained = Math.min(water2 + Math.min(0, coupled), flow.drain * dt)
  const pumped = flow.pump * dt
  const level1 = (water1 + pumped - coupled) / tank1.area
  const level2 = (water2 + coupled - drained) / tank2.area
  const over = tank1.area * Math.max(0, level1 - tank1.height)
    + tank2.area * Math.max(0, level2 - tank2.height)
  return {
    ...moved,
    level1: Math.max(0, Math.min(tank1.height, level1)),
    level2: Math.max(0, Math.min(tank2.height, level2)),
    pumped: state.pumped + pumped,
    drained: state.drained + drained,
    overflowed: state.overflowed + over
  }
}

const torricelli = (area: number, head: number): number => {
  const size = Math.abs(head)
  return size < laminarHead
    ? area * Math.sqrt(2 * gravity / laminarHead) * head
    : area * Math.sqrt(2 * gravity * size) * Math.sign(head)
}

const follow = (actuator: Actuator, from: number, to: number, dt: number): number => {
  const wanted = (to - from) * (1 - Math.exp(-dt / actuator.lag))
  return from + Math.max(-actuator.rateMax * dt, Math.min(actuator.rateMax * dt, wanted))
}

const percent = (value: number): number =>
  Number.isFinite(value) ? Math.max(0, Math.min(100, value)) : 0
