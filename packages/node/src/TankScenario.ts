/** The tank of the demo as a scenario of failures: its controller is lost, and its level stays. */
import { Remembered } from "@plantd/actors"
import { LevelController, Tank, TankDriver, TankSimulator } from "@plantd/example-tank"
import { Link } from "@plantd/hardware"
import { Faults, Scenario } from "@plantd/simulation"
import { Effect, Layer } from "effect"

const setpoint = 0.2

/** Where the level may be, in parts of the setpoint: a failover takes seconds. */
const band = 0.1

/** It has settled once it is as near as this. */
const settledBand = 0.02

/** The longest that it takes to settle at the beginning. */
const settlesWithinSeconds = 15

/** After so many seconds without its node the device turns the pump off: a takeover is faster. */
const silenceSeconds = 6

/** The rig, and its water, on a machine of its own. */
const plant = Effect.gen(function*() {
  const rig = yield* TankSimulator.make({ seed: 1 })
  const devices = yield* Link.simulated(
    Tank.Tank,
    () => Effect.succeed(TankDriver.model(rig, { silence: silenceSeconds }))
  )
  const level = Effect.map(rig.kept, ({ state }) => state.level2)
  return { ...devices, level }
})

const { LevelController: Controller } = LevelController

/** Each loss is over, and the node that takes over has settled, before the next one. */
const apartMillis = 12_000

const losses = (["kill", "powerLoss", "stop", "pause", "isolate"] as const).map((kind, index) => ({
  kind,
  atMillis: 20_000 + index * apartMillis,
  forMillis: 6_000,
  node: index % 3,
  other: (index + 1) % 3,
  strength: 0.5
}))

/** The level of a tank is kept while its controller moves from node to node. */
export const tankControl: Scenario.Scenario = Scenario.make("tank-control", {
  about: "the level of a tank stays near its setpoint while its controller moves from node to node",
  nodes: 3,
  plant,
  devices: ({ device }) => [device("tank")],
  actors: ({ link }) =>
    Layer.merge(
      Tank.Tank.toLayer({ link, config: () => ({ commands: "-", telemetry: "-" }) }),
      LevelController.layerDurable({ setpoint })
    ).pipe(Layer.provideMerge(Remembered.always(Controller.at("tank")))),
  faults: losses satisfies Faults.Plan
}, function*(sim) {
  const begun = sim.now()
  const off = Effect.map(sim.plant.level, (level) => Math.abs(level - setpoint) / setpoint)
  for (let second = 0; (yield* off) > settledBand; second++) {
    if (second > settlesWithinSeconds) {
      sim.fail("it settles", `not within ${settlesWithinSeconds} s`)
    }
    yield* sim.advance("1 second")
  }
  sim.sometimes("the controller moved", () => sim.moves(Controller, "tank") > 0)
  const until = begun + Math.max(...losses.map(({ atMillis }) => atMillis)) + apartMillis
  while (sim.now() < until) {
    const now = yield* off
    if (now > band) sim.fail("the level is kept", `it is off by ${Math.round(now * 100)} %`)
    yield* sim.advance("100 millis")
  }
})
