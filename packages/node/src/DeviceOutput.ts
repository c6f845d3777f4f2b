/** Where operators see what became of their operations: tables and lines, or JSON objects. */
import type { Alarm, Reading } from "@plantd/core"
import {
  type CommandStatus,
  type DeviceLifecycle,
  type NodeControl,
  Subscription
} from "@plantd/hardware"
import { Clock, Effect } from "effect"
import * as AlarmView from "./AlarmView.ts"
import * as CommandView from "./CommandView.ts"
import type { DeviceFailure } from "./DeviceFailure.ts"
import * as DeviceView from "./DeviceView.ts"

/** Takes what a node answered. */
export interface DeviceOutput {
  readonly devices: (summaries: ReadonlyArray<NodeControl.DeviceSummary>) => Effect.Effect<void>
  readonly description: (detail: NodeControl.DeviceDetail) => Effect.Effect<void>
  readonly readings: (readings: ReadonlyArray<Reading.Reading>) => Effect.Effect<void>
  /** One of a stream. */
  readonly watched: (item: Reading.Reading | Subscription.Gap) => Effect.Effect<void>
  readonly written: (done: Written) => Effect.Effect<void>
  readonly called: (done: Called) => Effect.Effect<void>
  readonly alarms: (
    given: ReadonlyArray<NodeControl.AlarmsOfDevice>,
    options: { readonly all: boolean }
  ) => Effect.Effect<void>
  /** One alarm, or one of a stream. */
  readonly alarm: (device: string, alarm: Alarm.Instance) => Effect.Effect<void>
  readonly commands: (statuses: ReadonlyArray<CommandStatus.CommandStatus>) => Effect.Effect<void>
  /** One command, or one of a stream. */
  readonly command: (status: CommandStatus.CommandStatus) => Effect.Effect<void>
  /** A session operates a device until a time; without one, that of this session is given back. */
  readonly leased: (done: Leased) => Effect.Effect<void>
  readonly serviced: (device: string, lifecycle: DeviceLifecycle.Lifecycle) => Effect.Effect<void>
  /** What failed; a person is told on standard error. */
  readonly failed: (failure: DeviceFailure) => Effect.Effect<void>
}

/** An attribute was written. */
export interface Written {
  readonly device: string
  readonly attribute: string
  /** As it was given. */
  readonly value: string
  readonly commandId: string
}

/** A command was carried out. */
export interface Called {
  readonly device: string
  readonly command: string
  readonly commandId: string
  /** Absent where the command gives nothing. */
  readonly result?: unknown
}

/** Who operates a device now. */
export interface Leased {
  readonly device: string
  readonly session: string
  /** In milliseconds since 1970-01-01 UTC; absent where it was given back. */
  readonly expiresAt?: number
}

/** Writes text to standard output, or to what stands for it. */
export type Write = (text: string) => Effect.Effect<void>

/** For a person. */
export const text = (write: Write): DeviceOutput => {
  const lines = (view: (now: number) => ReadonlyArray<string>) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => write(`${view(now).join("\n")}\n`))
  return {
    devices: (summaries) => lines((now) => DeviceView.devices(summaries, now)),
    description: (detail) => lines(() => DeviceView.description(detail)),
    readings: (readings) => lines((now) => DeviceView.readings(readings, now)),
    watched: (item) => lines((now) => [DeviceView.watched(item, now)]),
    written: ({ attribute, device, value }) =>
      lines(() => [`${device}: ${attribute} was set to ${value}`]),
    called: (done) => lines(() => [DeviceView.called(done)]),
    alarms: (given, { all }) => lines((now) => AlarmView.alarms(given, { all, now })),
    alarm: (device, alarm) => lines((now) => [AlarmView.alarm(device, alarm, now)]),
    commands: (statuses) => lines((now) => CommandView.commands(statuses, now)),
    command: (status) => lines(() => [CommandView.command(status)]),
    leased: (done) => lines((now) => [CommandView.leased(done, now)]),
    serviced: (device, lifecycle) => lines(() => [CommandView.serviced(device, lifecycle)]),
    failed: () => Effect.void
  }
}

/** For programs: one JSON object a line; `type` says what it is. */
export const json = (write: Write): DeviceOutput => {
  const line = (type: string, body: object) => write(`${JSON.stringify({ type, ...body })}\n`)
  const each = <A>(items: ReadonlyArray<A>, tell: (item: A) => Effect.Effect<void>) =>
    Effect.forEach(items, tell, { discard: true })
  return {
    devices: (summaries) =>
      each(summaries, ({ type: deviceType, ...rest }) => line("device", { ...rest, deviceType })),
    description: ({ type: deviceType, ...rest }) => line("description", { ...rest, deviceType }),
    readings: (readings) => each(readings, (reading) => line("reading", reading)),
    watched: (item) => {
      if (!Subscription.isGap(item)) return line("reading", item)
      const { _tag, ...gap } = item
      return line("gap", gap)
    },
    written: (done) => line("written", done),
    called: (done) => line("called", done),
    alarms: (given, { all }) =>
      each(given, ({ alarms, device, trouble }) =>
        Effect.zipRight(
          each(
            alarms.filter((alarm) => all || AlarmView.isShown(alarm)),
            (alarm) => line("alarm", { device, ...alarm })
          ),
          trouble === undefined ? Effect.void : line("trouble", { device, trouble })
        )),
    alarm: (device, alarm) => line("alarm", { device, ...alarm }),
    commands: (statuses) => each(statuses, (status) => line("command", status)),
    command: (status) => line("command", status),
    leased: (done) => line("lease", done),
    serviced: (device, lifecycle) => line("service", { device, ...lifecycle }),
    failed: ({ commandId, error, message, outcome }) =>
      line("error", { commandId, ...error, _tag: undefined, error: error._tag, outcome, message })
  }
}
