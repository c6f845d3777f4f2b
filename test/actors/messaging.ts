/** What the tests of durable messages share: a ledger that keeps the ids of what it was told. */
import * as Rpc from "@effect/rpc/Rpc"
import { Actor, ActorSystem, Handling, MessageStore, Supervision } from "@plantd/actors"
import * as DurableMessages from "@plantd/actors/DurableMessages"
import * as Quarantine from "@plantd/actors/Quarantine"
import { QuarantineStore } from "@plantd/actors/QuarantineStore"
import { ReminderStore } from "@plantd/actors/ReminderStore"
import { Context, Effect, Layer, Schema, type Scope } from "effect"

/** The amount that crashes a ledger. */
export const poison = 13

/** Posts are durable: `Post` under the name of its entry, `Add` under none. */
export const Ledger = Actor.make("Ledger", [
  Rpc.make("Post", {
    payload: { entry: Schema.String, amount: Schema.Int },
    success: Schema.Int,
    error: Schema.Literal("overdrawn"),
    primaryKey: ({ entry }) => entry
  }).annotate(Handling.Durable, true),
  Rpc.make("Add", { payload: { amount: Schema.Int } }).annotate(Handling.Durable, true),
  Rpc.make("Hang").annotate(Handling.Durable, true),
  Rpc.make("Wrong", { success: Schema.DateFromSelf }).annotate(Handling.Durable, true),
  Rpc.make("Sum", { success: Schema.Int })
])

/** What ledgers were told: who, what, and under which id. */
export class Told extends Context.Tag("Told")<Told, Array<string>>() {}

/** Ledgers that write down what they are told before they do it. */
export const LedgerLive = Ledger.toLayer(
  Effect.gen(function*() {
    const told = yield* Told
    let sum = 0
    const add = (amount: number) =>
      amount === poison
        ? Effect.die(new Error("the book fell down"))
        : Effect.sync(() => (sum += amount))
    return {
      Post: ({ amount, entry }, { id }) => {
        told.push(`${entry} ${amount} as ${id}`)
        return amount < 0 ? Effect.fail("overdrawn" as const) : add(amount)
      },
      Add: ({ amount }, { id }) => {
        told.push(`${amount} ${id === undefined ? "without an id" : "with an id"}`)
        return Effect.asVoid(add(amount))
      },
      Hang: () => {
        told.push("hang")
        return Effect.never
      },
      Wrong: () => Effect.succeed("yesterday" as never),
      Sum: () => Effect.succeed(sum)
    }
  }),
  {
    handlerTimeout: "1 second",
    supervision: Supervision.restart({
      maxRestarts: 1_000,
      within: "1 second",
      backoff: { min: "10 millis", factor: 1, jitter: 0 }
    })
  }
)

/** Both stores, in memory. */
export const inMemory: Layer.Layer<MessageStore | QuarantineStore> = Layer.provideMerge(
  MessageStore.layerMemory,
  ReminderStore.layerMemory
)

/** Delays without luck in them: 1 s, 2 s, 4 s, at most 10 s. */
export const settings: Partial<DurableMessages.Settings> = {
  maxAttempts: 3,
  retryBackoff: { min: "1 second", max: "10 seconds", factor: 2, jitter: 0 }
}

/** Everything that one process has; it is stopped when the scope of the layer closes. */
export const processOf = (
  stores: Layer.Layer<MessageStore | QuarantineStore>,
  given: Partial<DurableMessages.Settings> = {}
) =>
  Layer.mergeAll(
    LedgerLive,
    DurableMessages.layerWith({ ...settings, ...given }),
    Quarantine.Quarantine.layer
  ).pipe(Layer.provideMerge(Layer.merge(ActorSystem.layer, stores)))

/** What a process offers. */
export type Process = Layer.Layer.Success<ReturnType<typeof processOf>>

/** Runs `body` in a process of its own, with what the ledgers were told in it. */
export const run = (
  stores: Layer.Layer<MessageStore | QuarantineStore>,
  given?: Partial<DurableMessages.Settings>
) =>
<A, E>(body: (told: Array<string>) => Effect.Effect<A, E, Process | Scope.Scope>) =>
  Effect.suspend(() => {
    const told: Array<string> = []
    return Effect.scoped(body(told)).pipe(
      Effect.provide(processOf(stores, given)),
      Effect.provideService(Told, told)
    )
  })
