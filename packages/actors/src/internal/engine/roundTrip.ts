/** Messages and answers sent as if over a wire: encoded and decoded by their schemas. */
import type { Rpc } from "@effect/rpc"
import * as RpcSchema from "@effect/rpc/RpcSchema"
import { Effect, Either, ParseResult, Schema } from "effect"
import type { ActorAddress } from "../../ActorAddress.ts"
import { MessageInvalid } from "../../ActorError.ts"

/** A message on its way. */
export interface Letter {
  readonly address: ActorAddress
  readonly tag: string
}

/** Sends values of one Rpc round and back again. */
export interface RoundTrip {
  readonly payload: (letter: Letter, payload: unknown) => Either.Either<unknown, MessageInvalid>
  readonly answer: (
    letter: Letter,
    answer: Effect.Effect<unknown, unknown>
  ) => Effect.Effect<unknown, unknown>
}

/** The round trips of an Rpc; an answer that is a stream comes as it is. */
export const roundTripOf = (rpc: Rpc.AnyWithProps): RoundTrip => {
  const payload = throughSchema(rpc.payloadSchema as never)
  const success = throughSchema(rpc.successSchema as never)
  const error = throughSchema(rpc.errorSchema as never)
  const isError = Schema.is(rpc.errorSchema as never)
  const invalid = ({ address, tag }: Letter, part: MessageInvalid["part"]) => (issue: string) =>
    new MessageInvalid({ address, tag, part, issue })
  return {
    payload: (letter, value) => Either.mapLeft(payload(value), invalid(letter, "payload")),
    answer: (letter, answer) =>
      RpcSchema.isStreamSchema(rpc.successSchema) ? answer : Effect.matchEffect(answer, {
        onSuccess: (value) => Either.mapLeft(success(value), invalid(letter, "answer")),
        // What the runtime itself says is not of the protocol.
        onFailure: (value) =>
          isError(value)
            ? Either.match(error(value), {
              onLeft: (issue) => Effect.fail(invalid(letter, "answer")(issue)),
              onRight: (failure) => Effect.fail(failure)
            })
            : Effect.fail(value)
      })
  }
}

const throughSchema = (schema: Schema.Schema<unknown, unknown>) => {
  const encode = Schema.encodeUnknownEither(schema)
  const decode = Schema.decodeUnknownEither(schema)
  return (value: unknown): Either.Either<unknown, string> =>
    Either.mapLeft(
      Either.flatMap(encode(value), (encoded) => decode(encoded)),
      ParseResult.TreeFormatter.formatErrorSync
    )
}
