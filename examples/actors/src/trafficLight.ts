// npm run example examples/actors/src/trafficLight.ts
/**
 * A traffic light as a state machine: its states end by themselves, a pedestrian's wish waits for
 * its moment, a fault makes it blink, and whatever ends it leaves it blinking.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Rpc from "@effect/rpc/Rpc"
import { Actor, ActorSystem, Supervision } from "@plantd/actors"
import * as StateMachine from "@plantd/actors/StateMachine"
import { Console, Effect, Layer, Schema } from "effect"

const { goto, postpone, repeat, stay } = StateMachine

const TrafficLight = Actor.make("TrafficLight", [
  Rpc.make("Walk", { payload: { who: Schema.String }, success: Schema.String }),
  Rpc.make("Fault", { payload: { reason: Schema.String } }),
  Rpc.make("Repaired", { success: Schema.Boolean }),
  Rpc.make("Break")
])

const lamps = (what: string) => Console.log(`  lamps: ${what}`)

const definition = StateMachine.make(TrafficLight, {
  states: ["Red", "Green", "Amber", "Blinking"],
  initial: "Red",
  data: { walked: 0 }
}, {
  states: {
    Red: {
      entry: () => lamps("red"),
      timeout: { after: "600 millis", run: () => goto("Green") },
      on: {
        Walk: ({ who }, { data }) =>
          stay({ reply: `${who} walks`, data: { walked: data.walked + 1 } })
      }
    },
    Green: {
      entry: () => lamps("green"),
      timeout: { after: "1 second", run: () => goto("Amber") },
      // The cars are stopped first; the wish waits, and is answered at red.
      on: { Walk: () => postpone({ goto: "Amber" }) }
    },
    Amber: {
      entry: () => lamps("amber"),
      timeout: { after: "300 millis", run: () => goto("Red") },
      postpone: ["Walk"]
    },
    Blinking: {
      entry: () => lamps("blinking amber"),
      timeout: { after: "400 millis", run: () => repeat() },
      on: {
        Walk: ({ who }) => stay({ reply: `${who} walks with care` }),
        Fault: () => stay(),
        Repaired: () => goto("Red", { reply: true })
      }
    }
  },
  common: {
    Fault: ({ reason }) => Effect.as(Console.log(`  fault: ${reason}`), goto("Blinking")),
    Repaired: () => stay({ reply: false }),
    Break: () => Effect.die("a short circuit")
  },
  onTransition: ({ from, to }) => Console.log(`${from} -> ${to}`),
  terminate: (reason, { data, state }) =>
    Effect.zipRight(
      Console.log(`${reason} in ${state} after ${data.walked} walked`),
      lamps("blinking red")
    )
})

const TrafficLightLive = TrafficLight.toLayer(StateMachine.build(definition), {
  supervision: Supervision.restart({ maxRestarts: 5, within: "10 seconds" })
})

const program = Effect.gen(function*() {
  const light = (yield* TrafficLight.client)("crossing-1")
  yield* Console.log(yield* light.Walk({ who: "Ann" }))
  yield* Effect.sleep("700 millis") // green by now
  yield* Console.log(yield* light.Walk({ who: "Bob" })) // answered at red
  yield* light.Fault({ reason: "a lamp is broken" })
  yield* Console.log(yield* light.Walk({ who: "Cas" }))
  yield* Effect.sleep("500 millis")
  yield* light.Repaired()
  const crashed = yield* Effect.flip(light.Break())
  yield* Console.log(crashed._tag)
  yield* Console.log(yield* light.Walk({ who: "Dora" })) // restarted: at red again
})

const main = Effect.provide(program, Layer.provideMerge(TrafficLightLive, ActorSystem.layer))
NodeRuntime.runMain(main)
