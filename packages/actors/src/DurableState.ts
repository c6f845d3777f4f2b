/** A value of an actor that outlives it: changed in memory only after it was stored. */
import type { Fence } from "@plantd/core"
import { Effect, Either, type Schema } from "effect"
import type { ActorContext } from "./ActorContext.ts"
import { CorruptRow, type OpenError, RevisionConflict, type WriteError } from "./DurableError.ts"
import type { DurableStore, Stored } from "./DurableStore.ts"
import { tables } from "./internal/durable/durableSql.ts"
import { hold, type Holding, openOnce } from "./internal/durable/holding.ts"
import { type JsonText, jsonTextOf } from "./internal/durable/jsonText.ts"

/** What to open. */
export interface Options<A, I> {
  readonly schema: Schema.Schema<A, I>
  /** The value until the first write; it is not stored itself. */
  readonly initial: A
  /** Tells several states of one actor apart. Default: `state`. */
  readonly name?: string
  /** Given by whoever placed the actor. By default each opening takes the next one. */
  readonly fence?: Fence.Fence
}

/**
 * One stored value. Changes succeed after they are committed (and synced, as the store is set), are
 * made one after the other in the order of the calls, and are made in memory after that alone: what
 * fails leaves the value as it was. After `Superseded` the actor stops.
 */
export interface DurableState<A> {
  /** The value that was last acknowledged, in plain code. */
  readonly current: A
  /** The value that was last acknowledged. */
  readonly get: Effect.Effect<A>
  /** How often the value was written; 0 before the first time. */
  readonly revision: number
  readonly set: (value: A) => Effect.Effect<void, WriteError>
  /** Gives the new value. `change` sees all earlier changes; it is called once. */
  readonly update: (change: (value: A) => A) => Effect.Effect<A, WriteError>
  /** As `update`, and gives something else. */
  readonly modify: <B>(
    change: (value: A) => readonly [result: B, value: A]
  ) => Effect.Effect<B, WriteError>
  /** Sets the value where it is still at this revision, and fails with `RevisionConflict` else. */
  readonly compareAndSet: (revision: number, value: A) => Effect.Effect<void, WriteError>
}

/** The name of a state when nothing else is said. */
export const nameDefault = "state"

/**
 * Opens a state of the actor that is being built: for use in the effect given to `toLayer`. From
 * then on who had it open before can write no more. A stored value that the schema cannot read
 * fails the start with `CorruptRow`. To open one name twice in a build is a crash.
 */
export const open = <A, I>(
  options: Options<A, I>
): Effect.Effect<DurableState<A>, OpenError, ActorContext | DurableStore> => {
  const { fence, initial, name = nameDefault, schema } = options
  return openOnce(
    name,
    Effect.gen(function*() {
      const [holding, stored] = yield* hold({ name, kind: "state", fence })
      const state = new Held(holding, jsonTextOf(schema), initial)
      yield* state.adopt(stored)
      return state
    })
  )
}

class Held<A> implements DurableState<A> {
  current: A
  private readonly holding: Holding
  private readonly json: JsonText<A>

  constructor(holding: Holding, json: JsonText<A>, initial: A) {
    this.holding = holding
    this.json = json
    this.current = initial
  }

  readonly get = Effect.sync(() => this.current)

  get revision(): number {
    return this.holding.revision
  }

  readonly set = (value: A): Effect.Effect<void, WriteError> =>
    this.modify(() => [undefined, value])

  readonly update = (change: (value: A) => A): Effect.Effect<A, WriteError> =>
    this.modify((value) => {
      const next = change(value)
      return [next, next]
    })

  readonly modify = <B>(
    change: (value: A) => readonly [B, A]
  ): Effect.Effect<B, WriteError> =>
    this.holding.inTurn(this.adopt, () => {
      const [result, value] = change(this.current)
      return Effect.as(this.write(value), result)
    })

  readonly compareAndSet = (expected: number, value: A): Effect.Effect<void, WriteError> =>
    this.holding.inTurn(this.adopt, () => {
      const { entity, revision } = this.holding
      if (revision === expected) return this.write(value)
      return Effect.fail(new RevisionConflict({ ...entity, expected, stored: revision }))
    })

  /** Takes over what is stored. */
  readonly adopt = ({ value }: Stored): Effect.Effect<void, CorruptRow> => {
    if (value === undefined) return Effect.void
    return Either.match(this.json.decode(value), {
      onLeft: (reason) =>
        Effect.fail(new CorruptRow({ table: tables.entities, ...this.holding.entity, reason })),
      onRight: (decoded) => Effect.sync(() => void (this.current = decoded))
    })
  }

  private write(value: A): Effect.Effect<void, WriteError> {
    return this.holding.encode(this.json, value).pipe(
      Effect.flatMap((text) => this.holding.write({ value: text, events: [] })),
      Effect.map(() => void (this.current = value))
    )
  }
}
