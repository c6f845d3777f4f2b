/** An actor's state as the sum of its events: they are stored first, and replayed at each start. */
import type { Fence } from "@plantd/core"
import { Effect, Either, type Schema, type Scope } from "effect"
import type { ActorContext } from "./ActorContext.ts"
import {
  CorruptRow,
  type OpenError,
  type StoreUnavailable,
  TooManyEvents,
  type WriteError
} from "./DurableError.ts"
import type { DurableStore, Stored } from "./DurableStore.ts"
import { tables } from "./internal/durable/durableSql.ts"
import { hold, type Holding, openOnce } from "./internal/durable/holding.ts"
import { bytesIn, type JsonText, jsonTextOf } from "./internal/durable/jsonText.ts"

/** How events become a state. */
export interface Options<State, StateI, Event, EventI> {
  readonly events: Schema.Schema<Event, EventI>
  /** The state before the first event. */
  readonly initial: State
  /** Pure and total: the same events give the same state, today and at every later start. */
  readonly apply: (state: State, event: Event) => State
  /** Spares most of the replay. Events are kept all the same. */
  readonly snapshot?: {
    readonly schema: Schema.Schema<State, StateI>
    /** After so many events the state is kept. */
    readonly every: number
  }
  /** Tells several journals of one actor apart. Default: `journal`. */
  readonly name?: string
  /** Given by whoever placed the actor. By default each opening takes the next one. */
  readonly fence?: Fence.Fence
}

/**
 * One journal and its state. Events are numbered from 1 without a hole. After `Superseded` the
 * actor stops.
 */
export interface EventSourced<State, Event> {
  /** The state after the last acknowledged event, in plain code. */
  readonly current: State
  /** The state after the last acknowledged event. */
  readonly state: Effect.Effect<State>
  /** The number of the last acknowledged event; 0 before the first. */
  readonly sequence: number
  /**
   * Stores an event, then applies it, and gives the new state. What is done after it is done with
   * the event stored; what fails leaves journal and state as they were.
   */
  readonly persist: (event: Event) => Effect.Effect<State, PersistError>
  /** As `persist`, for several events: all of them or none. */
  readonly persistAll: (events: ReadonlyArray<Event>) => Effect.Effect<State, PersistError>
}

/** What keeps events from being stored. */
export type PersistError = WriteError | TooManyEvents

/** The name of a journal when nothing else is said. */
export const nameDefault = "journal"

/** How many events are read at a time at a start. */
export const replayPageMax = 256

/** The most events that are stored at a time. */
export const persistMax = 4_096

/**
 * Opens a journal of the actor that is being built: for use in the effect given to `toLayer`. Its
 * snapshot is read and the events after it are applied. A missing event, a row that the schemas
 * cannot read, and an `apply` that throws fail the start with `CorruptRow`: nothing is passed over.
 * To open one name twice in a build is a crash.
 */
export const open = <State, Event, EventI, StateI = never>(
  options: Options<State, StateI, Event, EventI>
): Effect.Effect<
  EventSourced<State, Event>,
  OpenError,
  ActorContext | DurableStore | Scope.Scope
> =>
  Effect.gen(function*() {
    const { fence, name = nameDefault, snapshot } = options
    if (snapshot !== undefined && !(Number.isSafeInteger(snapshot.every) && snapshot.every >= 1)) {
      throw new RangeError(
        `EventSourced.open: snapshot.every is ${snapshot.every}, expected a whole number above 0`
      )
    }
    return yield* openOnce(
      name,
      Effect.gen(function*() {
        const [holding, stored] = yield* hold({ name, kind: "journal", fence })
        const journal = new Journal(holding, options, yield* Effect.scope)
        yield* journal.recover(stored)
        return journal
      })
    )
  })

interface Snapshots<State> {
  readonly json: JsonText<State>
  readonly every: number
}

class Journal<State, StateI, Event, EventI> implements EventSourced<State, Event> {
  current: State
  private readonly holding: Holding
  private readonly json: JsonText<Event>
  private readonly apply: (state: State, event: Event) => State
  private readonly snapshots: Snapshots<State> | undefined
  private readonly scope: Scope.Scope
  /** The number of the last event that has been applied; behind the revision while recovering. */
  private applied = 0
  private keptAt = 0
  private keeping = false

  constructor(
    holding: Holding,
    options: Options<State, StateI, Event, EventI>,
    scope: Scope.Scope
  ) {
    const { apply, events, initial, snapshot } = options
    this.holding = holding
    this.json = jsonTextOf(events)
    this.apply = apply
    this.scope = scope
    this.current = initial
    this.snapshots = snapshot === undefined
      ? undefined
      : { json: jsonTextOf(snapshot.schema), every: snapshot.every }
  }

  readonly state = Effect.sync(() => this.current)

  get sequence(): number {
    return this.applied
  }

  readonly persist = (event: Event): Effect.Effect<State, PersistError> => this.persistAll([event])

