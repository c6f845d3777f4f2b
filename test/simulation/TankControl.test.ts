import { Remembered } from "@plantd/actors"
import { LevelController, Tank, TankDriver, TankSimulator } from "@plantd/example-tank"
import { Link } from "@plantd/hardware"
import { simTest } from "@plantd/simulation/SimTest"
import { Effect, Layer } from "effect"

const { LevelController: Controller } = LevelController
const setpoint = 0.2

/** Where the level may be, in parts of the setpoint: a failover takes seconds. */
const band = 0.1

/** The rig, and its water, on a machine of its own. */
const plant = Effect.gen(function*() {
  const rig = yield* TankSimulator.make({ seed: 1 })
  const devices = yield* Link.simulated(
    Tank.Tank,
    () => Effect.succeed(TankDriver.model(rig, { silence: 6 }))
  )
  const level = Effect.map(rig.kept, ({ state }) => state.level2)
  return { ...devices, level }
})

simTest("the level of a tank is kept while its controller moves from node to node", {
  seeds: 6,
  nodes: 3,
  plant,
  devices: ({ device }) => [device("tank")],
  actors: ({ link }) =>
    Layer.merge(
      Tank.Tank.toLayer({ link, config: () => ({ commands: "-", telemetry: "-" }) }),
      LevelController.layerDurable({ setpoint })
    ).pipe(Layer.provideMerge(Remembered.always(Controller.at("tank"))))
}, function*(sim) {
  const off = Effect.map(sim.plant.level, (level) => Math.abs(level - setpoint) / setpoint)
  for (let second = 0; (yield* off) > 0.02; second++) {
    if (second > 200) sim.fail("it settles", "not within 200 s")
    yield* sim.advance("1 second")
  }
  yield* sim.advance("5 seconds")
  for (const loss of ["kill", "powerLoss", "stop"] as const) {
    const owner = yield* sim.ownerOf(Controller, "tank")
    yield* owner[loss]
    for (let look = 0; look < 100; look++) {
      const now = yield* off
      if (now > band) sim.fail("the level is kept", `${Math.round(now * 100)} % after ${loss}`)
      yield* sim.advance("100 millis")
    }
    yield* owner.restart
  }
  sim.sometimes("the controller moved", () => sim.moves(Controller, "tank") > 0)
})
