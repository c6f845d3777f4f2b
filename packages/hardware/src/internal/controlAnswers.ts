/** What an actor answers, on its way to the peer that asked: item by item, and how it ended. */
import { Cause, Chunk, Effect, Either, Option, Stream } from "effect"
import * as Protocol from "../ControlProtocol.ts"
import type { OperationCodec } from "./controlCodec.ts"
import type { Running } from "./controlPeers.ts"
import { send, type State, warn } from "./controlState.ts"

/** A request under way, and where its answer goes. */
export interface Told {
  readonly state: State
  readonly peer: Uint8Array
  readonly id: Uint8Array
  readonly tag: string
  readonly codec: OperationCodec
  readonly running: Running
}

/** Runs an ask and tells how it ended. */
export const answer = (told: Told, asked: Effect.Effect<unknown, unknown>): Effect.Effect<void> =>
  Effect.matchCauseEffect(asked, {
    onSuccess: (value) => tell(told, "ANSWER", told.codec.encodeSuccess(value), "success"),
    onFailure: (cause) => fail(told, "ANSWER", cause)
  })

/** An item that cannot be told, as the error that ends its stream. */
class ItemInvalid {
  readonly detail: string
  constructor(detail: string) {
    this.detail = detail
  }
}

/**
 * Runs a stream and tells its items, as its reader wants them: the window comes first, so that what
 * waits for it waits where it can still be conflated.
 */
export const stream = (told: Told, asked: Stream.Stream<unknown, unknown>): Effect.Effect<void> =>
  Stream.toPull(asked).pipe(
    Effect.flatMap((pull) => {
      const next = Effect.zipRight(told.running.window.take, pull)
      return Effect.forever(Effect.flatMap(next, (items) => sendItems(told, items)))
    }),
    Effect.scoped,
    Effect.catchAllCause((cause: Cause.Cause<Option.Option<unknown>>) => {
      const failure = Cause.failureOption(cause)
      return Option.exists(failure, Option.isNone)
        ? sendTo(told, "END", {})
        : fail(told, "END", Cause.flatMap(cause, (error) => Cause.fail(Option.getOrThrow(error))))
    })
  )

const sendItems = (
  told: Told,
  chunk: Chunk.Chunk<unknown>
): Effect.Effect<void, Option.Option<ItemInvalid>> =>
  Effect.gen(function*() {
    const items: Array<unknown> = []
    for (const value of Chunk.take(chunk, Protocol.itemsMax)) {
      const item = told.codec.encodeSuccess(value)
      if (Either.isLeft(item)) return yield* Effect.fail(Option.some(new ItemInvalid(item.left)))
      items.push(item.right)
    }
    yield* sendTo(told, "ITEM", { items })
    const rest = Chunk.drop(chunk, Protocol.itemsMax)
    if (Chunk.isEmpty(rest)) return
    yield* told.running.window.take
    yield* sendItems(told, rest)
  })

const fail = (
  told: Told,
  kind: "ANSWER" | "END",
  cause: Cause.Cause<unknown>
): Effect.Effect<void> => {
  // Nobody is left who would hear it.
  if (Cause.isInterruptedOnly(cause)) return Effect.void
  const failure = Cause.failureOption(cause)
  if (Option.isNone(failure)) {
    return Effect.zipRight(
      warn(told.state, told.tag, `${told.tag} met a defect: ${Cause.pretty(cause)}`),
      invalid(told, "the node met a defect; its log says more")
    )
  }
  return failure.value instanceof ItemInvalid
    ? invalid(told, failure.value.detail)
    : tell(told, kind, told.codec.encodeFailure(failure.value), "failure")
}

const tell = (
  told: Told,
  kind: "ANSWER" | "END",
  value: Either.Either<unknown, string>,
  field: "success" | "failure"
): Effect.Effect<void> =>
  Either.match(value, {
    onLeft: (detail) => invalid(told, detail),
    onRight: (body) => sendTo(told, kind, body === undefined ? {} : { [field]: body })
  })

const invalid = (told: Told, message: string): Effect.Effect<void> =>
  sendTo(told, "ERROR", { code: "answer-invalid", message })

const sendTo = (
  told: Told,
  kind: Protocol.FromNode["kind"],
  body: object
): Effect.Effect<void> =>
  Effect.suspend(() => send(told.state, told.peer, kind, { id: told.id, body }))
