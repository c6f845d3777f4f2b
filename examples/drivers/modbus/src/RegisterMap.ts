/**
 * The register map: what a Modbus device has and can do, as configuration. It is checked whole
 * before anything is opened, and each fault names its field.
 */
import * as FileSystem from "@effect/platform/FileSystem"
import { Identifier } from "@plantd/core"
import { Effect, Either, ParseResult, Schema } from "effect"
import { faultsOf } from "./internal/mapFaults.ts"

/** What a field of the map has to be, in words that fault messages use. */
const means = <A, I>(schema: Schema.Schema<A, I>, expected: string): Schema.Schema<A, I> =>
  schema.annotations({
    message: ({ actual }) => ({
      message: `expected ${expected}, got ${JSON.stringify(actual)}`,
      override: true
    })
  })

/** The same for what has fields of its own, whose faults are told by them. */
const shaped = <S extends Schema.Schema.Any>(schema: S, expected: string): S =>
  schema.annotations({
    message: ({ actual }) => `expected ${expected}, got ${JSON.stringify(actual)}`
  }) as S

const named = <A, I>(value: Schema.Schema<A, I>, expected: string) =>
  shaped(Schema.Record({ key: Schema.String, value }), `${expected} by their names`)

const oneOf = <const L extends ReadonlyArray<string>>(...words: L): Schema.Schema<L[number]> =>
  means(Schema.Literal(...words), words.join(" or "))

const optional = <A, I>(schema: Schema.Schema<A, I>) => Schema.optionalWith(schema, { exact: true })

const or = <A, I>(schema: Schema.Schema<A, I>, value: A) =>
  Schema.optionalWith(schema, { exact: true, default: () => value })

const whole = (min: number, max: number) =>
  means(Schema.Int.pipe(Schema.between(min, max)), `a whole number from ${min} to ${max}`)

const finite = means(Schema.Finite, "a finite number")
const positive = means(Schema.Finite.pipe(Schema.positive()), "a number above 0")
const notNegative = means(Schema.Finite.pipe(Schema.nonNegative()), "a number of at least 0")
const truth = means(Schema.Boolean, "true or false")
const text = means(Schema.String, "a text")
const word = means(Schema.String.pipe(Schema.minLength(1)), "a text that is not empty")
const range = means(Schema.Tuple(Schema.Finite, Schema.Finite), "[min, max], two finite numbers")
const address = whole(0, 0xffff)

/** The words of an enumeration, and the number that the device has for each. */
const codes = named(whole(-0x8000, 0xffff), "whole numbers")

const format = {
  type: oneOf("uint16", "int16", "uint32", "int32", "float32"),
  wordOrder: or(oneOf("high-first", "low-first"), "high-first"),
  scale: or(
    means(Schema.Finite.pipe(Schema.filter((scale) => scale !== 0)), "a number that is not 0"),
    1
  ),
  offset: or(finite, 0)
}

const everyAttribute = {
  address,
  access: or(oneOf("read", "read-write"), "read"),
  maxAgeMillis: optional(positive),
  /** How long a write may take to be seen; `requestTimeoutMillis` where nothing is said. */
  settleMillis: optional(notNegative)
}

/** A number in one or two registers. */
export const NumberAttribute = Schema.Struct({
  kind: Schema.Literal("number"),
  table: oneOf("holding", "input"),
  ...format,
  unit: or(text, ""),
  range: optional(range),
  /** In the unit of the attribute. */
  deadband: optional(notNegative),
  /** How far a reading may be from what was written; what the register cannot tell apart. */
  tolerance: optional(notNegative),
  ...everyAttribute
})
/** A number in one or two registers. */
export type NumberAttribute = typeof NumberAttribute.Type

/** A truth value: a single bit, one bit of a register, or a register that is not 0. */
export const BooleanAttribute = Schema.Struct({
  kind: Schema.Literal("boolean"),
  table: oneOf("coil", "discrete", "holding", "input"),
  /** Which bit of a register, 0 being the lowest; the whole register where nothing is said. */
  bit: optional(whole(0, 15)),
  ...everyAttribute
})
/** A truth value: a single bit, one bit of a register, or a register that is not 0. */
export type BooleanAttribute = typeof BooleanAttribute.Type

/** One of some words, for each of which the device has a number in one register. */
export const EnumAttribute = Schema.Struct({
  kind: Schema.Literal("enum"),
  table: oneOf("holding", "input"),
  values: codes,
  ...everyAttribute
})
/** One of some words, for each of which the device has a number in one register. */
export type EnumAttribute = typeof EnumAttribute.Type

/** What is measured or can be set. */
export const Attribute = Schema.Union(NumberAttribute, BooleanAttribute, EnumAttribute)
/** What is measured or can be set. */
export type Attribute = typeof Attribute.Type

/** One field of what a command is given. */
export const PayloadField = Schema.Union(
  Schema.Struct({ kind: Schema.Literal("number"), range: optional(range) }),
  Schema.Struct({ kind: Schema.Literal("boolean") }),
  Schema.Struct({ kind: Schema.Literal("enum"), values: codes })
)
/** One field of what a command is given. */
export type PayloadField = typeof PayloadField.Type

const from = optional(word)

/** Sets a coil. */
export const CoilWrite = Schema.Struct({
  table: Schema.Literal("coil"),
  address,
  value: optional(truth),
  from
})
/** Sets a coil. */
export type CoilWrite = typeof CoilWrite.Type

