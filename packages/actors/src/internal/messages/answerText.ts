/** The answer of a durable message as JSON text, as it is stored. */
import type { Rpc } from "@effect/rpc"
import { Either, Exit, Schema } from "effect"
import type { ActorAddress } from "../../ActorAddress.ts"
import { type AskError, MessageInvalid } from "../../ActorError.ts"
import { codecOf, encodeRefusal, refused } from "../../MessageCodec.ts"
import { bytesUpTo, encodedText } from "../durable/jsonText.ts"

/** A message by its name, and the rules of its answers. */
export interface Answering {
  readonly address: ActorAddress
  readonly tag: string
  readonly rpc: Rpc.AnyWithProps
}

/** What a handler answered, as text of at most `bytesMax`. */
export const answerText = (
  { address, rpc, tag }: Answering,
  exit: Exit.Exit<unknown, unknown>,
  bytesMax: number
): string => {
  const invalid = (issue: string) =>
    refusalText(new MessageInvalid({ address, tag, part: "answer", issue }))
  const text = Either.flatMap(codecOf(rpc).encodeExit(exit), encodedText)
  if (Either.isLeft(text)) return invalid(text.left)
  const bytes = bytesUpTo(text.right, bytesMax)
  return bytes > bytesMax ? invalid(`it has ${bytes} bytes, at most ${bytesMax}`) : text.right
}

/** What the runtime says of a message, as text. */
export const refusalText = (error: AskError): string =>
  JSON.stringify([refused, encodeRefusal(error)])

const encodedExit = Schema.decodeUnknownEither(
  Schema.parseJson(Schema.Tuple(Schema.Number, Schema.Unknown))
)

/** Reads an answer. */
export const readAnswer = (
  { address, rpc, tag }: Answering,
  text: string
): Exit.Exit<unknown, unknown> =>
  encodedExit(text).pipe(
    Either.mapLeft(({ message }) => message),
    Either.flatMap(codecOf(rpc).decodeExit),
    Either.getOrElse((issue) =>
      Exit.fail(new MessageInvalid({ address, tag, part: "answer", issue }))
    )
  )
