/**
 * Messages that were delivered durably and given up: attempted as often as they may be, or not
 * readable. They wait here, with their cause, until a person has them retried or discards them.
 *
 * Each one is a dead letter, too (`quarantined`). The same message of the same origin has one
 * entry that counts how often it came, so that a reminder that always fails does not fill the
 * store.
 */
import { Clock, Context, Duration, Effect, Either, Layer } from "effect"
import type { ActorAddress } from "./ActorAddress.ts"
import { ActorSystem } from "./ActorSystem.ts"
import type { StoreUnavailable } from "./DurableError.ts"
import { deliveryOf, type Outcome } from "./internal/reminders/durableDelivery.ts"
import { type Entry, QuarantineStore } from "./QuarantineStore.ts"
import { NotQuarantined, RetryFailed } from "./ReminderError.ts"

export type { Entry } from "./QuarantineStore.ts"

/** Which messages to list, in the order in which they came. */
export interface ListOptions {
  /** Those for one actor; for all by default. */
  readonly address?: ActorAddress
  /** The `id` of the last one of the page before. */
  readonly after?: number
  /** At most `pageMax`, which is the default too. */
  readonly limit?: number
}

/** What keeps a message from being retried. */
export type RetryError = RetryFailed | NotQuarantined | StoreUnavailable

/** The messages that wait for a person. */
export interface QuarantineService {
  readonly list: (
    options?: ListOptions
  ) => Effect.Effect<ReadonlyArray<Entry>, StoreUnavailable>
  /**
   * Delivers a message once more. Succeeds when it was handled, and it is gone then; else it stays,
   * with the new cause. A `StoreUnavailable` after it was handled leaves it there as well.
   */
  readonly retry: (
    id: number,
    options?: { readonly timeout?: Duration.DurationInput }
  ) => Effect.Effect<void, RetryError>
  /** Removes a message for good. */
  readonly discard: (id: number) => Effect.Effect<void, NotQuarantined | StoreUnavailable>
}

/** The most messages that `list` gives at a time. */
export const pageMax = 256

/** How long a retry waits for its answer when nothing else is said. */
export const retryTimeoutDefault: Duration.DurationInput = "30 seconds"

/** The messages that wait for a person. */
export class Quarantine extends Context.Tag("@plantd/actors/Quarantine")<
  Quarantine,
  QuarantineService
>() {
  /** Those of the store. */
  static readonly layer: Layer.Layer<Quarantine, never, ActorSystem | QuarantineStore> = Layer
    .effect(Quarantine, Effect.suspend(() => make))
}

/** Lists messages in quarantine, a page at a time. */
export const list = (
  options?: ListOptions
): Effect.Effect<ReadonlyArray<Entry>, StoreUnavailable, Quarantine> =>
  Effect.flatMap(Quarantine, (quarantine) => quarantine.list(options))

/** Delivers a message once more: see `QuarantineService`. */
export const retry = (
  id: number,
  options?: { readonly timeout?: Duration.DurationInput }
): Effect.Effect<void, RetryError, Quarantine> =>
  Effect.flatMap(Quarantine, (quarantine) => quarantine.retry(id, options))

/** Removes a message for good. */
export const discard = (
  id: number
): Effect.Effect<void, NotQuarantined | StoreUnavailable, Quarantine> =>
  Effect.flatMap(Quarantine, (quarantine) => quarantine.discard(id))

const make = Effect.gen(function*() {
  const { engine } = yield* ActorSystem
  const store = yield* QuarantineStore
  // One after the other: a message that is retried twice at once would be handled twice.
  const turns = yield* Effect.makeSemaphore(1)

  const keep = (entry: Entry, outcome: Exclude<Outcome, { _tag: "handled" }>) =>
    Effect.gen(function*() {
      const { address, id, tag } = entry
      const { _tag: reason, cause } = outcome
      const at = yield* Clock.currentTimeMillis
      if (reason === "attempted") yield* store.attempted(id, { cause, at })
      return yield* new RetryFailed({ id, address, tag, reason, cause })
    })

  const service: QuarantineService = {
    list: ({ address, after = 0, limit = pageMax } = {}) =>
      store.list({ address, after, limit: Math.min(pageMax, Math.max(1, limit)) }),
    discard: (id) =>
      Effect.flatMap(store.remove(id), (was) => was ? Effect.void : new NotQuarantined({ id })),
    retry: (id, { timeout = retryTimeoutDefault } = {}) =>
      Effect.gen(function*() {
        const entry = yield* store.read(id)
        if (entry === undefined) return yield* new NotQuarantined({ id })
        const delivery = deliveryOf(engine, { ...entry, messageId: entry.name })
        const outcome = Either.isLeft(delivery)
          ? delivery.left
          : yield* delivery.right(Duration.toMillis(timeout))
        if (outcome._tag !== "handled") return yield* keep(entry, outcome)
        yield* store.remove(id)
      }).pipe(turns.withPermits(1))
  }
  return service
})
