/** How a person is shown alarms: pure, from where they stand to lines of text. */
import { Alarm } from "@plantd/core"
import type { NodeControl } from "@plantd/hardware"
import * as DeviceView from "./DeviceView.ts"
import * as TextTable from "./TextTable.ts"

/** The alarms of some devices; those that are normal are left out, unless all are wanted. */
export const alarms = (
  given: ReadonlyArray<NodeControl.AlarmsOfDevice>,
  options: { readonly all: boolean; readonly now: number }
): ReadonlyArray<string> => {
  const { all, now } = options
  const rows = given.flatMap(({ alarms, device, trouble }) => [
    ...alarms.filter((alarm) => all || isShown(alarm)).map((alarm) => row(device, alarm, now)),
    ...trouble === undefined ? [] : [[device, "?", "unknown", "", "", "", "", trouble]]
  ])
  return rows.length === 0 ? ["no alarms"] : TextTable.lines(
    [
      { title: "DEVICE" },
      { title: "ALARM" },
      { title: "STATE" },
      { title: "SEVERITY" },
      { title: "VALUE", align: "right" },
      { title: "FOR", align: "right" },
      { title: "OCCURRENCE" },
      { title: "NOTE" }
    ],
    rows
  )
}

/** True where a person should know of it: it is not normal, or it is shelved and might be. */
export const isShown = ({ shelved, state }: Alarm.Instance): boolean =>
  state !== "normal" || shelved !== undefined

const row = (device: string, alarm: Alarm.Instance, now: number): ReadonlyArray<string> => {
  const since = Alarm.isActive(alarm.state) ? alarm.raisedAt : alarm.clearedAt
  return [
    device,
    alarm.alarm,
    alarm.state,
    Alarm.shownSeverity(alarm) ?? "",
    alarm.value === undefined ? "" : DeviceView.value(alarm.value),
    alarm.state === "normal" || since === undefined ? "" : DeviceView.age(now - since),
    alarm.state === "normal" ? "" : alarm.occurrenceId ?? "",
    notes(alarm, now).join("; ")
  ]
}

/** One alarm as one line. */
export const alarm = (device: string, given: Alarm.Instance, now: number): string => {
  const [, name, state, severity, value, , occurrence, note] = row(device, given, now)
  return [DeviceView.time(now), device, name, state, severity, value, occurrence, note]
    .filter((part) => part !== "")
    .join("  ")
}

const notes = (alarm: Alarm.Instance, now: number): ReadonlyArray<string> => [
  ...alarm.limit === undefined ? [] : [`limit ${alarm.limit}`],
  ...alarm.stale ? ["stale: nobody knows how it is now"] : [],
  ...alarm.acknowledged === undefined || alarm.state === "normal"
    ? []
    : [`acknowledged by ${alarm.acknowledged.by}`],
  ...alarm.shelved === undefined ? [] : [shelvedNote(alarm.shelved, now)]
]

const shelvedNote = ({ by, reason, until }: Alarm.Shelved, now: number): string =>
  `shelved by ${by} for ${DeviceView.age(until - now)}`
  + (reason === undefined ? "" : ` (${reason})`)
