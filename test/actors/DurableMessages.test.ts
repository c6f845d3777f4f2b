import { SqliteClient } from "@effect/sql-sqlite-node"
import { describe, expect, it } from "@effect/vitest"
import { ActorSystem, DurableError, type MessageStoreService } from "@plantd/actors"
import * as DurableMessages from "@plantd/actors/DurableMessages"
import { MessageStore } from "@plantd/actors/MessageStore"
import * as Quarantine from "@plantd/actors/Quarantine"
import { QuarantineStore } from "@plantd/actors/QuarantineStore"
import * as SqlMessageStore from "@plantd/actors/SqlMessageStore"
import * as SqlReminderStore from "@plantd/actors/SqlReminderStore"
import { Clock, Effect, Fiber, Layer } from "effect"
import { databaseFile } from "./durable.ts"
import { inMemory, Ledger, poison, run } from "./messaging.ts"
import { deadLetters, pass, settled, until } from "./reminding.ts"

/** A process that keeps what is asked of it in these stores. */
const onFile = (filename: string) =>
  Layer.merge(SqlMessageStore.layer, SqlReminderStore.layer).pipe(
    Layer.provide(SqliteClient.layer({ filename })),
    Layer.orDie
  )

const ledger = Effect.map(Ledger.client, (client) => client("l-1"))

const post = (entry: string, amount: number) =>
  Effect.flatMap(ledger, (client) => client.Post({ entry, amount }))

/** Stores in memory that outlive processes. */
const kept = Effect.map(
  Layer.build(inMemory),
  (context): Layer.Layer<MessageStore | QuarantineStore> => Layer.succeedContext(context)
)

