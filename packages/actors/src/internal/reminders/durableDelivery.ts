/** Delivers a stored message once, and tells what is known of it then. */
import type { Rpc } from "@effect/rpc"
import * as RpcSchema from "@effect/rpc/RpcSchema"
import { Cause, Effect, Either, Exit, Schema, SchemaAST } from "effect"
import { type ActorAddress, format } from "../../ActorAddress.ts"
import { AskError } from "../../ActorError.ts"
import type { Engine } from "../../ActorSystem.ts"
import { sendStored } from "../engine/client.ts"
import { constructorOf } from "../engine/construct.ts"
import { jsonTextOf } from "../durable/jsonText.ts"

/** A message as it is stored. */
export interface StoredMessage {
  readonly address: ActorAddress
  /** As its handler sees it. */
  readonly messageId: string
  readonly tag: string
  /** The encoded payload as JSON text. */
  readonly payload: string
}

/**
 * What is known of a delivery.
 * - `handled`: its handler answered, or failed with the error that its Rpc declares.
 * - `attempted`: a handler began it, and crashed or did not answer in time.
 * - `refused`: it provably reached no handler.
 * - `unreadable`: it does not fit the protocol of its actor.
 */
export type Outcome =
  | { readonly _tag: "handled"; readonly exit: Exit.Exit<unknown, unknown> }
  | { readonly _tag: "attempted" | "refused" | "unreadable"; readonly cause: string }

/** The most characters of a cause that are kept. */
export const causeLengthMax = 4_096

/** A cause as text that every database keeps as it is. */
export const causeText = (text: string): string =>
  text
    .slice(0, causeLengthMax)
    .replaceAll("\u0000", "\ufffd")
    .replaceAll(/\p{Surrogate}/gu, "\ufffd")

/**
 * Gives the delivery of a message, to be run once; or at once what became of it, where it cannot
 * be delivered.
 */
export const deliveryOf = (
  engine: Engine,
  { address, messageId, payload, tag }: StoredMessage
): Either.Either<(timeoutMillis: number) => Effect.Effect<Outcome>, Outcome> => {
  const protocol = engine.protocolOf(address.type)
  if (protocol === undefined) {
    return failed("refused", `no actor type ${address.type} is registered`)
  }
  const rpc = protocol.requests.get(tag) as Rpc.AnyWithProps | undefined
  if (rpc === undefined) return failed("unreadable", `${address.type} has no message ${tag}`)
  if (RpcSchema.isStreamSchema(rpc.successSchema)) {
    return failed("unreadable", `${address.type} answers ${tag} with a stream`)
  }
  const decoded = decodePayload(rpc, payload)
  if (Either.isLeft(decoded)) return failed("unreadable", decoded.left)
  const route = { ...address, tag, engine }
  return Either.right((timeoutMillis) =>
    Effect.matchCauseEffect(
      sendStored(route, rpc, {
        payload: decoded.right,
        sending: { timeoutMillis, id: messageId }
      }),
      {
        onSuccess: (value) =>
          Effect.succeed<Outcome>({ _tag: "handled", exit: Exit.succeed(value) }),
        onFailure: (cause) =>
          Cause.isInterruptedOnly(cause)
            ? Effect.interrupt
            : Effect.succeed(outcomeOf(address, cause))
      }
    )
  )
}

const failed = (_tag: "refused" | "unreadable", cause: string): Either.Either<never, Outcome> =>
  Either.left({ _tag, cause: causeText(cause) })

/** The payload of a message as JSON text: its constructor's defaults filled in, and encoded. */
export const encodePayload = (
  rpc: Rpc.AnyWithProps,
  input: unknown
): Either.Either<string, string> => payloadText(rpc, constructorOf(rpc.payloadSchema)(input))

/** A payload as JSON text. */
export const payloadText = (
  { payloadSchema }: Rpc.AnyWithProps,
  payload: unknown
): Either.Either<string, string> =>
  isVoid(payloadSchema)
    ? Either.right("null")
    : jsonTextOf(payloadSchema as never).encode(payload)

const decodePayload = (
  { payloadSchema }: Rpc.AnyWithProps,
  text: string
): Either.Either<unknown, string> =>
  isVoid(payloadSchema) ? Either.right(undefined) : jsonTextOf(payloadSchema as never).decode(text)

const isVoid = ({ ast }: Schema.Schema.Any): boolean => SchemaAST.isVoidKeyword(ast)

const isAskError = Schema.is(AskError)

/** An error that is not the runtime's own word on this very message is an answer. */
const outcomeOf = (address: ActorAddress, cause: Cause.Cause<unknown>): Outcome => {
  const failure = Cause.failureOrCause(cause)
  if (failure._tag === "Right") return { _tag: "attempted", cause: causeText(Cause.pretty(cause)) }
  const error = failure.left
  const answered: Outcome = { _tag: "handled", exit: Exit.fail(error) }
  if (!isAskError(error) || format(error.address) !== format(address)) return answered
  const text = causeText(error.message)
  switch (error._tag) {
    case "ActorCrashed":
    case "DeliveryUnknown":
      return { _tag: "attempted", cause: text }
    case "AskTimeout":
      return { _tag: error.outcome === "unknown" ? "attempted" : "refused", cause: text }
    case "MessageInvalid":
      return error.part === "answer"
        ? answered
        : { _tag: "unreadable", cause: text }
    default:
      return { _tag: "refused", cause: text }
  }
}
