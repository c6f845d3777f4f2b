/** What a device can be told to do: the declaration of one command. Exported as `Command`. */
import { Command } from "@plantd/core"
import { Duration, Option, Schema } from "effect"

/** A schema of plain data: its values need no services to be encoded or decoded. */
export type PlainSchema = Schema.Schema.Any

/** The fields of a payload. */
export type Fields = { readonly [name: string]: Schema.Struct.Field }

/** Which way a command takes to its device. */
export type Lane = "ordinary" | "emergency"

/** How long a command may take where nothing else is said, in milliseconds. */
export const timeoutMillisDefault = 5_000

/** The declaration of a command. */
export interface DeviceCommand<
  Payload extends PlainSchema = PlainSchema,
  Success extends PlainSchema = PlainSchema,
  State extends string = string,
  Witness extends string = string
> {
  readonly payload: Payload
  /** False where it is given nothing: its payload on the wire is null. */
  readonly takesPayload: boolean
  readonly success: Success
  readonly effect: Command.Effect
  readonly lane: Lane
  readonly timeout: Duration.DurationInput
  readonly allowedIn: ReadonlyArray<State> | undefined
  readonly verify: Verify<Witness> | undefined
}

/** How to see on the device whether a command was carried out that nobody answered. */
export interface Verify<Witness extends string = string> {
  /** The attribute that tells. */
  readonly attribute: Witness
  /** What it reads where the command was carried out; any of them. */
  readonly equals: Witnessed | ReadonlyArray<Witnessed>
  /** How long after the command it may take to read so; 2 s where nothing is said. */
  readonly within?: Duration.DurationInput
}

/** A value that tells of a command. */
export type Witnessed = number | boolean | string

/** How long a command may take to show where nothing else is said, in milliseconds. */
export const verifyMillisDefault = 2_000

/** A declaration of whatever payload and success. */
export type Any = DeviceCommand

/** What can be said of a command. */
export interface Options<
  Payload extends Fields,
  Success extends PlainSchema,
  State extends string,
  Witness extends string
> {
  /** The fields of what it is given; nothing where nothing is said. */
  readonly payload?: Payload
  /** What it answers; nothing where nothing is said. */
  readonly success?: Success
  /** What it does to the device; what may be retried follows from it. */
  readonly effect: Command.Effect
  /** The states of the device in which it is allowed; all where nothing is said. */
  readonly allowedIn?: ReadonlyArray<State>
  /** How long it may take, queueing included; 5 s where nothing is said. */
  readonly timeout?: Duration.DurationInput
  /** `emergency` waits for no other command, on the node as well as in the device process. */
  readonly lane?: Lane
  /**
   * Tells whether it was carried out where no answer came: the name of an attribute that is true
   * then, or which value of which attribute. Without it a person must decide.
   */
  readonly verify?: Witness | Verify<Witness>
}

/** Declares a command. */
export const make = <
  Payload extends Fields = {},
  Success extends PlainSchema = typeof Schema.Void,
  const State extends string = never,
  const Witness extends string = never
>(
  options: Options<Payload, Success, State, Witness>
): DeviceCommand<Schema.Struct<Payload>, Success, State, NoInfer<Witness>> => ({
  payload: Schema.Struct(fieldsOf(options.payload ?? {} as Payload)),
  takesPayload: Object.keys(options.payload ?? {}).length > 0,
  success: options.success ?? Schema.Void as unknown as Success,
  effect: options.effect,
  lane: options.lane ?? "ordinary",
  timeout: options.timeout ?? timeoutMillisDefault,
  allowedIn: options.allowedIn,
  verify: typeof options.verify === "string"
    ? { attribute: options.verify, equals: true }
    : options.verify
})

const fieldsOf = <Payload extends Fields>(payload: Payload): Payload => {
  if (!Schema.isSchema(payload)) return payload
  throw new TypeError(
    "Command.make: payload: expected fields such as { to: Schema.Number }, got a schema"
  )
}

/** The values that tell of a command. */
export const witnessedBy = ({ equals }: Verify): ReadonlyArray<Witnessed> =>
  typeof equals === "object" ? equals : [equals]

/** The members of a device that a command may name. */
export interface Members {
  readonly states: ReadonlyArray<string>
  readonly attributes: { readonly [name: string]: { readonly type: string } }
}

/** What is wrong with a declaration: the field and the fault; `undefined` where all is well. */
export const fault = (command: Any, { attributes, states }: Members): string | undefined => {
  if (!Schema.is(Command.Effect)(command.effect)) {
    return `effect: expected read, set or pulse, got ${String(command.effect)}`
  }
  if (command.lane !== "ordinary" && command.lane !== "emergency") {
    return `lane: expected ordinary or emergency, got ${String(command.lane)}`
  }
  const timeout = Option.map(Duration.decodeUnknown(command.timeout), Duration.toMillis)
  if (!Option.exists(timeout, (millis) => millis > 0 && millis < Infinity)) {
    return "timeout: expected a positive, finite duration"
  }
  if (command.allowedIn?.length === 0) return "allowedIn: expected at least one state"
  const unknown = command.allowedIn?.find((state) => !states.includes(state))
  if (unknown !== undefined) {
    return `allowedIn: ${JSON.stringify(unknown)} is none of the device's states`
      + ` (${states.join(", ")})`
  }
  return command.verify === undefined ? undefined : verifyFault(command.verify, attributes)
}

const verifyFault = (verify: Verify, attributes: Members["attributes"]): string | undefined => {
  const { attribute: name, within } = verify
  const attribute = Object.hasOwn(attributes, name) ? attributes[name] : undefined
  if (attribute === undefined) return `verify: the device has no attribute ${JSON.stringify(name)}`
  const values = witnessedBy(verify)
  if (values.length === 0) return "verify.equals: expected at least one value"
  const wrong = values.find((value) => typeof value !== attribute.type)
  if (wrong !== undefined) {
    return `verify.equals: attribute ${name} is a ${attribute.type}, got ${String(wrong)}`
  }
  const span = Option.map(Duration.decodeUnknown(within ?? 0), Duration.toMillis)
  return Option.exists(span, (millis) => millis < Infinity)
    ? undefined
    : "verify.within: expected a finite duration"
}
