// npm run example examples/actors/src/supervisionTree.ts
/** A supervision tree that heals itself: a pump breaks, then a whole line of them. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Rpc from "@effect/rpc/Rpc"
import { Actor, ActorContext, ActorSystem, Supervision } from "@plantd/actors"
import * as Supervisor from "@plantd/actors/Supervisor"
import { Console, Effect, Layer, Schema } from "effect"

const Pump = Actor.make("Pump", [
  Rpc.make("Speed", { success: Schema.Number }),
  Rpc.make("Run", { payload: { speed: Schema.Number } }),
  Rpc.make("Jam")
])

const PumpLive = Pump.toLayer(
  Effect.gen(function*() {
    const { address, incarnation, onEnd } = yield* ActorContext
    yield* Console.log(`  ${address.id} starts (${incarnation})`)
    yield* onEnd((reason) => Console.log(`  ${address.id} ends: ${reason}`))
    let speed = 0 // built anew at each start and restart
    return {
      Speed: () => Effect.sync(() => speed),
      Run: (run) => Effect.sync(() => void (speed = run.speed)),
      Jam: () => Effect.die("the impeller is jammed")
    }
  })
)

/** At most two restarts of a pump in ten seconds; the third crash is a matter of the line. */
const supervision = Supervision.restart({
  maxRestarts: 2,
  within: "10 seconds",
  backoff: { min: "200 millis", jitter: 0 }
})

// The feed pump depends on nothing, the booster on the feed, the doser on both.
const Line = Supervisor.make("Line", {
  strategy: "rest-for-one",
  children: (id) =>
    ["feed", "booster", "doser"].map((name) =>
      Supervisor.child(Pump, `${id}/${name}`, { supervision })
    )
})

const Plant = Supervisor.make("Plant", {
  strategy: "one-for-one",
  children: [Supervisor.child(Line, "north"), Supervisor.child(Line, "south")]
})

const PlantLive = Plant.layer.pipe(Layer.provide(Line.nestedLayer), Layer.provide(PumpLive))

const program = Effect.gen(function*() {
  const pump = yield* Pump.client
  yield* Console.log("the plant runs; the booster of the north line jams:")
  yield* Effect.flip(pump("north/booster").Jam())
  // Asked while the pump is being restarted: the message waits in its mailbox.
  yield* pump("north/booster").Run({ speed: 40 })
  yield* Console.log(`  it runs again at ${yield* pump("north/booster").Speed()} %`)
  yield* Console.log("it jams again and again, until its line is built anew:")
  for (let time = 0; time < 2; time++) yield* Effect.flip(pump("north/booster").Jam())
  yield* Console.log(`  it is new, at ${yield* pump("north/booster").Speed()} %`)
  yield* Console.log("the plant stops, last child first:")
  yield* (yield* ActorSystem).stop(Plant.at("main"))
})

const main = Effect.provide(program, Layer.provideMerge(PlantLive, ActorSystem.layer))
NodeRuntime.runMain(main)
