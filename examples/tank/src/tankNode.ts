// plantd node start --modules examples/tank/src/tankNode.ts
/**
 * The tank's actors as a module of `plantd node start`: the device actor, which each node offers to
 * operators, and the level controller with its setpoint in the node's database. `TANK_COMMANDS` and
 * `TANK_TELEMETRY` say where the device process is, `TANK_SETPOINT` (m) what holds until an
 * operator chooses, `TANK_NODE` by which name, else its address, the node greets it.
 */
import { Control, Link } from "@plantd/hardware"
import { Config, Effect, Layer, Option } from "effect"
import * as LevelController from "./LevelController.ts"
import { Tank } from "./Tank.ts"
import * as TankOptions from "./TankOptions.ts"

const { commands, telemetry } = TankOptions.defaults

const settings = Config.all({
  commands: Config.withDefault(Config.string("TANK_COMMANDS"), commands),
  telemetry: Config.withDefault(Config.string("TANK_TELEMETRY"), telemetry),
  setpoint: Config.withDefault(Config.number("TANK_SETPOINT"), 0.2),
  node: Config.option(Config.string("TANK_NODE"))
})

const named = Option.match({ onNone: () => ({}), onSome: (node: string) => ({ node }) })

export default Layer.unwrapEffect(
  Effect.map(settings, ({ node, setpoint, ...endpoints }) =>
    Layer.mergeAll(
      Control.offer({ type: Tank, ids: [TankOptions.defaults.device] }),
      Tank.toLayer({
        ...named(node),
        config: () => endpoints,
        link: ({ config }) => Link.zmq(config)
      }),
      LevelController.layerDurable({ setpoint })
    ))
)
