/** What goes between nodes in a batch: messages, their answers, and what concerns them. */
import type { EncodedExit } from "./messageCodec.ts"

/** A tell: type, id, tag, payload. */
export const tellKind = 0
/** An ask: number, milliseconds that its asker waits still, type, id, tag, payload. */
export const askKind = 1
/** The answer to the ask with a number. */
export const answerKind = 2
/** The actor of the ask with a number moved away before it was handled. */
export const movedKind = 3
/** The asker of the ask with a number waits no more. */
export const goneKind = 4

/** One letter of a batch. */
export type Letter =
  | readonly [kind: typeof tellKind, type: string, id: string, tag: string, payload: unknown]
  | readonly [
    kind: typeof askKind,
    number: number,
    leftMillis: number,
    type: string,
    id: string,
    tag: string,
    payload: unknown
  ]
  | readonly [kind: typeof answerKind, number: number, exit: number, value: unknown]
  | readonly [kind: typeof movedKind | typeof goneKind, number: number]

/** An answer as a letter. */
export const answerLetter = (number: number, [kind, value]: EncodedExit): Letter => [
  answerKind,
  number,
  kind,
  value
]

/** Whether something from a socket is a letter. Plain code: it is asked of each. */
export const isLetter = (value: unknown): value is Letter => {
  if (!Array.isArray(value)) return false
  const [kind, first, second, third, fourth] = value as ReadonlyArray<unknown>
  switch (kind) {
    case tellKind:
      return value.length === 5 && areText(first, second, third)
    case askKind:
      return value.length === 7 && typeof first === "number" && typeof second === "number"
        && second >= 0 && areText(third, fourth, value[5])
    case answerKind:
      return value.length === 4 && typeof first === "number" && typeof second === "number"
    case movedKind:
    case goneKind:
      return value.length === 2 && typeof first === "number"
    default:
      return false
  }
}

const areText = (...values: ReadonlyArray<unknown>): boolean =>
  values.every((value) => typeof value === "string" && value.length > 0 && value.length <= 512)
