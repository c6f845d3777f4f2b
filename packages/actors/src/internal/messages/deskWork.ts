/**
 * What a desk does: it reads what is stored for its actor, hands it on in order, stores the ends,
 * and tells them to those who wait.
 */
import type { Rpc } from "@effect/rpc"
import { Backoff, type Buggify } from "@plantd/core"
import { Clock, Deferred, Effect, Either, Exit, Fiber, FiberId, Random, type Scope } from "effect"
import { type ActorAddress, format } from "../../ActorAddress.ts"
import type { ActorContextService } from "../../ActorContext.ts"
import { MessageQuarantined } from "../../ActorError.ts"
import type { Engine } from "../../ActorSystem.ts"
import type { StoreUnavailable } from "../../DurableError.ts"
import type { MessageEnd, MessageStoreService, StoredMessage } from "../../MessageStore.ts"
import { pauseBefore } from "../engine/repeatedly.ts"
import { deliveryOf } from "../reminders/durableDelivery.ts"
import { answerText, refusalText } from "./answerText.ts"
import { countAttempt } from "./attempts.ts"

/** How messages are handed to their actors; times in ms. */
export interface Delivering {
  readonly maxAttempts: number
  readonly attemptTimeoutMillis: number
  readonly retryBackoff: Backoff.Backoff
}

/** What desks work with. */
export interface DeskGround {
  readonly engine: Engine
  readonly store: MessageStoreService
  readonly delivering: Delivering
  readonly fires: Buggify.Fires
}

/** The most messages for one actor that are in memory at a time. */
export const pageMax = 64

/** A message that is older was perhaps begun by a process that has ended since. */
const freshMillis = 1_000

/** A desk that waits looks so often, in ms, whether its actor lives here still. */
const lookMillis = 250

/** How late an end is stored where a simulation has it so, in ms. */
const lateMillis = 200

interface Asking {
  readonly answer: Deferred.Deferred<string | null>
  readers: number
}

/** The work of one desk. */
export class DeskWork {
  private readonly ground: DeskGround
  private readonly actor: ActorContextService
  private readonly scope: Scope.Scope
  private readonly address: ActorAddress
  /** Who waits for answers, by sequence. */
  private readonly asking = new Map<number, Asking>()
  /** How often it was told that there may be messages, and up to which of these it has looked. */
  private told = 0
  private looked = 0
  private scheduled = false
  /** How often in a row a message, or the store, has failed; and when to go on. */
  private failures = 0
  private notBefore = 0

  constructor(
    ground: DeskGround,
    { actor, address, scope }: {
      /** The desk. */
      readonly actor: ActorContextService
      /** Whose desk it is. */
      readonly address: ActorAddress
      readonly scope: Scope.Scope
    }
  ) {
    this.ground = ground
    this.actor = actor
    this.scope = scope
    this.address = address
  }

  readonly lookAgain: Effect.Effect<void> = Effect.suspend(() => {
    this.told++
    if (this.scheduled) return Effect.void
    this.scheduled = true
    return this.actor.inTurn(this.work)
  })

  answerOf(sequence: number): Effect.Effect<string | null> {
    return Effect.suspend(() => {
      const asking = this.asking.get(sequence)
        ?? { answer: Deferred.unsafeMake<string | null>(FiberId.none), readers: 0 }
      this.asking.set(sequence, asking)
      asking.readers++
      const leave = Effect.sync(() => {
        if (--asking.readers > 0 || this.asking.get(sequence) !== asking) return
        this.asking.delete(sequence)
      })
      return Effect.zipRight(this.lookAgain, Effect.ensuring(Deferred.await(asking.answer), leave))
    })
  }

  private readonly work: Effect.Effect<void> = Effect.suspend(() => {
    this.scheduled = false
    return Effect.catchAll(this.rounds, (error) => this.pause(error.message))
  })

  /** Hands on what is stored until nothing is, or until it has to wait. */
  private readonly rounds = Effect.gen(this, function*() {
    const { engine, fires, store } = this.ground
    while (this.looked < this.told) {
      if (!this.isHere()) return this.sendAway()
      const wait = this.notBefore - engine.now()
      if (wait > 0) return yield* this.later(wait)
      const { told } = this
      const asked = [...this.asking.keys()]
      const atMost = fires("a desk reads one message") ? 1 : pageMax
      const page = yield* store.pending(this.address, atMost)
      yield* this.tellEnded(asked, page, atMost)
      if (!(yield* this.handAll(page))) continue
      if (page.length < atMost) this.looked = told
    }
  })

  /** Whether the next page may follow. What was handled is stored by then. */
  private handAll(page: ReadonlyArray<StoredMessage>) {
    return Effect.gen(this, function*() {
      const ending: Array<Fiber.Fiber<void>> = []
      let goesOn = true
      let trouble: StoreUnavailable | undefined
      for (const message of page) {
        if (!this.isHere()) goesOn = false
        else {
          const handed = yield* Effect.either(this.hand(message))
          const answer = Either.getOrUndefined(handed)
          if (Either.isLeft(handed)) trouble = handed.left
          if (answer === undefined) goesOn = false
          else ending.push(yield* Effect.forkIn(this.end(message, answer), this.scope))
        }
        if (!goesOn) break
      }
      // Before anything is read again, whatever went wrong.
      yield* Fiber.joinAll(ending)
      if (trouble !== undefined) return yield* trouble
      return goesOn
    })
  }

