/** The device that a register map describes: the same definition for its driver and for nodes. */
import { Attribute, Command, Device, type DeviceDefinition } from "@plantd/hardware"
import { Duration, Schema } from "effect"
import type * as RegisterMap from "./RegisterMap.ts"
import { resolutionOf } from "./RegisterValue.ts"

/** What a node must know of each device: the endpoints of its driver. */
export const Config = Schema.Struct({ commands: Schema.String, telemetry: Schema.String })

type ModbusCommand = Command.DeviceCommand<Command.PlainSchema, Command.PlainSchema, never>

/** A type of device whose members are known when the program runs. */
export type ModbusDevice = Device.Device<
  string,
  DeviceDefinition.Attributes,
  { readonly [name: string]: ModbusCommand },
  never,
  typeof Config
>

/**
 * The definition that follows from a map. A node and a driver with the same map agree. Throws a
 * `TypeError` where a name is none; `RegisterMap.parse` has looked for that already.
 */
export const deviceOf = (map: RegisterMap.RegisterMap): ModbusDevice =>
  Device.make(map.type, {
    config: Config,
    attributes: mapValues(map.attributes, (entry) => attributeOf(entry, map)),
    commands: mapValues(map.commands, (entry) => commandOf(entry, map))
  })

type Timing = Pick<RegisterMap.RegisterMap, "requestTimeoutMillis">

const attributeOf = (
  entry: RegisterMap.Attribute,
  { requestTimeoutMillis }: Timing
): Attribute.Attribute => {
  const options = {
    access: entry.access,
    // What was given up by the driver may act for so long: see the README.
    settle: Duration.millis(entry.settleMillis ?? requestTimeoutMillis),
    ...(entry.maxAgeMillis === undefined ? {} : { maxAge: Duration.millis(entry.maxAgeMillis) })
  }
  switch (entry.kind) {
    case "number":
      return Attribute.number({
        ...options,
        unit: entry.unit,
        tolerance: toleranceOf(entry),
        ...(entry.range === undefined ? {} : { range: entry.range }),
        ...(entry.deadband === undefined ? {} : { deadband: { absolute: entry.deadband } })
      })
    case "boolean":
      return Attribute.boolean(options)
    case "enum":
      return Attribute.string({ ...options, values: Object.keys(entry.values) })
  }
}

const toleranceOf = ({ range, tolerance, ...format }: RegisterMap.NumberAttribute): number =>
  tolerance ?? resolutionOf(format, Math.max(...(range ?? [0]).map(Math.abs)))

const commandOf = (
  { verify, ...entry }: RegisterMap.Command,
  { requestTimeoutMillis }: Timing
): ModbusCommand =>
  Command.make({
    effect: entry.effect,
    lane: entry.lane,
    payload: mapValues(entry.payload, fieldOf),
    ...(entry.timeoutMillis === undefined ? {} : { timeout: Duration.millis(entry.timeoutMillis) }),
    ...(verify === undefined ? {} : {
      verify: {
        attribute: verify.attribute,
        equals: verify.equals,
        within: Duration.millis(
          verify.withinMillis ?? Math.max(Command.verifyMillisDefault, requestTimeoutMillis)
        )
      }
    })
  })

const fieldOf = (field: RegisterMap.PayloadField): Command.PlainSchema => {
  switch (field.kind) {
    case "number":
      return field.range === undefined
        ? Schema.Finite
        : Schema.Finite.pipe(Schema.between(...field.range))
    case "boolean":
      return Schema.Boolean
    case "enum":
      return Schema.Literal(...Object.keys(field.values))
  }
}

const mapValues = <A, B>(
  record: { readonly [name: string]: A },
  map: (value: A) => B
): { readonly [name: string]: B } =>
  Object.fromEntries(Object.entries(record).map(([name, value]) => [name, map(value)]))
