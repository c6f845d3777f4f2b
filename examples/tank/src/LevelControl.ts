/**
 * The decisions of the level controller as plain steps: which reading is acted on, what the pump is
 * told, when it is told nothing, and how control is taken up again without a jump.
 *
 * Nothing is ever told blind: a level or, when taking over, a pump speed that is not `good` holds.
 * Control is taken up from where the pump is, at the start as after a hold or a failed write.
 */
import { type Quality, Reading } from "@plantd/core"
import { Schema } from "effect"
import * as Pid from "./Pid.ts"

/** What the controller is set to. */
export interface LevelControlSettings {
  readonly pid: Pid.PidSettings
  /** The setpoints an operator may choose, in m. */
  readonly setpointMin: number
  readonly setpointMax: number
  /** A longer gap between two readings counts as this long, in ms. */
  readonly stepMillisMax: number
}

/**
 * Gains in % per m, found by simulation of the standard rig: the level settles within about 5 s,
 * and stays stable with the valve from 30 to 80 % and 0.3 s of dead time in the loop. The highest
 * setpoint keeps tank 1, which stands higher while water flows, below its rim.
 */
export const standard: LevelControlSettings = {
  pid: {
    gain: 800,
    integralTime: 1.5,
    derivativeTime: 0.15,
    derivativeFilter: 5,
    setpointWeight: 0.6,
    trackingTime: 0.5,
    outputMin: 0,
    outputMax: 100
  },
  setpointMin: 0.05,
  setpointMax: 0.35,
  stepMillisMax: 1_000
}

/** `waiting` before the first good reading, `holding` while the level must not be acted on. */
export const Mode = Schema.Literal("waiting", "controlling", "holding")
/** What a controller does. */
export type Mode = typeof Mode.Type

/** Where the controller is. Counters count since its start. */
export interface LevelControl {
  /** In m. */
  readonly setpoint: number
  readonly mode: Mode
  /** Why the pump is told nothing; absent while controlling. */
  readonly reason: string | undefined
  readonly pid: Pid.PidState
  /** False where the next step takes over from the measured pump speed. */
  readonly engaged: boolean
  /** The newest readings; absent before the first. */
  readonly level: Reading.Reading | undefined
  readonly pump: Reading.Reading | undefined
  /** The reading that the last step acted on. */
  readonly stepped: Reading.Reading | undefined
  /** How often control was given up for want of a good reading. */
  readonly holds: number
  /** Level readings that were not acted on because they, or the pump's speed, were not good. */
  readonly blindWritesAvoided: number
}

/** What follows from a reading: tell the pump a speed (%), or nothing. */
export type Decision =
  | { readonly _tag: "Write"; readonly pumpSpeed: number }
  | { readonly _tag: "Hold"; readonly reason: string }
  | { readonly _tag: "Ignore" }

const ignore: Decision = { _tag: "Ignore" }

/** A controller that has seen nothing yet. */
export const make = (setpoint: number): LevelControl => ({
  setpoint,
  mode: "waiting",
  reason: "no reading yet",
  pid: Pid.initial,
  engaged: false,
  level: undefined,
  pump: undefined,
  stepped: undefined,
  holds: 0,
  blindWritesAvoided: 0
})

/** True where an operator may choose this setpoint; false for what is not a number. */
export const allows = (settings: LevelControlSettings, setpoint: number): boolean =>
  setpoint >= settings.setpointMin && setpoint <= settings.setpointMax

/** The controller with another setpoint; the next reading answers it, by the tuning and bounded. */
export const withSetpoint = (control: LevelControl, setpoint: number): LevelControl => ({
  ...control,
  setpoint
})

/** The controller after a reading of the pump's speed. */
export const onPump = (control: LevelControl, pump: Reading.Reading): LevelControl => ({
  ...control,
  pump
})

/** The controller after a reading of the level, and what the pump is told for it. */
export const onLevel = (
  settings: LevelControlSettings,
  control: LevelControl,
  level: Reading.Reading
): readonly [LevelControl, Decision] => {
  const seen = { ...control, level }
  const blind = notActionable("level", level)
  if (blind !== undefined) return hold(seen, blind)
  if (isOld(control.stepped, level)) return [seen, ignore]
  const measurement = level.value as number
  if (control.engaged) {
    return controlled(settings, seen, control.pid, {
      measurement,
      seconds: secondsBetween(settings, control.stepped, level)
    })
  }
  const unknown = notActionable("pump speed", control.pump)
  if (unknown !== undefined) return hold(seen, unknown)
  const output = control.pump?.value as number
  const pid = Pid.takeOver(settings.pid, { setpoint: control.setpoint, measurement, output })
  return controlled(settings, seen, pid, { measurement, seconds: 0 })
}

/**
 * The controller after a write that did not succeed for certain: where the pump is now is unknown,
 * so that the next step takes over from its measured speed.
 */
export const onWriteFailed = (control: LevelControl): LevelControl => ({
  ...control,
  engaged: false
})

/** The controller after its readings ended, as when the device's actor restarts. */
export const onReadingsLost = (control: LevelControl, reason: string): LevelControl => ({
  ...holding(control, reason),
  level: undefined,
  pump: undefined
})

const controlled = (
  settings: LevelControlSettings,
  control: LevelControl,
  pid: Pid.PidState,
  at: { readonly measurement: number; readonly seconds: number }
): readonly [LevelControl, Decision] => {
  const next = Pid.step(settings.pid, pid, { ...at, setpoint: control.setpoint })
  return [
    {
      ...control,
      mode: "controlling",
      reason: undefined,
      pid: next.state,
      engaged: true,
      stepped: control.level
    },
    { _tag: "Write", pumpSpeed: next.output }
  ]
}

const hold = (control: LevelControl, reason: string): readonly [LevelControl, Decision] => [
  { ...holding(control, reason), blindWritesAvoided: control.blindWritesAvoided + 1 },
  { _tag: "Hold", reason }
]

const holding = (control: LevelControl, reason: string): LevelControl => ({
  ...control,
  mode: control.mode === "waiting" ? "waiting" : "holding",
  reason,
  engaged: false,
  holds: control.mode === "controlling" ? control.holds + 1 : control.holds
})

const notActionable = (name: string, reading: Reading.Reading | undefined): string | undefined => {
  if (reading === undefined) return `no reading of the ${name} yet`
  if (reading.quality !== "good") return `the ${name} is ${describe(reading.quality, reading)}`
  return Number.isFinite(reading.value) ? undefined : `the ${name} is not a number`
}

const describe = (quality: Quality.Quality, reading: Reading.Reading): string =>
  reading.reason === undefined ? quality : `${quality} (${reading.reason})`

const isOld = (last: Reading.Reading | undefined, next: Reading.Reading): boolean =>
  last !== undefined && Reading.compare(next, last) <= 0

// The device's own clock tells best when it measured, but it may start anew with its epoch.
const secondsBetween = (
  settings: LevelControlSettings,
  last: Reading.Reading | undefined,
  next: Reading.Reading
): number => {
  if (last === undefined) return 0
  const millis = last.epoch === next.epoch && last.sourceTime !== undefined
      && next.sourceTime !== undefined
    ? next.sourceTime - last.sourceTime
    : next.serverTime - last.serverTime
  return Math.max(0, Math.min(settings.stepMillisMax, millis)) / 1_000
}
