// node --conditions=plantd-source --import tsx examples/first-steps/src/counter.ts
/** An actor that counts, and what becomes of it when it crashes. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Rpc from "@effect/rpc/Rpc"
import { Actor, ActorSystem, Supervision } from "@plantd/actors"
import { Console, Effect, Layer, Schema } from "effect"

const Counter = Actor.make("Counter", [
  Rpc.make("Increment", { payload: { by: Schema.Int }, success: Schema.Int }),
  Rpc.make("Break")
])

const CounterLive = Counter.toLayer(
  Effect.sync(() => {
    let count = 0 // built anew at each start and restart
    return {
      Increment: ({ by }) => Effect.sync(() => (count += by)),
      Break: () => Effect.die("a defect")
    }
  }),
  { supervision: Supervision.restart({ maxRestarts: 5, within: "10 seconds" }) }
)

const program = Effect.gen(function*() {
  const counter = (yield* Counter.client)("c-1")
  yield* Console.log(yield* counter.Increment({ by: 2 })) // an ask, with a deadline
  yield* counter.Increment({ by: 2 }, { discard: true }) // a tell
  yield* Console.log(yield* counter.Increment({ by: 1 }))
  const crashed = yield* Effect.flip(counter.Break())
  yield* Console.log(crashed._tag)
  yield* Console.log(yield* counter.Increment({ by: 1 })) // restarted: a new count
})

const main = Effect.provide(program, Layer.provideMerge(CounterLive, ActorSystem.layer))
NodeRuntime.runMain(main)
