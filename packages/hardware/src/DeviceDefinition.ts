/**
 * One type of device as a value: attributes, commands, states and configuration, checked when it is
 * defined. What runs it (client, actor, driver) is elsewhere and follows from it.
 */
import type { Schema } from "effect"
import * as Attribute from "./Attribute.ts"
import * as DeviceAlarm from "./DeviceAlarm.ts"
import type { Any as AnyCommand, PlainSchema } from "./DeviceCommand.ts"
import * as DeviceCommand from "./DeviceCommand.ts"
import * as Description from "./DeviceDescription.ts"
import * as Interlock from "./Interlock.ts"

/** The attributes of a device by name. */
export type Attributes = { readonly [name: string]: Attribute.Attribute }

/** The commands of a device by name. */
export type Commands = { readonly [name: string]: AnyCommand }

/** The most attributes, and the most commands, of one device. */
export const membersMax = 1_024

/** The longest name of an attribute or a command, in characters. */
export const nameLengthMax = 64

/** The attribute that a device with states has without declaring it. */
export const stateAttribute = "state"

/** The attributes with `state` added where the device has states. */
export type WithState<A extends Attributes, State extends string> = [State] extends [never] ? A
  : A & { readonly state: Attribute.StringAttribute<"read", State> }

/** One type of device. */
export interface DeviceDefinition<
  Name extends string = string,
  A extends Attributes = Attributes,
  C extends Commands = Commands,
  State extends string = string,
  Config extends PlainSchema = PlainSchema
> {
  readonly name: Name
  /** With the attribute `state`, where the device has states. */
  readonly attributes: A
  readonly commands: C
  readonly states: ReadonlyArray<State>
  readonly config: Config
  /** The names of the attributes in the order of their indices on the wire. */
  readonly order: ReadonlyArray<keyof A & string>
  readonly interlocks: ReadonlyArray<Interlock.Interlock>
  readonly description: Description.DeviceDescription
  /** The alarms of its attributes in the order of their names, then those of each device. */
  readonly alarms: ReadonlyArray<DeviceAlarm.Definition>
}

/** What a definition is made from. */
export interface Parts<
  A extends Attributes,
  C extends Commands,
  State extends string,
  Config extends PlainSchema
> {
  readonly attributes: A
  readonly commands: C
  readonly states: ReadonlyArray<State>
  readonly interlocks?: ReadonlyArray<Interlock.Interlock>
  readonly config: Config
  readonly alarms?: DeviceAlarm.BuiltInAlarms<State>
}

/** The most interlocks of one device. */
export const interlocksMax = 64

/**
 * Checks and completes a definition. A fault in it is a programmer's: it throws a `TypeError` that
 * names the device, the field and what was expected.
 */
export const make = <
  Name extends string,
  A extends Attributes,
  C extends Commands,
  State extends string,
  Config extends PlainSchema
>(
  name: Name,
  parts: Parts<A, C, State, Config>
): DeviceDefinition<Name, WithState<A, State>, C, State, Config> => {
  check(name, parts)
  const attributes = withState(parts) as WithState<A, State>
  const order = Description.attributeOrder(attributes)
  return {
    ...parts,
    name,
    attributes,
    interlocks: parts.interlocks ?? [],
    order,
    alarms: [
      ...order.flatMap((of) => Attribute.alarmsOf(of, attributes[of] as Attribute.Attribute)),
      ...DeviceAlarm.ofDevice(parts.alarms ?? {})
    ],
    description: {
      type: name,
      attributes: mapValues(attributes, Description.ofAttribute),
      commands: describeCommands(name, parts.commands),
      states: parts.states
    }
  }
}

/** The configuration of one device, as its schema decodes it. */
export type ConfigOf<D extends DeviceDefinition> = Schema.Schema.Type<D["config"]>

// A client is a value that people may return from async functions: hence no member called `then`.
const reserved = ["read", "write", "subscribe", "snapshot", "link", "linkChanges"]
  .concat(["alarms", "journal", "lease", "lifecycle", "then"])

const identifier = /^[A-Za-z_][A-Za-z0-9_]*$/

