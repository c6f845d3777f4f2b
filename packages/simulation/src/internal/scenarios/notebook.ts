/** Notebooks: each note is a volatile message, and the world remembers what was noted where. */
import * as Rpc from "@effect/rpc/Rpc"
import { Actor, ActorContext } from "@plantd/actors"
import { Effect, Schema } from "effect"

/** Notes are taken one after the other. */
export const Notebook = Actor.make("Notebook", [
  Rpc.make("Note", { payload: { number: Schema.Int }, success: Schema.Int })
])

/** What was noted, by notebook, in the order in which it was. */
export type Notes = Map<string, Array<number>>

/** How long a note takes. */
const noting = "5 millis"

/** Nothing is noted yet. */
export const noNotes = Effect.sync((): Notes => new Map())

/** Notebooks that note into the memory of the world. */
export const notebooks = (notes: Notes) =>
  Notebook.toLayer(
    Effect.map(ActorContext, ({ address: { id }, hasLease }) => ({
      Note: ({ number }: { readonly number: number }) =>
        Effect.zipRight(
          Effect.sleep(noting),
          Effect.sync(() => {
            // As a device actor does before its first byte.
            if (!hasLease()) return -1
            const own = notes.get(id) ?? []
            notes.set(id, own)
            return own.push(number)
          })
        )
    }))
  )
