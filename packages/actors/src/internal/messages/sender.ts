/** Stores durable messages, tells the desk of their actor, and waits there for their answers. */
import { Backoff } from "@plantd/core"
import { Clock, Effect, Either, PrimaryKey, Random } from "effect"
import { DeliveryUnknown, MessageInvalid, NotDelivered } from "../../ActorError.ts"
import type { Engine } from "../../ActorSystem.ts"
import { StoreUnavailable } from "../../DurableError.ts"
import type { Kept, MessageStoreService } from "../../MessageStore.ts"
import { keyProblem } from "../durable/entityKey.ts"
import { bytesUpTo } from "../durable/jsonText.ts"
import { Envelope } from "../engine/envelope.ts"
import { payloadText } from "../reminders/durableDelivery.ts"
import { sendTo } from "../engine/client.ts"
import { readAnswer } from "./answerText.ts"
import { Desk, deskIdOf } from "./desk.ts"
import type { DurableLetter, DurableSender } from "./durableSender.ts"

/** Between two times that a desk is asked for an answer. */
const backoff: Backoff.Backoff = { min: "20 millis", max: "1 second", factor: 2, jitter: 0.5 }

/** Sends the durable messages of one system. */
export const makeSender = (
  engine: Engine,
  store: MessageStoreService
): Effect.Effect<DurableSender> =>
  Effect.map(
    Effect.all([Clock.currentTimeMillis, Effect.replicateEffect(Random.nextInt, 2)]),
    ([at, parts]) => {
      const origin = [at, ...parts].map((part) => Math.abs(part).toString(36)).join("-")
      return new Sender(engine, store, origin)
    }
  )

class Sender implements DurableSender {
  private readonly engine: Engine
  private readonly store: MessageStoreService
  /** Unique for each system. */
  private readonly origin: string
  private sent = 0

  constructor(engine: Engine, store: MessageStoreService, origin: string) {
    this.engine = engine
    this.store = store
    this.origin = origin
  }

  readonly ask = (letter: DurableLetter, timeoutMillis: number): Effect.Effect<unknown, unknown> =>
    Effect.suspend(() => {
      const deadline = this.engine.now() + timeoutMillis
      return Effect.flatMap(
        this.put(letter, deadline),
        ({ answer, sequence }) =>
          answer === undefined
            ? this.answerOf(letter, { sequence, deadline, timeoutMillis })
            : readAnswer(letter, answer)
      )
    })

  readonly tell = (letter: DurableLetter): Effect.Effect<void, unknown> =>
    Effect.suspend(() =>
      Effect.map(
        this.put(letter, this.engine.now() + this.engine.askTimeoutMillis),
        ({ answer }) => {
          if (answer !== undefined) return
          // Where it is lost, the desk finds the message by itself.
          this.engine.deliver(Desk.name, deskIdOf(letter.address), new Envelope("Look", undefined))
        }
      )
    )

  /** Stores a message; where it is unknown whether it is, once more under its id. */
  private put(letter: DurableLetter, deadline: number) {
    return Effect.gen(this, function*() {
      const { address, tag } = letter
      const payload = yield* this.payloadOf(letter)
      const messageId = yield* this.idOf(letter)
      const at = yield* Clock.currentTimeMillis
      const kept = yield* this.stored({ address, messageId, tag, payload, at }, deadline)
      if (kept.payload === payload && kept.tag === tag) return kept
      return yield* invalid(letter, `another message has its id ${JSON.stringify(messageId)}`)
    })
  }

  private stored(
    message: Parameters<MessageStoreService["put"]>[0],
    deadline: number
  ): Effect.Effect<Kept, NotDelivered | DeliveryUnknown> {
    const { address, tag } = message
    const failed = (error: StoreUnavailable, unknown: boolean) => {
      const detail = error.message
      return unknown
        ? new DeliveryUnknown({ address, tag, detail })
        : new NotDelivered({ address, tag, detail })
    }
    const once = Effect.suspend(() =>
      Effect.timeoutFail(this.store.put(message), {
        duration: Math.max(1, deadline - this.engine.now()),
        onTimeout: () => tooLate
      })
    )
    const attempt = (made: number, unknown: boolean): ReturnType<Sender["stored"]> =>
      Effect.catchAll(once, (error) => {
        const nobodyKnows = unknown || error.outcome === "unknown"
        if (!nobodyKnows || this.engine.now() >= deadline) return failed(error, nobodyKnows)
        return Effect.zipRight(pause(made, deadline - this.engine.now()), attempt(made + 1, true))
      })
    return attempt(0, false)
  }

  /** The desk may be lost, or move, any number of times. */
  private answerOf(
    letter: DurableLetter,
    wanted: {
      readonly sequence: number
      readonly deadline: number
      readonly timeoutMillis: number
    }
  ): Effect.Effect<unknown, unknown> {
    const { engine } = this
    const { deadline, sequence, timeoutMillis } = wanted
    const { address, tag } = letter
    const route = { type: Desk.name, id: deskIdOf(address), tag: "Await", engine }
    const again = (made: number): Effect.Effect<unknown, unknown> =>
      Effect.zipRight(
        Effect.suspend(() => pause(made, deadline - engine.now())),
        attempt(made + 1)
      )
    const attempt = (made: number): Effect.Effect<unknown, unknown> =>
      Effect.suspend(() => {
        const left = deadline - engine.now()
        if (left <= 0) {
          const detail = `it is stored, and will be handled; no answer came in ${timeoutMillis} ms`
          return new DeliveryUnknown({ address, tag, detail })
        }
        return Effect.matchEffect(sendTo(route, { sequence }, left), {
          onSuccess: (answer) =>
            typeof answer === "string" ? readAnswer(letter, answer) : again(made),
          onFailure: () => again(made)
        })
      })
    return attempt(0)
  }

  private payloadOf(letter: DurableLetter): Either.Either<string, MessageInvalid> {
    const text = payloadText(letter.rpc, letter.payload)
    if (Either.isLeft(text)) return Either.left(invalid(letter, text.left))
    const { valueBytesMax: max } = this.store
    const bytes = bytesUpTo(text.right, max)
    return bytes > max
      ? Either.left(invalid(letter, `it has ${bytes} bytes, at most ${max}`))
      : Either.right(text.right)
  }

  private idOf(letter: DurableLetter): Either.Either<string, MessageInvalid> {
    const { address, payload, tag } = letter
    const key = isNamed(payload)
      ? PrimaryKey.value(payload)
      : `${this.origin}-${++this.sent}`
    const name = `${tag}/${key}`
    const problem = keyProblem({ address, name })
    return problem === undefined
      ? Either.right(name)
      : Either.left(invalid(letter, `its actor's id, or its primary key: ${problem}`))
  }
}

const tooLate = new StoreUnavailable({
  reason: "deadline",
  outcome: "unknown",
  detail: "it was not stored before the deadline of its sender"
})

const isNamed = (payload: unknown): payload is PrimaryKey.PrimaryKey =>
  typeof payload === "object" && payload !== null && PrimaryKey.symbol in payload

const invalid = ({ address, tag }: DurableLetter, issue: string): MessageInvalid =>
  new MessageInvalid({ address, tag, part: "payload", issue })

const pause = (made: number, leftMillis: number): Effect.Effect<void> =>
  leftMillis <= 0
    ? Effect.void
    : Effect.flatMap(
      Random.next,
      (random) => Effect.sleep(Math.min(leftMillis, Backoff.delayMillis(backoff, made, random)))
    )
