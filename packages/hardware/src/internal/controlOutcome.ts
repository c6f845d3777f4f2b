/** What the messages of a node say of a request, in the words of the actor that was asked. */
import { Effect, Either, Option } from "effect"
import { ControlNoAnswer, ControlRefused } from "../ControlError.ts"
import type * as Protocol from "../ControlProtocol.ts"
import type { OperationCodec } from "./controlCodec.ts"

/** An operation of the actor that is asked. */
export interface Operation {
  readonly tag: string
  readonly codec: OperationCodec
}

/** What a message says of an ask. */
export const outcomeOf = (
  operation: Operation,
  message: Protocol.FromNode
): Effect.Effect<unknown, unknown> => {
  if (message.kind === "ERROR") return Effect.fail(refusalOf(operation, message.body))
  if (message.kind !== "ANSWER") {
    return Effect.fail(strange(operation, `${message.kind} came in the place of an answer`))
  }
  return "failure" in message.body
    ? failureOf(operation, message.body.failure)
    : Either.match(operation.codec.decodeSuccess(message.body.success), {
      onLeft: (detail) => Effect.fail(strange(operation, detail)),
      onRight: Effect.succeed
    })
}

/** What a message says of the end of a stream. */
export const endOf = (
  operation: Operation,
  message: Protocol.FromNode
): Effect.Effect<never, Option.Option<unknown>> => {
  if (message.kind === "END" && !("failure" in message.body)) return Effect.fail(Option.none())
  const error = message.kind === "END"
    ? failureOf(operation, message.body.failure)
    : outcomeOf(operation, message)
  return Effect.matchEffect(error, {
    onSuccess: () => Effect.fail(Option.some(strange(operation, "an answer to a stream"))),
    onFailure: (failure) => Effect.fail(Option.some(failure))
  })
}

const failureOf = (operation: Operation, failure: unknown): Effect.Effect<never, unknown> =>
  Either.match(operation.codec.decodeFailure(failure), {
    onLeft: (detail) => Effect.fail(strange(operation, detail)),
    onRight: Effect.fail
  })

const refusalOf = ({ tag }: Operation, { code, message }: Protocol.Problem) =>
  code === "answer-invalid"
    ? new ControlNoAnswer({
      operation: tag,
      outcome: "unknown",
      detail: `the node did it, and cannot tell what came of it: ${message}`
    })
    : new ControlRefused({ operation: tag, code, detail: message })

/** The error of an answer that is not what its protocol says. */
export const strange = ({ tag }: Operation, detail: string) =>
  new ControlNoAnswer({
    operation: tag,
    outcome: "unknown",
    detail: `the answer is not what its protocol says: ${detail}`
  })

/** The items of a message of a stream. */
export const decodeItems = (
  operation: Operation,
  items: ReadonlyArray<unknown>
): Either.Either<ReadonlyArray<unknown>, ControlNoAnswer> =>
  Either.mapLeft(
    Either.all(items.map((item) => operation.codec.decodeSuccess(item))),
    (detail) => strange(operation, detail)
  )