const check = (
  device: string,
  parts: Parts<Attributes, Commands, string, PlainSchema>
): void => {
  if (!isName(device)) fail(device, "name", nameExpected)
  const attributes = Object.entries(parts.attributes)
  const commands = Object.entries(parts.commands)
  if (attributes.length > membersMax) fail(device, "attributes", `at most ${membersMax}`)
  if (commands.length > membersMax) fail(device, "commands", `at most ${membersMax}`)
  if (new Set(parts.states).size < parts.states.length) fail(device, "states", "one is there twice")
  if (parts.states.includes("")) fail(device, "states", "a state without a name")
  for (const [name, attribute] of attributes) {
    if (!isName(name)) fail(device, `attributes.${name}`, nameExpected)
    if (name === stateAttribute && parts.states.length > 0) {
      fail(device, "attributes.state", "a device with states has this attribute already")
    }
    const fault = Attribute.fault(attribute)
    if (fault !== undefined) fail(device, `attributes.${name}.${fault}`)
    const alarms = Attribute.alarmsOf(name, attribute).map(({ id }) => id)
    if (alarms.includes(DeviceAlarm.linkAlarm) || alarms.includes(DeviceAlarm.unresolvedAlarm)) {
      fail(device, `attributes.${name}.alarm`, "each device has an alarm of this name already")
    }
  }
  checkAlarms(device, parts)
  for (const [name, command] of commands) {
    if (!isName(name)) fail(device, `commands.${name}`, nameExpected)
    if (reserved.includes(name)) {
      fail(device, `commands.${name}`, `the name is taken (${reserved.join(", ")} are)`)
    }
    const fault = DeviceCommand.fault(command, {
      states: parts.states,
      attributes: withState(parts)
    })
    if (fault !== undefined) fail(device, `commands.${name}.${fault}`)
  }
  checkInterlocks(device, parts)
}

const withState = (
  { alarms, attributes, states }: Pick<
    Parts<Attributes, Commands, string, PlainSchema>,
    "alarms" | "attributes" | "states"
  >
): Attributes =>
  states.length === 0 ? attributes : {
    ...attributes,
    [stateAttribute]: Attribute.string({
      values: states,
      ...(alarms?.state === undefined ? {} : { alarm: alarms.state })
    })
  }

const checkInterlocks = (
  device: string,
  parts: Parts<Attributes, Commands, string, PlainSchema>
): void => {
  const { attributes, commands, interlocks = [] } = parts
  if (interlocks.length > interlocksMax) fail(device, "interlocks", `at most ${interlocksMax}`)
  const plainCommands = Object.keys(commands).filter((name) =>
    commands[name]?.takesPayload === false
  )
  const writable = Object.keys(attributes).filter((name) =>
    attributes[name]?.access === "read-write"
  )
  const members = {
    attributes: withState(parts),
    targets: [...writable.map((name) => `write.${name}`), ...Object.keys(commands)],
    plainCommands
  }
  for (const [index, interlock] of interlocks.entries()) {
    const fault = Interlock.fault(interlock, members)
    if (fault !== undefined) fail(device, `interlocks[${index}].${fault}`)
    if (interlocks.findIndex(({ id }) => id === interlock.id) < index) {
      fail(device, `interlocks[${index}].id`, `${JSON.stringify(interlock.id)} is there twice`)
    }
  }
}

const checkAlarms = (
  device: string,
  { alarms, states }: Parts<Attributes, Commands, string, PlainSchema>
): void => {
  if (alarms === undefined) return
  const builtIn = DeviceAlarm.builtInFault(alarms)
  if (builtIn !== undefined) fail(device, `alarms.${builtIn}`)
  if (alarms.state === undefined) return
  if (states.length === 0) fail(device, "alarms.state", "the device has no states")
  const fault = DeviceAlarm.valueFault(alarms.state, { type: "string", values: states })
  if (fault !== undefined) fail(device, `alarms.state.${fault}`)
}

const nameExpected =
  `expected a letter or _, then letters, digits and _, at most ${nameLengthMax} characters`

const isName = (name: string): boolean => name.length <= nameLengthMax && identifier.test(name)

const fail = (device: string, ...what: ReadonlyArray<string>): never => {
  throw new TypeError(`the definition of device ${JSON.stringify(device)}: ${what.join(": ")}`)
}

const describeCommands = (device: string, commands: Commands) =>
  mapValues(commands, (command, name) => {
    try {
      return Description.ofCommand(command)
    } catch (cause) {
      return fail(device, `commands.${name}`, "its schemas have no JSON Schema", String(cause))
    }
  })

const mapValues = <A, B>(
  record: { readonly [key: string]: A },
  map: (value: A, key: string) => B
): { [key: string]: B } =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value, key)]))
