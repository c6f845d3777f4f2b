/**
 * Payloads and answers of a message as they go between nodes, and as they are stored: for those who
 * carry messages. Types end here.
 */
import type { Rpc } from "@effect/rpc"
import * as RpcSchema from "@effect/rpc/RpcSchema"
import { Cause, Either, Exit, ParseResult, Schema } from "effect"
import { AskError } from "./ActorError.ts"

/** An answer, encoded: what it is, and its value. */
export type EncodedExit = readonly [kind: number, value: unknown]

/** The answer of the handler. */
export const answered = 0
/** The error that its Rpc declares. */
export const failed = 1
/** What the runtime says of the message. */
export const refused = 2

/** Encodes and decodes how something ended. */
export interface ExitCodec {
  readonly encodeExit: (exit: Exit.Exit<unknown, unknown>) => Either.Either<EncodedExit, string>
  readonly decodeExit: (
    exit: EncodedExit
  ) => Either.Either<Exit.Exit<unknown, unknown>, string>
}

/** Encodes and decodes a stream: its values, and how it ended. */
export interface StreamCodec extends ExitCodec {
  readonly encode: (values: ReadonlyArray<unknown>) => Either.Either<ReadonlyArray<unknown>, string>
  readonly decode: (values: ReadonlyArray<unknown>) => Either.Either<ReadonlyArray<unknown>, string>
}

/** Encodes and decodes what goes with one Rpc. */
export interface MessageCodec extends ExitCodec {
  readonly encode: (payload: unknown) => Either.Either<unknown, string>
  readonly decode: (payload: unknown) => Either.Either<unknown, string>
  /** Of the stream that it is answered by, where it is. */
  readonly stream: StreamCodec | undefined
}

const encodeError = Schema.encodeUnknownEither(AskError)
const decodeError = Schema.decodeUnknownEither(AskError)

/** What the runtime says of a message, encoded; it always can be. */
export const encodeRefusal = (error: AskError): unknown => Schema.encodeSync(AskError)(error)

const textOf = <A>(either: Either.Either<A, ParseResult.ParseError>): Either.Either<A, string> =>
  Either.mapLeft(either, ParseResult.TreeFormatter.formatErrorSync)

const cached = new WeakMap<object, MessageCodec>()

/** The codec of an Rpc; made once. */
export const codecOf = (rpc: Rpc.AnyWithProps): MessageCodec => {
  const found = cached.get(rpc)
  if (found !== undefined) return found
  const made = make(rpc)
  cached.set(rpc, made)
  return made
}

const make = (rpc: Rpc.AnyWithProps): MessageCodec => {
  const { errorSchema, payloadSchema, successSchema } = rpc
  return {
    ...bothWays(payloadSchema),
    ...exitCodec(successSchema, errorSchema),
    stream: RpcSchema.isStreamSchema(successSchema)
      ? streamCodec(successSchema.success, successSchema.failure)
      : undefined
  }
}

const streamCodec = (success: Schema.Schema.Any, failure: Schema.Schema.All): StreamCodec => ({
  ...bothWays<ReadonlyArray<unknown>>(Schema.Array(success)),
  ...exitCodec(Schema.Null, failure)
})

const exitCodec = (
  successSchema: Schema.Schema.All,
  errorSchema: Schema.Schema.All
): ExitCodec => {
  const success = bothWays(successSchema)
  const error = bothWays(errorSchema)
  const isError = Schema.is(errorSchema as Schema.Schema<unknown>)
  const encodeFailure = (value: unknown): Either.Either<EncodedExit, string> =>
    isError(value)
      ? Either.map(error.encode(value), (encoded) => [failed, encoded])
      : Either.map(textOf(encodeError(value)), (encoded) => [refused, encoded])
  return {
    encodeExit: (exit) => {
      if (Exit.isSuccess(exit)) {
        return Either.map(success.encode(exit.value), (value) => [answered, value])
      }
      const failure = Cause.failureOrCause(exit.cause)
      return failure._tag === "Left"
        ? encodeFailure(failure.left)
        : Either.left(Cause.pretty(failure.right))
    },
    decodeExit: ([kind, value]) => {
      if (kind === answered) return Either.map(success.decode(value), Exit.succeed)
      return kind === failed
        ? Either.map(error.decode(value), Exit.fail)
        : Either.map(textOf(decodeError(value)), Exit.fail)
    }
  }
}

const bothWays = <A>(schema: Schema.Schema.All) => {
  const known = schema as Schema.Schema<A>
  const encode = Schema.encodeUnknownEither(known)
  const decode = Schema.decodeUnknownEither(known)
  return {
    encode: (value: unknown) => textOf(encode(value)),
    decode: (value: unknown) => textOf(decode(value))
  }
}
