/** What the places of a device say of an attribute, and what is written to them to set it. */
import { Either } from "effect"
import type { WriteRequest } from "./ModbusConnection.ts"
import type { Span } from "./ReadPlan.ts"
import type * as RegisterMap from "./RegisterMap.ts"
import * as RegisterValue from "./RegisterValue.ts"

/** A value of an attribute. */
export type Value = number | boolean | string

/** The places that an attribute is read from. */
export const spanOf = (entry: RegisterMap.Attribute): Span => ({
  table: entry.table,
  address: entry.address,
  count: entry.kind === "number" ? RegisterValue.wordsOf(entry.type) : 1
})

/**
 * The value of an attribute, its first place being `raw[at]`; the left side says why there is none,
 * though the device answered.
 */
export const decode = (
  entry: RegisterMap.Attribute,
  raw: ReadonlyArray<number>,
  at: number
): Either.Either<Value, string> => {
  const first = raw[at] ?? NaN
  switch (entry.kind) {
    case "number": {
      const value = RegisterValue.decode(entry, raw, at)
      return Number.isFinite(value) ? Either.right(value) : Either.left(`it holds ${value}`)
    }
    case "boolean":
      return Either.right(entry.bit === undefined ? first !== 0 : (first >> entry.bit & 1) === 1)
    case "enum": {
      const found = Object.entries(entry.values).find(([, code]) => (code & 0xffff) === first)
      return found === undefined
        ? Either.left(`it holds ${first}, which is none of ${codesOf(entry.values)}`)
        : Either.right(found[0])
    }
  }
}

/** The write that sets an attribute; the left side says why there is none. */
export const encode = (
  entry: RegisterMap.Attribute,
  value: Value
): Either.Either<WriteRequest, string> => {
  const { address } = entry
  const table = entry.table === "coil" ? "coil" : "holding"
  switch (entry.kind) {
    case "number":
      return Either.map(
        RegisterValue.encode(entry, Number(value)),
        (values) => ({ table, address, values })
      )
    case "boolean":
      return Either.right({ table, address, values: [value === true ? 1 : 0] })
    case "enum":
      return Either.map(
        codeOf(entry.values, String(value)),
        (code) => ({ table, address, values: [code & 0xffff] })
      )
  }
}

/** What a command writes, in order, as it is given; the left side says why there are none. */
export const encodeCommand = (
  command: RegisterMap.Command,
  payload: { readonly [name: string]: unknown }
): Either.Either<ReadonlyArray<WriteRequest>, string> =>
  Either.all(command.writes.map((write) => encodeWrite(write, command, payload)))

const encodeWrite = (
  write: RegisterMap.Write,
  command: RegisterMap.Command,
  payload: { readonly [name: string]: unknown }
): Either.Either<WriteRequest, string> => {
  const { address, from, table, value } = write
  const field = from === undefined ? undefined : command.payload[from]
  const given = from === undefined ? value : payload[from]
  if (table === "coil") return Either.right({ table, address, values: [given === true ? 1 : 0] })
  return Either.all({
    table: Either.right(table),
    address: Either.right(address),
    values: Either.flatMap(
      field?.kind === "enum" ? codeOf(field.values, String(given)) : Either.right(Number(given)),
      (number) => RegisterValue.encode(write, number)
    )
  })
}

const codeOf = (
  codes: { readonly [name: string]: number },
  word: string
): Either.Either<number, string> => {
  const code = Object.hasOwn(codes, word) ? codes[word] : undefined
  return code === undefined
    ? Either.left(`${JSON.stringify(word)} is none of ${codesOf(codes)}`)
    : Either.right(code)
}

const codesOf = (codes: { readonly [name: string]: number }): string =>
  Object.entries(codes).map(([word, code]) => `${word} (${code})`).join(", ")
