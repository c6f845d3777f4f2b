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

/** What is wrong with notebooks. */
export interface WrongNotebook {
  /** Some notes cannot be interrupted, and the system waits for them. */
  readonly hangs: boolean
  /** What is to be noted is acknowledged, and noted with the next one. */
  readonly answersEarly: boolean
}

/** A note of so many hangs, where notes do, and for how long. */
const hanging = { each: 4, time: "20 seconds" } as const

/** Notebooks that note into the memory of the world. */
export const notebooks =
  ({ answersEarly, hangs }: WrongNotebook = { answersEarly: false, hangs: false }) =>
  (notes: Notes) =>
    Notebook.toLayer(
      Effect.map(ActorContext, ({ address: { id }, hasLease }) => {
        const kept: Array<number> = []
        const write = (number: number) =>
          Effect.sync(() => {
            // As a device actor does before its first byte.
            if (!hasLease()) return -1
            const own = notes.get(id) ?? []
            notes.set(id, own)
            kept.push(number)
            if (!answersEarly || kept.length > 1) own.push(...kept.splice(0))
            return own.length
          })
        return {
          Note: ({ number }: { readonly number: number }) =>
            Effect.zipRight(
              hangs && number % hanging.each === 0 ? stuck : Effect.sleep(noting),
              write(number)
            )
        }
      }),
      hangs ? { shutdownTimeout: "1 minute" } : {}
    )

const stuck = Effect.uninterruptible(Effect.sleep(hanging.time))
