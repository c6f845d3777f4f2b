/** What is wrong with a register map whose fields are all well by themselves. */
import { Either } from "effect"
import { deviceOf } from "../ModbusDevice.ts"
import { holdsBits } from "../ReadPlan.ts"
import type * as RegisterMap from "../RegisterMap.ts"
import { encode, wordsOf } from "../RegisterValue.ts"

/** The most writes of one command. */
const writesMax = 16

/** The faults, each with its field; where there are none, those of the device that follows. */
export const faultsOf = (map: RegisterMap.RegisterMap): ReadonlyArray<string> => {
  const faults = [
    ...each("attributes", map.attributes, attributeFaults),
    ...each("commands", map.commands, commandFaults),
    ...silenceFaults(map)
  ]
  return faults.length > 0 ? faults : definitionFaults(map)
}

const each = <A>(
  section: string,
  entries: { readonly [name: string]: A },
  faults: (entry: A) => ReadonlyArray<string>
): ReadonlyArray<string> =>
  Object.entries(entries).flatMap(([name, entry]) =>
    faults(entry).map((fault) => `${section}.${name}.${fault}`)
  )

const attributeFaults = (entry: RegisterMap.Attribute): ReadonlyArray<string> => {
  const writable = entry.access === "read-write"
  const faults: Array<string> = []
  if (writable && (entry.table === "input" || entry.table === "discrete")) {
    faults.push(`access: ${entry.table} can only be read; holding and coil can be written`)
  }
  if (entry.kind === "boolean" && entry.bit !== undefined) {
    if (holdsBits(entry.table)) faults.push(`bit: ${entry.table} holds single bits`)
    if (writable) faults.push("bit: it cannot be written without writing the other bits")
  }
  if (entry.kind === "enum") faults.push(...codeFaults(entry.values))
  if (entry.kind === "number") {
    faults.push(...placeFaults(entry))
    if (writable) faults.push(...rangeFaults(entry, entry.range), ...readbackFaults(entry))
  }
  return faults
}

type Placed = Pick<RegisterMap.RegisterWrite, "address" | "type">

const placeFaults = ({ address, type }: Placed): ReadonlyArray<string> =>
  address + wordsOf(type) > 0x1_0000
    ? [`address: type ${type} takes two registers, and ${address} is the last one`]
    : []

const rangeFaults = (
  format: Parameters<typeof encode>[0],
  range: readonly [number, number] | undefined
): ReadonlyArray<string> =>
  (range ?? []).flatMap((end) =>
    Either.match(encode(format, end), {
      onLeft: (fault) => [`range: ${fault}`],
      onRight: () => []
    })
  )

// A float32 keeps the nearest that it can, and how near that is depends on the number.
const readbackFaults = (
  { range, tolerance, type }: RegisterMap.NumberAttribute
): ReadonlyArray<string> =>
  type === "float32" && range === undefined && tolerance === undefined
    ? ["tolerance: a float32 that can be written needs it, or a range, to be read back"]
    : []

const codeFaults = (codes: { readonly [name: string]: number }): ReadonlyArray<string> => {
  const numbers = Object.values(codes).map((code) => code & 0xffff)
  if (numbers.length === 0) return ["values: expected at least one"]
  return new Set(numbers).size === numbers.length ? [] : ["values: the same number twice"]
}

const commandFaults = (entry: RegisterMap.Command): ReadonlyArray<string> => {
  const { payload, writes } = entry
  if (writes.length === 0 || writes.length > writesMax) {
    return [`writes: expected 1 to ${writesMax}, got ${writes.length}`]
  }
  return [
    ...(entry.verify !== undefined && writes.length > 1
      ? ["verify: what shows one of several writes does not show the others"]
      : []),
    ...Object.entries(payload).flatMap(([name, field]) => [
      ...(field.kind === "enum" ? codeFaults(field.values) : []).map((fault) =>
        `payload.${name}.${fault}`
      ),
      ...(writes.some(({ from }) => from === name) ? [] : [`payload.${name}: no write uses it`])
    ]),
    ...writes.flatMap((write, n) =>
      writeFaults(write, payload).map((fault) => `writes.${n}.${fault}`)
    )
  ]
}

const writeFaults = (
  write: RegisterMap.Write,
  payload: RegisterMap.Command["payload"]
): ReadonlyArray<string> => {
  if ((write.value === undefined) === (write.from === undefined)) {
    return ["value: expected either value or from"]
  }
  const placed = write.table === "holding" ? placeFaults(write) : []
  if (write.from === undefined) return [...placed, ...valueFaults(write)]
  const field = Object.hasOwn(payload, write.from) ? payload[write.from] : undefined
  if (field === undefined) return [`from: the payload has no field ${JSON.stringify(write.from)}`]
  if ((write.table === "coil") !== (field.kind === "boolean")) {
    return [
      `from: ${write.from} is of kind ${field.kind}, which does not fit into table ${write.table}`
    ]
  }
  if (write.table === "coil") return placed
  if (field.kind === "number") return [...placed, ...rangeFaults(write, field.range)]
  return placed
}

const valueFaults = (write: RegisterMap.Write): ReadonlyArray<string> =>
  write.table === "coil" || write.value === undefined
    ? []
    : Either.match(encode(write, write.value), {
      onLeft: (fault) => [`value: ${fault}`],
      onRight: () => []
    })

const silenceFaults = ({ commands, onSilence }: RegisterMap.RegisterMap): ReadonlyArray<string> => {
  if (onSilence === undefined) return []
  const command = Object.hasOwn(commands, onSilence.command)
    ? commands[onSilence.command]
    : undefined
  const name = JSON.stringify(onSilence.command)
  if (command === undefined) return [`onSilence.command: there is no command ${name}`]
  return command.effect === "set" && Object.keys(command.payload).length === 0 ? [] : [
    `onSilence.command: ${name} may have to be repeated: expected effect set and no payload`
  ]
}

const definitionFaults = (map: RegisterMap.RegisterMap): ReadonlyArray<string> => {
  try {
    deviceOf(map)
    return []
  } catch (fault) {
    const text = fault instanceof Error ? fault.message : String(fault)
    return [text.replace(/^the definition of device ".*?": /, "")]
  }
}