  readonly persistAll = (events: ReadonlyArray<Event>): Effect.Effect<State, PersistError> => {
    if (events.length === 0) return this.state
    if (events.length > persistMax) {
      const { entity } = this.holding
      return Effect.fail(
        new TooManyEvents({ ...entity, events: events.length, eventsMax: persistMax })
      )
    }
    return this.holding.inTurn(this.adopt, () =>
      Effect.flatMap(this.encode(events), (texts) => {
        // Before they are stored: an event that cannot be applied must never be there.
        const next = events.reduce(this.apply, this.current)
        return Effect.zipRight(
          this.holding.write({ value: undefined, events: texts }),
          this.stored(next)
        )
      }))
  }

  /** Brings the state to what is stored, from a snapshot where there is one. */
  recover(stored: Stored): Effect.Effect<void, CorruptRow | StoreUnavailable> {
    return Effect.zipRight(this.restore(stored), this.replay(stored.revision))
  }

  /** Applies the events that are stored and were not known to be. */
  private readonly adopt = ({ revision }: Stored) => this.replay(revision)

  private encode(events: ReadonlyArray<Event>) {
    return Effect.gen(this, function*() {
      const texts: Array<string> = []
      let bytes = 0
      for (const event of events) {
        const text = yield* this.holding.encode(this.json, event)
        bytes += bytesIn(text)
        texts.push(text)
      }
      if (bytes > this.holding.store.valueBytesMax) return yield* this.holding.tooLarge(bytes)
      return texts
    })
  }

  private stored(next: State): Effect.Effect<State> {
    return Effect.suspend(() => {
      this.current = next
      this.applied = this.holding.revision
      const { snapshots } = this
      const due = snapshots !== undefined && !this.keeping
        && this.applied - this.keptAt >= snapshots.every
      if (!due) return Effect.succeed(next)
      this.keeping = true
      return Effect.as(Effect.forkIn(this.keep(snapshots, next), this.scope), next)
    })
  }

  /** Beside the actor: a snapshot that fails costs a longer replay, and no event. */
  private keep({ json }: Snapshots<State>, state: State): Effect.Effect<void> {
    const sequence = this.applied
    this.keptAt = sequence
    return this.holding.encode(json, state).pipe(
      Effect.flatMap((text) => this.holding.saveSnapshot(sequence, text)),
      Effect.catchAllCause((cause) =>
        Effect.logWarning(`a snapshot at event ${sequence} was not kept`, cause)
      ),
      Effect.ensuring(Effect.sync(() => (this.keeping = false)))
    )
  }

  private restore({ revision }: Stored): Effect.Effect<void, CorruptRow | StoreUnavailable> {
    return Effect.gen(this, function*() {
      if (this.snapshots === undefined) return
      const row = yield* this.holding.store.snapshot(this.holding.entity)
      if (row === undefined) return
      const { sequence, state } = row
      const corrupt = (reason: string) => this.corrupt(tables.snapshots, sequence, reason)
      if (!Number.isSafeInteger(sequence) || sequence < 1 || sequence > revision) {
        return yield* corrupt(`it is of event ${sequence}, the journal has ${revision}`)
      }
      const decoded = this.snapshots.json.decode(state)
      if (Either.isLeft(decoded)) return yield* corrupt(decoded.left)
      this.current = decoded.right
      this.applied = sequence
      this.keptAt = sequence
    })
  }

  /** Applies the stored events from the one after the last applied up to `revision`. */
  private replay(revision: number): Effect.Effect<void, CorruptRow | StoreUnavailable> {
    return Effect.gen(this, function*() {
      const { entity, store } = this.holding
      for (;;) {
        const page = yield* store.events(entity, { after: this.applied, limit: replayPageMax })
        for (const { event, sequence } of page) {
          const problem = this.replayOne(sequence, event, revision)
          if (problem !== undefined) return yield* problem
        }
        if (page.length < replayPageMax) break
      }
      if (this.applied === revision) return
      return yield* this.corrupt(
        tables.events,
        this.applied + 1,
        `it is missing: the journal has ${revision} events`
      )
    })
  }

  private replayOne(sequence: number, text: string, revision: number): CorruptRow | undefined {
    const expected = this.applied + 1
    if (sequence !== expected) {
      return this.corrupt(tables.events, expected, `it is missing: the next one is ${sequence}`)
    }
    if (sequence > revision) {
      const reason = `it is beyond the end: the journal has ${revision} events`
      return this.corrupt(tables.events, sequence, reason)
    }
    const event = this.json.decode(text)
    if (Either.isLeft(event)) return this.corrupt(tables.events, sequence, event.left)
    try {
      this.current = this.apply(this.current, event.right)
    } catch (error) {
      return this.corrupt(tables.events, sequence, `apply threw on it: ${String(error)}`)
    }
    this.applied = sequence
    return undefined
  }

  private corrupt(table: string, sequence: number, reason: string): CorruptRow {
    return new CorruptRow({ table, ...this.holding.entity, sequence, reason })
  }
}
