/**
 * The port to durable messages: each is kept until it was handled, with its answer for a while
 * after, and handled ones are pruned. `SqlMessageStore` is it on SQLite and PostgreSQL.
 */
import { Context, Effect, Layer } from "effect"
import type { ActorAddress } from "./ActorAddress.ts"
import type { StoreUnavailable } from "./DurableError.ts"
import { valueBytesMaxDefault } from "./DurableStore.ts"
import { makeMemoryMessages } from "./internal/messages/memoryMessages.ts"
import { type NewEntry, QuarantineStore } from "./QuarantineStore.ts"

/** A message to be stored. */
export interface NewMessage {
  readonly address: ActorAddress
  /** Unique among the messages for its actor. */
  readonly messageId: string
  readonly tag: string
  /** The encoded payload as JSON text: it may hold secrets. */
  readonly payload: string
  /** When it was sent, in ms since 1970-01-01 UTC. */
  readonly at: number
}

/** A message that was not handled yet. */
export interface StoredMessage extends NewMessage {
  /** Grows from one message to the next that is stored after it; the order in which to handle. */
  readonly sequence: number
  /** How often a handler is known to have begun it, or may have. */
  readonly attempts: number
}

/** What became of a message that was to be stored. */
export interface Kept {
  readonly sequence: number
  /** Those of the message that has the id: another one where they differ from what was given. */
  readonly tag: string
  readonly payload: string
  /** The encoded answer as JSON text, where it was handled before. */
  readonly answer: string | undefined
}

/** How a message ended. */
export interface MessageEnd {
  /** The encoded answer as JSON text. */
  readonly answer: string
  /** When, in ms since 1970-01-01 UTC. */
  readonly at: number
  /** Put into quarantine by the same write. */
  readonly quarantined: NewEntry | undefined
}

/** A store of messages. What it acknowledges is durable by its standard. */
export interface MessageStoreService {
  /** The most bytes of JSON that a payload or an answer may have. */
  readonly valueBytesMax: number
  /** Stores a message, or finds the one that has its id. */
  readonly put: (message: NewMessage) => Effect.Effect<Kept, StoreUnavailable>
  /** Messages for an actor that have not ended, oldest first. */
  readonly pending: (
    address: ActorAddress,
    limit: number
  ) => Effect.Effect<ReadonlyArray<StoredMessage>, StoreUnavailable>
  /** The answer of a message that has ended and was not pruned. */
  readonly answer: (sequence: number) => Effect.Effect<string | undefined, StoreUnavailable>
  /** Counts an attempt, or with -1 takes it back. */
  readonly attempted: (sequence: number, by: 1 | -1) => Effect.Effect<void, StoreUnavailable>
  /** Ends a message. The end that was stored first stays; this gives its answer. */
  readonly end: (
    sequence: number,
    end: MessageEnd
  ) => Effect.Effect<string, StoreUnavailable>
  /** Actors for which there are messages that have not ended, by type and id after `after`. */
  readonly waiting: (
    after: ActorAddress | undefined,
    limit: number
  ) => Effect.Effect<ReadonlyArray<ActorAddress>, StoreUnavailable>
  /** Removes messages that ended before a time, the oldest first; says how many. */
  readonly prune: (before: number, limit: number) => Effect.Effect<number, StoreUnavailable>
}

/** Where durable messages are kept. */
export class MessageStore extends Context.Tag("@plantd/actors/MessageStore")<
  MessageStore,
  MessageStoreService
>() {
  /** In the memory of this process, for tests and simulations: it outlives actors, no more. */
  static readonly layerMemory: Layer.Layer<MessageStore, never, QuarantineStore> = Layer.effect(
    MessageStore,
    Effect.map(
      QuarantineStore,
      (quarantine) => makeMemoryMessages(valueBytesMaxDefault, quarantine)
    )
  )
}
