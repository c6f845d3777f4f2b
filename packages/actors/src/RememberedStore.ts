/** The port to the addresses of actors that are to be alive wherever they live. */
import { Context, type Effect, Layer } from "effect"
import type { ActorAddress } from "./ActorAddress.ts"
import type { StoreUnavailable } from "./DurableError.ts"
import { makeMemoryRemembered } from "./internal/remembered/memoryRemembered.ts"

/** What has changed since the last change, as the system `owner` saw it. */
export interface Change {
  /** One run of a system: what another one has remembered since is not forgotten by it. */
  readonly owner: string
  /** First these, and then what is forgotten: an actor may be among both. */
  readonly remembered: ReadonlyArray<ActorAddress>
  readonly forgotten: ReadonlyArray<ActorAddress>
}

/** A store of addresses. */
export interface RememberedStoreService {
  /** All of a change or nothing. */
  readonly change: (change: Change) => Effect.Effect<void, StoreUnavailable>
  /** By type and id after `after`, at most `limit`. */
  readonly list: (
    after: ActorAddress | undefined,
    limit: number
  ) => Effect.Effect<ReadonlyArray<ActorAddress>, StoreUnavailable>
}

/** Where actors are remembered. */
export class RememberedStore extends Context.Tag("@plantd/actors/RememberedStore")<
  RememberedStore,
  RememberedStoreService
>() {
  /** In the memory of this process, for tests and simulations: it outlives actors, no more. */
  static readonly layerMemory: Layer.Layer<RememberedStore> = Layer.sync(
    RememberedStore,
    makeMemoryRemembered
  )
}