describe("DurableMessages", () => {
  it.scoped("an ask is handled under its id, and answered; sent again, it gets its answer", () =>
    run(inMemory)((told) =>
      Effect.gen(function*() {
        expect(yield* post("e-1", 5)).toBe(5)
        expect(yield* post("e-2", 7)).toBe(12)
        expect(yield* post("e-1", 5)).toBe(5)
        expect(yield* Effect.flip(post("e-3", -1))).toBe("overdrawn")
        expect(yield* Effect.flip(post("e-3", -1))).toBe("overdrawn")
        expect(told).toEqual(["e-1 5 as Post/e-1", "e-2 7 as Post/e-2", "e-3 -1 as Post/e-3"])
      })
    ))

  it.scoped("the same name for something else is refused, and not handled", () =>
    run(inMemory)((told) =>
      Effect.gen(function*() {
        yield* post("e-1", 5)
        const error = yield* Effect.flip(post("e-1", 6))
        expect(error).toMatchObject({ _tag: "MessageInvalid", part: "payload" })
        expect(String(error)).toContain('another message has its id "Post/e-1"')
        expect(told).toHaveLength(1)
      })
    ))

  it.scoped("a tell that was acknowledged is handled, by another process if need be", () =>
    Effect.gen(function*() {
      const stores = yield* kept
      yield* run(stores)((told) =>
        Effect.gen(function*() {
          const client = yield* ledger
          yield* Effect.fork(client.Hang())
          yield* until(Effect.sync(() => told), ({ length }) => length > 0)
          yield* client.Add({ amount: 3 }, { discard: true })
          yield* client.Add({ amount: 4 }, { discard: true })
          yield* settled
          expect(told).toEqual(["hang"])
        })
      )
      yield* run(stores, { maxAttempts: 2 })((told) =>
        Effect.gen(function*() {
          for (let second = 0; second < 5; second++) yield* pass("1 second")
          expect(told.filter((what) => what !== "hang")).toEqual(["3 with an id", "4 with an id"])
        })
      )
    }))

  it.scoped("messages are handled in their order, also past one that is attempted", () =>
    run(inMemory)((told) =>
      Effect.gen(function*() {
        const client = yield* ledger
        for (const amount of [1, poison, 3]) yield* client.Add({ amount }, { discard: true })
        yield* pass("1 second")
        yield* pass("2 seconds")
        yield* pass("1 second")
        expect(told).toEqual([
          "1 with an id",
          ...Array.from({ length: 3 }, () => `${poison} with an id`),
          "3 with an id"
        ])
        expect(yield* client.Sum()).toBe(3)
      })
    ))

  it.scoped("one that is attempted in vain is quarantined, and its asker told; then retried", () =>
    run(inMemory)((told) =>
      Effect.gen(function*() {
        const letters = yield* deadLetters
        const asking = yield* Effect.fork(Effect.flip(
          Effect.flatMap(ledger, (client) =>
            client.Post({ entry: "p", amount: poison }, { timeout: "1 minute" }))
        ))
        yield* settled
        for (let second = 0; second < 4; second++) {
          yield* pass("1 second")
        }
        expect(told).toHaveLength(3)
        expect(yield* Fiber.join(asking)).toMatchObject({
          _tag: "MessageQuarantined",
          attempts: 3,
          reason: expect.stringContaining("the book fell down")
        })
        expect(told).toHaveLength(3)
        const [entry] = yield* Quarantine.list()
        expect(entry).toMatchObject({ origin: "message", name: "Post/p", tag: "Post", attempts: 3 })
        expect(letters()).toEqual(["quarantined Post"])
        expect(yield* Effect.flip(Quarantine.retry(entry?.id ?? 0))).toMatchObject({
          _tag: "RetryFailed"
        })
        expect(told).toHaveLength(4)
        expect(yield* Effect.flip(post("p", poison))).toMatchObject({ _tag: "MessageQuarantined" })
        expect(told).toHaveLength(4)
      })
    ))

  it.scoped("a message that ends its process is counted, and given up in time", () =>
    Effect.gen(function*() {
      const file = yield* databaseFile
      const process = run(onFile(file), { maxAttempts: 2 })
      yield* process((told) =>
        Effect.gen(function*() {
          yield* Effect.fork(Effect.flatMap(ledger, (client) => client.Hang()))
          yield* until(Effect.sync(() => told), ({ length }) => length > 0)
        })
      )
      // It was begun at once in the first process, which did not count it before.
      for (const _ of [1, 2]) {
        yield* pass("2 seconds")
        yield* process((told) => until(Effect.sync(() => told), ({ length }) => length > 0))
      }
      yield* process((told) =>
        Effect.gen(function*() {
          const [entry] = yield* until(Quarantine.list(), ({ length }) => length > 0)
          expect(entry?.cause).toContain("the process ended while it was handled")
          expect(told).toEqual([])
        })
      )
    }))

  it.scoped("an answer that is not what its schema says is told so, and the message is over", () =>
    run(inMemory)(() =>
      Effect.gen(function*() {
        const client = yield* ledger
        const error = yield* Effect.flip(client.Wrong())
        expect(error).toMatchObject({ _tag: "MessageInvalid", part: "answer" })
        expect(yield* Quarantine.list()).toEqual([])
      })
    ))

  it.scoped("an asker that waits in vain hears that it is stored; then it is handled", () =>
    run(inMemory, { maxAttempts: 1 })((told) =>
      Effect.gen(function*() {
        const client = yield* ledger
        yield* client.Hang(undefined, { discard: true })
        const late = client.Post({ entry: "late", amount: 1 }, { timeout: "500 millis" })
        const asking = yield* Effect.fork(Effect.flip(late))
        yield* settled
        yield* pass("500 millis")
        expect(yield* Fiber.join(asking)).toMatchObject({
          _tag: "DeliveryUnknown",
          detail: expect.stringContaining("it is stored, and will be handled")
        })
        yield* pass("1 second")
        expect(told).toEqual(["hang", "late 1 as Post/late"])
        expect(yield* post("late", 1)).toBe(1)
        expect(told).toHaveLength(2)
      })
    ))

  it.scoped("what has ended is kept for as long as it says, and no longer", () =>
    run(inMemory, { retention: "10 seconds", pruneInterval: "1 second" })((told) =>
      Effect.gen(function*() {
        yield* post("e-1", 5)
        for (let second = 0; second < 9; second++) yield* pass("1 second")
        yield* post("e-1", 5)
        expect(told).toHaveLength(1)
        for (let second = 0; second < 3; second++) yield* pass("1 second")
        yield* post("e-1", 5)
        expect(told).toHaveLength(2)
      })
    ))

  it.scoped("a store that cannot be written is told: not delivered, or unknown, never a lie", () =>
    Effect.gen(function*() {
      const stores = yield* kept
      const real = yield* Effect.provide(MessageStore, stores)
      let outcomes: Array<"not-written" | "unknown"> = []
      const put: MessageStoreService["put"] = (message) =>
        Effect.suspend(() => {
          const outcome = outcomes.shift()
          if (outcome === undefined) return real.put(message)
          const detail = "the disk is full"
          return new DurableError.StoreUnavailable({ reason: "full", outcome, detail })
        })
      const faulty = Layer.merge(stores, Layer.succeed(MessageStore, { ...real, put }))
      yield* run(faulty)((told) =>
        Effect.gen(function*() {
          outcomes = ["not-written"]
          expect(yield* Effect.flip(post("e-1", 1))).toMatchObject({ _tag: "NotDelivered" })
          // Unknown once, then known.
          outcomes = ["unknown"]
          const asking = yield* Effect.fork(post("e-2", 2))
          yield* settled
          yield* pass("1 second")
          expect(yield* Fiber.join(asking)).toBe(2)
          outcomes = Array.from({ length: 100 }, () => "unknown")
          const lost = yield* Effect.fork(Effect.flip(post("e-3", 3)))
          for (let second = 0; second < 7; second++) yield* pass("1 second")
          expect(yield* Fiber.join(lost)).toMatchObject({ _tag: "DeliveryUnknown" })
          expect(told).toEqual(["e-2 2 as Post/e-2"])
        })
      )
    }))

  it.scoped("what was handled is not handed on again while its end cannot be stored", () =>
    Effect.gen(function*() {
      const stores = yield* kept
      const real = yield* Effect.provide(MessageStore, stores)
      let away = true
      const lost = new DurableError.StoreUnavailable({
        reason: "connection",
        outcome: "not-written",
        detail: "it is away"
      })
      const gate = <A, E>(effect: Effect.Effect<A, E>) =>
        Effect.suspend((): Effect.Effect<A, E | DurableError.StoreUnavailable> =>
          away ? lost : effect
        )
      const faulty = Layer.merge(
        stores,
        Layer.succeed(MessageStore, {
          ...real,
          end: (sequence, end) => gate(real.end(sequence, end)),
          // The first one can be counted, so that nothing else keeps it from being handed on again.
          attempted: (sequence, by) =>
            sequence === 1 ? real.attempted(sequence, by) : gate(real.attempted(sequence, by))
        })
      )
      const address = Ledger.at("l-1")
      const message = { address, tag: "Add", payload: `{"amount":1}` }
      yield* run(faulty)((told) =>
        Effect.gen(function*() {
          const at = yield* Clock.currentTimeMillis
          yield* real.put({ ...message, messageId: "Add/fresh", at })
          // This one is to be counted first, which fails.
          yield* real.put({ ...message, messageId: "Add/old", at: at - 60_000 })
          for (let second = 0; second < 20; second++) yield* pass("1 second")
          expect(told).toEqual(["1 with an id"])
          away = false
          for (let second = 0; second < 20; second++) yield* pass("1 second")
          expect(told).toEqual(["1 with an id", "1 with an id"])
          expect(yield* real.pending(address, 10)).toEqual([])
        })
      )
    }))

  it.scoped("without DurableMessages a durable message is a programmer's error", () =>
    Effect.gen(function*() {
      const client = yield* ledger
      const cause = yield* Effect.flip(Effect.sandbox(client.Add({ amount: 1 })))
      expect(String(cause)).toContain("Ledger.Add is durable: provide the layer of DurableMessages")
    }).pipe(Effect.provide(ActorSystem.layer)))

  it.effect("a bound that makes no sense is a programmer's error", () =>
    Effect.gen(function*() {
      const layer = DurableMessages.layerWith({ maxAttempts: 0 })
      const built = Layer.build(Layer.provide(layer, Layer.merge(ActorSystem.layer, inMemory)))
      const cause = yield* Effect.flip(Effect.sandbox(Effect.scoped(built)))
      expect(String(cause)).toContain("DurableMessages: maxAttempts is 0")
    }))
})
