/** How a person is shown commands, and who operates a device: pure, to lines of text. */
import type { CommandStatus, DeviceLifecycle } from "@plantd/hardware"
import * as DeviceView from "./DeviceView.ts"
import * as TextTable from "./TextTable.ts"

/** Commands as a table, in the order that is given. */
export const commands = (
  statuses: ReadonlyArray<CommandStatus.CommandStatus>,
  now: number
): ReadonlyArray<string> =>
  statuses.length === 0
    ? ["no command was sent, as far as the journal goes back"]
    : TextTable.lines(
      [
        { title: "AGE", align: "right" },
        { title: "COMMAND ID" },
        { title: "COMMAND" },
        { title: "STATE" },
        { title: "SAID BY" },
        { title: "SESSION" },
        { title: "NOTE" }
      ],
      statuses.map((status) => [
        DeviceView.age(now - status.at),
        status.commandId,
        status.name,
        state(status),
        status.settledBy ?? "",
        status.session ?? "",
        note(status)
      ])
    )

/** One command as one line. */
export const command = (status: CommandStatus.CommandStatus): string => {
  const said = status.settledBy === undefined ? "" : ` (by ${status.settledBy})`
  const text = note(status)
  return `${DeviceView.time(status.at)}  ${status.device}  ${status.name}  ${status.commandId}`
    + `  ${state(status)}${said}${text === "" ? "" : `: ${text}`}`
}

const state = ({ progress, state }: CommandStatus.CommandStatus): string =>
  progress === undefined ? state : `${state} ${Math.round(progress * 100)} %`

const note = ({ detail, result }: CommandStatus.CommandStatus): string => {
  const given = result === undefined || result === null ? "" : DeviceView.value(result)
  return detail ?? given
}

/** Who operates a device. */
export const leased = (
  { device, expiresAt, session }: {
    readonly device: string
    readonly session: string
    readonly expiresAt?: number
  },
  now: number
): string =>
  expiresAt === undefined
    ? `${device}: session ${session} does not operate it any more`
    : `${device}: session ${session} operates it for ${DeviceView.age(expiresAt - now)}`

/** Whether a device is in service. */
export const serviced = (device: string, lifecycle: DeviceLifecycle.Lifecycle): string =>
  `${device}: ${lifecycle.state === "active" ? "in service" : DeviceView.serviceNote(lifecycle)}`
