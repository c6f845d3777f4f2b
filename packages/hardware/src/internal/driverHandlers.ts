/** The handlers of a driver without their types, checked against the definition when it starts. */
import type { Quality } from "@plantd/core"
import { Cause, Effect, ParseResult, type Schema } from "effect"
import type { Any as AnyCommand } from "../DeviceCommand.ts"
import type { DeviceDefinition } from "../DeviceDefinition.ts"
import type { ErrorCode } from "../DeviceProtocol.ts"
import type { CommandContext } from "../Driver.ts"
import { Refusal, Unknown } from "./handlerFailure.ts"

/** Handlers without their types; whatever services they need are in the fiber that runs them. */
export interface PlainHandlers {
  readonly read: { readonly [name: string]: Effect.Effect<unknown, unknown> }
  readonly write?: { readonly [name: string]: PlainCommand }
  readonly commands?: { readonly [name: string]: PlainCommand }
}

type PlainCommand = (given: unknown, context: CommandContext) => Effect.Effect<unknown, unknown>

/** A reading to publish, of whatever attribute. */
export interface Publication {
  readonly attribute: string
  readonly value: unknown
  readonly quality?: Quality.Quality
  readonly reason?: string
  readonly time?: number
}

/** The answer to a request that did not succeed. */
export interface Trouble {
  readonly code: ErrorCode
  readonly message: string
}

/** A trouble that the driver itself found; told apart from whatever a handler fails with. */
export class Found {
  readonly trouble: Trouble

  constructor(code: ErrorCode, message: string) {
    this.trouble = { code, message }
  }
}

/** Throws where a handler is missing, or one is there for what the device does not have. */
export const checkHandlers = (definition: DeviceDefinition, handlers: PlainHandlers): void => {
  const { attributes, commands } = definition
  const writable = Object.keys(attributes).filter((name) =>
    attributes[name]?.access === "read-write"
  )
  const sections = [
    ["read", Object.keys(attributes), handlers.read],
    ["write", writable, handlers.write ?? {}],
    ["commands", Object.keys(commands), handlers.commands ?? {}]
  ] as const
  for (const [section, names, given] of sections) {
    const missing = names.find((name) => !Object.hasOwn(given, name))
    const extra = Object.keys(given).find((name) => !names.includes(name))
    const fault = missing === undefined
      ? extra === undefined ? undefined : `${section}.${extra}: the device has no such member`
      : `${section}.${missing}: missing`
    if (fault !== undefined) {
      throw new TypeError(`the handlers of device ${JSON.stringify(definition.name)}: ${fault}`)
    }
  }
}

/**
 * What a handler's failure means for the node: a `Refusal` says that nothing was done, an `Unknown`
 * that nobody can tell.
 */
export const troubleOf = (cause: Cause.Cause<unknown>): Trouble => {
  const failure = Cause.failureOption(cause)
  if (failure._tag === "None") return { code: "failed", message: "the handler crashed" }
  const error = failure.value
  if (error instanceof Found) return error.trouble
  if (error instanceof Refusal) return { code: error.code, message: messageOf(error.detail) }
  if (error instanceof Unknown) return { code: "unknown", message: messageOf(error.detail) }
  return { code: "failed", message: messageOf(error) }
}

/** The longest text of a handler's error that is sent to a node, in characters. */
export const messageLengthMax = 1_024

/** The text of an error of whatever type, in a bounded length. */
export const messageOf = (error: unknown): string => {
  const text = error instanceof Error
    ? error.message
    : typeof error === "string"
    ? error
    : JSON.stringify(error) ?? String(error)
  return text.length <= messageLengthMax ? text : `${text.slice(0, messageLengthMax - 3)}...`
}

/** Decodes payloads and encodes results of one command. */
export interface CommandCodec {
  readonly decode: (payload: unknown) => Effect.Effect<unknown, Found>
  /** The body of a REPLY: a result that is not what the definition says is told as a fault. */
  readonly reply: (result: unknown) => Effect.Effect<CommandReply>
}

/** The body of the REPLY to a command. */
export interface CommandReply {
  readonly result: unknown
  /** What is wrong with the result, which is null then. The command was carried out. */
  readonly resultFault?: string
}

/** The codec of a command, made once. */
export const commandCodec = (command: AnyCommand): CommandCodec => {
  const decode = ParseResult.decodeUnknown(command.payload as Schema.Schema<unknown>)
  const encode = ParseResult.encodeUnknown(command.success as Schema.Schema<unknown>)
  return {
    decode: (payload) =>
      Effect.mapError(
        decode(command.takesPayload ? payload : payload ?? {}),
        (issue) => new Found("validation", explain("payload", issue))
      ),
    // Whatever a handler of a command without a result gives is nothing.
    reply: (result) =>
      command.success.ast._tag === "VoidKeyword"
        ? Effect.succeed({ result: null })
        : Effect.match(encode(result), {
          onFailure: (issue) => ({ result: null, resultFault: explain("result", issue) }),
          onSuccess: (plain) => ({ result: plain ?? null })
        })
  }
}

const explain = (what: string, issue: ParseResult.ParseIssue): string => {
  const first = ParseResult.ArrayFormatter.formatIssueSync(issue)[0]
  return messageOf(`${[what, ...first?.path ?? []].join(".")}: ${first?.message ?? "invalid"}`)
}
