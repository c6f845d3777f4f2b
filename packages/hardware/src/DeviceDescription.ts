/**
 * What a device is, as plain data: what a node and a device process must agree on before a session
 * stands, and what consoles show. How often readings are told is the node's affair and not in it.
 */
import { Command } from "@plantd/core"
import { Either, JSONSchema, ParseResult, Schema } from "effect"
import type { Attribute } from "./Attribute.ts"
import { unitOf } from "./Attribute.ts"
import type { Any as AnyCommand, PlainSchema } from "./DeviceCommand.ts"

const optional = <A, I>(schema: Schema.Schema<A, I>) => Schema.optionalWith(schema, { exact: true })

/** An attribute in a description. */
export const AttributeDescription = Schema.Struct({
  type: Schema.Literal("number", "boolean", "string"),
  unit: Schema.String,
  access: Schema.Literal("read", "read-write"),
  range: optional(Schema.Tuple(Schema.Number, Schema.Number)),
  values: optional(Schema.Array(Schema.String))
})
/** An attribute in a description. */
export type AttributeDescription = typeof AttributeDescription.Type

/** A command in a description; `payload` and `success` are JSON Schema, null where it has none. */
export const CommandDescription = Schema.Struct({
  payload: Schema.Unknown,
  success: Schema.Unknown,
  effect: Command.Effect,
  lane: Schema.Literal("ordinary", "emergency"),
  allowedIn: optional(Schema.Array(Schema.String))
})
/** A command in a description. */
export type CommandDescription = typeof CommandDescription.Type

/** What a device is: its type, attributes, commands and states. */
export const DeviceDescription = Schema.Struct({
  type: Schema.String,
  attributes: Schema.Record({ key: Schema.String, value: AttributeDescription }),
  commands: Schema.Record({ key: Schema.String, value: CommandDescription }),
  states: Schema.Array(Schema.String)
})
/** What a device is: its type, attributes, commands and states. */
export type DeviceDescription = typeof DeviceDescription.Type

/** The most differences that are named; the first ones are enough to find the cause. */
export const differencesMax = 5

/** The names of the attributes in the order of their indices on the wire: by UTF-16 code units. */
export const attributeOrder = (attributes: { readonly [name: string]: unknown }): Array<string> =>
  Object.keys(attributes).toSorted()

/** The description of a declared attribute. */
export const ofAttribute = (attribute: Attribute): AttributeDescription => ({
  type: attribute.type,
  unit: unitOf(attribute),
  access: attribute.access,
  ...(attribute.type === "number" && attribute.range !== undefined
    ? { range: attribute.range }
    : {}),
  ...(attribute.type === "string" && attribute.values !== undefined
    ? { values: attribute.values }
    : {})
})

/** The description of a declared command. Throws where a schema has no JSON Schema. */
export const ofCommand = (command: AnyCommand): CommandDescription => ({
  payload: command.takesPayload ? plainSchema(command.payload) : null,
  success: plainSchema(command.success),
  effect: command.effect,
  lane: command.lane,
  ...(command.allowedIn === undefined ? {} : { allowedIn: command.allowedIn })
})

/** A description from what a peer said, or what is wrong with it. */
export const decode = (value: unknown): Either.Either<DeviceDescription, string> =>
  Either.mapLeft(decodeDescription(value), (issue) => {
    const first = ParseResult.ArrayFormatter.formatIssueSync(issue)[0]
    return `${["description", ...first?.path ?? []].join(".")}: ${first?.message ?? "invalid"}`
  })

/**
 * Where two descriptions differ, the first few differences in order of the fields, each a sentence:
 * `attributes.flow.unit: the node says "L/s", the device says "m3/h"`. Empty where they agree.
 */
export const differences = (of: {
  readonly node: DeviceDescription
  readonly device: DeviceDescription
}): ReadonlyArray<string> => {
  const found: Array<string> = []
  compare(found, "", of.node, of.device)
  return found
}

const decodeDescription = ParseResult.decodeUnknownEither(DeviceDescription)

const compare = (found: Array<string>, path: string, node: unknown, device: unknown): void => {
  if (found.length >= differencesMax) return
  if (isNested(node) && isNested(device) && Array.isArray(node) === Array.isArray(device)) {
    const keys = [...new Set([...Object.keys(node), ...Object.keys(device)])].toSorted()
    for (const key of keys) {
      compare(found, path === "" ? key : `${path}.${key}`, own(node, key), own(device, key))
    }
    return
  }
  if (!Object.is(node, device)) {
    found.push(`${path}: the node says ${show(node)}, the device says ${show(device)}`)
  }
}

const isNested = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null

const own = (value: Record<string, unknown>, key: string): unknown =>
  Object.hasOwn(value, key) ? value[key] : undefined

const show = (value: unknown): string => {
  const text = JSON.stringify(value) as string | undefined
  if (text === undefined) return "nothing"
  return text.length <= 80 ? text : `${text.slice(0, 77)}...`
}

const plainSchema = (schema: PlainSchema): unknown => {
  const encoded = Schema.encodedSchema(schema)
  if (encoded.ast._tag === "VoidKeyword" || encoded.ast._tag === "UndefinedKeyword") return null
  const { $defs = {}, ...root } = JSONSchema.make(schema as Schema.Schema<unknown>)
  return inline(root, { definitions: $defs, within: [] })
}

// Left out: titles and references mean nothing to a driver in another language.
const annotations = new Set(["$schema", "$id", "title", "description", "examples", "default"])

interface Inlining {
  readonly definitions: Record<string, unknown>
  /** The references that are being resolved, to notice a recursion. */
  readonly within: ReadonlyArray<string>
}

const inline = (schema: unknown, of: Inlining): unknown => {
  if (Array.isArray(schema)) return schema.map((item) => inline(item, of))
  if (!isNested(schema)) return schema
  const reference = schema["$ref"]
  if (typeof reference === "string") {
    if (of.within.includes(reference)) {
      throw new TypeError("a recursive schema cannot be described")
    }
    const name = decodeURIComponent(reference.replace("#/$defs/", ""))
    return inline(of.definitions[name], { ...of, within: [...of.within, reference] })
  }
  return mapValues(
    schema,
    (item, key) => key === "properties" ? properties(item, of) : inline(item, of),
    (key) => !annotations.has(key)
  )
}

// The keys in here are names of the author's choice and no keywords.
const properties = (value: unknown, of: Inlining): unknown =>
  isNested(value) ? mapValues(value, (item) => inline(item, of), () => true) : value

const mapValues = (
  record: Record<string, unknown>,
  map: (value: unknown, key: string) => unknown,
  keep: (key: string) => boolean
): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(record).filter(([key]) => keep(key)).map(([key, item]) => [key, map(item, key)])
  )
