/**
 * One entity in the hands of one incarnation: its fence, whose turn it is to write, and whether
 * memory and store are known to agree.
 */
import type { Fence } from "@plantd/core"
import { Effect } from "effect"
import { format } from "../../ActorAddress.ts"
import { ActorContext, type ActorContextService } from "../../ActorContext.ts"
import {
  type CorruptRow,
  type OpenError,
  type RevisionConflict,
  type StoreUnavailable,
  Superseded,
  ValueNotEncodable,
  ValueTooLarge,
  type WriteError
} from "../../DurableError.ts"
import {
  DurableStore,
  type DurableStoreService,
  type Entity,
  type Kind,
  type Stored
} from "../../DurableStore.ts"
import { revisionAfter } from "./durableSql.ts"
import { keyProblem } from "./entityKey.ts"
import { bytesUpTo, type JsonText } from "./jsonText.ts"
import { Turnstile } from "./turnstile.ts"

/** Which entity of the actor that is being built, and how it is held. */
export interface Wanted {
  readonly name: string
  readonly kind: Kind
  readonly fence: Fence.Fence | undefined
}

/** What each incarnation has open. */
const namesOpen = new WeakMap<ActorContextService, Set<string>>()

/**
 * Opens what has this name. Dies where the incarnation has it open: its second claim would
 * supersede the first, and stop the actor. An opening that failed can be tried again.
 */
export const openOnce = <A, E, R>(
  name: string,
  open: Effect.Effect<A, E, R>
): Effect.Effect<A, E, R | ActorContext> =>
  Effect.flatMap(ActorContext, (actor) => {
    const names = namesOpen.get(actor) ?? new Set()
    if (names.has(name)) {
      return Effect.dieMessage(
        `${format(actor.address)}: ${JSON.stringify(name)} is open already in this incarnation:`
          + " open it once, or give it a name"
      )
    }
    namesOpen.set(actor, names.add(name))
    return Effect.onError(open, () => Effect.sync(() => names.delete(name)))
  })

/** Claims an entity for the actor that is being built. One that comes too late stops. */
export const hold = (
  { fence, kind, name }: Wanted
): Effect.Effect<readonly [Holding, Stored], OpenError, ActorContext | DurableStore> =>
  Effect.gen(function*() {
    const actor = yield* ActorContext
    const store = yield* DurableStore
    const entity = { address: actor.address, name }
    const problem = keyProblem(entity)
    if (problem !== undefined) {
      return yield* Effect.dieMessage(`${name}: it cannot be the key of a row: ${problem}`)
    }
    const stop = actor.stopAs("superseded")
    const stored = yield* Effect.tapErrorTag(
      store.claim({ entity, kind, fence }),
      "Superseded",
      () => stop
    )
    return [new Holding(store, stop, entity, stored), stored] as const
  })

/** What a write adds to the entity. */
export interface Change {
  readonly value: string | undefined
  readonly events: ReadonlyArray<string>
}

/** See the module. */
export class Holding {
  readonly entity: Entity
  readonly store: DurableStoreService
  /** The revision of what is in memory. */
  revision: number
  private readonly stop: Effect.Effect<void>
  private readonly fence: Fence.Fence
  private readonly turnstile = new Turnstile()
  private lost: Superseded | undefined = undefined
  /** The store may have what memory does not: a write of unknown outcome. */
  private unsettled = false

  constructor(
    store: DurableStoreService,
    stop: Effect.Effect<void>,
    entity: Entity,
    { fence, revision }: Stored
  ) {
    this.store = store
    this.stop = stop
    this.entity = entity
    this.fence = fence
    this.revision = revision
  }

  /**
   * Runs `body` while no other write of this entity is under way, in the order of the calls. Where
   * the outcome of a write before was unknown, `adopt` first learns what is stored. Only waiting
   * for it can be interrupted: what has begun ends by the store's `writeTimeout`.
   */
  inTurn<A, E>(
    adopt: (stored: Stored) => Effect.Effect<void, CorruptRow | StoreUnavailable>,
    body: () => Effect.Effect<A, E>
  ): Effect.Effect<A, E | Superseded | StoreUnavailable> {
    return this.turnstile.through(
      Effect.suspend(() => {
        if (this.lost !== undefined) return Effect.fail(this.lost)
        return this.unsettled ? Effect.zipRight(this.settle(adopt), Effect.suspend(body)) : body()
      })
    )
  }

  /** Writes what comes after the revision in memory, which then is the one after it. */
  write(change: Change): Effect.Effect<void, WriteError> {
    const { entity, fence, revision } = this
    const request = { entity, fence, expected: revision, ...change }
    return this.store.write(request).pipe(
      Effect.matchEffect({
        onSuccess: () => Effect.sync(() => void (this.revision = revisionAfter(request))),
        onFailure: (error) => this.failed(error)
      })
    )
  }

  /** Keeps a snapshot of the state at `sequence`. */
  saveSnapshot(sequence: number, state: string): Effect.Effect<void, StoreUnavailable> {
    const { entity, fence } = this
    return this.store.saveSnapshot({ entity, fence, sequence, state })
  }

  /** The JSON text of a value of this entity, within the store's bound. */
  encode<A>(json: JsonText<A>, value: A): Effect.Effect<string, ValueNotEncodable | ValueTooLarge> {
    const text = json.encode(value)
    if (text._tag === "Left") {
      return Effect.fail(new ValueNotEncodable({ ...this.entity, reason: text.left }))
    }
    const bytesMax = this.store.valueBytesMax
    const bytes = bytesUpTo(text.right, bytesMax)
    if (bytes > bytesMax) return Effect.fail(this.tooLarge(bytes))
    return Effect.succeed(text.right)
  }

  /** The error of a write with so many bytes. */
  tooLarge(bytes: number): ValueTooLarge {
    return new ValueTooLarge({ ...this.entity, bytes, bytesMax: this.store.valueBytesMax })
  }

  private failed(
    error: Superseded | RevisionConflict | CorruptRow | StoreUnavailable
  ): Effect.Effect<never, WriteError> {
    switch (error._tag) {
      case "Superseded":
        return this.lose(error)
      case "RevisionConflict":
        this.unsettled = true
        return Effect.fail(error)
      case "StoreUnavailable":
        if (error.outcome === "unknown") this.unsettled = true
        return Effect.fail(error)
      case "CorruptRow":
        // Nobody but us may write this row. The crash lets the start name what is wrong with it.
        return Effect.die(error)
    }
  }

  private lose(error: Superseded): Effect.Effect<never, Superseded> {
    this.lost = error
    return Effect.zipRight(this.stop, Effect.fail(error))
  }

  private settle(
    adopt: (stored: Stored) => Effect.Effect<void, CorruptRow | StoreUnavailable>
  ): Effect.Effect<void, Superseded | StoreUnavailable> {
    const { entity, fence } = this
    return this.store.read(entity).pipe(
      Effect.flatMap((stored): Effect.Effect<
        void,
        CorruptRow | Superseded | StoreUnavailable
      > => {
        if (stored === undefined) return Effect.dieMessage("the row of a held entity is gone")
        if (stored.fence !== fence) {
          return this.lose(new Superseded({ ...entity, ours: fence, stored: stored.fence }))
        }
        return Effect.map(adopt(stored), () => {
          this.revision = stored.revision
          this.unsettled = false
        })
      }),
      Effect.catchTag("CorruptRow", (error) => Effect.die(error))
    )
  }
}
