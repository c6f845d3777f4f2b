/** The values of one operation of an actor, to plain data and back, by the schemas of its Rpc. */
import type { Rpc } from "@effect/rpc"
import * as RpcSchema from "@effect/rpc/RpcSchema"
import { ActorError } from "@plantd/actors"
import { Cause, Either, Option, ParseResult, Schema } from "effect"

type Step = (value: unknown) => Either.Either<unknown, string>

/** How the values of one operation travel. Each step says what is wrong, and in which field. */
export interface OperationCodec {
  readonly streams: boolean
  readonly encodePayload: Step
  readonly decodePayload: Step
  /** Of a stream: one item. */
  readonly encodeSuccess: Step
  readonly decodeSuccess: Step
  readonly encodeFailure: Step
  readonly decodeFailure: Step
}

/** The codecs of all operations of a protocol, by their tags. */
export const codecsOf = (
  protocol: { readonly requests: ReadonlyMap<string, unknown> }
): ReadonlyMap<string, OperationCodec> =>
  new Map(
    Array.from(
      protocol.requests,
      ([tag, rpc]) => [tag, codecOf(rpc as Rpc.AnyWithProps)] as const
    )
  )

const codecOf = (rpc: Rpc.AnyWithProps): OperationCodec => {
  const stream = RpcSchema.getStreamSchemas(rpc.successSchema.ast)
  const success = plain(
    Option.match(stream, { onNone: () => rpc.successSchema, onSome: ({ success }) => success })
  )
  const failure = Schema.Union(
    plain(
      Option.match(stream, { onNone: () => rpc.errorSchema, onSome: ({ failure }) => failure })
    ),
    ActorError.AskError
  )
  const payload = plain(rpc.payloadSchema)
  const encodeFailure = encoder(failure, "failure")
  return {
    streams: Option.isSome(stream),
    encodePayload: encoder(payload, "payload"),
    decodePayload: decoder(payload, "payload"),
    encodeSuccess: encoder(success, "success"),
    decodeSuccess: decoder(success, "success"),
    encodeFailure: (error) => encodeFailure(portable(error)),
    decodeFailure: decoder(failure, "failure")
  }
}

// The schemas of an actor's protocol need no services: it decodes messages by itself.
const plain = (schema: Schema.Schema.All): Schema.Schema<unknown> =>
  schema as unknown as Schema.Schema<unknown>

const encoder = (schema: Schema.Schema<unknown>, what: string): Step => {
  const encode = ParseResult.encodeUnknownEither(schema)
  return (value) => Either.mapLeft(encode(value), (issue) => explain(what, issue))
}

const decoder = (schema: Schema.Schema<unknown>, what: string): Step => {
  const decode = ParseResult.decodeUnknownEither(schema)
  const isNothing = isVoid(Schema.encodedSchema(schema))
  return (value) =>
    Either.mapLeft(
      // MessagePack has no `undefined`: nothing may travel as null.
      decode(isNothing && value === null ? undefined : value),
      (issue) => explain(what, issue)
    )
}

const isVoid = ({ ast }: Schema.Schema.All): boolean =>
  ast._tag === "VoidKeyword" || ast._tag === "UndefinedKeyword"

const explain = (what: string, issue: ParseResult.ParseIssue): string => {
  const first = ParseResult.ArrayFormatter.formatIssueSync(issue)[0]
  return `${[what, ...first?.path ?? []].join(".")}: ${first?.message ?? "invalid"}`
}

/** Of a crash its text: what an actor died of is seldom plain data, and never needed elsewhere. */
const portable = (error: unknown): unknown =>
  error instanceof ActorError.ActorCrashed
    ? new ActorError.ActorCrashed({
      address: error.address,
      tag: error.tag,
      cause: Cause.die(new Error(firstLine(Cause.pretty(error.cause))))
    })
    : error

const firstLine = (text: string): string => text.split("\n", 1)[0] ?? ""
