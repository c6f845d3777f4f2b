/** What is counted and logged of the alarms of one device. */
import { Alarm, AlarmCondition, type AlarmMachine } from "@plantd/core"
import { Effect, Metric, MetricLabel, Runtime } from "effect"
import type { Definition } from "../DeviceAlarm.ts"
import type { Change } from "./alarmBoard.ts"
import type { Arrival } from "./attributeTable.ts"
import { LogLimiter } from "./logLimiter.ts"

const gauge = (name: string, description: string) =>
  Metric.gauge(`plantd_device_alarms_${name}`, { description })

const active = gauge("active", "Alarms that are active")
const unacknowledged = gauge("unacknowledged", "Alarms that wait to be acknowledged")
const shelved = gauge("shelved", "Alarms that are shelved")
const raisedTotal = Metric.counter("plantd_device_alarms_raised_total", {
  description: "Occurrences of alarms, by severity",
  incremental: true
})
/** Counts and logs what happens to alarms; lines of a kind are written now and then. */
export const alarmTeller = Effect.fnUntraced(function*(device: string, arrival: () => Arrival) {
  const runtime = yield* Effect.runtime()
  const logged = new LogLimiter()
  const labels = [MetricLabel.make("device", device)]
  const counts = { active: 0, unacknowledged: 0, shelved: 0 }
  const count = (instance: Alarm.Instance, by: 1 | -1) => {
    if (Alarm.isActive(instance.state)) counts.active += by
    if (instance.unacknowledged !== undefined) counts.unacknowledged += by
    if (instance.shelved !== undefined) counts.shelved += by
  }
  const publish = () => {
    active.unsafeUpdate(counts.active, labels)
    unacknowledged.unsafeUpdate(counts.unacknowledged, labels)
    shelved.unsafeUpdate(counts.shelved, labels)
  }
  const line = (kind: string, text: string, log: typeof Effect.logInfo): Effect.Effect<void> =>
    Effect.suspend(() => {
      const suppressed = logged.admit(kind, arrival().now)
      if (suppressed === undefined) return Effect.void
      const more = suppressed === 0 ? "" : ` (and ${suppressed} more of its kind)`
      return Effect.annotateLogs(log(text + more), { device })
    })
  return {
    warn: (kind: string, text: string) => line(kind, text, Effect.logWarning),
    begin: (instances: ReadonlyArray<Alarm.Instance>) => {
      for (const instance of instances) count(instance, 1)
      publish()
    },
    end: () => {
      for (const metric of [active, unacknowledged, shelved]) metric.unsafeUpdate(0, labels)
    },
    change: (change: Change) => {
      count(change.before, -1)
      count(change.instance, 1)
      publish()
      for (const event of change.events) {
        if (event._tag === "Raised") {
          const severity = MetricLabel.make("severity", event.level.severity)
          raisedTotal.unsafeUpdate(1, [...labels, severity])
        }
        const text = textOf(change, event)
        if (text === undefined) continue
        const { id } = change.definition
        const warns = event._tag === "Raised" || event._tag === "Escalated"
        const log = warns && change.instance.shelved === undefined
          ? Effect.logWarning
          : Effect.logInfo
        Runtime.runFork(runtime)(line(`${event._tag} ${id}`, `alarm ${id} ${text}`, log))
      }
    }
  }
})

const textOf = (
  { definition, instance }: Change,
  event: AlarmMachine.Event
): string | undefined => {
  switch (event._tag) {
    case "Raised":
    case "Escalated":
      return `is raised (${event.level.severity}): ${saying(definition, instance)}`
    case "Cleared":
      return "is cleared"
    case "Acknowledged":
      return `was acknowledged by ${event.acknowledged.by}`
    case "Shelved":
      return `was shelved by ${instance.shelved?.by ?? "someone"}`
    case "Unshelved":
      return event.by === undefined ? "is no longer shelved" : `was unshelved by ${event.by}`
    default:
      return undefined
  }
}

const saying = ({ condition }: Definition, { value }: Alarm.Instance): string =>
  condition._tag === "Reported"
    ? condition.text
    : `the value is ${String(value)}, and the limits are ${AlarmCondition.textOf(condition)}`
