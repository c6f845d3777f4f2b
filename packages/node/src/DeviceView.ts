/** How a person is shown devices and their readings: pure, from what a node says to text. */
import type { Reading } from "@plantd/core"
import { type DeviceLifecycle, type NodeControl, Subscription } from "@plantd/hardware"
import * as TextTable from "./TextTable.ts"

/** Decimals that are shown of a number; `--json` gives all of them. */
const decimals = 6

/** The devices of a node; `now` is in milliseconds since 1970-01-01 UTC, as all times are. */
export const devices = (
  summaries: ReadonlyArray<NodeControl.DeviceSummary>,
  now: number
): ReadonlyArray<string> =>
  summaries.length === 0 ? ["this node offers no devices"] : TextTable.lines(
    [
      { title: "DEVICE" },
      { title: "TYPE" },
      { title: "LINK" },
      { title: "FOR", align: "right" },
      { title: "STATE" },
      { title: "ALARMS" },
      { title: "NOTE" }
    ],
    summaries.map((summary) => [
      summary.device,
      summary.type,
      summary.link?.state ?? "unknown",
      summary.link === undefined ? "" : age(now - summary.link.since),
      summary.state === undefined ? "" : qualified(summary.state),
      summary.alarms === undefined ? "" : alarmCount(summary.alarms),
      notes(summary, now).join("; ")
    ])
  )

const alarmCount = (
  { annunciated, severity, unacknowledged }: NodeControl.AlarmSummary
): string => {
  if (annunciated === 0) return ""
  const unseen = unacknowledged === 0 ? "" : `, ${unacknowledged} to acknowledge`
  return `${annunciated} (${severity ?? "none active"}${unseen})`
}

/** What an operator should know before commanding a device. */
const notes = (
  { lease, lifecycle, link, trouble }: NodeControl.DeviceSummary,
  now: number
): ReadonlyArray<string> => [
  ...trouble === undefined ? [] : [trouble],
  ...link?.reason === undefined ? [] : [link.reason],
  ...link?.hardware === undefined || link.hardware === "ok" ? [] : [`hardware ${link.hardware}`],
  ...lifecycle === undefined || lifecycle.state === "active" ? [] : [serviceNote(lifecycle)],
  ...lease === undefined
    ? []
    : [`operated by session ${lease.session} for ${age(lease.expiresAt - now)}`]
]

/** That a device is not in service, by whom and why. */
export const serviceNote = ({ by, reason, state }: DeviceLifecycle.Lifecycle): string =>
  (state === "inactive" ? "out of service" : state)
  + (by === undefined ? "" : ` by ${by}`)
  + (reason === undefined ? "" : `: ${reason}`)

const qualified = (reading: Reading.Reading): string =>
  reading.quality === "good"
    ? value(reading.value)
    : `${value(reading.value)} (${reading.quality})`

/** What is declared of a device. */
export const description = (detail: NodeControl.DeviceDetail): ReadonlyArray<string> => {
  const attributes = Object.entries(detail.attributes)
  const commands = Object.entries(detail.commands)
  const states = detail.states.length === 0 ? "" : `   states: ${detail.states.join(", ")}`
  return [
    `${detail.device}   ${detail.type}${states}`,
    ...section("attributes", attributeTable(attributes), attributes.length),
    ...section("commands", commandTable(commands), commands.length),
    ...section("alarms", alarmTable(detail.alarms), detail.alarms.length),
    ...section("interlocks", interlockTable(detail.interlocks), detail.interlocks.length)
  ]
}

const section = (
  title: string,
  table: ReadonlyArray<string>,
  count: number
): ReadonlyArray<string> => count === 0 ? [] : ["", title, ...table.map((line) => `  ${line}`)]

const attributeTable = (
  attributes: ReadonlyArray<readonly [string, NodeControl.AttributeDetail]>
) =>
  TextTable.lines(
    [
      { title: "NAME" },
      { title: "TYPE" },
      { title: "UNIT" },
      { title: "ACCESS" },
      { title: "VALUES" },
      { title: "DEADBAND", align: "right" },
      { title: "TOLERANCE", align: "right" },
      { title: "STALE AFTER", align: "right" }
    ],
    attributes.map(([name, attribute]) => [
      name,
      attribute.type,
      attribute.unit,
      attribute.access,
      attribute.range?.map((end) => value(end)).join(" to ") ?? attribute.values?.join(", ") ?? "",
      attribute.deadband === undefined ? "" : value(attribute.deadband),
      attribute.tolerance === undefined ? "" : value(attribute.tolerance),
      attribute.maxAgeMillis === undefined ? "" : age(attribute.maxAgeMillis)
    ])
  )

