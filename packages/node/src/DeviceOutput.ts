/** Where operators see what became of their operations: tables and lines, or JSON objects. */
import type { Reading } from "@plantd/core"
import { type NodeControl, Subscription } from "@plantd/hardware"
import { Clock, Effect } from "effect"
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
  /** What failed; a person is told on standard error. */
  readonly failed: (failure: DeviceFailure) => Effect.Effect<void>
}

/** An attribute was written. */
export interface Written {
  readonly device: string
  readonly attribute: string
  /** As it was given. */
  readonly value: string
}

/** A command was carried out. */
export interface Called {
  readonly device: string
  readonly command: string
  /** Absent where the command gives nothing. */
  readonly result?: unknown
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
    failed: ({ error, message, outcome }) =>
      line("error", { ...error, _tag: undefined, error: error._tag, outcome, message })
  }
}
