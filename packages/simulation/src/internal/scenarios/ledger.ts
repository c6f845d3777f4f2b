/** Ledgers that post each entry once, by the id of its durable message. */
import * as Rpc from "@effect/rpc/Rpc"
import { Actor, ActorContext, EventSourced, Handling, Supervision } from "@plantd/actors"
import { Effect, Schema } from "effect"

/** Posts are durable, and named by their entry. */
export const Ledger = Actor.make("Ledger", [
  Rpc.make("Post", {
    payload: { entry: Schema.String },
    success: Schema.Int,
    primaryKey: ({ entry }) => entry
  }).annotate(Handling.Durable, true),
  Rpc.make("Entries", { success: Schema.Array(Schema.String) }),
  /** It ends, so that the next message reads what is stored. */
  Rpc.make("Close")
])

/** The entries of a ledger, in the order in which they were posted. */
interface Book {
  readonly ids: ReadonlySet<string>
  readonly entries: ReadonlyArray<string>
}

const empty: Book = { ids: new Set(), entries: [] }

/** Ledgers; one that does not look at ids posts what it is told again. */
export const ledgers = ({ looksAtIds }: { readonly looksAtIds: boolean }) =>
  Ledger.toLayer(
    Effect.gen(function*() {
      const { stopSelf } = yield* ActorContext
      const journal = yield* EventSourced.open({
        events: Schema.Struct({ id: Schema.String, entry: Schema.String }),
        initial: empty,
        apply: ({ entries, ids }, { entry, id }): Book => ({
          ids: new Set(ids).add(id),
          entries: [...entries, entry]
        })
      })
      return {
        Post: ({ entry }, { id = "" }) =>
          Effect.suspend(() =>
            looksAtIds && journal.current.ids.has(id)
              ? journal.state
              : journal.persist({ id, entry })
          ).pipe(Effect.orDie, Effect.map(({ entries }) => entries.length)),
        Close: () => stopSelf,
        Entries: () => Effect.sync(() => journal.current.entries)
      }
    }),
    // A storage that is away for long is no reason to give up.
    { supervision: Supervision.restart({ maxRestarts: 10_000, within: "1 minute" }) }
  )