const commandTable = (
  commands: ReadonlyArray<readonly [string, NodeControl.CommandDetail]>
) =>
  TextTable.lines(
    [
      { title: "NAME" },
      { title: "ARGUMENTS" },
      { title: "EFFECT" },
      { title: "LANE" },
      { title: "ALLOWED IN" },
      { title: "TIMEOUT", align: "right" },
      { title: "SEEN BY" }
    ],
    commands.map(([name, command]) => [
      name,
      command.arguments.map(argument).join(", "),
      command.effect,
      command.lane,
      command.allowedIn?.join(", ") ?? "",
      age(command.timeoutMillis),
      command.verify ?? ""
    ])
  )

const alarmTable = (alarms: ReadonlyArray<NodeControl.AlarmDetail>) =>
  TextTable.lines(
    [
      { title: "NAME" },
      { title: "WHEN" },
      { title: "SEVERITY" },
      { title: "DELAY ON", align: "right" },
      { title: "DELAY OFF", align: "right" },
      { title: "PEOPLE" }
    ],
    alarms.flatMap((alarm) =>
      alarm.limits.map(({ severity, when }, index) => [
        index === 0 ? alarm.alarm : "",
        when,
        severity,
        index > 0 || alarm.onDelayMillis === 0 ? "" : age(alarm.onDelayMillis),
        index > 0 || alarm.offDelayMillis === 0 ? "" : age(alarm.offDelayMillis),
        index > 0 ? "" : people(alarm)
      ])
    )
  )

const people = ({ latching, needsAck }: NodeControl.AlarmDetail): string =>
  needsAck ? `must acknowledge${latching ? "; stays until then" : ""}` : ""

const interlockTable = (interlocks: ReadonlyArray<NodeControl.InterlockDetail>) =>
  TextTable.lines(
    [{ title: "NAME" }, { title: "WHILE" }, { title: "BLOCKS" }, { title: "THEN CALLS" }],
    interlocks.map(({ blocks, interlock, onTrip, when }) => [
      interlock,
      when,
      blocks.join(", "),
      onTrip ?? ""
    ])
  )

const argument = ({ name, optional, type }: NodeControl.Argument): string =>
  `${name}${optional ? "?" : ""}: ${type}`

/** Readings as a table. */
export const readings = (
  given: ReadonlyArray<Reading.Reading>,
  now: number
): ReadonlyArray<string> =>
  TextTable.lines(
    [
      { title: "ATTRIBUTE" },
      { title: "VALUE", align: "right" },
      { title: "UNIT" },
      { title: "QUALITY" },
      { title: "AGE", align: "right" },
      { title: "REASON" }
    ],
    given.map((reading) => [
      reading.attribute,
      value(reading.value),
      reading.unit,
      reading.quality,
      // Of what was never read, the time is when its actor began.
      reading.epoch === 0 ? "never" : age(now - reading.serverTime),
      reading.reason ?? ""
    ])
  )

/** A reading or a gap of a stream as one line. */
export const watched = (item: Reading.Reading | Subscription.Gap, now: number): string => {
  if (Subscription.isGap(item)) {
    const count = item.missing === 0 ? "some readings" : `${item.missing} readings or more`
    const cause = item.cause === "link" ? "they were lost on the way" : "they came too fast to show"
    return `${time(now)}  ${count} are missing here: ${cause}`
  }
  const unit = item.unit === "" ? "" : ` ${item.unit}`
  const reason = item.reason === undefined ? "" : `: ${item.reason}`
  return `${time(item.serverTime)}  ${item.attribute}  ${value(item.value)}${unit}`
    + `  ${item.quality}${reason}`
}

/** That a command was carried out, with its result. */
export const called = (
  { command, device, result }: {
    readonly device: string
    readonly command: string
    readonly result?: unknown
  }
): string =>
  `${device}: ${command} was carried out` + (result === undefined ? "" : `: ${value(result)}`)

/** A value; `-` where there is none. */
export const value = (given: unknown): string => {
  if (given === null || given === undefined) return "-"
  if (typeof given !== "number") return typeof given === "string" ? given : JSON.stringify(given)
  if (!Number.isFinite(given) || Number.isInteger(given)) return String(given)
  return Math.abs(given) < 10 ** -decimals
    ? String(Number(given.toPrecision(decimals)))
    : String(Number(given.toFixed(decimals)))
}

/** A span of milliseconds in the unit in which a person would tell it. */
export const age = (millis: number): string => {
  const seconds = Math.max(0, millis) / 1_000
  if (seconds < 1) return `${Math.round(Math.max(0, millis))} ms`
  if (seconds < 60) return `${Number(seconds.toFixed(1))} s`
  if (seconds < 3_600) return `${Number((seconds / 60).toFixed(1))} min`
  return seconds < 172_800
    ? `${Number((seconds / 3_600).toFixed(1))} h`
    : `${Number((seconds / 86_400).toFixed(1))} d`
}

/** The time of day, by the clock on the wall of who looks. */
export const time = (millis: number): string => {
  const date = new Date(millis)
  const pad = (part: number, digits = 2) => String(part).padStart(digits, "0")
  return `${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}`
    + `.${pad(date.getMilliseconds(), 3)}`
}
