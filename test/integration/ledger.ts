/** A ledger that posts each entry once, by the id of its durable message, and keeps what it has. */
import { Rpc } from "@effect/rpc"
import { Actor, Handling } from "@plantd/actors"
import * as EventSourced from "@plantd/actors/EventSourced"
import { Effect, Schema } from "effect"

/** Posts are durable, and named by their entry. */
export const Ledger = Actor.make("Ledger", [
  Rpc.make("Post", {
    payload: { entry: Schema.String },
    success: Schema.Int,
    primaryKey: ({ entry }) => entry
  }).annotate(Handling.Durable, true),
  Rpc.make("Entries", {
    success: Schema.Struct({ posted: Schema.Array(Schema.String), handled: Schema.Int })
  })
])

const Posted = Schema.Struct({ id: Schema.String, entry: Schema.String })

/** The behaviour: an id that was posted is not posted again. */
export const LedgerLive = Ledger.toLayer(
  Effect.gen(function*() {
    let handled = 0
    const journal = yield* EventSourced.open({
      events: Posted,
      initial: new Map<string, string>(),
      apply: (state, { entry, id }) => new Map(state).set(id, entry)
    })
    return {
      Post: ({ entry }, { id = "" }) =>
        Effect.suspend(() => {
          handled++
          return journal.current.has(id) ? journal.state : journal.persist({ id, entry })
        }).pipe(Effect.orDie, Effect.map(({ size }) => size)),
      Entries: () => Effect.sync(() => ({ posted: [...journal.current.values()], handled }))
    }
  })
)
