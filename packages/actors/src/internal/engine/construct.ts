/** Makes a payload from what a caller passes: fields with constructor defaults are filled in. */
import { Schema } from "effect"

interface Makes {
  readonly make: (input: unknown, options: { readonly disableValidation: true }) => unknown
}

/** A constructor for the payloads of a schema; the identity where there is nothing to fill in. */
export const constructorOf = (schema: object): (input: unknown) => unknown => {
  if (!("fields" in schema) || !("make" in schema)) return identity
  const fields = Object.values(schema.fields as Schema.Struct.Fields)
  if ("identifier" in schema || fields.some(hasDefault)) {
    const { make } = schema as Makes
    return (input) => make.call(schema, input, { disableValidation: true })
  }
  return identity
}

const identity = (input: unknown): unknown => input

const hasDefault = (field: Schema.Struct.Field): boolean =>
  Schema.isPropertySignature(field) && "defaultValue" in field.ast
  && field.ast.defaultValue !== undefined