  /** Gives a message to its actor; what it ends with, or nothing where it is to be tried again. */
  private hand(message: StoredMessage) {
    return Effect.gen(this, function*() {
      const { delivering: { attemptTimeoutMillis, maxAttempts }, engine, store } = this.ground
      const { address, at, sequence, tag } = message
      const { attempts } = message
      if (attempts >= maxAttempts) {
        const cause = "its last attempt was not seen to end: the process ended while it was handled"
        return yield* this.giveUp(message, { attempts, cause })
      }
      // Before it is made: an attempt that ends the process counts as well.
      const now = yield* Clock.currentTimeMillis
      // The clock of its sender may be another one.
      const counted = attempts > 0 || now < at || now - at > freshMillis
      if (counted) yield* store.attempted(sequence, 1)
      const delivery = deliveryOf(engine, message)
      const outcome = Either.isLeft(delivery)
        ? delivery.left
        : yield* delivery.right(attemptTimeoutMillis)
      countAttempt(outcome._tag)
      switch (outcome._tag) {
        case "handled": {
          this.failures = 0
          const rpc = engine.protocolOf(address.type)?.requests.get(tag)
          return {
            answer: answerText(
              { address, tag, rpc: rpc as unknown as Rpc.AnyWithProps },
              outcome.exit,
              store.valueBytesMax
            ),
            quarantined: undefined
          }
        }
        case "unreadable":
          return yield* this.giveUp(message, { attempts, cause: outcome.cause })
        case "attempted":
          if (!counted) yield* store.attempted(sequence, 1)
          if (attempts + 1 >= maxAttempts) {
            return yield* this.giveUp(message, { attempts: attempts + 1, cause: outcome.cause })
          }
          break
        case "refused":
          if (counted) yield* store.attempted(sequence, -1)
      }
      return yield* this.pause(`${tag} was not handled: ${outcome.cause}`)
    })
  }

  private giveUp(
    message: StoredMessage,
    { attempts, cause }: { readonly attempts: number; readonly cause: string }
  ): Effect.Effect<Ending> {
    return Effect.map(Clock.currentTimeMillis, (at) => {
      const { address, messageId: name, payload, tag } = message
      this.failures = 0
      countAttempt("quarantined")
      this.ground.engine.deadLetter(address, tag, "quarantined")
      return {
        answer: refusalText(new MessageQuarantined({ address, tag, attempts, reason: cause })),
        quarantined: { origin: "message", address, name, tag, payload, attempts, cause, at }
      }
    })
  }

  /** Stores the end of a message, however long that takes, and then tells it. */
  private end({ sequence }: StoredMessage, ending: Ending): Effect.Effect<void> {
    const attempt = (made: number): Effect.Effect<string> =>
      Clock.currentTimeMillis.pipe(
        Effect.flatMap((at) => this.ground.store.end(sequence, { ...ending, at })),
        Effect.catchAll((error) =>
          Effect.zipRight(
            Effect.logWarning(
              `a message for ${format(this.address)} was handled, and its answer is not stored yet`,
              error.message
            ),
            Effect.zipRight(pauseBefore(made), attempt(made + 1))
          )
        )
      )
    const stored = this.ground.fires("the end of a message is stored late")
      ? Effect.delay(attempt(0), lateMillis)
      : attempt(0)
    return Effect.map(stored, (answer) => this.tell(sequence, answer))
  }

  /** Answers those who asked for what had ended before. */
  private tellEnded(
    asked: ReadonlyArray<number>,
    page: ReadonlyArray<StoredMessage>,
    atMost: number
  ) {
    const last = page.length < atMost ? Infinity : page.at(-1)?.sequence ?? Infinity
    const open = new Set(page.map(({ sequence }) => sequence))
    const ended = asked.filter((sequence) => sequence <= last && !open.has(sequence))
    return Effect.forEach(
      ended,
      (sequence) =>
        Effect.map(
          this.ground.store.answer(sequence),
          (answer) => this.tell(sequence, answer ?? null)
        ),
      { discard: true }
    )
  }

  private tell(sequence: number, answer: string | null): void {
    const asking = this.asking.get(sequence)
    this.asking.delete(sequence)
    if (asking !== undefined) Deferred.unsafeDone(asking.answer, Exit.succeed(answer))
  }

  /** Its actor lives elsewhere by now. */
  private sendAway(): void {
    for (const sequence of Array.from(this.asking.keys())) this.tell(sequence, null)
  }

  private isHere(): boolean {
    return this.ground.engine.isHere(this.address.type, this.address.id)
  }

  /** Nothing is handed on for a while: later messages never overtake this one. */
  private pause(why: string): Effect.Effect<undefined> {
    return Effect.gen(this, function*() {
      const { delivering: { retryBackoff }, engine } = this.ground
      const delay = Backoff.delayMillis(retryBackoff, this.failures++, yield* Random.next)
      this.notBefore = engine.now() + delay
      yield* Effect.logDebug(`messages for ${format(this.address)} wait ${delay} ms: ${why}`)
      yield* this.later(delay)
      return undefined
    })
  }

  private later(millis: number): Effect.Effect<void> {
    return this.actor.timers.once("again", Math.max(1, Math.min(millis, lookMillis)), this.work)
  }
}

type Ending = Omit<MessageEnd, "at">
