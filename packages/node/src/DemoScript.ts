/** What happens in a demo, and when: pure, from the options to a list of acts. */

/** How a demo is to run. */
export interface DemoOptions {
  /** How long, in milliseconds; `undefined` until it is interrupted. */
  readonly forMillis: number | undefined
  /** Whether the tank process is killed, and started again, in the middle. */
  readonly chaos: boolean
}

/** Something that is done at a time after the start of the demo, in milliseconds. */
export type Act =
  | { readonly at: number; readonly _tag: "Setpoint"; readonly level: number }
  | { readonly at: number; readonly _tag: "Kill" }
  | { readonly at: number; readonly _tag: "Restart" }

/** The setpoint of the controlled level at the start, in m. */
export const firstSetpoint = 0.2

/** The setpoint that the operator chooses later, in m. */
export const secondSetpoint = 0.25

/** How long the tank process stays dead, in milliseconds. */
export const outageMillis = 3_000

/** The level error is judged over this last part of a demo, in milliseconds. */
export const judgedMillis = 5_000

/** The shortest demo with chaos in which there is time to recover, in milliseconds. */
export const chaosForMillisMin = 30_000

/** The first round of a demo without an end, and then each round, in milliseconds. */
const openRoundMillis = 60_000

/** The acts of a demo, in the order of their times. One without an end repeats them for an hour. */
export const acts = (options: DemoOptions): ReadonlyArray<Act> => {
  if (options.forMillis !== undefined) {
    return round({ ...options, start: 0, length: options.forMillis })
  }
  return Array.from(
    { length: 60 },
    (_, n) =>
      round({ ...options, start: n * openRoundMillis, length: openRoundMillis }).map((act): Act =>
        act._tag === "Setpoint" && n % 2 === 1 ? { ...act, level: firstSetpoint } : act
      )
  ).flat()
}

interface Round {
  readonly start: number
  readonly length: number
  readonly chaos: boolean
}

const round = ({ chaos, length, start }: Round): ReadonlyArray<Act> => {
  const setpoint: Act = { at: start + length * 0.2, _tag: "Setpoint", level: secondSetpoint }
  if (!chaos) return [setpoint]
  const kill = start + length * 0.35
  return [setpoint, { at: kill, _tag: "Kill" }, { at: kill + outageMillis, _tag: "Restart" }]
}
