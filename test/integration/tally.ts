/** An actor that applies each entry once, whoever sends it how often, and keeps what it has. */
import { Rpc } from "@effect/rpc"
import { Actor, ActorContext } from "@plantd/actors"
import * as DurableState from "@plantd/actors/DurableState"
import { Effect, Schema } from "effect"

const requests = [
  Rpc.make("Apply", { payload: { entry: Schema.String }, success: Schema.Int }),
  Rpc.make("Entries", { success: Schema.Array(Schema.String) }),
  Rpc.make("Node", { success: Schema.Int }),
  Rpc.make("Hold", { payload: { millis: Schema.Int }, success: Schema.Int })
] as const

/** Applied, and how many entries there are now. */
export const Tally = Actor.make("Tally", [...requests])

/** As a later release has it: with one message more. */
export const NextTally = Actor.make("Tally", [
  ...requests,
  Rpc.make("Count", { success: Schema.Int })
])

const behaviour = Effect.gen(function*() {
  const { address: { id } } = yield* ActorContext
  const say = Effect.sync(() => {
    process.stdout.write(`${JSON.stringify({ event: "Applied", id, at: Date.now() })}\n`)
  })
  const entries = yield* DurableState.open({ schema: Schema.Array(Schema.String), initial: [] })
  return {
    Apply: ({ entry }: { readonly entry: string }) =>
      Effect.suspend(() =>
        entries.current.includes(entry)
          ? Effect.succeed(entries.current)
          : entries.update((all) => [...all, entry])
      ).pipe(Effect.orDie, Effect.zipLeft(say), Effect.map(({ length }) => length)),
    Entries: () => entries.get,
    Count: () => Effect.map(entries.get, ({ length }) => length),
    Node: () => Effect.succeed(process.pid),
    Hold: ({ millis }: { readonly millis: number }) => Effect.as(Effect.sleep(millis), process.pid)
  }
})

/** The behaviour; an entry that is there already is not applied again. It says what it did. */
export const TallyLive = Tally.toLayer(behaviour)

/** The same, in a later release. */
export const NextTallyLive = NextTally.toLayer(behaviour)
