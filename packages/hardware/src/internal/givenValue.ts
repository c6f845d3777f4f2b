/** What people write on a command line, as the values that attributes and commands take. */
import { Either, ParseResult, Schema, type SchemaAST } from "effect"
import type { Attribute } from "../Attribute.ts"
import type { DeviceCommand } from "../DeviceCommand.ts"
import type { Argument, Given } from "../NodeControl.ts"
import { nameOf } from "./nameOf.ts"

const number = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i

const truths: Readonly<Record<string, boolean>> = { true: true, on: true, false: false, off: false }

/** The value that is to be written to an attribute, or what was expected instead. */
export const attributeValue = (
  attribute: Attribute,
  given: Given
): Either.Either<unknown, string> => {
  if (!("text" in given)) return Either.right(given.value)
  const { text } = given
  const expected = (what: string) => Either.left(`expected ${what}, got ${nameOf(text)}`)
  switch (attribute.type) {
    case "string":
      return Either.right(text)
    case "boolean": {
      const value = Object.hasOwn(truths, text) ? truths[text] : undefined
      return value === undefined ? expected("true or false (or on, off)") : Either.right(value)
    }
    case "number":
      return number.test(text)
        ? Either.right(Number(text))
        : expected(`a number${attribute.unit === "" ? "" : ` in ${attribute.unit}, without it`}`)
  }
}

/** The fields of what a command is given, as they are declared. */
export const argumentsOf = (command: DeviceCommand): ReadonlyArray<Argument> =>
  fieldsOf(command).map(({ isOptional, name, type }) => ({
    name: String(name),
    type: String(type),
    optional: isOptional
  }))

/** The encoded payload that texts stand for, field by field; what does not fit is told later. */
export const payloadOf = (
  command: DeviceCommand,
  texts: { readonly [name: string]: string }
): { readonly [name: string]: unknown } => {
  const types = new Map(fieldsOf(command).map(({ name, type }) => [String(name), type]))
  return Object.fromEntries(
    Object.entries(texts).map(([name, text]) => [name, fieldValue(types.get(name), text)])
  )
}

const fieldsOf = (command: DeviceCommand): ReadonlyArray<SchemaAST.PropertySignature> => {
  const { ast } = Schema.encodedSchema(command.payload)
  return ast._tag === "TypeLiteral" ? ast.propertySignatures : []
}

// A text is taken as it is where a text is wanted; else it is read as JSON.
const fieldValue = (type: SchemaAST.AST | undefined, text: string): unknown => {
  if (type === undefined) return text
  const fits = ParseResult.is(Schema.make<unknown>(type))
  if (fits(text)) return text
  if (Object.hasOwn(truths, text) && fits(truths[text])) return truths[text]
  if (number.test(text)) return Number(text)
  try {
    return JSON.parse(text) as unknown
  } catch {
    return text
  }
}
