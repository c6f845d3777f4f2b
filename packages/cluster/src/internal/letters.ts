/**
 * What goes between nodes in a batch: messages, their answers, streams, and what concerns them. A
 * number is that of the ask, the watch or the recall which its sender, or its receiver, has begun.
 */
import { DeathWatch } from "@plantd/actors"
import { Schema } from "effect"
import { answered, type EncodedExit, failed } from "@plantd/actors/MessageCodec"

/** A tell: its order among the messages of its sender's node, type, id, tag, payload. */
export const tellKind = 0
/** An ask: number, milliseconds that its asker waits from `sentAt` on, type, id, tag, payload. */
export const askKind = 1
/** The answer to the ask with a number. */
export const answerKind = 2
/** The actor of the ask with a number moved away before it was handled. */
export const movedKind = 3
/** The asker of the ask with a number waits no more, and reads its stream no more. */
export const goneKind = 4
/** The ask with a number is answered by a stream, which begins with the first credit. */
export const openedKind = 5
/** The next values of the stream with a number. */
export const chunkKind = 6
/** The end of the stream with a number: an answer without a value, or its error. */
export const endKind = 7
/** The reader of the stream with a number has room for so many more values. */
export const creditKind = 8
/** A watch: number, type, id. */
export const watchKind = 9
/** The end of the actor whose watch has the number. */
export const endedKind = 10
/** The link with a number was given up: of what came by it, nothing is known here any more. */
export const brokenKind = 11
/** A tell that had been taken in, as it came: its actor moved away before it was handled. */
export const returnedKind = 12
/** Number, shard: is more of the shard given back? What is sent after it is in order again. */
export const recallKind = 13
/** The answer to a recall, with its number and shard: no more is given back. */
export const recalledKind = 14

/** The most values of a stream that may be on their way to its reader at a time. */
export const creditMax = 65_536

type Told = readonly [order: number, type: string, id: string, tag: string, payload: unknown]

/** One letter of a batch. */
export type Letter =
  | readonly [kind: typeof tellKind, ...Told]
  | readonly [kind: typeof returnedKind, ...Told]
  | readonly [
    kind: typeof askKind,
    number: number,
    leftMillis: number,
    type: string,
    id: string,
    tag: string,
    payload: unknown
  ]
  | readonly [
    kind: typeof answerKind | typeof endKind,
    number: number,
    exit: number,
    value: unknown
  ]
  | readonly [
    kind: typeof movedKind | typeof goneKind | typeof openedKind | typeof brokenKind,
    number: number
  ]
  | readonly [kind: typeof chunkKind, number: number, values: ReadonlyArray<unknown>]
  | readonly [kind: typeof creditKind, number: number, count: number]
  | readonly [kind: typeof recallKind, number: number, shard: number]
  | readonly [kind: typeof recalledKind, number: number, shard: number]
  | readonly [kind: typeof watchKind, number: number, type: string, id: string]
  | readonly [kind: typeof endedKind, number: number, reason: DeathWatch.Terminated["reason"]]

/** An answer as a letter. */
export const answerLetter = (number: number, [kind, value]: EncodedExit): Letter => [
  answerKind,
  number,
  kind,
  value
]

/** What a letter is, for people; what it carries is left out. */
export const textOf = (letter: Letter): string => {
  const [kind, first] = letter
  switch (kind) {
    case tellKind:
      return `tell ${letter[2]}/${letter[3]} ${letter[4]}`
    case returnedKind:
      return `back: tell ${letter[2]}/${letter[3]} ${letter[4]}`
    case askKind:
      return `ask #${first} ${letter[3]}/${letter[4]} ${letter[5]}`
    case answerKind:
      return `${endOf(letter[2])} of #${first}`
    case movedKind:
      return `#${first} has moved`
    case goneKind:
      return `nobody waits for #${first}`
    case openedKind:
      return `stream #${first}`
    case chunkKind:
      return `${letter[2].length} values of #${first}`
    case endKind:
      return `end of #${first}${letter[2] === answered ? "" : `: ${endOf(letter[2])}`}`
    case creditKind:
      return `room for ${letter[2]} of #${first}`
    case watchKind:
      return `watch #${first} ${letter[2]}/${letter[3]}`
    case endedKind:
      return `end of watch #${first}: ${letter[2]}`
    case brokenKind:
      return `link ${first} is given up`
    case recallKind:
      return `recall #${first} of shard ${letter[2]}`
    case recalledKind:
      return `recalled #${first} of shard ${letter[2]}`
  }
}

const endOf = (exit: number): string =>
  exit === answered ? "answer" : exit === failed ? "error" : "refusal"

/** Whether something from a socket is a letter. Plain code: it is asked of each. */
export const isLetter = (value: unknown): value is Letter => {
  if (!Array.isArray(value)) return false
  const [kind, first, second, third, fourth] = value as ReadonlyArray<unknown>
  switch (kind) {
    case tellKind:
    case returnedKind:
      return value.length === 6 && isOrder(first) && areText(second, third, fourth)
    case askKind:
      return value.length === 7 && typeof first === "number" && typeof second === "number"
        && second >= 0 && areText(third, fourth, value[5])
    case answerKind:
    case endKind:
      return value.length === 4 && typeof first === "number" && typeof second === "number"
    case movedKind:
    case goneKind:
    case openedKind:
    case brokenKind:
      return value.length === 2 && typeof first === "number"
    case chunkKind:
      return value.length === 3 && typeof first === "number" && Array.isArray(second)
        && second.length > 0 && second.length <= creditMax
    case creditKind:
      return value.length === 3 && typeof first === "number" && Number.isSafeInteger(second)
        && (second as number) > 0 && (second as number) <= creditMax
    case recallKind:
    case recalledKind:
      return value.length === 3 && typeof first === "number" && Number.isSafeInteger(second)
    case watchKind:
      return value.length === 4 && typeof first === "number" && areText(second, third)
    case endedKind:
      return value.length === 3 && typeof first === "number" && isReason(second)
    default:
      return false
  }
}

const isOrder = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) > 0

const isReason = Schema.is(DeathWatch.Terminated.fields.reason)

const areText = (...values: ReadonlyArray<unknown>): boolean =>
  values.every((value) => typeof value === "string" && value.length > 0 && value.length <= 512)
