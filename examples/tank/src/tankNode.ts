// plantd node start --modules examples/tank/src/tankNode.ts
/**
 * The tank's actors as a module of `plantd node start`: the device actor, and the level controller
 * with its setpoint in the node's database. `TANK_COMMANDS` and `TANK_TELEMETRY` say where the
 * device process is, `TANK_SETPOINT` (m) what holds until an operator chooses, `TANK_NODE` by which
 * name the node introduces itself to the device process.
 */
import { Link } from "@plantd/hardware"
import { Config, Effect, Layer } from "effect"
import * as LevelController from "./LevelController.ts"
import { Tank } from "./Tank.ts"
import * as TankOptions from "./TankOptions.ts"

const { commands, telemetry } = TankOptions.defaults

const settings = Config.all({
  commands: Config.withDefault(Config.string("TANK_COMMANDS"), commands),
  telemetry: Config.withDefault(Config.string("TANK_TELEMETRY"), telemetry),
  setpoint: Config.withDefault(Config.number("TANK_SETPOINT"), 0.2),
  node: Config.withDefault(Config.string("TANK_NODE"), "node")
})

export default Layer.unwrapEffect(
  Effect.map(settings, ({ node, setpoint, ...endpoints }) =>
    Layer.merge(
      Tank.toLayer({ node, config: () => endpoints, link: ({ config }) => Link.zmq(config) }),
      LevelController.layerDurable({ setpoint })
    ))
)
