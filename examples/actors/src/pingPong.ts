// npm run example examples/actors/src/pingPong.ts
/** Two actors and a ball: each hit is a tell to the other, the score is an ask at the end. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Rpc from "@effect/rpc/Rpc"
import { Actor, ActorContext, ActorSystem } from "@plantd/actors"
import { Clock, Console, Deferred, Effect, Layer, Schema } from "effect"

const Player = Actor.make("Player", [
  Rpc.make("Hit", { payload: { hitsLeft: Schema.Int } }),
  Rpc.make("Hits", { success: Schema.Int })
])

const rally = 100_000

const players = (landed: Deferred.Deferred<void>) =>
  Player.toLayer(
    Effect.gen(function*() {
      const { address } = yield* ActorContext
      const other = (yield* Player.client)(address.id === "ping" ? "pong" : "ping")
      let hits = 0
      return {
        Hit: ({ hitsLeft }) => {
          hits++
          return hitsLeft === 0
            ? Effect.asVoid(Deferred.succeed(landed, undefined))
            : Effect.orDie(other.Hit({ hitsLeft: hitsLeft - 1 }, { discard: true }))
        },
        Hits: () => Effect.succeed(hits)
      }
    })
  )

const program = Effect.gen(function*() {
  const landed = yield* Deferred.make<void>()
  return yield* Effect.gen(function*() {
    const player = yield* Player.client
    const begun = yield* Clock.currentTimeMillis
    yield* player("ping").Hit({ hitsLeft: rally - 1 }, { discard: true })
    yield* Deferred.await(landed)
    const seconds = ((yield* Clock.currentTimeMillis) - begun) / 1_000
    yield* Console.log(`ping hit ${yield* player("ping").Hits()} times`)
    yield* Console.log(`pong hit ${yield* player("pong").Hits()} times`)
    yield* Console.log(`${Math.round(rally / seconds)} hits per second`)
  }).pipe(Effect.provide(Layer.provideMerge(players(landed), ActorSystem.layer)))
})

NodeRuntime.runMain(program)
