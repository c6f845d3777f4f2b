/** Names and numbers by which plantd tells things apart; all are checked where they enter. */
import { Schema } from "effect"

/** The longest identifier accepted anywhere, in characters. */
export const identifierLengthMax = 128

const pattern = /^[A-Za-z0-9][A-Za-z0-9._:/-]*$/

const named = Schema.String.pipe(
  Schema.maxLength(identifierLengthMax),
  Schema.pattern(pattern, {
    message: () =>
      `expected 1 to ${identifierLengthMax} characters: letters, digits and ._:/- ,`
      + " the first a letter or digit"
  })
)

/** True where `text` may serve as an identifier: 1 to 128 of letters, digits and `._:/-`. */
export const isIdentifier = (text: string): boolean =>
  text.length <= identifierLengthMax && pattern.test(text)

/** The identity of one actor within its type. */
export const ActorId = named.pipe(Schema.brand("ActorId"))
/** The identity of one actor within its type. */
export type ActorId = typeof ActorId.Type

/** The identity of one device; the device's actor has the same id. */
export const DeviceId = named.pipe(Schema.brand("DeviceId"))
/** The identity of one device; the device's actor has the same id. */
export type DeviceId = typeof DeviceId.Type

/** The identity of one node of a plantd system. */
export const NodeId = named.pipe(Schema.brand("NodeId"))
/** The identity of one node of a plantd system. */
export type NodeId = typeof NodeId.Type

/** The identity of one command, chosen by who gives it; the same id never runs twice. */
export const CommandId = named.pipe(Schema.brand("CommandId"))
/** The identity of one command, chosen by who gives it; the same id never runs twice. */
export type CommandId = typeof CommandId.Type

/** The identity of one client session. */
export const SessionId = named.pipe(Schema.brand("SessionId"))
/** The identity of one client session. */
export type SessionId = typeof SessionId.Type
