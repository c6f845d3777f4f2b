/**
 * A discrete PID controller as a pure step: limited output, anti-windup by back-calculation, a
 * filtered derivative of the measurement and bumpless transfer.
 *
 * Source: K. J. Åström, R. M. Murray, "Feedback Systems", 2nd ed. 2021, chapter 11: two degrees of
 * freedom (11.1), back-calculation against windup (11.4), the discrete algorithm (11.5).
 */

/** The tuning. Units: `u` of the output, `y` of the measurement. */
export interface PidSettings {
  /** Proportional gain, in u/y. */
  readonly gain: number
  /** Ti, in s; `Infinity` turns the integral off. */
  readonly integralTime: number
  /** Td, in s; 0 turns the derivative off. */
  readonly derivativeTime: number
  /** N: the derivative is filtered with the time constant Td / N; commonly 2 to 20. */
  readonly derivativeFilter: number
  /** b, 0 to 1: the part of a setpoint's step that the proportional term sees. */
  readonly setpointWeight: number
  /** Tt, in s: how fast the integral gives back what the limits did not let through. */
  readonly trackingTime: number
  readonly outputMin: number
  readonly outputMax: number
}

/** What the controller remembers between two steps. */
export interface PidState {
  /** The integral term, in u. */
  readonly integral: number
  /** The filtered derivative term, in u. */
  readonly derivative: number
  /** The measurement of the step before, in y; without one the derivative waits a step. */
  readonly measurement: number | undefined
}

/** One step's input: `seconds` have passed since the step before. */
export interface PidInput {
  readonly setpoint: number
  readonly measurement: number
  readonly seconds: number
}

/** One step's result: the output is always within the limits. */
export interface PidStep {
  readonly output: number
  readonly state: PidState
}

/** A controller that has seen nothing yet. */
export const initial: PidState = { integral: 0, derivative: 0, measurement: undefined }

/** The controller's answer to a measurement, and what it remembers of it. */
export const step = (settings: PidSettings, state: PidState, input: PidInput): PidStep => {
  const derivative = derivativeTerm(settings, state, input)
  const wanted = proportionalTerm(settings, input) + state.integral + derivative
  const output = limit(settings, wanted)
  const error = input.setpoint - input.measurement
  const grown = settings.gain * error * input.seconds / settings.integralTime
  // Not more than the whole excess is given back, however long the step was.
  const back = (output - wanted) * Math.min(1, input.seconds / settings.trackingTime)
  return {
    output,
    state: { integral: state.integral + grown + back, derivative, measurement: input.measurement }
  }
}

/**
 * The state from which the next step answers the same setpoint and measurement with `output`: for
 * taking over from an operator, a restart or an outage without a jump of the actuator.
 */
export const takeOver = (
  settings: PidSettings,
  from: { readonly setpoint: number; readonly measurement: number; readonly output: number }
): PidState => ({
  integral: limit(settings, from.output) - proportionalTerm(settings, from),
  derivative: 0,
  measurement: from.measurement
})

const proportionalTerm = (
  settings: PidSettings,
  at: { readonly setpoint: number; readonly measurement: number }
): number => settings.gain * (settings.setpointWeight * at.setpoint - at.measurement)

const derivativeTerm = (settings: PidSettings, state: PidState, input: PidInput): number => {
  if (state.measurement === undefined || settings.derivativeTime === 0) return 0
  const filter = settings.derivativeTime / settings.derivativeFilter
  const change = input.measurement - state.measurement
  return (filter * state.derivative - settings.gain * settings.derivativeTime * change)
    / (filter + input.seconds)
}

const limit = (settings: PidSettings, output: number): number =>
  Math.max(settings.outputMin, Math.min(settings.outputMax, output))
