/** How to see on a device whether a command was carried out that nobody answered. Pure. */
import { Duration } from "effect"
import { isAsWritten, settleMillis } from "../Attribute.ts"
import type { SettledBy } from "../CommandJournal.ts"
import { verifyMillisDefault, witnessedBy } from "../DeviceCommand.ts"
import type { DeviceDefinition } from "../DeviceDefinition.ts"

/** What is looked at, and what it shows. */
export interface Look {
  readonly by: Extract<SettledBy, "readback" | "verify">
  readonly attribute: string
  /** How long after the command it may take to show, in milliseconds. */
  readonly withinMillis: number
  /** True where the value shows that the command was carried out. */
  readonly shows: (value: unknown) => boolean
}

const writePrefix = "write."

/** The name under which a write of an attribute is journalled. */
export const writeName = (attribute: string): string => writePrefix + attribute

/** How to look after a command by its journalled name and arguments; nothing where none can. */
export const lookOf = (
  definition: DeviceDefinition,
  name: string,
  args: unknown
): Look | undefined =>
  name.startsWith(writePrefix)
    ? readback(definition, name.slice(writePrefix.length), args)
    : verify(definition, name)

const readback = (
  { attributes }: DeviceDefinition,
  name: string,
  written: unknown
): Look | undefined => {
  const attribute = Object.hasOwn(attributes, name) ? attributes[name] : undefined
  return attribute === undefined ? undefined : {
    by: "readback",
    attribute: name,
    withinMillis: settleMillis(attribute),
    shows: (value) => isAsWritten(attribute, written, value)
  }
}

const verify = ({ commands }: DeviceDefinition, name: string): Look | undefined => {
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined
  if (command?.verify === undefined) return undefined
  const { attribute, within } = command.verify
  const values = witnessedBy(command.verify)
  return {
    by: "verify",
    attribute,
    withinMillis: Duration.toMillis(within ?? verifyMillisDefault),
    shows: (value) => values.some((witnessed) => witnessed === value)
  }
}
