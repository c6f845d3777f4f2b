/** What a node tells of its devices: how each is at a glance, and all that is declared of it. */
import { Alarm, type AlarmCondition } from "@plantd/core"
import { Duration, Effect } from "effect"
import { type Attribute, maxAgeMillis } from "../Attribute.ts"
import type * as DeviceAlarm from "../DeviceAlarm.ts"
import type { DeviceCommand, Verify } from "../DeviceCommand.ts"
import { stateAttribute } from "../DeviceDefinition.ts"
import * as Interlock from "../Interlock.ts"
import type * as Control from "../NodeControl.ts"
import type { Place } from "./controlPlaces.ts"
import { argumentsOf } from "./givenValue.ts"

/** How long a list waits for a device that says nothing, in milliseconds. */
const listTimeoutMillis = 2_000

/** How many devices are asked at a time for a list. */
export const listConcurrency = 16

/** How a device is now. One that does not say is told of with the reason. */
export const summary = (
  { client, definition, id }: Place
): Effect.Effect<Control.DeviceSummary> => {
  const of = { device: id, type: definition.name }
  const { alarms, lease, lifecycle, link, snapshot } = client
  return Effect.all([link, snapshot, lifecycle.state, lease.holder, alarms.list], {
    concurrency: "unbounded"
  }).pipe(
    Effect.map(([link, readings, lifecycle, lease, alarms]) => {
      const state = definition.states.length === 0 ? undefined : readings[stateAttribute]
      return {
        ...of,
        link,
        lifecycle,
        alarms: alarmSummary(alarms),
        ...state === undefined ? {} : { state },
        ...lease === undefined ? {} : { lease }
      }
    }),
    soon,
    Effect.catchAll((error) => Effect.succeed({ ...of, trouble: error.message }))
  )
}

/** Where each alarm of a device stands; or why its actor does not say. */
export const alarmsOf = ({ client, id }: Place): Effect.Effect<Control.AlarmsOfDevice> =>
  client.alarms.list.pipe(
    Effect.map((alarms) => ({ device: id, alarms })),
    soon,
    Effect.catchAll((error) => Effect.succeed({ device: id, alarms: [], trouble: error.message }))
  )

const soon = Effect.timeoutFail({
  duration: listTimeoutMillis,
  onTimeout: () => new Error(`its actor said nothing within ${listTimeoutMillis} ms`)
})

const alarmSummary = (alarms: ReadonlyArray<Alarm.Instance>): Control.AlarmSummary => {
  const shown = alarms.filter(Alarm.isAnnunciated)
  const severity = shown.map(Alarm.shownSeverity).reduce(Alarm.gravest, undefined)
  return {
    annunciated: shown.length,
    unacknowledged: shown.filter(({ state }) => Alarm.needsAcknowledgement(state)).length,
    ...severity === undefined ? {} : { severity }
  }
}

/** All that is declared of a device. */
export const describe = ({ definition, id }: Place): Control.DeviceDetail => {
  const { alarms, attributes, commands, description, interlocks, name, states } = definition
  return {
    device: id,
    type: name,
    states,
    attributes: mapValues(attributes, (attribute, key) => ({
      ...description.attributes[key]!,
      ...attributeDetail(attribute)
    })),
    commands: mapValues(commands, (command, key) => ({
      ...description.commands[key]!,
      ...commandDetail(command)
    })),
    alarms: alarms.map(alarmDetail),
    interlocks: interlocks.map(({ blocks, id, onTrip, when }) => ({
      interlock: id,
      when: Interlock.describe(when),
      blocks,
      ...onTrip === undefined ? {} : { onTrip }
    }))
  }
}

const attributeDetail = (attribute: Attribute) => {
  const maxAge = maxAgeMillis(attribute)
  const { deadband, tolerance } = attribute.type === "number"
    ? attribute
    : { deadband: undefined, tolerance: undefined }
  return {
    ...maxAge === Infinity ? {} : { maxAgeMillis: maxAge },
    ...deadband === undefined ? {} : { deadband: deadband.absolute },
    ...tolerance === undefined ? {} : { tolerance },
    ...attribute.settle === undefined ? {} : { settleMillis: Duration.toMillis(attribute.settle) }
  }
}

const commandDetail = (command: DeviceCommand) => ({
  arguments: argumentsOf(command),
  timeoutMillis: Duration.toMillis(command.timeout),
  ...command.verify === undefined ? {} : { verify: verifyText(command.verify) }
})

const verifyText = ({ attribute, equals }: Verify): string =>
  `${attribute} is ${(Array.isArray(equals) ? equals : [equals]).map(String).join(" or ")}`

const alarmDetail = (alarm: DeviceAlarm.Definition): Control.AlarmDetail => ({
  alarm: alarm.id,
  ...alarm.attribute === undefined ? {} : { attribute: alarm.attribute },
  limits: alarm.condition.levels.map(({ limit, severity }, index) => ({
    limit,
    when: conditionText(alarm.condition, index),
    severity
  })),
  onDelayMillis: alarm.onDelay,
  offDelayMillis: alarm.offDelay,
  latching: alarm.latching,
  needsAck: alarm.needsAck
})

const conditionText = (condition: AlarmCondition.Condition, index: number): string => {
  switch (condition._tag) {
    case "High":
    case "Low": {
      const sign = condition._tag === "High" ? ">=" : "<="
      return `${sign} ${condition.levels[index]?.at} ${condition.unit}`.trimEnd()
    }
    case "Equals":
      return `is ${condition.values.map(String).join(" or ")}`
    case "Reported":
      return condition.text
  }
}

const mapValues = <A, B>(
  record: { readonly [name: string]: A },
  map: (value: A, name: string) => B
): { readonly [name: string]: B } =>
  Object.fromEntries(Object.entries(record).map(([name, value]) => [name, map(value, name)]))
