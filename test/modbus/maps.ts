/** A register map for tests, and ways to change it. */
import { RegisterMap } from "@plantd/example-modbus"
import { Either } from "effect"

const flow = {
  kind: "number",
  table: "input",
  address: 0,
  type: "uint16",
  scale: 0.01,
  unit: "L/s",
  range: [0, 10],
  deadband: 0.02,
  maxAgeMillis: 3_000
}
const speed = {
  kind: "number",
  table: "holding",
  address: 0,
  type: "uint16",
  unit: "rpm",
  access: "read-write",
  range: [0, 3_000]
}
const mode = {
  kind: "enum",
  table: "holding",
  address: 1,
  values: { off: 0, manual: 1, reverse: -1 },
  access: "read-write"
}
const running = { kind: "boolean", table: "coil", address: 0, access: "read-write" }
const alarm = { kind: "boolean", table: "holding", address: 4, bit: 3 }
const odd = { kind: "number", table: "input", address: 40, type: "float32" }

const stop = {
  effect: "set",
  lane: "emergency",
  writes: [
    { table: "coil", address: 0, value: false },
    { table: "holding", address: 0, value: 0 }
  ]
}
const dose = {
  effect: "pulse",
  timeoutMillis: 2_000,
  payload: {
    liters: { kind: "number", range: [1, 500] },
    into: { kind: "enum", values: { tank: 7, drain: 8 } },
    gently: { kind: "boolean" }
  },
  writes: [
    { table: "holding", address: 11, from: "into" },
    { table: "coil", address: 2, from: "gently" },
    { table: "holding", address: 10, type: "uint16", scale: 0.5, from: "liters" }
  ]
}

/** The fields of the map, as its JSON has them. */
export const pumpFields = {
  device: "p-1",
  type: "Pump",
  host: "plc.example",
  port: 5020,
  unitId: 1,
  pollMillis: 500,
  requestTimeoutMillis: 1_000,
  connectTimeoutMillis: 2_000,
  attributes: { flow, speed, mode, running, alarm, odd },
  commands: { stop, dose },
  onSilence: { afterMillis: 5_000, command: "stop" }
}

/** The map as JSON, with some fields changed; `undefined` takes one away. */
export const pumpJson = (change: object = {}): string =>
  JSON.stringify({ ...pumpFields, ...change })

/** The map, read, with some fields changed. */
export const pumpMap = (change: object = {}): RegisterMap.RegisterMap =>
  Either.getOrThrow(RegisterMap.parse(pumpJson(change), "pump.json"))

/** The map's attributes with one of them changed. */
export const withAttribute = (name: keyof typeof pumpFields.attributes, change: object) => ({
  attributes: {
    ...pumpFields.attributes,
    [name]: { ...pumpFields.attributes[name], ...change }
  }
})

/** The map's commands with one of them changed, which nothing runs by itself. */
export const withCommand = (name: keyof typeof pumpFields.commands, change: object) => ({
  commands: { ...pumpFields.commands, [name]: { ...pumpFields.commands[name], ...change } },
  onSilence: undefined
})
