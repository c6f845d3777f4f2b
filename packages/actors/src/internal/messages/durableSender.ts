/** The way of durable messages to their store, as clients see it. */
import type { Rpc } from "@effect/rpc"
import type { Effect } from "effect"
import type { ActorAddress } from "../../ActorAddress.ts"

/** A durable message, as its sender gave it. */
export interface DurableLetter {
  readonly address: ActorAddress
  readonly tag: string
  readonly rpc: Rpc.AnyWithProps
  readonly payload: unknown
}

/** Sends durable messages. Types end here. */
export interface DurableSender {
  /** Stores a message, and waits for its answer. */
  readonly ask: (letter: DurableLetter, timeoutMillis: number) => Effect.Effect<unknown, unknown>
  /** Succeeds when a message is stored. */
  readonly tell: (letter: DurableLetter) => Effect.Effect<void, unknown>
}