/** Sets one or two holding registers. */
export const RegisterWrite = Schema.Struct({
  table: Schema.Literal("holding"),
  address,
  ...format,
  type: or(format.type, "uint16"),
  value: optional(finite),
  from
})
/** Sets one or two holding registers. */
export type RegisterWrite = typeof RegisterWrite.Type

/** One step of a command: a constant `value`, or `from` a field of its payload. */
export const Write = Schema.Union(CoilWrite, RegisterWrite)
/** One step of a command. */
export type Write = typeof Write.Type

const witnessed = Schema.Union(Schema.Finite, Schema.Boolean, Schema.String)

/** Which attribute shows whether a command was carried out that nobody answered. */
export const Verify = Schema.Struct({
  attribute: word,
  /** What it reads then, or any of these. */
  equals: means(Schema.Union(witnessed, Schema.Array(witnessed)), "a value, or a list of values"),
  /** How long it may take to read so; 2 s, or `requestTimeoutMillis` where that is longer. */
  withinMillis: optional(notNegative)
})
/** Which attribute shows whether a command was carried out that nobody answered. */
export type Verify = typeof Verify.Type

/** What the device can be told to do: writes, one after the other. */
export const Command = Schema.Struct({
  effect: oneOf("set", "pulse"),
  lane: or(oneOf("ordinary", "emergency"), "ordinary"),
  timeoutMillis: optional(positive),
  payload: or(named(PayloadField, "fields"), {}),
  writes: shaped(Schema.Array(Write), "a list of writes"),
  verify: optional(Verify)
})
/** What the device can be told to do: writes, one after the other. */
export type Command = typeof Command.Type

/** A register map. */
export const RegisterMap = Schema.Struct({
  /** The id of the device. */
  device: means(
    Schema.String.pipe(Schema.filter(Identifier.isIdentifier)),
    "letters, digits and ._:/- , at most 128"
  ),
  /** The name of the type of device, the same on the node. */
  type: word,
  host: word,
  port: or(whole(1, 0xffff), 502),
  unitId: whole(0, 255),
  /** Between two readings of all attributes. */
  pollMillis: or(whole(10, 3_600_000), 1_000),
  /** After a request was sent: how long its reply may take. */
  requestTimeoutMillis: or(whole(10, 60_000), 1_000),
  connectTimeoutMillis: or(whole(10, 60_000), 2_000),
  /** How many places nobody asked for a request may read, so that there are fewer requests. */
  gapMax: or(whole(0, 100), 0),
  attributes: named(Attribute, "attributes"),
  commands: or(named(Command, "commands"), {}),
  /** The command by which the device is made safe when no node is heard for so long. */
  onSilence: optional(Schema.Struct({ afterMillis: positive, command: word }))
})
/** A register map. */
export type RegisterMap = typeof RegisterMap.Type

/** The map is none, and which fields are wrong: nothing was opened. */
export class RegisterMapError extends Schema.TaggedError<RegisterMapError>()("RegisterMapError", {
  /** Where the map came from. */
  place: Schema.String,
  /** Each names its field, what was expected and what was there. */
  faults: Schema.NonEmptyArray(Schema.String)
}) {
  override get message(): string {
    const [first, ...more] = this.faults
    return `${this.place}: ${[first, ...more].slice(0, faultsTold).join("; ")}`
      + (more.length < faultsTold ? "" : `; and ${more.length + 1 - faultsTold} more`)
  }
}

/** How many faults of a map are told at a time. */
export const faultsTold = 5

const decodeJson = ParseResult.decodeUnknownEither(Schema.parseJson())
const decodeMap = ParseResult.decodeUnknownEither(RegisterMap, {
  errors: "all",
  onExcessProperty: "error"
})

/** Reads a map from JSON; `place` says where it came from. */
export const parse = (
  json: string,
  place: string
): Either.Either<RegisterMap, RegisterMapError> =>
  decodeJson(json).pipe(
    Either.mapLeft((issue) => [`no JSON: ${firstOf(issue)}`]),
    Either.flatMap((value) => Either.mapLeft(decodeMap(value), told)),
    Either.flatMap((map) => {
      const faults = faultsOf(map)
      return faults.length === 0 ? Either.right(map) : Either.left(faults)
    }),
    Either.mapLeft(([first = "unreadable", ...more]) =>
      new RegisterMapError({ place, faults: [first, ...more] })
    )
  )

/** Reads a map from a file. */
export const load = (
  path: string
): Effect.Effect<RegisterMap, RegisterMapError, FileSystem.FileSystem> =>
  Effect.gen(function*() {
    const files = yield* FileSystem.FileSystem
    const json = yield* Effect.mapError(
      files.readFileString(path),
      (error) => new RegisterMapError({ place: path, faults: [`unreadable: ${error.message}`] })
    )
    return yield* parse(json, path)
  })

const firstOf = (issue: ParseResult.ParseIssue): string =>
  ParseResult.ArrayFormatter.formatIssueSync(issue)[0]?.message ?? "unreadable"

const told = (issue: ParseResult.ParseIssue): ReadonlyArray<string> =>
  ParseResult.ArrayFormatter.formatIssueSync(issue).map(({ message, path }) =>
    path.length === 0 ? message : `${path.join(".")}${separator(message)}${message}`
  )

// "is missing" and "is unexpected" read on from the field, all others are said of it.
const separator = (message: string): string => message.startsWith("is ") ? " " : ": "
